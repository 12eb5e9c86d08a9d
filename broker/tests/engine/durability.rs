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
