//! What is still there after the broker was stopped and started, and what a damaged file does.

use broker::{Config, Error};
use bytes::Bytes;
use mqtt::*;

use crate::client::*;
use crate::site::{Site, builder};

async fn stop(site: Site) {
    in_time("stop", site.handle.shutdown()).await;
}

#[tokio::test]
async fn retained_messages_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let site = Site::with_store(path.clone()).await;
    let mut client = site.client("c").await;
    client.retain("gone", "x").await;
    client.retain("gone", "").await;
    client.retain("kept", "old").await;
    let mut rich = Publish { retain: true, ..publication("kept", "new", QoS::ExactlyOnce, 7) };
    rich.properties.user_properties = vec![("unit".into(), "°C".into())];
    rich.properties.correlation_data = Some(Bytes::from_static(&[0, 1]));
    client.publish(rich.clone()).await;
    assert!(matches!(client.receive().await, Packet::PubRec(_)));
    stop(site).await;

    let site = Site::with_store(path).await;
    assert_eq!(site.retained_topics().await, ["kept"]);
    let mut client = site.client("c").await;
    client.subscribe("#", QoS::ExactlyOnce).await;
    let message = client.message().await;
    assert_eq!((message.payload, message.qos, message.retain), (Bytes::from("new"), QoS::ExactlyOnce, true));
    assert_eq!(message.properties, rich.properties);
    stop(site).await;
}

#[tokio::test]
async fn the_acknowledgement_of_a_retained_message_means_that_it_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let site = Site::with_store(path.clone()).await;
    let mut client = site.client("c").await;
    for n in 0..20 {
        client.retain("counter", ["a", "b", "c", "d"][n % 4]).await;
        // A second reader of the file sees what was committed and nothing else.
        let reader = rusqlite::Connection::open(&path).unwrap();
        let packet: Vec<u8> =
            reader.query_row("SELECT packet FROM retained WHERE topic = 'counter'", [], |row| row.get(0)).unwrap();
        assert_eq!(packet.last().copied(), Some(b"abcd"[n % 4]));
    }
    stop(site).await;
}

#[tokio::test]
async fn a_damaged_store_is_told_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let rubbish = vec![0x5A; 20_000];
    std::fs::write(&path, &rubbish).unwrap();
    let config = Config { store_path: Some(path.clone()), ..Config::default() };
    match builder(config).spawn() {
        Err(Error::StoreDamaged { path: named, .. }) => assert_eq!(named, path),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a broker started on rubbish"),
    }
    assert_eq!(std::fs::read(&path).unwrap(), rubbish);
}

#[tokio::test]
async fn a_store_with_one_bad_row_is_damaged_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let site = Site::with_store(path.clone()).await;
    site.client("c").await.retain("kept", "x").await;
    stop(site).await;
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute("UPDATE retained SET packet = x'30ff'", []).unwrap();
    drop(file);
    let config = Config { store_path: Some(path), ..Config::default() };
    assert!(matches!(builder(config).spawn(), Err(Error::StoreDamaged { .. })));
}

fn lasting(client_id: &str) -> Connect {
    let mut connect = Connect { clean_start: false, ..hello(Version::V5, client_id) };
    connect.properties.session_expiry_secs = Some(3600);
    connect
}

/// Connects again and expects to be known.
async fn back(site: &Site, connect: Connect) -> Client {
    let (client, answer) = Client::try_connect(site.addr, connect).await;
    assert!(answer.session_present, "the session was forgotten");
    client
}

#[tokio::test]
async fn a_session_comes_back_with_its_subscriptions_and_what_waited_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let mut site = Site::with_store(path.clone()).await;
    let mut client = Client::connect(site.addr, lasting("away")).await;
    let options = SubscribeOptions { qos: QoS::AtLeastOnce, retain_as_published: true, ..SubscribeOptions::default() };
    client.subscribe_with("data/#", options, Some(17)).await;
    client.subscribe("gone/#", QoS::AtLeastOnce).await;
    client.unsubscribe("gone/#").await;
    client.leave(Reason::Success).await;
    site.gone().await;
    let mut publisher = site.client("publisher").await;
    publisher.tell("gone/x", "not this").await;
    for payload in ["one", "two", "three"] {
        publisher.tell("data/x", payload).await;
    }
    stop(site).await;

    let site = Site::with_store(path.clone()).await;
    let mut publisher = site.client("publisher").await;
    publisher.tell("data/y", "four").await;
    let mut client = back(&site, lasting("away")).await;
    for (n, payload) in ["one", "two", "three", "four"].into_iter().enumerate() {
        let message = client.message().await;
        assert_eq!((message.payload, message.dup), (Bytes::from(payload), false), "message {n}");
        assert_eq!(message.properties.subscription_ids, [17]);
    }
    client.ping().await;
    stop(site).await;

    // All was acknowledged: nothing comes a second time.
    let site = Site::with_store(path).await;
    let mut client = back(&site, lasting("away")).await;
    client.ping().await;
    let mut publisher = site.client("publisher").await;
    publisher.tell("data/x", "five").await;
    assert_eq!(client.text().await, "five");
    stop(site).await;
}

#[tokio::test]
async fn what_was_in_flight_keeps_its_identifier_and_its_stage_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let site = Site::with_store(path.clone()).await;
    let mut client = Client::connect(site.addr, lasting("c")).await;
    client.subscribe("t", QoS::ExactlyOnce).await;
    let mut publisher = site.client("publisher").await;
    for (id, payload) in [(5, "one"), (6, "two")] {
        publisher.publish(publication("t", payload, QoS::ExactlyOnce, id)).await;
        assert!(matches!(publisher.receive().await, Packet::PubRec(_)));
    }
    let sent = [client.unacknowledged().await, client.unacknowledged().await];
    let ids = sent.each_ref().map(|each| each.packet_id.unwrap().get());
    client.send(&Packet::PubRec(ack(ids[0]))).await;
    assert_eq!(client.receive().await, Packet::PubRel(ack(ids[0])));
    stop(site).await;

    let site = Site::with_store(path).await;
    let mut client = back(&site, lasting("c")).await;
    assert_eq!(client.receive().await, Packet::PubRel(ack(ids[0])));
    let again = client.unacknowledged().await;
    assert_eq!(again, Publish { dup: true, ..sent[1].clone() });
    stop(site).await;
}

#[tokio::test]
async fn a_publication_that_was_received_is_not_received_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let site = Site::with_store(path.clone()).await;
    let mut reader = Client::connect(site.addr, lasting("reader")).await;
    reader.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = Client::connect(site.addr, lasting("publisher")).await;
    let publish = publication("t", "once", QoS::ExactlyOnce, 9);
    publisher.publish(publish.clone()).await;
    assert!(matches!(publisher.receive().await, Packet::PubRec(_)));
    assert_eq!(reader.text().await, "once");
    reader.ping().await;
    stop(site).await;

    let site = Site::with_store(path).await;
    let mut reader = back(&site, lasting("reader")).await;
    let mut publisher = back(&site, lasting("publisher")).await;
    publisher.publish(Publish { dup: true, ..publish }).await;
    assert!(matches!(publisher.receive().await, Packet::PubRec(_)));
    publisher.send(&Packet::PubRel(ack(9))).await;
    assert_eq!(publisher.receive().await, Packet::PubComp(ack(9)));
    // Released: the same identifier is another message now.
    publisher.publish(publication("t", "twice", QoS::ExactlyOnce, 9)).await;
    assert!(matches!(publisher.receive().await, Packet::PubRec(_)));
    assert_eq!(reader.text().await, "twice");
    stop(site).await;
}

#[tokio::test]
async fn a_delayed_will_is_sent_though_the_broker_was_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let hands = crate::site::Hands::default();
    let with_hands = || builder(Config { store_path: Some(path.clone()), ..Config::default() }).clock(hands.clock());
    let mut site = Site::of(with_hands()).await;
    let mut connect = lasting("dying");
    let mut last = will("last", "words");
    last.properties.delay_secs = Some(60);
    connect.will = Some(last);
    drop(Client::connect(site.addr, connect).await);
    site.gone().await;
    stop(site).await;

    let site = Site::of(with_hands()).await;
    let mut reader = site.client("reader").await;
    reader.subscribe("#", QoS::AtLeastOnce).await;
    reader.ping().await;
    hands.forward_secs(61);
    assert_eq!(reader.text().await, "words");
    stop(site).await;
}

#[tokio::test]
async fn an_orderly_stop_sends_no_will() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let site = Site::with_store(path.clone()).await;
    let connect = Connect { will: Some(will("last", "words")), ..lasting("living") };
    let _living = Client::connect(site.addr, connect).await;
    stop(site).await;
    let site = Site::with_store(path).await;
    let mut reader = site.client("reader").await;
    reader.subscribe("last", QoS::AtLeastOnce).await;
    let mut publisher = site.client("publisher").await;
    publisher.tell("last", "after").await;
    assert_eq!(reader.text().await, "after");
    stop(site).await;
}

#[tokio::test]
async fn sessions_that_ended_are_gone_from_the_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let mut site = Site::with_store(path.clone()).await;
    let mut kept = Client::connect(site.addr, lasting("kept")).await;
    kept.subscribe("t", QoS::AtLeastOnce).await;
    for id in ["clean", "short"] {
        let mut client = Client::connect(site.addr, lasting(id)).await;
        client.subscribe("t", QoS::AtLeastOnce).await;
        client.leave(Reason::Success).await;
        site.gone().await;
    }
    kept.leave(Reason::Success).await;
    site.gone().await;
    site.client("publisher").await.tell("t", "shared by three").await;
    // One starts anew, one comes back for this connection only.
    Client::connect(site.addr, hello(Version::V5, "clean")).await.leave(Reason::Success).await;
    let mut once = lasting("short");
    once.properties.session_expiry_secs = Some(0);
    let mut short = back(&site, once).await;
    assert_eq!(short.text().await, "shared by three");
    short.leave(Reason::Success).await;
    stop(site).await;

    let file = rusqlite::Connection::open(&path).unwrap();
    let count = |table: &str| -> i64 {
        file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(["session", "subscription", "queue", "message"].map(count), [1, 1, 1, 1]);
    drop(file);
    let site = Site::with_store(path).await;
    let mut kept = back(&site, lasting("kept")).await;
    assert_eq!(kept.text().await, "shared by three");
    stop(site).await;
}

#[tokio::test]
async fn a_session_whose_owner_is_no_longer_known_is_not_brought_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.db");
    let site = Site::with_store(path.clone()).await;
    let mut client = Client::connect(site.addr, lasting("c")).await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    stop(site).await;
    let site =
        Site::of(builder(Config { store_path: Some(path), ..Config::default() }).rights(broker::Rights::default()))
            .await;
    assert!(site.handle.clients().await.is_empty());
    stop(site).await;
}
