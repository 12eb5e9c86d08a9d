//! Every row of the table of limits is kept. A row without a check here fails.

use std::time::{Duration, Instant};

use broker::{LIMITS, Limit};
use mqtt::*;

use crate::client::*;
use crate::site::Site;

#[tokio::test]
async fn every_limit_of_the_table_is_kept() {
    for Limit { name, value, .. } in LIMITS {
        let value = usize::try_from(*value).unwrap();
        match *name {
            "handshake" => handshake(value).await,
            "half_open_per_address" => half_open(value).await,
            "client_id" => client_id(value).await,
            "queued_messages" => queued_messages(value).await,
            "queued_bytes" => queued_bytes(value).await,
            "output_bytes" => output_bytes(value).await,
            "stall" => stall(value).await,
            "unsettled_acks" => told(value, |answer| answer.receive_maximum.map(usize::from)).await,
            "topic_aliases" => told(value, |answer| answer.topic_alias_maximum.map(usize::from)).await,
            "session_expiry" => told(value, |answer| answer.session_expiry_secs.map(|secs| secs as usize)).await,
            "inflight" => inflight(value).await,
            other => panic!("no check for the limit {other}"),
        }
    }
}

/// A client that connects and says nothing.
async fn handshake(secs: usize) {
    let site = Site::open().await;
    let began = Instant::now();
    let mut silent = Client::open(site.addr, Version::V5).await;
    assert!(silent.next().await.is_none());
    let waited = began.elapsed();
    let limit = Duration::from_secs(secs as u64);
    assert!(waited >= limit - Duration::from_secs(1) && waited < limit * 3, "{waited:?} of {limit:?}");
}

async fn half_open(most: usize) {
    let site = Site::open().await;
    let mut silent = Vec::new();
    for _ in 0..most {
        silent.push(Client::open(site.addr, Version::V5).await);
    }
    let mut refused = Client::open(site.addr, Version::V5).await;
    assert!(refused.next().await.is_none());
    // One goes, one may come.
    drop(silent.pop());
    in_time("a free place", async {
        loop {
            let mut client = Client::open(site.addr, Version::V5).await;
            client.send(&Packet::Connect(Box::new(hello(Version::V5, "c")))).await;
            if client.next().await.is_some() {
                break;
            }
        }
    })
    .await;
}

async fn client_id(bytes: usize) {
    let site = Site::open().await;
    for (len, expected) in [(bytes, Reason::Success), (bytes + 1, Reason::ClientIdentifierNotValid)] {
        let (_, answer) = Client::try_connect(site.addr, hello(Version::V5, &"x".repeat(len))).await;
        assert_eq!(answer.reason, expected, "{len} bytes");
    }
}

/// A session that is away, subscribed to everything.
async fn away(site: &mut Site) {
    let mut connect = Connect { clean_start: false, ..hello(Version::V5, "away") };
    connect.properties.session_expiry_secs = Some(600);
    let mut client = Client::connect(site.addr, connect).await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    client.leave(Reason::Success).await;
    site.gone().await;
}

async fn publish(site: &Site, count: usize, bytes: usize) {
    let mut publisher = site.client("publisher").await;
    for n in 0..count {
        let id = u16::try_from(n % 1000 + 1).unwrap();
        publisher.publish(publication("t", vec![b'x'; bytes], QoS::AtLeastOnce, id)).await;
        publisher.puback(id).await;
    }
}

async fn queued_messages(most: usize) {
    let mut site = Site::open().await;
    away(&mut site).await;
    publish(&site, most, 1).await;
    assert_eq!(site.handle.stats().dropped, 0);
    publish(&site, 3, 1).await;
    assert_eq!(site.handle.stats().dropped, 3);
}

async fn queued_bytes(most: usize) {
    let mut site = Site::open().await;
    away(&mut site).await;
    let size = 100_000;
    let fit = most / (size + 65);
    publish(&site, fit, size).await;
    assert_eq!(site.handle.stats().dropped, 0, "{fit} messages of {size} bytes");
    publish(&site, 2, size).await;
    assert_eq!(site.handle.stats().dropped, 2);
}

/// A reader that takes nothing: what is encoded for it ends soon above the limit, the rest waits.
async fn output_bytes(most: usize) {
    let site = Site::open().await;
    let mut reader = site.client("reader").await;
    reader.subscribe("t", QoS::AtMostOnce).await;
    let mut publisher = site.client("publisher").await;
    let size = 50_000;
    for _ in 0..400 {
        publisher.publish(publication("t", vec![b'x'; size], QoS::AtMostOnce, 0)).await;
    }
    publisher.ping().await;
    let sent = usize::try_from(site.handle.stats().messages_out).unwrap() * size;
    // The sockets' own buffers hold a few megabytes.
    assert!(sent < most + 12 * 1024 * 1024, "{sent} bytes for a reader that takes none");
    let waiting = site.handle.clients().await.into_iter().find(|client| client.client_id == "reader").unwrap().queued;
    assert!(waiting > 0);
}

/// A subscriber that stalled slows its publisher for no longer than this.
async fn stall(ms: usize) {
    let site = Site::open().await;
    let mut reader = site.client("reader").await;
    reader.subscribe("t", QoS::AtLeastOnce).await;
    let began = Instant::now();
    let mut publisher = site.client("publisher").await;
    // More than half its queue: from there on its publishers wait while it makes progress.
    for n in 0..6000 {
        let id = u16::try_from(n % 1000 + 1).unwrap();
        publisher.publish(publication("t", "x", QoS::AtLeastOnce, id)).await;
        publisher.puback(id).await;
    }
    assert!(began.elapsed() < Duration::from_millis(ms as u64) + Duration::from_secs(15), "{:?}", began.elapsed());
}

async fn told(value: usize, property: impl Fn(&ConnAckProperties) -> Option<usize>) {
    let site = Site::open().await;
    let mut connect = hello(Version::V5, "c");
    connect.properties.session_expiry_secs = Some(u32::MAX);
    let (_, answer) = Client::try_connect(site.addr, connect).await;
    assert_eq!(property(&answer.properties), Some(value));
}

async fn inflight(most: usize) {
    let site = Site::open().await;
    let mut reader = site.client("reader").await;
    reader.subscribe("t", QoS::AtLeastOnce).await;
    publish(&site, most + 5, 1).await;
    for _ in 0..most {
        reader.unacknowledged().await;
    }
    // The window is closed: the answer to a ping comes next.
    reader.ping().await;
}
