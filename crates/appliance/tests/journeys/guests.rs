//! The guest zone: switched while the site runs, write-only, on doors of its own.

use bytes::Bytes;
use rumqttc::MqttOptions;
use rumqttc::mqttbytes::v5::PubAckReason;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::Duration;
use wire::{Code, DeviceState, SiteStatus};

use crate::harness::{Client, House, PATIENCE, Room};

const PHONE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 30));

impl House {
    async fn switch(&self, open: bool) -> Result<SiteStatus, wire::Problem> {
        self.call("guests_switch", json!({"open": open, "port": self.ports.mqtt})).await
    }

    async fn guest(&self, id: &str) -> Result<wire::ProvisionedDevice, wire::Problem> {
        let request = json!({"id": id, "group": "guests", "kind": "other", "language": "fr"});
        self.call("device_create", request).await
    }

    fn plain(&self, user: &str, password: &str) -> Client {
        let mut options = MqttOptions::new(user, ("127.0.0.1".to_owned(), self.ports.mqtt.unwrap()));
        options.set_credentials(user, password.to_owned());
        Client::of(options)
    }

    async fn post(&self, url: &str, body: &str) -> Result<(), Code> {
        let token = url.rsplit('/').next().unwrap();
        let posted = self.appliance.ingest(token, PHONE, Bytes::copy_from_slice(body.as_bytes())).await;
        posted.map_err(|problem| problem.code)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guest_zone_opens_and_closes_while_the_site_runs() {
    let room = Room::new();
    let house = room.start().await;
    let port = room.ports.mqtt.unwrap();
    assert!(!house.status().await.guests, "off until it is asked for");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(house.guest("lea").await.unwrap_err().code, Code::GroupInvalid);

    let holder = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(house.switch(true).await.unwrap_err().code, Code::PortTaken);
    assert!(!house.status().await.guests);
    drop(holder);
    let status = house.switch(true).await.unwrap();
    assert!(status.guests && status.proof.unwrap().holds());
    let guest = house.guest("lea").await.unwrap();
    let other = house.guest("tom").await.unwrap();
    let device = house.create("serre-04").await;

    let mut inside = house.plain("lea", guest.password.expose());
    inside.connect().await.unwrap();
    assert_ne!(inside.publish("salle114/guests/lea/x", "1", false).await, PubAckReason::NotAuthorized);
    for topic in ["salle114/guests/tom/x", "salle114/guests/x", "salle114/serre/serre-04/x", "x", "$SYS/x"] {
        assert_eq!(inside.publish(topic, "1", true).await, PubAckReason::NotAuthorized, "{topic}");
    }
    for filter in ["salle114/guests/lea/#", "#", "+/#", "$SYS/#", "$share/g/salle114/#"] {
        assert!(!inside.subscribes(filter).await, "{filter}");
    }
    // Credentials of one zone are none in the other.
    house.plain("serre-04", device.password.expose()).connect().await.unwrap_err();
    house.client("tom", other.password.expose()).connect().await.unwrap_err();
    // No sentence makes a guest more than that.
    let proof: wire::RightsShown = house.call("rights_prove", json!({})).await.unwrap();
    assert!(proof.proof.unwrap().holds());

    house.switch(false).await.unwrap();
    let thrown_out = async { while inside.events.poll().await.is_ok() {} };
    tokio::time::timeout(PATIENCE, thrown_out).await.expect("the connection ends with the zone");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    house.appliance.shutdown().await;
    let house = room.open().await;
    assert!(!house.status().await.guests, "and it stays closed");
    assert_eq!(house.switch(true).await.unwrap().ports.mqtt, Some(port));
    house.plain("lea", guest.password.expose()).connect().await.unwrap();
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_posts_what_it_measures() {
    let room = Room::new();
    let house = room.start().await;
    house.switch(true).await.unwrap();
    let guest = house.guest("lea").await.unwrap();
    let url = guest.ingest_url.unwrap();
    let url = url.expose();
    assert!(url.starts_with(&format!("http://127.0.0.1:{}/in/", room.ports.claim)), "{url}");
    let config = guest.files.iter().find(|file| file.name == "config.json").unwrap();
    assert!(config.text.expose().contains(url));

    house.post(url, r#"{"accX":1.5,"accY":null}"#).await.unwrap();
    let records = house.records("salle114/guests/lea/measures").await;
    assert_eq!(records.len(), 1, "stored before it is answered");
    assert_eq!(house.device("lea").await.state, DeviceState::Online);
    room.move_clock(Duration::from_secs(61));
    assert_eq!(house.device("lea").await.state, DeviceState::Absent);

    assert_eq!(house.post(url, "not json").await, Err(Code::Malformed));
    assert_eq!(house.post(url, &format!("\"{}\"", "x".repeat(70_000))).await, Err(Code::TooLarge));
    assert_eq!(house.post("http://x/in/0123456789ABCDEF", "{}").await, Err(Code::IngestUnknown));
    assert_eq!(house.post("http://x/in/..", "{}").await, Err(Code::IngestUnknown));
    let mut fast = Ok(());
    for _ in 0..300 {
        fast = house.post(url, "{}").await;
        if fast.is_err() {
            break;
        }
    }
    assert_eq!(fast, Err(Code::TooFast));
    room.move_clock(Duration::from_secs(2));
    house.post(url, "{}").await.unwrap();

    // A new password is a new address; the one before has ended.
    let again: wire::ProvisionedDevice = house.call("device_reissue", json!({"id": "lea"})).await.unwrap();
    let fresh = again.ingest_url.unwrap();
    assert_eq!(house.post(url, "{}").await, Err(Code::IngestUnknown));
    house.post(fresh.expose(), "{}").await.unwrap();
    let _: wire::Device = house.call("device_revoke", json!({"id": "lea"})).await.unwrap();
    assert_eq!(house.post(fresh.expose(), "{}").await, Err(Code::IngestUnknown));
    let _: wire::Device = house.call("device_restore", json!({"id": "lea"})).await.unwrap();
    house.switch(false).await.unwrap();
    assert_eq!(house.post(fresh.expose(), "{}").await, Err(Code::IngestUnknown));
    assert!(!house.appliance.ingest_open());
    house.switch(true).await.unwrap();
    house.post(fresh.expose(), "{}").await.unwrap();
    // Without the sentence, a guest writes nothing.
    let shown: wire::RightsShown = house.call("rights_show", json!({})).await.unwrap();
    let fewer: Vec<_> = shown.sentences.into_iter().filter(|each| each.number != 3).collect();
    let request = json!({"sentences": fewer, "revision": shown.revision, "apply": true});
    let _: wire::RightsChanged = house.call("rights_change", request).await.unwrap();
    assert_eq!(house.post(fresh.expose(), "{}").await, Err(Code::NotAllowed));
    let _: wire::RightsShown = house.call("rights_undo", json!({})).await.unwrap();
    room.move_clock(Duration::from_secs(31 * 24 * 3600));
    assert_eq!(house.post(fresh.expose(), "{}").await, Err(Code::IngestUnknown), "an address lives 30 days");
    // Nothing that is kept opens anything.
    let settings = std::fs::read_to_string(room.path("settings.toml")).unwrap();
    assert!(!settings.contains(fresh.expose().rsplit('/').next().unwrap()));
    house.appliance.shutdown().await;
}
