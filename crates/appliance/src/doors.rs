//! The site tries its own doors, as a client and as an intruder would: through real sockets, with
//! the certificate checked.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use broker::Identity;
use bytes::{Bytes, BytesMut};
use identity::Secret;
use mqtt::{Ack, Connect, ConnectProperties, Packet, Publish, QoS, Reason, Subscribe, Topic, Version, codec};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wire::DoorCheck;

use crate::Error;

/// One try may take this long: the doors are on this computer.
const PATIENCE: Duration = Duration::from_secs(5);
/// What came from an address of ours is ours for this long; then the port may be another's.
const OURS_FOR: Duration = Duration::from_secs(15);
/// No device can have this name: it is longer than a device's id may be.
const PROBE: &str = "courtier-looks-at-its-own-doors";
/// Proves the rights of others: it says `<this>/<whose>` as its user name.
pub(crate) const PROVER: &str = "courtier-proves-the-rights";

/// Whether a client is one of ours: it is no device that came.
pub(crate) fn is_probe(client_id: &str) -> bool {
    client_id.starts_with(PROBE) || client_id.starts_with(PROVER)
}

/// The sockets of our own tries, so that they are no refusals in the journal, and the passwords
/// of the moment of those who may come in by them.
#[derive(Default)]
pub(crate) struct Probes {
    sockets: Mutex<HashMap<SocketAddr, Instant>>,
    passwords: Mutex<HashMap<&'static str, Secret>>,
}

impl Probes {
    fn sockets(&self) -> MutexGuard<'_, HashMap<SocketAddr, Instant>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, socket: SocketAddr) {
        let mut sockets = self.sockets();
        sockets.retain(|_, since| since.elapsed() < OURS_FOR);
        sockets.insert(socket, Instant::now());
    }

    pub fn ours(&self, peer: SocketAddr) -> bool {
        self.sockets().get(&peer).is_some_and(|since| since.elapsed() < OURS_FOR)
    }

    /// An identity of our own, for a socket of ours that knows its password of the moment.
    pub fn admits(&self, peer: SocketAddr, user: &str, password: &[u8]) -> Option<Identity> {
        // Whoever proves rights comes in as the member whose rights they are.
        let (user, identity) = match user.split_once('/') {
            Some((PROVER, member)) => (PROVER, member),
            _ => (user, user),
        };
        let right = self.ours(peer) && self.passwords().get(user).is_some_and(|known| known.matches(password));
        right.then(|| Identity::new(identity))
    }

    fn passwords(&self) -> MutexGuard<'_, HashMap<&'static str, Secret>> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one identity in until the pass is dropped.
    pub fn pass(self: &Arc<Probes>, user: &'static str) -> Result<Pass, Error> {
        let password = identity::password::generate()?;
        self.passwords().insert(user, password.clone());
        Ok(Pass { probes: self.clone(), user, password })
    }
}

pub(crate) struct Pass {
    probes: Arc<Probes>,
    user: &'static str,
    password: Secret,
}

impl Pass {
    pub fn credentials(&self) -> (&str, &str) {
        (self.user, self.password.expose())
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.probes.passwords().remove(self.user);
    }
}

/// Where to knock.
pub(crate) struct Doors {
    pub address: Ipv4Addr,
    pub mqtts: u16,
    pub wss: u16,
    /// The plain door of the guest zone.
    pub plain: Option<u16>,
    /// The door for those who have a certificate.
    pub mtls: Option<u16>,
    pub host_name: String,
    pub slug: String,
    pub authority: Vec<u8>,
    /// When the authority was made.
    pub made_ms: i64,
    pub now_ms: i64,
}

const STRANGER: &str = "courtier-knows-nobody-of-this-name";

/// What our own tries found.
pub(crate) struct Checked {
    pub checks: Vec<DoorCheck>,
    /// The tries of a stranger that were let in, by their names.
    pub let_in: Vec<&'static str>,
}

/// Tries everything once.
pub(crate) async fn check(doors: &Doors, probes: &Arc<Probes>) -> Result<Checked, Error> {
    let knocker = Knocker::new(doors, probes)?;
    let pass = probes.pass(PROBE)?;
    let (reachable, encrypted) = (knocker.reachable().await, knocker.encrypted().await);
    let (closed, let_in) = knocker.closed_to_strangers(&pass).await;
    Ok(Checked { checks: vec![reachable, encrypted, closed], let_in })
}

pub(crate) struct Knocker<'a> {
    doors: &'a Doors,
    probes: &'a Arc<Probes>,
    tls: TlsConnector,
}

/// Fails with a short text: it is evidence for a screen, and nothing decides on it.
pub(crate) type Tried<T> = Result<T, &'static str>;

/// Bytes there and back.
pub(crate) trait Bytewise: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytewise for T {}
pub(crate) type Line = Box<dyn Bytewise>;

impl Knocker<'_> {
    pub fn new<'a>(doors: &'a Doors, probes: &'a Arc<Probes>) -> Result<Knocker<'a>, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(doors.authority.clone())).map_err(identity::Error::Tls)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(identity::Error::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Knocker { doors, probes, tls: TlsConnector::from(Arc::new(config)) })
    }

    pub async fn tcp(&self, port: u16) -> Tried<TcpStream> {
        let stream = TcpStream::connect((self.doors.address, port)).await.map_err(|_| "no connection")?;
        self.probes.add(stream.local_addr().map_err(|_| "no connection")?);
        Ok(stream)
    }

    async fn tls(&self, port: u16, name: ServerName<'static>) -> Tried<TlsStream<TcpStream>> {
        let stream = self.tcp(port).await?;
        self.encrypt(stream, name).await.map_err(|_| "no TLS")
    }

    pub async fn encrypt(&self, stream: TcpStream, name: ServerName<'static>) -> std::io::Result<TlsStream<TcpStream>> {
        self.tls.connect(name, stream).await
    }

    /// A connection to the door with TLS, or to that of the guests.
    pub async fn line(&self, guest: bool) -> Tried<Line> {
        if guest {
            let port = self.doors.plain.ok_or("the guest zone has no door")?;
            return Ok(Box::new(self.tcp(port).await?));
        }
        Ok(Box::new(self.tls(self.doors.mqtts, self.by_address()).await?))
    }

    pub fn by_address(&self) -> ServerName<'static> {
        ServerName::IpAddress(IpAddr::V4(self.doors.address).into())
    }

    async fn reachable(&self) -> DoorCheck {
        let ports = [self.doors.mqtts, self.doors.wss];
        let mut open = 0;
        for port in ports {
            open += u32::from(in_time(self.tcp(port)).await.is_ok());
        }
        let detail = format!("{}: {}, {}", self.doors.address, ports[0], ports[1]);
        DoorCheck { name: "reachable".into(), passed: open == 2, tried: 2, detail }
    }

    /// By address and by name, on both doors, as a client that trusts only our authority.
    async fn encrypted(&self) -> DoorCheck {
        let mut detail = String::new();
        let mut right = 0;
        let by_name = ServerName::try_from(self.doors.host_name.clone()).unwrap_or(self.by_address());
        for port in [self.doors.mqtts, self.doors.wss] {
            for name in [self.by_address(), by_name.clone()] {
                if let Ok(stream) = in_time(self.tls(port, name)).await {
                    right += 1;
                    let version = stream.get_ref().1.protocol_version();
                    detail = version.and_then(|version| version.as_str()).unwrap_or_default().replace('_', ".");
                }
            }
        }
        DoorCheck { name: "encrypted".into(), passed: right == 4, tried: 4, detail }
    }

    async fn closed_to_strangers(&self, pass: &Pass) -> (DoorCheck, Vec<&'static str>) {
        let own = Some(pass.credentials());
        let mut tries = vec![
            ("no_password", in_time(self.refused(None)).await),
            ("user_alone", in_time(self.refused(Some((PROBE, "")))).await),
            // The one name that exists for sure, and a password that is not its own.
            ("wrong_password", in_time(self.refused(Some((PROBE, "AAAA-AAAA-AAAA-AAAA")))).await),
            ("admin", in_time(self.refused(Some(("admin", "admin")))).await),
            ("unknown_user", in_time(self.refused(Some((STRANGER, "public")))).await),
            ("plain_text", in_time(self.plain_refused()).await),
            ("foreign_page", in_time(self.foreign_page_refused()).await),
            ("foreign_publish", in_time(self.publish_refused(own)).await),
            ("listen_to_all", in_time(self.subscribe_refused(own)).await),
        ];
        if let Some(port) = self.doors.mtls {
            // With a password that is right on the other door.
            let bare = self.certificate_refused(port, Ok(self.tls.clone()), own);
            tries.push(("no_certificate", in_time(bare).await));
            let foreign = self.certificate_refused(port, self.as_a_stranger(), own);
            tries.push(("foreign_certificate", in_time(foreign).await));
        }
        let open: Vec<&str> = tries.iter().filter(|(_, refused)| *refused != Ok(true)).map(|(name, _)| *name).collect();
        // An answer where silence was due, or the wrong one to a page, lets nobody in.
        let harmless = ["plain_text", "foreign_page"];
        let let_in = tries.iter().filter(|(name, refused)| *refused == Ok(false) && !harmless.contains(name));
        let let_in = let_in.map(|(name, _)| *name).collect();
        let check = DoorCheck {
            name: "closed_to_strangers".into(),
            passed: open.is_empty(),
            tried: u32::try_from(tries.len()).unwrap_or(u32::MAX),
            detail: open.join(", "),
        };
        (check, let_in)
    }

    async fn knock(&self, who: Option<(&str, &str)>) -> Tried<(TlsStream<TcpStream>, Reason)> {
        let mut stream = self.tls(self.doors.mqtts, self.by_address()).await?;
        send(&mut stream, &connect(PROBE, who)).await?;
        match receive(&mut stream).await? {
            Packet::ConnAck(ack) => Ok((stream, ack.reason)),
            _ => Err("no CONNACK"),
        }
    }

    /// One of ours, with its password of the moment.
    async fn let_in(&self, who: Option<(&str, &str)>) -> Tried<TlsStream<TcpStream>> {
        match self.knock(who).await? {
            (stream, reason) if !reason.is_error() => Ok(stream),
            _ => Err("not let in to try"),
        }
    }

    async fn refused(&self, who: Option<(&str, &str)>) -> Tried<bool> {
        self.knock(who).await.map(|(_, reason)| reason.is_error())
    }

    /// On the door that asks for a certificate. With TLS 1.3 the refusal comes after the handshake.
    async fn certificate_refused(&self, port: u16, tls: Tried<TlsConnector>, who: Option<(&str, &str)>) -> Tried<bool> {
        let (stream, tls) = (self.tcp(port).await?, tls?);
        let mut stream = match tls.connect(self.by_address(), stream).await {
            Ok(stream) => stream,
            Err(error) if is_alert(&error) => return Ok(true),
            // The fault may be ours: then nothing is known of who is let in.
            Err(_) => return Err("no TLS"),
        };
        if send(&mut stream, &connect(PROBE, who)).await.is_err() {
            return Ok(true);
        }
        Ok(match receive(&mut stream).await {
            Ok(Packet::ConnAck(ack)) => ack.reason.is_error(),
            Ok(_) => false,
            Err(_) => true,
        })
    }

    /// With a certificate for a name that may exist, signed by an authority that anybody can make.
    fn as_a_stranger(&self) -> Tried<TlsConnector> {
        let foreign = |_| "no foreign certificate";
        let authority = identity::Authority::create(self.doors.now_ms).map_err(foreign)?;
        let (certificate, key) = authority.issue_device(PROBE, self.doors.now_ms).map_err(foreign)?;
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).map_err(|_| "no foreign key")?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.doors.authority.clone())).map_err(|_| "no authority")?;
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| "no TLS")?
            .with_root_certificates(roots)
            .with_client_auth_cert(certificate.chain, key)
            .map_err(|_| "no foreign certificate")?;
        Ok(TlsConnector::from(Arc::new(config)))
    }

    /// MQTT without TLS on the TLS port: the door must close without an answer.
    async fn plain_refused(&self) -> Tried<bool> {
        let mut stream = self.tcp(self.doors.mqtts).await?;
        send(&mut stream, &connect(PROBE, None)).await?;
        let mut answer = [0; 4];
        Ok(!matches!(stream.read(&mut answer).await, Ok(1..) if answer[0] == 0x20))
    }

    async fn foreign_page_refused(&self) -> Tried<bool> {
        let mut stream = self.tls(self.doors.wss, self.by_address()).await?;
        let request = format!(
            "GET /mqtt HTTP/1.1\r\nHost: {}:{}\r\nOrigin: https://foreign.example\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: mqtt\r\n\r\n",
            self.doors.address, self.doors.wss,
        );
        stream.write_all(request.as_bytes()).await.map_err(|_| "cut off")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.map_err(|_| "cut off")?;
        Ok(&answer == b"HTTP/1.1 403")
    }

    /// Somebody who is let in, and has no right, writes to a device.
    async fn publish_refused(&self, who: Option<(&str, &str)>) -> Tried<bool> {
        let mut stream = self.let_in(who).await?;
        let topic = format!("{}/{PROBE}", self.doors.slug);
        let publish = Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: Some(Topic::parse(topic).map_err(|_| "no topic")?),
            packet_id: Some(std::num::NonZeroU16::MIN),
            properties: Default::default(),
            payload: Bytes::from_static(b"knock"),
        };
        send(&mut stream, &Packet::Publish(Box::new(publish))).await?;
        match receive(&mut stream).await? {
            Packet::PubAck(Ack { reason: Reason::NotAuthorized, .. }) => Ok(true),
            Packet::PubAck(Ack { reason, .. }) if !reason.is_error() => Ok(false),
            _ => Err("no PUBACK"),
        }
    }

    async fn subscribe_refused(&self, who: Option<(&str, &str)>) -> Tried<bool> {
        let mut stream = self.let_in(who).await?;
        let subscribe = Subscribe {
            packet_id: std::num::NonZeroU16::MIN,
            filters: vec![(mqtt::Filter::parse("#").map_err(|_| "no filter")?, Default::default())],
            subscription_id: None,
            user_properties: Default::default(),
        };
        send(&mut stream, &Packet::Subscribe(Box::new(subscribe))).await?;
        match receive(&mut stream).await? {
            Packet::SubAck(ack) if !ack.reasons.is_empty() => Ok(ack.reasons.iter().all(|reason| reason.is_error())),
            _ => Err("no SUBACK"),
        }
    }
}

/// The other side said no, in the words of TLS.
fn is_alert(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::AlertReceived(_)))
}

pub(crate) async fn in_time<T>(work: impl Future<Output = Tried<T>>) -> Tried<T> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or(Err("too slow"))
}

pub(crate) fn connect(client_id: &str, who: Option<(&str, &str)>) -> Packet {
    Packet::Connect(Box::new(Connect {
        bridge: false,
        version: Version::V5,
        clean_start: true,
        keep_alive_secs: 10,
        client_id: client_id.to_owned(),
        user_name: who.map(|(user, _)| user.to_owned()),
        password: who.filter(|(_, password)| !password.is_empty()).map(|(_, text)| Bytes::from(text.to_owned())),
        will: None,
        properties: ConnectProperties::default(),
    }))
}

pub(crate) async fn send(stream: &mut (impl AsyncWriteExt + Unpin), packet: &Packet) -> Tried<()> {
    let mut out = BytesMut::new();
    codec::encode(packet, Version::V5, &mut out).map_err(|_| "cannot be said")?;
    stream.write_all(&out).await.map_err(|_| "cut off")?;
    stream.flush().await.map_err(|_| "cut off")
}

/// The next packet, where only one is awaited.
pub(crate) async fn receive(stream: &mut (impl AsyncReadExt + Unpin)) -> Tried<Packet> {
    receive_after(stream, &mut BytesMut::new()).await
}

/// The next packet; what came behind it stays in `buffer` for the one after.
pub(crate) async fn receive_after(stream: &mut (impl AsyncReadExt + Unpin), buffer: &mut BytesMut) -> Tried<Packet> {
    let limits = mqtt::Limits::default();
    loop {
        if let Some(len) = codec::frame_len(buffer, &limits).map_err(|_| "no MQTT")?
            && buffer.len() >= len
        {
            let frame = buffer.split_to(len).freeze();
            return codec::decode(&frame, Some(Version::V5), &limits).map_err(|_| "no MQTT");
        }
        if stream.read_buf(buffer).await.map_err(|_| "cut off")? == 0 {
            return Err("cut off");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio_rustls::TlsAcceptor;

    const NOW_MS: i64 = 1_790_000_000_000;

    /// A door that welcomes whoever gets through its TLS.
    async fn welcoming(authority: &identity::Authority, certificates: bool) -> u16 {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let key = identity::ServerKey::generate().unwrap();
        let server = authority.issue_server(&key, &["a.local".to_owned()], &[address], NOW_MS).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.key_pem().expose().as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.cert_der().to_vec())).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let builder = match certificates {
            true => builder.unwrap().with_client_cert_verifier(verifier.build().unwrap()),
            false => builder.unwrap().with_no_client_auth(),
        };
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(server.chain, key).unwrap()));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut buffer = BytesMut::new();
                receive_after(&mut stream, &mut buffer).await.ok();
                // CONNACK of MQTT 5.0: success, no properties.
                stream.write_all(&[0x20, 3, 0, 0, 0]).await.ok();
            }
        });
        port
    }

    #[tokio::test]
    async fn a_door_that_lets_a_stranger_in_is_found_and_one_with_certificates_is_not() {
        let authority = identity::Authority::create(NOW_MS).unwrap();
        let (open, closed) = (welcoming(&authority, false).await, welcoming(&authority, true).await);
        let doors = Doors {
            address: Ipv4Addr::LOCALHOST,
            mqtts: open,
            wss: open,
            plain: None,
            mtls: None,
            host_name: "a.local".into(),
            slug: "a".into(),
            authority: authority.cert_der().to_vec(),
            made_ms: NOW_MS,
            now_ms: NOW_MS,
        };
        let probes = Arc::new(Probes::default());
        let knocker = Knocker::new(&doors, &probes).unwrap();
        for (port, refused) in [(open, false), (closed, true)] {
            let bare = knocker.certificate_refused(port, Ok(knocker.tls.clone()), None).await;
            assert_eq!(bare, Ok(refused), "without a certificate");
            let foreign = knocker.certificate_refused(port, knocker.as_a_stranger(), None).await;
            assert_eq!(foreign, Ok(refused), "with that of another authority");
        }
        let checked = check(&doors, &probes).await.unwrap();
        assert!(checked.let_in.contains(&"admin"), "{:?}", checked.let_in);
    }
}
