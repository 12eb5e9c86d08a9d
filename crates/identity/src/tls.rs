//! The server side of TLS, as every listener uses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use crate::{Certificate, Error, ServerKey};

/// Whose certificates a listener takes of its clients.
#[derive(Clone)]
pub struct ClientAuth {
    pub roots: Vec<CertificateDer<'static>>,
    /// One list per authority: a certificate whose state is unknown is refused.
    pub revocation_lists: Vec<CertificateRevocationListDer<'static>>,
}

/// What a listener asks of its clients.
pub enum Clients {
    /// No certificate: some boards fail on being asked.
    Unasked,
    /// A certificate that is sent is checked; none is fine.
    Welcome(ClientAuth),
    /// Nobody comes in without a certificate.
    Required(ClientAuth),
}

/// The certificates that the server shows: ECDSA to all who can read it, RSA to the others.
#[derive(Debug)]
pub struct Leaves {
    ecdsa: Arc<CertifiedKey>,
    rsa: Option<Arc<CertifiedKey>>,
    /// Set when a client came that only an RSA certificate would have served.
    rsa_missed: Arc<AtomicBool>,
}

impl Leaves {
    pub fn new(certificate: &Certificate, key: &ServerKey, rsa_missed: Arc<AtomicBool>) -> Result<Leaves, Error> {
        Ok(Leaves { ecdsa: certified(&certificate.chain, key)?, rsa: None, rsa_missed })
    }

    pub fn with_rsa(mut self, certificate: &Certificate, key: &ServerKey) -> Result<Leaves, Error> {
        self.rsa = Some(certified(&certificate.chain, key)?);
        Ok(self)
    }
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // What is offered is already narrowed to the cipher suites of the client.
        if self.ecdsa.key.choose_scheme(hello.signature_schemes()).is_some() {
            return Some(self.ecdsa.clone());
        }
        if self.rsa.is_none() {
            self.rsa_missed.store(true, Ordering::Relaxed);
        }
        self.rsa.clone()
    }
}

fn certified(chain: &[CertificateDer<'static>], key: &ServerKey) -> Result<Arc<CertifiedKey>, Error> {
    let certified = CertifiedKey::from_der(chain.to_vec(), key.tls_key(), &ring::default_provider())?;
    Ok(Arc::new(certified))
}

/// TLS 1.2 and 1.3 (MicroPython speaks only 1.2) and session tickets. The tickets end with the
/// configuration: who was let in by a certificate that is revoked since cannot come back by one.
pub fn server(leaves: Arc<Leaves>, clients: Clients, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let (auth, required) = match clients {
        Clients::Unasked => (None, false),
        Clients::Welcome(auth) => (Some(auth), false),
        Clients::Required(auth) => (Some(auth), true),
    };
    let builder = match auth {
        None => builder.with_no_client_auth(),
        Some(auth) => {
            let mut roots = RootCertStore::empty();
            for root in auth.roots {
                roots.add(root)?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).with_crls(auth.revocation_lists);
            let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
            builder.with_client_cert_verifier(verifier.build()?)
        }
    };
    let mut config = builder.with_cert_resolver(leaves);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config))
}
