use serde_json::json;
use wire::{Code, DeviceState, Phase};

use crate::harness::{Room, holds};

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_run_to_a_live_and_recorded_value() {
    let room = Room::new();
    let house = room.open().await;
    assert_eq!(house.status().await.phase, Phase::FirstRun);
    assert!(house.appliance.authority_files().is_none());

    let status = house.first_run(json!({})).await.unwrap();
    assert_eq!((status.phase, status.slug.as_str()), (Phase::Running, "salle114"));
    assert_eq!(status.host_name, "salle114.local");
    assert_eq!(status.secret_store, "file");
    assert_eq!(status.authority_fingerprint.unwrap().len(), 19);
    let door = *house.appliance.claim_door().borrow();
    assert_eq!(door.unwrap().port(), room.ports.claim);

    let handed = house.create("serre-04").await;
    assert_eq!(handed.topic, "salle114/serre/serre-04/measures");
    assert_eq!(handed.device.state, DeviceState::Expected);
    assert_eq!(handed.password.expose().len(), 19);
    assert!(handed.files.iter().any(|file| file.text.expose().contains(handed.password.expose())));

    let mut client = house.client("serre-04", handed.password.expose());
    client.connect().await.unwrap();
    client.publish(&handed.topic, r#"{"temperature":23.4}"#, false).await;

    let records = house.records(&handed.topic).await;
    assert_eq!(records.len(), 1, "an acknowledged message is recorded");
    assert_eq!(records[0].text.as_deref(), Some(r#"{"temperature":23.4}"#));

    let view = wire::LiveView { limit: 50, selected: Some(handed.topic.clone()), ..wire::LiveView::default() };
    let mut frame = Vec::new();
    for _ in 0..50 {
        frame = house.appliance.live_frame(view.clone()).await.unwrap();
        if holds(&frame, &handed.topic) && holds(&frame, "23.4") {
            break;
        }
    }
    assert!(holds(&frame, &handed.topic) && holds(&frame, "23.4"), "the value is in the live view");

    let device = house.device("serre-04").await;
    assert_eq!(device.state, DeviceState::Online);
    assert!(device.last_value.unwrap().contains("23.4"));

    let detail: wire::TopicDetail = house.call("topic_read", json!({"topic": handed.topic})).await.unwrap();
    assert_eq!(detail.publisher.as_deref(), Some("serre-04"));
    assert_eq!(detail.numeric_fields, ["temperature"]);
    let series: wire::Series = house
        .call(
            "record_series",
            json!({"topic": handed.topic, "field": "temperature", "from_ms": 0, "until_ms": 4_000_000_000_000_i64, "columns": 100}),
        )
        .await
        .unwrap();
    assert_eq!(series.last, [23.4]);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_view_answers_when_something_changes() {
    let room = Room::new();
    let house = room.start().await;
    let view = wire::LiveView { limit: 50, ..wire::LiveView::default() };
    let first = house.appliance.live_frame(view.clone()).await.unwrap();
    let version = u64::from_le_bytes(first[4..12].try_into().unwrap());
    let layout = u32::from_le_bytes(first[12..16].try_into().unwrap());
    let view = wire::LiveView { since: version, layout, ..view };
    let (next, ()) = tokio::join!(house.appliance.live_frame(view), async {
        let request = json!({"topic": "salle114/tableau", "payload": "bonjour", "qos": 1, "retain": true});
        let _: wire::Nothing = house.call("message_publish", request).await.unwrap();
    });
    let next = next.unwrap();
    assert!(holds(&next, "bonjour"));

    // Another topic is selected: that is an answer too, though nothing new was said.
    let version = u64::from_le_bytes(next[4..12].try_into().unwrap());
    let layout = u32::from_le_bytes(next[12..16].try_into().unwrap());
    let selected = Some("salle114/tableau".to_owned());
    let view = wire::LiveView { limit: 50, since: version, layout, selected, ..wire::LiveView::default() };
    let detail = house.appliance.live_frame(view).await.unwrap();
    assert_eq!(detail[1] & 1, 1, "a whole frame");
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_the_first_run_is_checked() {
    let room = Room::new();
    let house = room.open().await;
    let ports = |mqtts: u16, wss: u16, claim: u16| json!({"mqtts": mqtts, "wss": wss, "mqtt": null, "claim": claim});
    for (changes, code, field) in [
        (json!({"name": "  "}), Code::NameEmpty, "name"),
        (json!({"name": "x".repeat(41)}), Code::NameInvalid, "name"),
        (json!({"name": "a\u{202e}b"}), Code::NameInvalid, "name"),
        (json!({"place": "x".repeat(61)}), Code::NameInvalid, "place"),
        (json!({"address": "203.0.113.9"}), Code::AddressUnknown, "address"),
        (json!({"address": "0.0.0.0"}), Code::AddressUnknown, "address"),
        (json!({"address": "localhost"}), Code::AddressUnknown, "address"),
        (json!({"ports": ports(0, 2, 3)}), Code::PortInvalid, "ports.mqtts"),
        (json!({"ports": ports(9001, 9001, 3)}), Code::PortInvalid, "ports.wss"),
    ] {
        let problem = house.first_run(changes.clone()).await.unwrap_err();
        assert_eq!((problem.code, problem.field.as_deref()), (code, Some(field)), "{changes}");
    }
    assert_eq!(house.status().await.phase, Phase::FirstRun);
    assert!(!room.path("settings.toml").exists() && !room.path("authority.pem").exists(), "no trace");
    assert_eq!(house.call::<wire::Nothing>("nonsense", json!({})).await.unwrap_err().code, Code::UnknownCommand);
    assert_eq!(house.call::<wire::Nothing>("site_start", json!({"name": 1})).await.unwrap_err().code, Code::Malformed);
    let early = house.call::<wire::Nothing>("device_list", json!({})).await.unwrap_err();
    assert_eq!(early.code, Code::SiteNotStarted);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_a_new_device_is_checked() {
    let room = Room::new();
    let house = room.start().await;
    house.create("serre-04").await;
    for (changes, code, field, offer) in [
        (json!({"id": ""}), Code::NameEmpty, "id", None),
        (json!({"id": "Serre 5"}), Code::NameInvalid, "id", Some("serre5")),
        (json!({"id": "../x"}), Code::NameInvalid, "id", Some("x")),
        (json!({"id": "serre-04"}), Code::NameTaken, "id", Some("serre-05")),
        (json!({"group": "Été"}), Code::GroupInvalid, "group", Some("ete")),
        (json!({"group": "guests"}), Code::GroupInvalid, "group", None),
        (json!({"kind": "toaster"}), Code::KindUnknown, "kind", None),
        (json!({"language": "de"}), Code::Malformed, "language", None),
    ] {
        let mut request = json!({"id": "new", "group": "serre", "kind": "other", "language": "fr"});
        for (key, value) in changes.as_object().unwrap() {
            request[key] = value.clone();
        }
        let problem = house.call::<wire::ProvisionedDevice>("device_create", request).await.unwrap_err();
        assert_eq!((problem.code, problem.field.as_deref()), (code, Some(field)), "{changes}");
        assert_eq!(problem.offer.as_deref(), offer, "{changes}");
    }
    let devices: Vec<wire::Device> = house.call("device_list", json!({})).await.unwrap();
    assert_eq!(devices.len(), 1);
    house.appliance.shutdown().await;
}
