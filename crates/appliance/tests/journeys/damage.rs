use std::fs;
use std::io::Write as _;

use serde_json::json;
use wire::{Code, Phase, SiteStatus};

use crate::harness::Room;

/// A room whose site ran once and was stopped.
async fn used() -> (Room, String) {
    let room = Room::new();
    let house = room.start().await;
    let password = house.create("serre-04").await.password.expose().to_owned();
    house.appliance.shutdown().await;
    (room, password)
}

async fn damaged(room: &Room, what: &str) -> crate::harness::House {
    let house = room.open().await;
    let status = house.status().await;
    assert_eq!(status.phase, Phase::Damaged);
    assert_eq!(status.damage.unwrap().what, what);
    assert_eq!(*house.appliance.claim_door().borrow(), None, "nothing is started");
    let refused = house.first_run(json!({})).await.unwrap_err();
    assert_eq!(refused.code, Code::DataDamaged, "a first run does not paper over it");
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_settings_start_nothing_and_the_good_copy_brings_all_back() {
    let (room, password) = used().await;
    fs::write(room.path("settings.toml"), "version = 1\nname = \"Sal").unwrap();
    let house = damaged(&room, "settings").await;
    let damage = house.status().await.damage.unwrap();
    assert_eq!(fs::read_to_string(damage.kept_file).unwrap(), "version = 1\nname = \"Sal");
    assert!(damage.last_good.is_some());
    let status: SiteStatus = house.call("rescue_restore", json!({})).await.unwrap();
    assert_eq!((status.phase, status.devices_total), (Phase::Running, 1));
    house.client("serre-04", &password).connect().await.unwrap();
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_settings_beside_a_good_copy_are_damage() {
    let (room, _) = used().await;
    fs::remove_file(room.path("settings.toml")).unwrap();
    let house = damaged(&room, "settings").await;
    let status: SiteStatus = house.call("rescue_restore", json!({})).await.unwrap();
    assert_eq!(status.phase, Phase::Running);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_authority_is_never_replaced_by_a_new_one() {
    let (room, password) = used().await;
    let before = fs::read(room.path("authority.pem")).unwrap();
    fs::write(room.path("authority.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let house = damaged(&room, "authority").await;
    let _: SiteStatus = house.call("rescue_restore", json!({})).await.unwrap();
    assert_eq!(fs::read(room.path("authority.pem")).unwrap(), before);
    house.client("serre-04", &password).connect().await.unwrap();
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_secrets_are_damage_and_come_back_from_their_copy() {
    let (room, password) = used().await;
    fs::remove_dir_all(room.path("secrets")).unwrap();
    let house = damaged(&room, "secrets").await;
    let status: SiteStatus = house.call("rescue_restore", json!({})).await.unwrap();
    assert_eq!(status.phase, Phase::Running);
    house.client("serre-04", &password).connect().await.unwrap();
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_databases_are_set_aside_only_when_somebody_says_so() {
    for (file, what) in [("recordings.db", "recordings"), ("broker.db", "broker_store")] {
        let (room, password) = used().await;
        for end in ["-wal", "-shm"] {
            fs::remove_file(room.path(&format!("{file}{end}"))).ok();
        }
        let mut database = fs::OpenOptions::new().write(true).open(room.path(file)).unwrap();
        database.write_all(&[0x5a; 4096]).unwrap();
        drop(database);
        let house = damaged(&room, what).await;
        assert!(fs::read(room.path(file)).unwrap().starts_with(&[0x5a; 4096]), "{file} is as it was found");
        let status: SiteStatus = house.call("rescue_restore", json!({})).await.unwrap();
        assert_eq!(status.phase, Phase::Running, "{file}");
        let names = fs::read_dir(room.dir.path()).unwrap().flatten().map(|entry| entry.file_name());
        let aside = format!("{file}.damaged-");
        assert!(names.into_iter().any(|name| name.to_string_lossy().starts_with(&aside)), "{file} is kept");
        house.client("serre-04", &password).connect().await.unwrap();
        house.appliance.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_cut_anywhere_never_start_a_site() {
    let (room, _) = used().await;
    let whole = fs::read(room.path("settings.toml")).unwrap();
    // The last newline alone may be missing.
    for cut in (0..whole.trim_ascii_end().len()).step_by(whole.len() / 12) {
        fs::write(room.path("settings.toml"), &whole[..cut]).unwrap();
        let house = room.open().await;
        assert_eq!(house.status().await.phase, Phase::Damaged, "cut at {cut}");
        house.appliance.shutdown().await;
    }
}
