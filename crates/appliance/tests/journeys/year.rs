//! The end of a year: what was is archived, what opened a door opens none, names are gone.

use serde_json::{Value, json};
use wire::{YearEnded, YearPlan};

use crate::class::{create, password, sheet, unpack};
use crate::harness::{Room, holds};

fn end(names: &str, erase: bool) -> Value {
    json!({"names": names, "erase_recordings": erase, "sheet": sheet(true)})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_year_keeps_an_archive_and_leaves_no_name_and_no_secret() {
    let room = Room::new();
    let house = room.start().await;
    let handed = create(&house, &[("camille", "tp-lundi"), ("zoe", "tp-mardi")], true).await;
    let secret = password(&handed, "camille");
    let mut client = house.client("camille", &secret);
    client.connect().await.unwrap();
    client.publish("salle114/tp-lundi/camille/measures", "21", true).await;

    let everything = json!({"filters": [], "devices": [], "from_ms": null, "until_ms": null});
    let request = json!({"selection": everything, "format": "csv_fr", "form": "long", "step_ms": 0, "language": "fr", "open_data": null});
    let export: wire::ExportJob = house.call("export_start", request).await.unwrap();
    let request = json!({"id": export.id, "wait_ms": 25_000});
    let export: wire::ExportJob = house.call("export_status", request).await.unwrap();
    let export = house.appliance.export_file(export.id).unwrap().path;
    assert!(holds(&std::fs::read(&export).unwrap(), "camille"));
    let link = json!({"name": "camille", "filter": "#", "shows": "last", "days": 30});
    let _: wire::CreatedFeed = house.call("feed_create", link).await.unwrap();

    let plan: YearPlan = house.call("year_preview", end("neutral", true)).await.unwrap();
    assert_eq!((plan.devices, plan.groups, plan.connected), (2, 2, 1));
    assert_eq!((plan.retained, plan.recorded, plan.records_in_archive), (1, 1, true));
    assert_eq!(plan.new_names[0].name, "appareil-01");
    assert_eq!(house.device("camille").await.group, "tp-lundi", "a preview changes nothing");

    let ended: YearEnded = house.call("year_end", end("neutral", true)).await.unwrap();
    let files = unpack(&ended.archive_base64);
    assert!(String::from_utf8_lossy(&files["appareils.csv"]).contains("camille;tp-lundi"));
    assert!(String::from_utf8_lossy(&files["mesures.csv"]).contains("salle114/tp-lundi/camille/measures"));
    let hash = std::fs::read_to_string(room.path("settings.toml")).unwrap();
    let hash = hash.lines().find(|line| line.contains("$7$")).unwrap().split('"').nth(1).unwrap().to_owned();
    for (name, bytes) in &files {
        assert!(!holds(bytes, &secret) && !holds(bytes, &hash) && !holds(bytes, "$7$"), "{name}");
    }

    assert!(!export.exists(), "an export holds the names of the year");
    let links: Vec<wire::Feed> = house.call("feed_list", json!({})).await.unwrap();
    assert!(links.is_empty() && house.appliance.feed_door().borrow().is_none());
    assert!(house.client("camille", &secret).connect().await.is_err());
    assert!(house.client("appareil-01", &secret).connect().await.is_err(), "no password of the year goes on");
    let devices: Vec<wire::Device> = house.call("device_list", json!({})).await.unwrap();
    assert_eq!(
        devices.iter().map(|d| (d.id.as_str(), d.group.as_str())).collect::<Vec<_>>(),
        [("appareil-01", "groupe-a"), ("appareil-02", "groupe-b")]
    );
    assert_eq!((ended.left.devices, ended.left.retained, ended.left.recorded), (2, 0, 0));
    assert_eq!(ended.handed.unwrap().devices.len(), 2);
    house.appliance.shutdown().await;
    for file in ["settings.toml", "settings.toml.good", "recordings.db", "broker.db"] {
        let bytes = std::fs::read(room.path(file)).unwrap();
        assert!(!holds(&bytes, "camille"), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_stay_get_new_secrets_and_what_is_left_is_told() {
    let room = Room::new();
    let house = room.start().await;
    let handed = create(&house, &[("serre-01", "groupe-a")], true).await;
    let secret = password(&handed, "serre-01");
    let mut client = house.client("serre-01", &secret);
    client.connect().await.unwrap();
    client.publish("salle114/groupe-a/serre-01/measures", "21", true).await;
    let ended: YearEnded = house.call("year_end", end("keep", false)).await.unwrap();
    assert!(house.client("serre-01", &secret).connect().await.is_err());
    assert_eq!((ended.left.devices, ended.left.retained, ended.left.recorded), (1, 1, 1));
    assert!(ended.left.old_names.is_empty());

    let ended: YearEnded = house.call("year_end", end("remove", false)).await.unwrap();
    assert!(ended.handed.is_none());
    assert_eq!((ended.left.devices, ended.left.retained), (0, 0));
    assert_eq!(ended.left.old_names, ["serre-01"], "its records go by themselves, and the report says so");
    house.appliance.shutdown().await;
}
