//! The certificate is swapped under a thousand clients, and the authority under one.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use mqtt::{Connect, ConnectProperties, Packet, Reason, Version, codec};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wire::{AuthorityStatus, Code, EventKind};

use crate::harness::{House, Room};

const CLIENTS: usize = 1_000;
const AT_ONCE: usize = 20;

/// Trusts what a device's file holds.
fn tls(ca_pem: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn shake(tls: &TlsConnector, port: u16) -> std::io::Result<TlsStream<TcpStream>> {
    // A room of boards has an address each; the door bounds what one address may do.
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 2 + NEXT.fetch_add(1, Ordering::Relaxed) % 20], 0).into())?;
    let stream = socket.connect(([127, 0, 0, 1], port).into()).await?;
    tls.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// One that never has to say anything: its connection is as long-lived as the server lets it be.
async fn connect(tls: &TlsConnector, port: u16, client_id: String, password: &str) -> TlsStream<TcpStream> {
    let mut stream = shake(tls, port).await.unwrap();
    let connect = Packet::Connect(Box::new(Connect {
        bridge: false,
        version: Version::V3_1_1,
        clean_start: true,
        keep_alive_secs: 0,
        client_id,
        user_name: Some("serre-04".to_owned()),
        password: Some(password.to_owned().into()),
        will: None,
        properties: ConnectProperties::default(),
    }));
    say(&mut stream, &connect).await;
    let Packet::ConnAck(ack) = hear(&mut stream).await else { panic!("no CONNACK") };
    assert_eq!(ack.reason, Reason::Success);
    stream
}

async fn say(stream: &mut TlsStream<TcpStream>, packet: &Packet) {
    let mut out = BytesMut::new();
    codec::encode(packet, Version::V3_1_1, &mut out).unwrap();
    stream.write_all(&out).await.unwrap();
    stream.flush().await.unwrap();
}

async fn hear(stream: &mut TlsStream<TcpStream>) -> Packet {
    let limits = mqtt::Limits::default();
    let mut buffer = BytesMut::new();
    loop {
        if let Some(len) = codec::frame_len(&buffer, &limits).unwrap()
            && buffer.len() >= len
        {
            return codec::decode(&buffer.split_to(len).freeze(), Some(Version::V3_1_1), &limits).unwrap();
        }
        assert_ne!(stream.read_buf(&mut buffer).await.unwrap(), 0, "dropped");
    }
}

fn leaf(stream: &TlsStream<TcpStream>) -> identity::Certificate {
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].as_ref();
    identity::Certificate::from_handshake(shown).unwrap()
}

fn public_key(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    // The key is the tail of a structure that is always 91 bytes for P-256.
    let at = shown.windows(4).position(|bytes| bytes == [0x03, 0x42, 0x00, 0x04]).unwrap();
    shown[at..at + 68].to_vec()
}

/// Two files for each client: both its ends are in this process.
fn room_for_files() {
    let raised = Command::new("prlimit").arg(format!("--pid={}", std::process::id())).arg("--nofile=8192:").status();
    assert!(raised.is_ok_and(|status| status.success()), "prlimit of util-linux is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_under_a_thousand_clients_and_none_is_dropped() {
    room_for_files();
    let room = Room::new();
    let year = Duration::from_secs(370 * 86_400);
    room.move_clock_back(year);
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    let connector = tls(&house.appliance.authority_files().unwrap().pem);
    // The password is known to be right from then on: a crowd of first logins would be told to wait.
    let first = connect(&connector, house.ports.mqtts, "first".to_owned(), handed.password.expose()).await;
    drop(first);
    let mut clients = Vec::with_capacity(CLIENTS);
    while clients.len() < CLIENTS {
        let batch = (0..AT_ONCE).map(|place| {
            let (connector, password) = (connector.clone(), handed.password.expose().to_owned());
            let (id, port) = (format!("c-{}", clients.len() + place), house.ports.mqtts);
            tokio::spawn(async move { connect(&connector, port, id, &password).await })
        });
        for client in batch.collect::<Vec<_>>() {
            clients.push(client.await.unwrap());
        }
    }
    let listed: Vec<wire::Client> = house.call("client_list", json!({})).await.unwrap();
    assert_eq!(listed.iter().filter(|client| client.client_id.starts_with("c-")).count(), CLIENTS);

    room.move_clock(year);
    house.appliance.upkeep().await.unwrap();
    house.event(None, |event| event.kind == EventKind::CertificateRenewed).await;
    let fresh = shake(&connector, house.ports.mqtts).await.unwrap();
    assert_ne!(leaf(&fresh).serial, leaf(&clients[0]).serial, "new connections see the new certificate");
    assert_eq!(public_key(&fresh), public_key(&clients[0]), "and the key that clients have pinned");

    for client in &mut clients {
        say(client, &Packet::PingReq).await;
    }
    let mut alive = 0;
    for client in &mut clients {
        let answer = tokio::time::timeout(crate::harness::PATIENCE, hear(client)).await.expect("an answer in time");
        alive += usize::from(matches!(answer, Packet::PingResp));
    }
    assert_eq!(alive, CLIENTS, "none is dropped");
    house.appliance.shutdown().await;
}

async fn status(house: &House) -> AuthorityStatus {
    house.call("authority_status", json!({})).await.unwrap()
}

/// The authority's file of a device, as it was handed out.
fn file(handed: &wire::ProvisionedDevice, name: &str) -> String {
    handed.files.iter().find(|file| file.name == name).unwrap().text.expose().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_is_changed_while_both_are_trusted_and_nobody_is_lost_unasked() {
    let room = Room::new();
    let house = room.start().await;
    let old_files = file(&house.create("serre-04").await, "ca.pem");
    let before = status(&house).await;
    assert!(before.change.is_none() && before.current.words_fr.len() == 8);
    let none = house.call::<AuthorityStatus>("authority_change_finish", json!({"leave_behind": true})).await;
    assert_eq!(none.unwrap_err().code, Code::NoAuthorityChange);

    let started: AuthorityStatus = house.call("authority_change_start", json!({})).await.unwrap();
    let change = started.change.unwrap();
    assert_eq!(change.waiting, ["serre-04"]);
    assert_ne!(change.next.fingerprint, before.current.fingerprint);
    let again: AuthorityStatus = house.call("authority_change_start", json!({})).await.unwrap();
    assert_eq!(again.change.unwrap().next, change.next, "asked twice, the first one stays");

    // A device of now trusts both; one of before is still served.
    let new_files = file(&house.create("serre-05").await, "ca.pem");
    assert_eq!(new_files.matches("BEGIN CERTIFICATE").count(), 2);
    for files in [&old_files, &new_files] {
        shake(&tls(files), house.ports.mqtts).await.unwrap();
    }
    assert_eq!(status(&house).await.change.unwrap().waiting, ["serre-04"]);
    let refused = house.call::<AuthorityStatus>("authority_change_finish", json!({"leave_behind": false})).await;
    assert_eq!(refused.unwrap_err().code, Code::AuthorityInUse);

    // It outlives a restart.
    house.appliance.shutdown().await;
    let house = room.open().await;
    assert_eq!(status(&house).await.change.unwrap().next, change.next);
    let reissued: wire::ProvisionedDevice = house.call("device_reissue", json!({"id": "serre-04"})).await.unwrap();
    assert!(status(&house).await.change.unwrap().waiting.is_empty());

    let finished: AuthorityStatus =
        house.call("authority_change_finish", json!({"leave_behind": false})).await.unwrap();
    assert_eq!((finished.current, finished.change), (change.next.clone(), None));
    house.event(None, |event| event.kind == EventKind::AuthorityChanged).await;
    for files in [&file(&reissued, "ca.pem"), &new_files] {
        shake(&tls(files), house.ports.mqtts).await.unwrap();
    }
    assert!(shake(&tls(&old_files), house.ports.mqtts).await.is_err(), "the old authority has ended");
    house.client("serre-04", reissued.password.expose()).connect().await.unwrap();
    house.appliance.shutdown().await;
    let house = room.open().await;
    assert_eq!(status(&house).await.current, change.next);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_in_the_middle_of_the_change_loses_nothing() {
    let room = Room::new();
    let house = room.start().await;
    let old = std::fs::read(room.path("authority.pem")).unwrap();
    let _: AuthorityStatus = house.call("authority_change_start", json!({})).await.unwrap();
    let finished: AuthorityStatus =
        house.call("authority_change_finish", json!({"leave_behind": false})).await.unwrap();
    house.appliance.shutdown().await;
    // The secrets were written, the file was not.
    std::fs::write(room.path("authority.pem"), old).unwrap();
    let house = room.open().await;
    assert_eq!(status(&house).await.current, finished.current);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn boards_ask_for_the_time_where_they_may() {
    let room = Room::new();
    let house = room.start().await;
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let off: wire::ClockStatus = house.call("clock_status", json!({})).await.unwrap();
    assert_eq!((off.port, off.serving), (None, false));
    let on: wire::ClockStatus = house.call("clock_serve", json!({"port": free})).await.unwrap();
    assert_eq!((on.port, on.serving), (Some(free), true));
    let board = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut question = [0u8; 48];
    question[0] = 0x23;
    board.send_to(&question, ("127.0.0.1", free)).await.unwrap();
    let mut answer = [0u8; 64];
    let (len, _) = tokio::time::timeout(crate::harness::PATIENCE, board.recv_from(&mut answer)).await.unwrap().unwrap();
    let seconds = i64::from(u32::from_be_bytes(answer[40..44].try_into().unwrap())) - 2_208_988_800;
    let now = house.status().await.now_ms / 1_000;
    assert!(len == 48 && (seconds - now).abs() <= 5, "{seconds} {now}");

    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refused = house.call::<wire::ClockStatus>("clock_serve", json!({"port": port})).await.unwrap_err();
    assert_eq!((refused.code, refused.field.as_deref()), (Code::PortTaken, Some("port")));
    let still: wire::ClockStatus = house.call("clock_status", json!({})).await.unwrap();
    assert_eq!((still.port, still.serving), (Some(free), true), "what worked still does");
    house.appliance.shutdown().await;
}
