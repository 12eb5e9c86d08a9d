//! Many devices at once, without a screen: made, shut out until scanned, renamed, moved, revoked.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use base64::Engine as _;
use serde_json::{Value, json};
use wire::{Code, DeviceState, DevicesChanged, EventKind, HandedOut, RefusalCause};

use crate::harness::{House, Room};

pub fn rows(names: &[(&str, &str)]) -> Value {
    json!(names.iter().map(|(id, group)| json!({"id": id, "group": group, "kind": ""})).collect::<Vec<_>>())
}

pub fn sheet(passwords: bool) -> Value {
    json!({"format": "labels", "passwords": passwords, "cut_lines": true, "language": "fr"})
}

pub async fn create(house: &House, names: &[(&str, &str)], bundles: bool) -> HandedOut {
    let request = json!({"rows": rows(names), "kind": "other", "sheet": sheet(false), "bundles": bundles});
    house.call("class_create", request).await.unwrap()
}

/// The files of a zip by their names.
pub fn unpack(base64: &str) -> HashMap<String, Vec<u8>> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files = HashMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        files.insert(file.name().unwrap().into_owned(), bytes);
    }
    files
}

/// The password of a device, as its folder in the zip says it.
pub fn password(handed: &HandedOut, id: &str) -> String {
    let files = unpack(handed.bundles_base64.expose());
    let config: Value = serde_json::from_slice(&files[&format!("{id}/config.json")]).unwrap();
    assert_eq!(config["user"], id);
    config["password"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_is_made_whole_or_not_at_all() {
    let room = Room::new();
    let house = room.start().await;
    house.create("serre-02").await;
    let request =
        |names: &[(&str, &str)]| json!({"rows": rows(names), "kind": "other", "sheet": sheet(false), "bundles": true});
    let taken = [("serre-01", "groupe-a"), ("serre-02", "groupe-a")];
    let problem = house.call::<HandedOut>("class_create", request(&taken)).await.unwrap_err();
    assert_eq!((problem.code, problem.field.as_deref()), (Code::NameTaken, Some("rows.2.id")));
    assert_eq!(problem.offer.as_deref(), Some("serre-03"));
    let devices: Vec<wire::Device> = house.call("device_list", json!({})).await.unwrap();
    assert_eq!(devices.len(), 1, "nothing was made");

    let good = [("serre-01", "groupe-a"), ("serre-03", "groupe-b")];
    let handed: HandedOut = house.call("class_create", request(&good)).await.unwrap();
    assert_eq!(handed.devices.len(), 2);
    let files = unpack(handed.bundles_base64.expose());
    let list = String::from_utf8(files["appareils.csv"].clone()).unwrap();
    assert!(list.contains("serre-03;groupe-b;other;salle114/groupe-b/serre-03"), "{list}");
    assert!(!list.contains(&password(&handed, "serre-01")));
    house.client("serre-01", &password(&handed, "serre-01")).connect().await.unwrap();
    let empty = house.call::<HandedOut>("class_create", request(&[])).await.unwrap_err();
    assert_eq!(empty.code, Code::ListEmpty);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_of_a_card_is_shut_out_until_the_card_is_scanned() {
    let room = Room::new();
    let house = room.start().await;
    let handed = create(&house, &[("serre-01", "groupe-a")], false).await;
    assert!(handed.devices[0].awaits_claim && handed.bundles_base64.expose().is_empty());
    assert!(house.appliance.claim_open());
    assert!(house.client("serre-01", "K7QH-2M9D-XW4T-PB8R").connect().await.is_err());
    let refused = house.refusal(Some("serre-01")).await;
    assert_eq!(refused.refusal.unwrap().cause, RefusalCause::NotClaimed);
    // The card outlives the daemon.
    house.appliance.shutdown().await;
    let house = room.open().await;
    assert!(house.appliance.claim_open());
    assert!(house.device("serre-01").await.awaits_claim);
    // A password that somebody can read is no secret of the card: the device works at once.
    let request = json!({"ids": ["serre-01"], "sheet": sheet(false), "bundles": true});
    let again: HandedOut = house.call("class_sheet", request).await.unwrap();
    assert!(again.reissued.is_empty(), "nobody had the password before");
    house.client("serre-01", &password(&again, "serre-01")).connect().await.unwrap();
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_printed_again_leave_a_device_alone_unless_passwords_are_shown() {
    let room = Room::new();
    let house = room.start().await;
    let handed = create(&house, &[("serre-01", "groupe-a")], true).await;
    let first = password(&handed, "serre-01");
    let mut client = house.client("serre-01", &first);
    client.connect().await.unwrap();
    let print = |bundles: bool| json!({"ids": ["serre-01"], "sheet": sheet(false), "bundles": bundles});
    let quiet: HandedOut = house.call("class_sheet", print(false)).await.unwrap();
    assert!(quiet.reissued.is_empty());
    client.publish("salle114/groupe-a/serre-01/measures", "1", false).await;
    house.client("serre-01", &first).connect().await.unwrap();

    let loud: HandedOut = house.call("class_sheet", print(true)).await.unwrap();
    assert_eq!(loud.reissued, ["serre-01"]);
    assert!(house.client("serre-01", &first).connect().await.is_err(), "the password before has ended");
    house.client("serre-01", &password(&loud, "serre-01")).connect().await.unwrap();
    let unknown = json!({"ids": ["nobody"], "sheet": sheet(false), "bundles": false});
    assert_eq!(house.call::<HandedOut>("class_sheet", unknown).await.unwrap_err().code, Code::DeviceUnknown);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_and_retained_messages_follow_a_device_to_its_new_name_and_group() {
    let room = Room::new();
    let house = room.start().await;
    let handed = create(&house, &[("serre-01", "groupe-a"), ("serre-02", "groupe-a")], true).await;
    let secret = password(&handed, "serre-01");
    let mut client = house.client("serre-01", &secret);
    client.connect().await.unwrap();
    client.publish("salle114/groupe-a/serre-01/measures", "21", true).await;
    let mut other = house.client("serre-02", &password(&handed, "serre-02"));
    other.connect().await.unwrap();
    other.publish("salle114/groupe-a/serre-02/measures", "4", true).await;

    // In one go, the second takes the name that the first leaves.
    let swap = json!({"names": [{"id": "serre-02", "name": "serre-01"}, {"id": "serre-01", "name": "lampe"}]});
    let renamed: DevicesChanged = house.call("devices_rename", swap).await.unwrap();
    assert_eq!(renamed.to_touch, ["serre-01", "lampe"]);
    let moved = json!({"groups": [{"id": "lampe", "group": "groupe-b"}]});
    let moved: DevicesChanged = house.call("devices_move", moved).await.unwrap();
    assert_eq!(moved.devices[0].branch, "salle114/groupe-b/lampe");
    // Nothing is retained in two places, and nothing is lost.
    let plan = json!({"names": "keep", "erase_recordings": false, "sheet": sheet(false)});
    let plan: wire::YearPlan = house.call("year_preview", plan).await.unwrap();
    assert_eq!(plan.retained, 2);
    for (topic, len) in [("salle114/groupe-b/lampe/measures", 2), ("salle114/groupe-a/serre-01/measures", 1)] {
        let shown = async {
            loop {
                let detail: wire::TopicDetail = house.call("topic_read", json!({"topic": topic})).await.unwrap();
                if detail.retained && detail.payload_len == len {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(crate::harness::PATIENCE, shown).await.expect(topic);
    }
    let mut lampe = house.client("lampe", &secret);
    lampe.connect().await.unwrap();
    use rumqttc::mqttbytes::v5::PubAckReason;
    let own = lampe.publish("salle114/groupe-b/lampe/measures", "22", false).await;
    assert!(matches!(own, PubAckReason::Success | PubAckReason::NoMatchingSubscribers), "{own:?}");
    assert_eq!(
        lampe.publish("salle114/groupe-a/serre-01/measures", "22", false).await,
        PubAckReason::NotAuthorized,
        "the old branch is another's"
    );
    let taken = json!({"names": [{"id": "lampe", "name": "serre-01"}]});
    let problem = house.call::<DevicesChanged>("devices_rename", taken).await.unwrap_err();
    assert_eq!((problem.code, problem.offer.as_deref()), (Code::NameTaken, Some("serre-02")));
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_revoked_restored_and_removed_at_once() {
    let room = Room::new();
    let house = room.start().await;
    let handed = create(&house, &[("a-1", "groupe-a"), ("a-2", "groupe-a"), ("b-1", "groupe-b")], true).await;
    let mut client = house.client("a-1", &password(&handed, "a-1"));
    client.connect().await.unwrap();
    let both = json!({"ids": ["a-1", "a-2"]});
    house.call::<DevicesChanged>("devices_revoke", both.clone()).await.unwrap();
    house.event(Some("a-1"), |event| event.kind == EventKind::Disconnected || event.kind == EventKind::Kicked).await;
    assert!(house.client("a-2", &password(&handed, "a-2")).connect().await.is_err());
    assert_eq!(house.device("a-2").await.state, DeviceState::Revoked);
    let restored: DevicesChanged = house.call("devices_restore", both.clone()).await.unwrap();
    assert_eq!(restored.devices.len(), 2);
    house.client("a-2", &password(&handed, "a-2")).connect().await.unwrap();
    house.call::<Value>("devices_remove", both).await.unwrap();
    let left: Vec<wire::Device> = house.call("device_list", json!({})).await.unwrap();
    assert_eq!(left.iter().map(|device| device.id.as_str()).collect::<Vec<_>>(), ["b-1"]);
    house.appliance.shutdown().await;
}
