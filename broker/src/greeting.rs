//! The first bytes of a client, and its TLS: what it lets be seen, and why it failed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, CertificateError, PeerIncompatible, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::{Hello, TlsFault};

/// A record header, a handshake header, a version, and the first word of the client's random.
const PEEKED: usize = 15;

/// The first bytes, still to be read by whom they are for.
pub(crate) struct First {
    bytes: [u8; PEEKED],
    len: usize,
}

/// `None`: it left without a word.
pub(crate) async fn peek(tcp: &TcpStream) -> Option<First> {
    let mut bytes = [0; PEEKED];
    let len = tcp.peek(&mut bytes).await.ok()?;
    (len > 0).then_some(First { bytes, len })
}

impl First {
    pub fn is_tls(&self) -> bool {
        matches!(self.bytes, [0x16, 0x03, ..] | [0x16, _, 0, ..])
    }

    /// A word for what it speaks, as evidence.
    pub fn spoken(&self) -> &'static str {
        match self.bytes {
            _ if self.is_tls() => "TLS",
            [0x10, ..] => "MQTT",
            [b'G', b'E', b'T', ..] | [b'P', b'O', b'S', ..] | [b'H', b'E', b'A', ..] => "HTTP",
            _ => "",
        }
    }

    pub fn hello(&self, tcp: &TcpStream) -> Hello {
        let clock_secs = match self.bytes {
            [0x16, 3, _, _, _, 1, _, _, _, 3, _, a, b, c, d] if self.len == PEEKED => {
                Some(u32::from_be_bytes([a, b, c, d]))
            }
            _ => None,
        };
        Hello { server_name: None, clock_secs, reached: tcp.local_addr().ok().map(|addr| addr.ip()) }
    }
}

/// Why there is no TLS.
pub(crate) enum NoTls {
    Fault(TlsFault, String),
    /// It hung up when it had our certificate. Node does, which checks it by itself.
    Left,
    /// It just went away, which means nothing.
    Gone,
}

/// The handshake; `hello` is completed on the way.
pub(crate) async fn tls(
    tcp: TcpStream,
    config: Arc<ServerConfig>,
    hello: &mut Hello,
) -> Result<TlsStream<TcpStream>, NoTls> {
    let told = |error: io::Error, otherwise| match tls_fault(&error) {
        Some((fault, detail)) => NoTls::Fault(fault, detail),
        None => otherwise,
    };
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp).await;
    let start = start.map_err(|error| told(error, NoTls::Gone))?;
    hello.server_name = start.client_hello().server_name().map(str::to_owned);
    let witness = Arc::new(Witness { inner: config.cert_resolver.clone(), empty_handed: AtomicBool::new(false) });
    let mut config = ServerConfig::clone(&config);
    config.cert_resolver = witness.clone();
    start.into_stream(Arc::new(config)).await.map_err(|error| match told(error, NoTls::Left) {
        NoTls::Fault(_, detail) if witness.empty_handed.load(Ordering::Relaxed) => {
            NoTls::Fault(TlsFault::KeyType, detail)
        }
        other => other,
    })
}

/// Sees whether no certificate of ours has a key that this client can use: rustls tells that in words
/// alone.
#[derive(Debug)]
struct Witness {
    inner: Arc<dyn ResolvesServerCert>,
    empty_handed: AtomicBool,
}

impl ResolvesServerCert for Witness {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = self.inner.resolve(hello);
        self.empty_handed.store(found.is_none(), Ordering::Relaxed);
        found
    }

    fn only_raw_public_keys(&self) -> bool {
        self.inner.only_raw_public_keys()
    }
}

/// What a failed handshake means.
fn tls_fault(error: &io::Error) -> Option<(TlsFault, String)> {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())?;
    let fault = match inner {
        rustls::Error::AlertReceived(alert) => match alert {
            // A signature that does not fit: an authority of the same name, but not ours.
            AlertDescription::UnknownCA | AlertDescription::DecryptError => TlsFault::UntrustedAuthority,
            AlertDescription::CertificateExpired => TlsFault::ClientClock,
            AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate => TlsFault::CertificateRejected,
            AlertDescription::ProtocolVersion => TlsFault::ProtocolVersion,
            AlertDescription::HandshakeFailure => TlsFault::KeyType,
            _ => TlsFault::Other,
        },
        rustls::Error::PeerIncompatible(what) => match what {
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NamedGroupsExtensionRequired
            | PeerIncompatible::EcPointsExtensionRequired
            | PeerIncompatible::UncompressedEcPointsRequired
            | PeerIncompatible::NoEcPointFormatsInCommon => TlsFault::KeyType,
            // Before TLS 1.2 no client said which signatures it knows: that is what an old one is refused for.
            _ => TlsFault::ProtocolVersion,
        },
        rustls::Error::InvalidCertificate(what) => match what {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsFault::ClientCertificateDate,
            CertificateError::Revoked => TlsFault::ClientCertificateRevoked,
            _ => TlsFault::ClientCertificate,
        },
        rustls::Error::NoCertificatesPresented => TlsFault::ClientCertificate,
        _ => TlsFault::Other,
    };
    Some((fault, inner.to_string()))
}
