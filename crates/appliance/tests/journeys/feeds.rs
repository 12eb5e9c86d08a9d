//! Addresses that spreadsheets read.

use appliance::FeedForm;
use serde_json::{Value, json};
use wire::{Code, CreatedFeed, Feed, Role};

use crate::harness::{House, Room};

async fn create(house: &House, shows: &str) -> (CreatedFeed, String) {
    let request = json!({"name": "TP 3", "filter": "salle114/#", "shows": shows, "days": 30});
    let made: CreatedFeed = house.call("feed_create", request).await.unwrap();
    let token = made.url.expose().trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
    (made, token)
}

async fn text(house: &House, token: &str, form: FeedForm) -> String {
    String::from_utf8(house.appliance.feed_table(token, form).await.unwrap()).unwrap()
}

async fn asked(house: &House, token: &str) -> Option<Code> {
    house.appliance.feed_table(token, FeedForm::French).await.err().map(|problem| problem.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_shows_its_filter_and_nothing_else() {
    let room = Room::new();
    let house = room.start().await;
    house.create("serre-04").await;
    house.says("salle114/serre/serre-04/mesures", r#"{"temperature":20}"#).await;
    house.says("salle114/serre/serre-04/mesures", r#"{"temperature":21.5,"etat":"=1"}"#).await;
    house.says("elsewhere/secret", "1").await;
    let (_, last) = create(&house, "last").await;
    let french = text(&house, &last, FeedForm::French).await;
    let lines: Vec<&str> = french.lines().collect();
    assert_eq!(lines[0], "\u{FEFF}appareil;sujet;champ;valeur;message;heure locale");
    assert!(lines[1].starts_with("serre-04;salle114/serre/serre-04/mesures;temperature;21,5;;"), "{french}");
    assert!(lines[2].starts_with("serre-04;salle114/serre/serre-04/mesures;etat;;'=1;"), "{french}");
    assert_eq!(lines.len(), 3);
    let (_, hour) = create(&house, "hour").await;
    let plain = text(&house, &hour, FeedForm::Plain).await;
    assert!(plain.starts_with("local time,UTC time,temperature,etat\n") && plain.contains(",21.5,'=1"), "{plain}");
    let value = |form, field: &str| house.appliance.feed_value(&last, form, None, Some(field.to_owned()));
    assert_eq!(value(FeedForm::French, "temperature").await.unwrap(), "21,5");
    assert_eq!(value(FeedForm::Plain, "temperature").await.unwrap(), "21.5");
    let first = house.appliance.feed_value(&last, FeedForm::French, None, None).await;
    assert_eq!(first.unwrap(), "21,5", "the first number, where no field is named");
    let other = house.appliance.feed_value(&last, FeedForm::Plain, Some("elsewhere/secret".into()), None).await;
    assert_eq!(other.unwrap(), "");
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_ends_by_revocation_by_its_day_and_is_kept_as_a_hash() {
    let room = Room::new();
    let house = room.start().await;
    let (first, token) = create(&house, "last").await;
    let (_, second) = create(&house, "last").await;
    assert!(house.appliance.feed_door().borrow().is_some());
    assert_eq!(asked(&house, &token).await, None);
    let listed: Vec<Feed> = house.call("feed_list", json!({})).await.unwrap();
    assert!(listed[0].read_ms.is_some() && listed[1].read_ms.is_none());
    let settings = std::fs::read_to_string(room.path("settings.toml")).unwrap();
    assert!(settings.contains("[[feeds]]") && !settings.contains(&token));
    let _: wire::Nothing = house.call("feed_revoke", json!({"id": first.feed.id})).await.unwrap();
    assert_eq!(asked(&house, &token).await, Some(Code::FeedUnknown));
    assert_eq!(asked(&house, "0".repeat(26).as_str()).await, Some(Code::FeedUnknown));
    let again = house.call::<wire::Nothing>("feed_revoke", json!({"id": first.feed.id})).await.unwrap_err();
    assert_eq!(again.code, Code::FeedUnknown);
    house.appliance.shutdown().await;
    drop(house);

    let house = room.open().await;
    assert_eq!(asked(&house, &second).await, None, "after a restart");
    assert!(house.appliance.feed_door().borrow().is_some());
    room.move_clock(std::time::Duration::from_secs(31 * 24 * 3_600));
    assert_eq!(asked(&house, &second).await, Some(Code::FeedUnknown), "after its last day");
    let listed: Vec<Feed> = house.call("feed_list", json!({})).await.unwrap();
    assert!(listed.is_empty());
    house.appliance.upkeep().await.unwrap();
    assert!(house.appliance.feed_door().borrow().is_none(), "the door closes with its last link");
    let request: Value = json!({"name": "x", "filter": "#", "shows": "last", "days": 1});
    let pupil = house.call_as::<CreatedFeed>(Role::Assistant, "feed_create", request).await.unwrap_err();
    assert_eq!(pupil.code, Code::NotAllowed);
    house.appliance.shutdown().await;
}
