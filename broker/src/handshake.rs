//! From an accepted socket to a client that may speak: TLS, WebSocket, CONNECT, authentication.
//! In a task of its own, within a time limit: a slow or silent peer holds up nobody.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mqtt::{ConnAck, ConnAckProperties, Connect, Packet, Reason, Version, codec};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use x509_parser::prelude::FromDer;

use crate::core::{Core, Outbox, Welcome};
use crate::enhanced::{self, Enhanced};
use crate::greeting::NoTls;
use crate::listener::{Door, Place};
use crate::one_port::{self, HttpStream, Speaks};
use crate::rate::Bucket;
use crate::websocket::{self, UpgradeError};
use crate::{
    AuthOutcome, AuthRefusal, Authenticator, CertificateInfo, ConnectFault, ConnectInfo, EventKind, Identity,
    ProtocolFault, TlsFault, TransportKind, config, connection, greeting,
};

/// What every connection of the shard shares: one pointer each.
pub(crate) type Shard = Rc<Shared>;

pub(crate) struct Shared {
    pub core: Rc<RefCell<Core>>,
    pub authenticator: Arc<dyn Authenticator>,
    /// The buffer that all connections read into.
    pub scratch: RefCell<Box<[u8]>>,
}

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// A client that sent a well-formed CONNECT.
struct Knock {
    stream: Box<dyn Duplex>,
    /// Bytes behind the CONNECT.
    rest: BytesMut,
    connect: Connect,
    kind: TransportKind,
    certificate: Option<CertificateInfo>,
}

pub(crate) async fn serve(tcp: TcpStream, peer: SocketAddr, door: Rc<Door>, shard: Shard, place: Place) {
    let _counted = Counted { peer, shard: shard.clone() };
    // What a handshake needs is given back when it is over.
    if let Some((stream, rest, welcome)) = Box::pin(let_in(tcp, peer, door, shard.clone(), place)).await {
        connection::start(stream, rest, welcome, shard);
    }
}

/// A panic of ours in a handshake ends that one, and is counted.
struct Counted {
    peer: SocketAddr,
    shard: Shard,
}

impl Drop for Counted {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(core) = self.shard.core.try_borrow()
        {
            core.counters.panicked();
            core.event(Some(self.peer), None, None, EventKind::Panicked);
        }
    }
}

async fn let_in(
    tcp: TcpStream,
    peer: SocketAddr,
    door: Rc<Door>,
    shard: Shard,
    place: Place,
) -> Option<(Box<dyn Duplex>, BytesMut, Welcome)> {
    let limit = Duration::from_secs(config::HANDSHAKE_SECS);
    let knock = match tokio::time::timeout(limit, knock(tcp, peer, &door, &shard)).await {
        Ok(Some(knock)) => knock,
        Ok(None) => return None,
        Err(_) => {
            let fault = ConnectFault::TooSlow;
            let kind = EventKind::ConnectRefused { fault, user_name: None };
            shard.core.borrow().event(Some(peer), None, None, kind);
            return None;
        }
    };
    let Knock { mut stream, mut rest, connect, kind, certificate } = knock;
    let (version, client_id, user_name) = (connect.version, connect.client_id.clone(), connect.user_name.clone());
    let outcome = match check_id(&connect) {
        Err(refused) => Err(refused),
        Ok(()) if connect.properties.authentication_method.is_some() => {
            let proving = enhanced::prove(&mut stream, &mut rest, &connect, door.zone, &shard);
            match tokio::time::timeout(limit, proving).await {
                Ok(Ok(proven)) => welcome(connect, proven.identity.clone(), Some(proven), peer, kind, &door, &shard),
                Ok(Err(refused)) => Err(refused),
                Err(_) => Err((Reason::NotAuthorized, ConnectFault::TooSlow)),
            }
        }
        Ok(()) => admit(connect, certificate, peer, kind, &door, &shard).await,
    };
    drop(place);
    match outcome {
        Ok(welcome) => Some((stream, rest, welcome)),
        Err((reason, fault)) => {
            let kind = EventKind::ConnectRefused { fault, user_name };
            shard.core.borrow().event(Some(peer), Some(&client_id), None, kind);
            refuse(&mut stream, version, reason).await;
            None
        }
    }
}

fn check_id(connect: &Connect) -> Result<(), (Reason, ConnectFault)> {
    let id = &connect.client_id;
    // 3.1.1 §3.1.3.1: without an id there is no session to keep.
    let lost = id.is_empty() && connect.version != Version::V5 && !connect.clean_start;
    if lost || id.len() > config::CLIENT_ID_BYTES {
        return Err((Reason::ClientIdentifierNotValid, ConnectFault::ClientIdInvalid));
    }
    Ok(())
}

async fn admit(
    connect: Connect,
    certificate: Option<CertificateInfo>,
    peer: SocketAddr,
    kind: TransportKind,
    door: &Door,
    shard: &Shard,
) -> Result<Welcome, (Reason, ConnectFault)> {
    let question = shard.authenticator.authenticate(ConnectInfo {
        client_id: &connect.client_id,
        user_name: connect.user_name.as_deref(),
        password: connect.password.as_deref(),
        peer,
        zone: door.zone,
        tls: door.tls.is_some(),
        certificate,
    });
    let answer = tokio::time::timeout(Duration::from_secs(config::HANDSHAKE_SECS), question).await;
    match answer.unwrap_or(AuthOutcome::Refuse(AuthRefusal::Busy)) {
        AuthOutcome::Accept(identity) => welcome(connect, identity, None, peer, kind, door, shard),
        AuthOutcome::Refuse(refusal) => {
            let reason = match refusal {
                AuthRefusal::WrongPassword | AuthRefusal::UnknownIdentity => Reason::BadUserNameOrPassword,
                AuthRefusal::NoCredentials | AuthRefusal::NotClaimed => Reason::NotAuthorized,
                AuthRefusal::Revoked => Reason::Banned,
                AuthRefusal::Busy => Reason::ServerBusy,
            };
            Err((reason, ConnectFault::Auth(refusal)))
        }
    }
}

/// Somebody whose name is proven: in, unless the session is another's.
fn welcome(
    connect: Connect,
    identity: Identity,
    enhanced: Option<Enhanced>,
    peer: SocketAddr,
    kind: TransportKind,
    door: &Door,
    shard: &Shard,
) -> Result<Welcome, (Reason, ConnectFault)> {
    let mut core = shard.core.borrow_mut();
    let now_us = core.clock.now_us();
    let mut outbox = Outbox::new(connect.version, peer, kind, now_us / 1000);
    outbox.enhanced = enhanced.map(Box::new);
    let mut welcome = core.connect(connect, identity, outbox)?;
    welcome.bucket = core.rates(door.zone).messages.map(|rate| Box::new(Bucket::full(rate, now_us)));
    Ok(welcome)
}

/// TLS and WebSocket as the door has them, then the CONNECT.
async fn knock(tcp: TcpStream, peer: SocketAddr, door: &Door, shard: &Shard) -> Option<Knock> {
    let tell = |kind: EventKind| shard.core.borrow().event(Some(peer), None, None, kind);
    let first = greeting::peek(&tcp).await?;
    if first.is_tls() != door.tls.is_some() {
        let fault = if first.is_tls() { TlsFault::TlsOnPlain } else { TlsFault::PlainOnTls };
        tell(EventKind::TlsRefused { fault, detail: first.spoken().to_owned(), hello: first.hello(&tcp) });
        return None;
    }
    let mut hello = first.hello(&tcp);
    let heard = match &door.tls {
        None => over_websocket(Box::new(tcp), peer, door, None, shard).await,
        Some(tls) => match greeting::tls(tcp, tls.load_full(), &mut hello).await {
            Ok(stream) => over_tls(stream, peer, door, shard).await,
            Err(NoTls::Fault(fault, detail)) => {
                tell(EventKind::TlsRefused { fault, detail, hello });
                return None;
            }
            Err(NoTls::Left) => Heard::Nothing,
            Err(NoTls::Gone) => return None,
        },
    };
    match heard {
        Heard::Connect(knock) => Some(*knock),
        Heard::Nothing if door.tls.is_some() => {
            tell(EventKind::LeftAfterTls { hello });
            None
        }
        Heard::Wrong | Heard::Nothing => None,
    }
}

/// What came before the connection ended, or a CONNECT.
enum Heard {
    Connect(Box<Knock>),
    /// Told and answered, or handed on.
    Wrong,
    Nothing,
}

/// Where one port is for everything, the first bytes tell what for.
async fn over_tls(stream: TlsStream<TcpStream>, peer: SocketAddr, door: &Door, shard: &Shard) -> Heard {
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| described(chain.first()?));
    let Some(http) = &door.http else { return over_websocket(Box::new(stream), peer, door, certificate, shard).await };
    let Ok(Some((speaks, stream))) = one_port::listen(stream).await else { return Heard::Nothing };
    match speaks {
        Speaks::Mqtt => read_connect(Box::new(stream), peer, TransportKind::Tls, certificate, shard).await,
        Speaks::WebSocket => over_websocket(Box::new(stream), peer, door, certificate, shard).await,
        Speaks::Http => {
            http(HttpStream { stream, peer });
            Heard::Wrong
        }
    }
}

/// The upgrade to WebSocket where the door has one, then the CONNECT.
async fn over_websocket(
    stream: Box<dyn Duplex>,
    peer: SocketAddr,
    door: &Door,
    certificate: Option<CertificateInfo>,
    shard: &Shard,
) -> Heard {
    let Some(rule) = &door.origins else { return read_connect(stream, peer, door.kind, certificate, shard).await };
    let tell = |kind: EventKind| shard.core.borrow().event(Some(peer), None, None, kind);
    let max_bytes = shard.core.borrow().limits.max_packet_bytes;
    let kind = if door.tls.is_some() { TransportKind::Wss } else { TransportKind::Ws };
    match websocket::accept(stream, rule, max_bytes).await {
        Ok(stream) => read_connect(Box::new(stream), peer, kind, certificate, shard).await,
        Err(UpgradeError::ForeignOrigin(origin)) => {
            tell(EventKind::ForeignOrigin { origin });
            Heard::Wrong
        }
        Err(UpgradeError::Wrong(fault, detail)) => {
            tell(EventKind::WrongProtocol { fault, detail });
            Heard::Wrong
        }
        Err(UpgradeError::Other(error)) => {
            tracing::debug!(%peer, error, "no WebSocket");
            Heard::Nothing
        }
    }
}

async fn read_connect(
    mut stream: Box<dyn Duplex>,
    peer: SocketAddr,
    kind: TransportKind,
    certificate: Option<CertificateInfo>,
    shard: &Shard,
) -> Heard {
    let limits = shard.core.borrow().limits;
    let mut rest = BytesMut::new();
    let mut version = None;
    let refused = loop {
        match codec::frame_len(&rest, &limits) {
            Ok(Some(len)) if rest.len() >= len => {
                let frame: Bytes = rest.split_to(len).freeze();
                version = says_v5(&frame).then_some(Version::V5);
                match codec::decode(&frame, None, &limits) {
                    Ok(Packet::Connect(connect)) => {
                        return Heard::Connect(Box::new(Knock { stream, rest, connect: *connect, kind, certificate }));
                    }
                    Ok(_) => return Heard::Wrong,
                    Err(error) => break error,
                }
            }
            Ok(_) => {}
            Err(error) => break error,
        }
        if rest.first().is_some_and(|first| matches!(first, b'G' | b'P' | b'H' | b'O')) {
            let kind = EventKind::WrongProtocol { fault: ProtocolFault::WebOnMqtt, detail: String::new() };
            shard.core.borrow().event(Some(peer), None, None, kind);
            return Heard::Wrong;
        }
        // A first byte that no CONNECT has ends it at once.
        if rest.first().is_some_and(|first| *first != 0x10) {
            break codec::DecodeError {
                reason: Reason::ProtocolError,
                offset: 0,
                what: "the first packet is not CONNECT",
            };
        }
        if !matches!(stream.read_buf(&mut rest).await, Ok(1..)) {
            return if rest.is_empty() { Heard::Nothing } else { Heard::Wrong };
        }
    };
    let fault = match refused.reason {
        Reason::UnsupportedProtocolVersion => ConnectFault::ProtocolVersion,
        _ => ConnectFault::Malformed { what: refused.what.to_owned(), offset: refused.offset },
    };
    shard.core.borrow().event(Some(peer), None, None, EventKind::ConnectRefused { fault, user_name: None });
    // An unknown level is answered in the form that the oldest client understands (3.1.1 §3.1.2.2).
    if refused.reason == Reason::UnsupportedProtocolVersion {
        version = Some(Version::V3_1_1);
    }
    // 5.0 has words for every fault of a CONNECT; 3.1.1 has none for a malformed one.
    if let Some(version) = version {
        refuse(&mut stream, version, refused.reason).await;
    }
    Heard::Wrong
}

/// Whether a CONNECT, whatever else it says, is one of MQTT 5.0 (§3.1.2.1, §3.1.2.2).
fn says_v5(frame: &[u8]) -> bool {
    let header = 1 + frame.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count() + 1;
    frame.get(header..).is_some_and(|body| body.starts_with(b"\0\x04MQTT\x05"))
}

async fn refuse(stream: &mut Box<dyn Duplex>, version: Version, reason: Reason) {
    let properties = ConnAckProperties::default();
    let ack = Packet::ConnAck(Box::new(ConnAck { session_present: false, reason, properties }));
    let mut out = BytesMut::new();
    if codec::encode(&ack, version, &mut out).is_ok() {
        let goodbye = async {
            stream.write_all(&out).await.ok();
            stream.flush().await.ok();
            stream.shutdown().await.ok();
        };
        tokio::time::timeout(Duration::from_secs(2), goodbye).await.ok();
    }
}

fn described(certificate: &rustls_pki_types::CertificateDer<'_>) -> Option<CertificateInfo> {
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(certificate).ok()?;
    let common_name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).map(str::to_owned);
    Some(CertificateInfo { common_name, serial: format!("{:x}", parsed.serial) })
}
