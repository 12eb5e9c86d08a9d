//! TCP, TLS, WebSocket: who gets in, who does not, and what the doctor hears of it.

use std::sync::Arc;

use broker::*;
use mqtt::{Packet, QoS, Version};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, RevokedCertParams,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message as WsMessage};

use crate::client::*;
use crate::site::{Site, loopback, spec};

/// An authority that signs for one test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    pub fn new() -> Authority {
        Authority::named("authority")
    }

    fn named(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = params.self_signed(&key).unwrap().der().clone();
        Authority { issuer: Issuer::new(params, key), root }
    }

    fn sign(&self, common_name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".into(), "127.0.0.1".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        roots
    }

    pub fn server(&self) -> Arc<ServerConfig> {
        let (chain, key) = self.sign("server");
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }

    /// Demands a certificate of every client.
    fn strict_server(&self) -> Arc<ServerConfig> {
        let (chain, key) = self.sign("server");
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider.clone());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_client_cert_verifier(verifier.build().unwrap());
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }

    pub fn client(&self) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        builder.with_root_certificates(self.roots()).with_no_client_auth()
    }

    /// A board of the field: TLS 1.2, and P-256 is all it knows.
    fn old_board(&self) -> ClientConfig {
        let kx_groups = vec![ring::kx_group::SECP256R1];
        let provider = Arc::new(CryptoProvider { kx_groups, ..ring::default_provider() });
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&[&rustls::version::TLS12]).unwrap();
        builder.with_root_certificates(self.roots()).with_no_client_auth()
    }

    fn client_numbered(&self, common_name: &str, serial: u64) -> ClientConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.serial_number = Some(serial.into());
        let chain = vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()];
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(self.roots());
        builder.with_client_auth_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into()).unwrap()
    }

    /// A list of what this authority has revoked.
    fn revoke(&self, serials: &[u64]) -> CertificateRevocationListDer<'static> {
        let now = time::OffsetDateTime::now_utc();
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: (*serial).into(),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: now,
            next_update: now + time::Duration::days(1),
            crl_number: 1u64.into(),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().clone()
    }

    fn verifier(&self) -> Arc<rustls::client::WebPkiServerVerifier> {
        let provider = Arc::new(ring::default_provider());
        rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(self.roots()), provider).build().unwrap()
    }

    fn client_named(&self, common_name: &str) -> ClientConfig {
        let (chain, key) = self.sign(common_name);
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        builder.with_root_certificates(self.roots()).with_client_auth_cert(chain, key).unwrap()
    }
}

pub async fn shake(info: ListenerInfo, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(info.local_addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    in_time("handshake", TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
}

async fn tls_fault(site: &mut Site) -> TlsFault {
    let pick = |kind: &EventKind| match kind {
        EventKind::TlsRefused { fault, .. } => Some(fault.clone()),
        _ => None,
    };
    site.event("TlsRefused", pick).await
}

/// A round trip of a message on this connection.
async fn works(client: &mut Client, client_id: &str) {
    assert_eq!(client.say_hello(hello(Version::V5, client_id)).await.reason, mqtt::Reason::Success);
    client.subscribe("t", QoS::AtLeastOnce).await;
    client.tell("t", "round").await;
    assert_eq!(client.text().await, "round");
}

#[tokio::test]
async fn clients_new_and_old_speak_over_tls() {
    let (site, authority) = (Site::open().await, Authority::new());
    let tls = site.handle.add_listener(spec(Transport::Tls(authority.server()))).await.unwrap();
    for (id, config) in [("new", authority.client()), ("old", authority.old_board())] {
        let stream = shake(tls, config).await.unwrap();
        works(&mut Client::over(stream, Version::V5), id).await;
    }
}

#[tokio::test]
async fn a_client_certificate_is_an_identity() {
    let (mut site, authority) = (Site::open().await, Authority::new());
    let tls = site.handle.add_listener(spec(Transport::Tls(authority.strict_server()))).await.unwrap();
    let stream = shake(tls, authority.client_named("serre-04")).await.unwrap();
    let mut client = Client::over(stream, Version::V5);
    works(&mut client, "c").await;
    assert_eq!(site.handle.clients().await[0].identity, Identity::new("serre-04"));
    // TLS 1.3 lets a client finish before the server has judged it: the refusal comes at the first read.
    for config in [authority.client(), Authority::named("another").client_named("forged")] {
        let mut config = config;
        config.dangerous().set_certificate_verifier(Arc::new(trusting::Anyone));
        let mut stream = shake(tls, config).await.unwrap();
        assert!(in_time("refusal", stream.read_u8()).await.is_err());
        assert_eq!(tls_fault(&mut site).await, TlsFault::ClientCertificate);
    }
}

/// The client's own check is not what is tested here.
mod trusting {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub struct Anyone;

    impl ServerCertVerifier for Anyone {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    }
}

#[tokio::test]
async fn the_doctor_hears_what_a_failed_handshake_means() {
    let (mut site, authority) = (Site::open().await, Authority::new());
    let tls = site.handle.add_listener(spec(Transport::Tls(authority.server()))).await.unwrap();
    // Another authority, and one that only has the same name.
    for name in ["another", "authority"] {
        shake(tls, Authority::named(name).client()).await.unwrap_err();
        assert_eq!(tls_fault(&mut site).await, TlsFault::UntrustedAuthority);
    }

    // A client that checks another name than ours.
    let tcp = TcpStream::connect(tls.local_addr).await.unwrap();
    let name = ServerName::try_from("elsewhere.local").unwrap();
    TlsConnector::from(Arc::new(authority.client())).connect(name, tcp).await.unwrap_err();
    assert_eq!(tls_fault(&mut site).await, TlsFault::CertificateRejected);

    let mut plain = Client::open(tls.local_addr, Version::V5).await;
    plain.send(&Packet::Connect(Box::new(hello(Version::V5, "c")))).await;
    assert_eq!(plain.next().await, None);
    assert_eq!(tls_fault(&mut site).await, TlsFault::PlainOnTls);

    let plain_port = ListenerInfo { id: site.listener, local_addr: site.addr };
    shake(plain_port, authority.client()).await.unwrap_err();
    assert_eq!(tls_fault(&mut site).await, TlsFault::TlsOnPlain);
}

#[tokio::test]
async fn a_certificate_is_swapped_without_dropping_anybody() {
    let site = Site::open().await;
    let (old, new) = (Authority::new(), Authority::new());
    let tls = site.handle.add_listener(spec(Transport::Tls(old.server()))).await.unwrap();
    let mut early = Client::over(shake(tls, old.client()).await.unwrap(), Version::V5);
    works(&mut early, "early").await;
    site.handle.reload_tls(tls.id, new.server()).await;
    shake(tls, old.client()).await.unwrap_err();
    works(&mut Client::over(shake(tls, new.client()).await.unwrap(), Version::V5), "late").await;
    assert_eq!(early.text().await, "round");
}

#[tokio::test]
async fn idle_connections_on_a_port_block_nobody() {
    let (site, authority) = (Site::open().await, Authority::new());
    let origins = OriginRule::Listed(Vec::new());
    let transports = [Transport::Tls(authority.server()), Transport::Wss(authority.server(), origins.clone())];
    for transport in transports {
        let listener = site.handle.add_listener(spec(transport)).await.unwrap();
        let mut idle = Vec::new();
        for _ in 0..20 {
            idle.push(TcpStream::connect(listener.local_addr).await.unwrap());
        }
        // Some say half a word.
        for stream in &mut idle[..10] {
            stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
        }
        shake(listener, authority.client()).await.unwrap();
    }
    let ws = site.handle.add_listener(spec(Transport::Ws(origins))).await.unwrap();
    let mut idle = TcpStream::connect(ws.local_addr).await.unwrap();
    idle.write_all(b"GET / HT").await.unwrap();
    works(&mut web_client(ws, &[]).await, "web").await;
}

#[tokio::test]
async fn too_many_half_open_connections_of_one_address_are_refused() {
    let mut site = Site::open().await;
    let cap = LIMITS.iter().find(|limit| limit.name == "half_open_per_address").unwrap().value;
    let mut idle = Vec::new();
    for _ in 0..cap {
        idle.push(TcpStream::connect(site.addr).await.unwrap());
    }
    let mut one_more = Client::open(site.addr, Version::V5).await;
    assert_eq!(one_more.next().await, None);
    let pick = |kind: &EventKind| match kind {
        EventKind::ConnectRefused { fault, .. } => Some(fault.clone()),
        _ => None,
    };
    assert_eq!(site.event("ConnectRefused", pick).await, ConnectFault::TooManyConnections);
    drop(idle);
    in_time("place", async {
        let mut client = loop {
            let mut client = Client::open(site.addr, Version::V5).await;
            client.send(&Packet::Connect(Box::new(hello(Version::V5, "c")))).await;
            match client.next().await {
                Some(Packet::ConnAck(_)) => break client,
                _ => tokio::task::yield_now().await,
            }
        };
        client.ping().await;
    })
    .await;
}

#[tokio::test]
async fn a_taken_port_is_told_apart() {
    let site = Site::open().await;
    let again = ListenerSpec { addr: site.addr, ..spec(Transport::Tcp) };
    match site.handle.add_listener(again).await {
        Err(ListenError::Taken { addr }) => assert_eq!(addr, site.addr),
        other => panic!("{other:?}"),
    }
    let other = std::net::TcpListener::bind(loopback()).unwrap();
    let again = ListenerSpec { addr: other.local_addr().unwrap(), ..spec(Transport::Tcp) };
    assert!(matches!(site.handle.add_listener(again).await, Err(ListenError::Taken { .. })));
}

#[tokio::test]
async fn a_closed_door_leaves_those_inside() {
    let site = Site::open().await;
    let mut inside = site.client("inside").await;
    site.handle.remove_listener(site.listener).await;
    inside.ping().await;
    let again = ListenerSpec { addr: site.addr, ..spec(Transport::Tcp) };
    let info = site.handle.add_listener(again).await.unwrap();
    Client::connect(info.local_addr, hello(Version::V5, "outside")).await.ping().await;
    inside.ping().await;
}

/// An MQTT client behind a WebSocket, with more headers of the request.
async fn web_client(info: ListenerInfo, headers: &[(&'static str, &str)]) -> Client {
    Client::over(web_stream(info, "/mqtt", headers).await.unwrap(), Version::V5)
}

/// The WebSocket as a stream of bytes, through a pipe.
async fn web_stream(
    info: ListenerInfo,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<tokio::io::DuplexStream, WsError> {
    let mut socket = upgrade(info, path, headers).await?;
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move {
        use futures_util::{SinkExt, StreamExt};
        let mut buffer = vec![0; 1024];
        loop {
            tokio::select! {
                read = far.read(&mut buffer) => match read {
                    Ok(len) if len > 0 => {
                        let bytes = bytes::Bytes::copy_from_slice(&buffer[..len]);
                        if socket.send(WsMessage::Binary(bytes)).await.is_err() { return }
                    }
                    _ => return,
                },
                message = socket.next() => match message {
                    Some(Ok(WsMessage::Binary(bytes))) => far.write_all(&bytes).await.unwrap(),
                    Some(Ok(_)) => {}
                    _ => return,
                },
            }
        }
    });
    Ok(near)
}

type WebSocket = tokio_tungstenite::WebSocketStream<TcpStream>;

async fn upgrade(info: ListenerInfo, path: &str, headers: &[(&'static str, &str)]) -> Result<WebSocket, WsError> {
    let mut request = format!("ws://{}{path}", info.local_addr).into_client_request().unwrap();
    let default = [("sec-websocket-protocol", "mqtt")];
    let named = headers.iter().any(|(name, _)| *name == "sec-websocket-protocol");
    for (name, value) in default.iter().filter(|_| !named).chain(headers) {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let tcp = TcpStream::connect(info.local_addr).await.unwrap();
    let (socket, answer) = in_time("upgrade", tokio_tungstenite::client_async(request, tcp)).await?;
    assert_eq!(answer.headers()["sec-websocket-protocol"], "mqtt");
    assert!(!answer.headers().contains_key("sec-websocket-extensions"), "no compression");
    Ok(socket)
}

fn listed(origin: &str) -> Transport {
    Transport::Ws(OriginRule::Listed(vec![origin.into()]))
}

#[tokio::test]
async fn a_foreign_page_may_not_speak_to_the_broker() {
    let mut site = Site::open().await;
    let ws = site.handle.add_listener(spec(listed("https://own.local:8443"))).await.unwrap();
    for origin in ["https://evil.example", "https://own.local", "http://own.local:8443", "null", ""] {
        match upgrade(ws, "/", &[("origin", origin)]).await {
            Err(WsError::Http(answer)) => assert_eq!(answer.status(), 403),
            other => panic!("{origin}: {other:?}"),
        }
        let pick = |kind: &EventKind| match kind {
            EventKind::ForeignOrigin { origin } => Some(origin.clone()),
            _ => None,
        };
        assert_eq!(site.event("ForeignOrigin", pick).await, origin);
    }
    works(&mut web_client(ws, &[("origin", "https://own.local:8443")]).await, "page").await;
    works(&mut web_client(ws, &[]).await, "program").await;
}

#[tokio::test]
async fn a_websocket_without_the_mqtt_subprotocol_is_none_of_ours() {
    let site = Site::open().await;
    let ws = site.handle.add_listener(spec(listed("https://own.local"))).await.unwrap();
    match upgrade(ws, "/", &[("sec-websocket-protocol", "chat")]).await {
        Err(WsError::Http(answer)) => assert_eq!(answer.status(), 400),
        other => panic!("{other:?}"),
    }
    for path in ["/", "/mqtt", "/any/path?with=query"] {
        assert!(upgrade(ws, path, &[("sec-websocket-protocol", "chat, mqtt")]).await.is_ok());
    }
}

#[tokio::test]
async fn a_packet_may_span_frames_and_a_frame_hold_packets() {
    use futures_util::{SinkExt, StreamExt};
    let site = Site::open().await;
    let ws = site.handle.add_listener(spec(listed("https://own.local"))).await.unwrap();
    let mut socket = upgrade(ws, "/", &[]).await.unwrap();
    let mut bytes = bytes::BytesMut::new();
    let connect = Packet::Connect(Box::new(hello(Version::V5, "c")));
    for packet in [connect, Packet::PingReq, Packet::PingReq] {
        mqtt::codec::encode(&packet, Version::V5, &mut bytes).unwrap();
    }
    let (one_by_one, at_once) = bytes.split_at(9);
    for byte in one_by_one {
        socket.send(WsMessage::Binary(vec![*byte].into())).await.unwrap();
    }
    socket.send(WsMessage::Binary(at_once.to_vec().into())).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(&[0xD0, 0, 0xD0, 0]) {
        let frame = in_time("frame", socket.next()).await.unwrap().unwrap();
        let WsMessage::Binary(bytes) = frame else { panic!("{frame:?} is not binary") };
        answer.extend_from_slice(&bytes);
    }
    assert_eq!(answer[0], 0x20);
    // Text is no MQTT (5.0 §6): the connection ends.
    socket.send(WsMessage::Text("hello".into())).await.unwrap();
    loop {
        match in_time("end", socket.next()).await {
            None | Some(Err(_)) => break,
            Some(Ok(WsMessage::Close(_))) => {}
            Some(Ok(other)) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn one_port_speaks_mqtt_websocket_and_https() {
    use tokio::sync::mpsc;
    let (site, authority) = (Site::open().await, Authority::new());
    let mut config = ServerConfig::clone(&authority.server());
    config.alpn_protocols = vec![b"mqtt".to_vec(), b"http/1.1".to_vec()];
    let (handed, mut taken) = mpsc::unbounded_channel::<HttpStream>();
    let handoff: HttpHandoff = Arc::new(move |stream| drop(handed.send(stream)));
    let origins = OriginRule::Listed(vec!["https://own.local".into()]);
    let one = site.handle.add_listener(spec(Transport::OnePort(Arc::new(config), origins, handoff))).await.unwrap();
    let with_alpn = |names: &[&str]| {
        let mut client = authority.client();
        client.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        client
    };
    // MQTT, with the name of ALPN and without one.
    for alpn in [&["mqtt"][..], &[]] {
        works(&mut Client::over(shake(one, with_alpn(alpn)).await.unwrap(), Version::V5), "mqtt").await;
    }
    let transports: Vec<_> = site.handle.clients().await.into_iter().filter_map(|client| client.transport).collect();
    assert!(transports.iter().all(|kind| *kind == TransportKind::Tls), "{transports:?}");

    // MQTT over WebSocket, in small pieces as a slow network brings it; a foreign page is refused.
    for (origin, welcome) in [("https://own.local", true), ("https://evil.example", false)] {
        let mut request = "wss://localhost/mqtt".into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let tls = shake(one, with_alpn(&["http/1.1"])).await.unwrap();
        let (near, far) = tokio::io::duplex(64);
        tokio::spawn(async move {
            let (mut tls, mut far) = (tls, far);
            tokio::io::copy_bidirectional(&mut far, &mut tls).await.ok();
        });
        let upgraded = in_time("upgrade", tokio_tungstenite::client_async(request, near)).await;
        assert_eq!(upgraded.is_ok(), welcome, "{origin}: {:?}", upgraded.as_ref().err());
        if let Ok((mut socket, _)) = upgraded {
            use futures_util::{SinkExt, StreamExt};
            let mut bytes = bytes::BytesMut::new();
            let connect = Packet::Connect(Box::new(hello(Version::V5, "web")));
            mqtt::codec::encode(&connect, Version::V5, &mut bytes).unwrap();
            socket.send(WsMessage::Binary(bytes.freeze())).await.unwrap();
            let answer = in_time("CONNACK", socket.next()).await.unwrap().unwrap().into_data();
            assert_eq!((answer[0], answer[3]), (0x20, 0));
        }
    }

    // HTTPS, handed on with every byte that was read.
    let mut browser = shake(one, with_alpn(&["http/1.1"])).await.unwrap();
    let request = b"GET /time HTTP/1.1\r\nHost: own.local\r\n\r\nbody";
    browser.write_all(request).await.unwrap();
    browser.flush().await.unwrap();
    let mut given = in_time("the connection", taken.recv()).await.unwrap();
    let mut read = vec![0; request.len()];
    in_time("the request", given.stream.read_exact(&mut read)).await.unwrap();
    assert_eq!(read, request);
    given.stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    given.stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    in_time("the answer", browser.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 204 No Content\r\n\r\n");
}

#[tokio::test]
async fn during_a_change_clients_of_both_authorities_come_in_and_the_revoked_do_not() {
    let (mut site, old, new) = (Site::open().await, Authority::new(), Authority::named("next"));
    let strict = |issuer: &Authority, revoked: &[(&Authority, Vec<u64>)]| {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        let mut crls = Vec::new();
        for (authority, serials) in revoked {
            roots.add(authority.root.clone()).unwrap();
            crls.push(authority.revoke(serials));
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let verifier = verifier.with_crls(crls).build().unwrap();
        let (chain, key) = issuer.sign("server");
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap())
    };
    let door = site.handle.add_listener(spec(Transport::Tls(strict(&old, &[(&old, vec![])])))).await.unwrap();
    let mut early = Client::over(shake(door, old.client_numbered("early", 7)).await.unwrap(), Version::V5);
    works(&mut early, "early").await;

    // Both are trusted; the server shows the old certificate still.
    site.handle.reload_tls(door.id, strict(&old, &[(&old, vec![]), (&new, vec![])])).await;
    for (authority, name) in [(&old, "old"), (&new, "new")] {
        let mut config = authority.client_numbered(name, 8);
        config.dangerous().set_certificate_verifier(old.verifier());
        works(&mut Client::over(shake(door, config).await.unwrap(), Version::V5), name).await;
    }

    // One certificate is revoked: new handshakes with it fail, nobody else notices.
    site.handle.reload_tls(door.id, strict(&old, &[(&old, vec![9]), (&new, vec![])])).await;
    let mut gone = shake(door, old.client_numbered("gone", 9)).await;
    if let Ok(stream) = &mut gone {
        // TLS 1.3 tells the client after its own handshake.
        let mut byte = [0];
        in_time("alert", stream.read(&mut byte)).await.unwrap_err();
    }
    assert_eq!(tls_fault(&mut site).await, TlsFault::ClientCertificateRevoked);
    works(&mut Client::over(shake(door, old.client_numbered("fine", 10)).await.unwrap(), Version::V5), "fine").await;
    // It heard the others all the time.
    for _ in 0..3 {
        assert_eq!(early.text().await, "round");
    }
    early.ping().await;
}
