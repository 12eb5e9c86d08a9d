use std::time::Duration;

use appliance::OpenError;
use serde_json::json;
use wire::{EventKind, Phase};

use crate::harness::Room;

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_again_after_a_restart() {
    let room = Room::new();
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    let mut client = house.client("serre-04", handed.password.expose());
    client.connect().await.unwrap();
    client.publish(&handed.topic, "21.5", true).await;
    let authority = house.appliance.authority_files().unwrap();
    let before = house.status().await;
    house.appliance.shutdown().await;

    let house = room.open().await;
    let after = house.status().await;
    assert_eq!(after.phase, Phase::Running);
    assert_eq!(
        (after.name, after.ports, after.certificate_until),
        (before.name, before.ports, before.certificate_until)
    );
    assert_eq!(house.appliance.authority_files().unwrap(), authority);
    assert_eq!(house.device("serre-04").await.last_value.as_deref(), Some("21.5"));
    assert_eq!(house.records(&handed.topic).await.len(), 1);
    let detail: wire::TopicDetail = house.call("topic_read", json!({"topic": handed.topic})).await.unwrap();
    assert!(detail.retained, "retained messages are kept");
    house.client("serre-04", handed.password.expose()).connect().await.unwrap();
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_use_is_not_opened_twice() {
    let room = Room::new();
    let house = room.open().await;
    assert!(matches!(room.try_open().await, Err(OpenError::Locked { .. })));
    house.appliance.shutdown().await;
    room.open().await.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_can_be_read_while_the_broker_is_stopped() {
    let room = Room::new();
    let house = room.start().await;
    let request = json!({"topic": "salle114/note", "payload": "1", "qos": 1, "retain": false});
    let _: wire::Nothing = house.call("message_publish", request.clone()).await.unwrap();
    let status: wire::SiteStatus = house.call("broker_stop", json!({})).await.unwrap();
    assert_eq!(status.phase, Phase::Stopped);
    assert_eq!(*house.appliance.claim_door().borrow(), None);
    assert_eq!(house.records("salle114/note").await.len(), 1);
    let stopped = house.call::<wire::Nothing>("message_publish", request.clone()).await.unwrap_err();
    assert_eq!(stopped.code, wire::Code::BrokerStopped);

    let status: wire::SiteStatus = house.call("broker_start", json!({})).await.unwrap();
    assert_eq!(status.phase, Phase::Running);
    let _: wire::Nothing = house.call("message_publish", request).await.unwrap();
    assert_eq!(house.records("salle114/note").await.len(), 2, "acknowledged means recorded, after a restart too");
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_renewed_before_it_ends() {
    let room = Room::new();
    room.move_clock_back(Duration::from_secs(370 * 86_400));
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    let before = house.status().await.certificate_until;
    house.appliance.upkeep().await.unwrap();
    assert_eq!(house.status().await.certificate_until, before, "nothing to do yet");
    room.move_clock(Duration::from_secs(370 * 86_400));
    house.appliance.upkeep().await.unwrap();
    assert_ne!(house.status().await.certificate_until, before);
    house.event(None, |event| event.kind == EventKind::CertificateRenewed).await;
    house.client("serre-04", handed.password.expose()).connect().await.unwrap();
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_changed_is_followed_on_its_interface() {
    let room = Room::new();
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    house.appliance.shutdown().await;
    // As if the network had given out another address while the computer was off.
    let settings = std::fs::read_to_string(room.path("settings.toml")).unwrap();
    let moved = settings.replacen("address = \"127.0.0.1\"", "address = \"203.0.113.9\"", 1);
    assert_ne!(settings, moved);
    std::fs::write(room.path("settings.toml"), moved).unwrap();

    let house = room.open().await;
    let status = house.status().await;
    assert_eq!((status.phase, status.address.as_deref()), (Phase::Running, Some("127.0.0.1")));
    house.client("serre-04", handed.password.expose()).connect().await.unwrap();
    house.appliance.shutdown().await;
}
