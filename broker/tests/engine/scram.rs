//! Enhanced authentication: SCRAM-SHA-256 in CONNECT and on a connection that stands.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::*;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use mqtt::*;
use sha2::{Digest, Sha256};

use crate::client::*;
use crate::site::{Names, Site};

pub fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn salted(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut block = hmac(password, &[salt, &[0, 0, 0, 1]].concat());
    let mut sum = block;
    for _ in 1..rounds {
        block = hmac(password, &block);
        sum.iter_mut().zip(block).for_each(|(byte, other)| *byte ^= other);
    }
    sum
}

/// What a server keeps of a password.
pub fn credential(password: &[u8]) -> ScramCredential {
    let (salt, iterations) = (b"0123456789abcdef".to_vec(), 64);
    let salted = salted(password, &salt, iterations);
    let stored_key = Sha256::digest(hmac(&salted, b"Client Key")).into();
    ScramCredential { salt, iterations, stored_key, server_key: hmac(&salted, b"Server Key") }
}

/// A client's side of one exchange.
struct Prover {
    bare: String,
    password: &'static str,
    server_signature: String,
}

impl Prover {
    fn new(name: &str, password: &'static str) -> Prover {
        Prover { bare: format!("n={name},r=client-nonce"), password, server_signature: String::new() }
    }

    fn first(&self) -> Bytes {
        format!("n,,{}", self.bare).into()
    }

    fn last(&mut self, server_first: &Bytes) -> Bytes {
        let server_first = std::str::from_utf8(server_first).unwrap();
        let part = |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
        assert!(part("r=").starts_with("client-nonce") && part("r=").len() > "client-nonce".len() + 16);
        let salt = STANDARD.decode(part("s=")).unwrap();
        let salted = salted(self.password.as_bytes(), &salt, part("i=").parse().unwrap());
        let said = format!("c=biws,r={}", part("r="));
        let all = format!("{},{server_first},{said}", self.bare);
        let client_key = hmac(&salted, b"Client Key");
        let signature = hmac(&Sha256::digest(client_key), all.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, other)| key ^ other).collect();
        self.server_signature = format!("v={}", STANDARD.encode(hmac(&hmac(&salted, b"Server Key"), all.as_bytes())));
        format!("{said},p={}", STANDARD.encode(proof)).into()
    }
}

fn auth(reason: Reason, method: &str, data: Bytes) -> Packet {
    let properties = AuthProperties { method: Some(method.into()), data: Some(data), ..AuthProperties::default() };
    Packet::Auth(Box::new(Auth { reason, properties }))
}

const METHOD: &str = "SCRAM-SHA-256";

async fn knock(site: &Site, client_id: &str, method: &str, first: Bytes) -> (Client, Packet) {
    let mut connect = hello(Version::V5, client_id);
    connect.properties.authentication_method = Some(method.into());
    connect.properties.authentication_data = Some(first);
    let mut client = Client::open(site.addr, Version::V5).await;
    client.send(&Packet::Connect(Box::new(connect))).await;
    let answer = client.receive().await;
    (client, answer)
}

/// The server's first message.
fn asked(packet: Packet) -> Bytes {
    match packet {
        Packet::Auth(auth) => {
            assert_eq!(
                (auth.reason, auth.properties.method.as_deref()),
                (Reason::ContinueAuthentication, Some(METHOD))
            );
            auth.properties.data.unwrap()
        }
        other => panic!("{other:?} instead of AUTH"),
    }
}

async fn proven(site: &Site, name: &str, password: &'static str) -> (Client, Packet, Prover) {
    let mut prover = Prover::new(name, password);
    let (mut client, answer) = knock(site, name, METHOD, prover.first()).await;
    let last = prover.last(&asked(answer));
    client.send(&auth(Reason::ContinueAuthentication, METHOD, last)).await;
    let answer = client.receive().await;
    (client, answer, prover)
}

#[tokio::test]
async fn a_password_is_proven_without_being_sent_and_the_broker_proves_itself() {
    let site = Site::open().await;
    let (mut client, answer, prover) = proven(&site, "scram", "right").await;
    let Packet::ConnAck(answer) = answer else { panic!("{answer:?}") };
    assert_eq!(answer.reason, Reason::Success);
    assert_eq!(answer.properties.authentication_method.as_deref(), Some(METHOD));
    assert_eq!(answer.properties.authentication_data.unwrap(), prover.server_signature);
    client.ping().await;
    let known = site.handle.clients().await;
    assert_eq!(known[0].identity, Identity::new("scram"));
}

#[tokio::test]
async fn a_wrong_proof_and_an_unknown_name_are_refused_alike() {
    let mut site = Site::open().await;
    for (name, password, why) in
        [("scram", "wrong", AuthRefusal::WrongPassword), ("unheard-of", "right", AuthRefusal::UnknownIdentity)]
    {
        let (_, answer, _) = proven(&site, name, password).await;
        assert!(matches!(answer, Packet::ConnAck(answer) if answer.reason == Reason::NotAuthorized));
        let fault = site.event("ConnectRefused", |kind| match kind {
            EventKind::ConnectRefused { fault, .. } => Some(fault.clone()),
            _ => None,
        });
        assert_eq!(fault.await, ConnectFault::Auth(why));
    }
}

#[tokio::test]
async fn another_method_and_a_broken_first_message_are_refused() {
    let site = Site::open().await;
    for (method, first, expected) in [
        ("GS2-KRB5", "x", Reason::BadAuthenticationMethod),
        ("SCRAM-SHA-1", "n,,n=scram,r=x", Reason::BadAuthenticationMethod),
        (METHOD, "n,,n=scram", Reason::NotAuthorized),
        (METHOD, "p=tls-exporter,,n=scram,r=x", Reason::NotAuthorized),
    ] {
        let (_, answer) = knock(&site, "c", method, first.into()).await;
        assert!(matches!(&answer, Packet::ConnAck(answer) if answer.reason == expected), "{first}: {answer:?}");
    }
    // Another packet in the middle of the exchange.
    let (mut client, _) = knock(&site, "c", METHOD, Prover::new("scram", "right").first()).await;
    client.send(&Packet::PingReq).await;
    assert!(matches!(client.receive().await, Packet::ConnAck(answer) if answer.reason.is_error()));
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn a_connection_that_stands_can_be_proven_again() {
    let site = Site::open().await;
    let (mut client, _, _) = proven(&site, "scram", "right").await;
    let mut prover = Prover::new("scram", "right");
    client.send(&auth(Reason::ReAuthenticate, METHOD, prover.first())).await;
    let last = prover.last(&asked(client.receive().await));
    client.send(&auth(Reason::ContinueAuthentication, METHOD, last)).await;
    let Packet::Auth(answer) = client.receive().await else { panic!("no AUTH") };
    assert_eq!((answer.reason, answer.properties.data.unwrap()), (Reason::Success, prover.server_signature.into()));
    client.ping().await;

    let mut wrong = Prover::new("scram", "wrong");
    client.send(&auth(Reason::ReAuthenticate, METHOD, wrong.first())).await;
    let last = wrong.last(&asked(client.receive().await));
    client.send(&auth(Reason::ContinueAuthentication, METHOD, last)).await;
    client.expect_end(Reason::NotAuthorized).await;
}

#[tokio::test]
async fn a_connection_keeps_its_method_and_its_name() {
    let site = Site::open().await;
    let attempts = [
        (auth(Reason::ReAuthenticate, "SCRAM-SHA-1", "n,,n=scram,r=x".into()), Reason::ProtocolError),
        (auth(Reason::ReAuthenticate, METHOD, "n,,n=other,r=x".into()), Reason::NotAuthorized),
        (auth(Reason::ContinueAuthentication, METHOD, "c=biws,r=x,p=eA==".into()), Reason::ProtocolError),
    ];
    for (packet, expected) in attempts {
        let (mut client, _, _) = proven(&site, "scram", "right").await;
        client.send(&packet).await;
        client.expect_end(expected).await;
    }
    let mut plain = site.client("plain").await;
    plain.send(&auth(Reason::ReAuthenticate, METHOD, Prover::new("scram", "right").first())).await;
    plain.expect_end(Reason::ProtocolError).await;
}

#[tokio::test]
async fn a_broker_without_scram_says_that_it_has_none() {
    let without = std::sync::Arc::new(Names { scram: false });
    let site = Site::of(Broker::builder(Config::default(), without)).await;
    let (_, answer) = knock(&site, "c", METHOD, Prover::new("scram", "right").first()).await;
    assert!(matches!(answer, Packet::ConnAck(answer) if answer.reason == Reason::BadAuthenticationMethod));
}
