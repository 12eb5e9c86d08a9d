use std::net::TcpListener;

use rumqttc::mqttbytes::QoS;
use rumqttc::{MqttOptions, PublishOptions};
use serde_json::json;
use wire::{Code, Phase, RefusalCause};

use crate::harness::{Client, Room};

#[tokio::test(flavor = "multi_thread")]
async fn the_site_tries_its_own_doors() {
    let room = Room::new();
    let house = room.open().await;
    let status = house.first_run(json!({})).await.unwrap();
    for name in ["reachable", "encrypted", "closed_to_strangers"] {
        let check = status.checks.iter().find(|check| check.name == name).unwrap();
        assert!(check.passed, "{name}: {}", check.detail);
    }
    assert!(status.checks[2].tried >= 11, "with a certificate of nobody and with none");
    let page: wire::EventPage =
        house.call("event_list", json!({"since": 0, "wait_ms": 0, "device": null})).await.unwrap();
    assert!(page.events.iter().all(|event| event.refusal.is_none()), "our own tries are no refusals: {page:?}");
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_and_another_is_offered() {
    let room = Room::new();
    let holder = TcpListener::bind(("127.0.0.1", room.ports.mqtts)).unwrap();
    let house = room.open().await;
    let problem = house.first_run(json!({})).await.unwrap_err();
    assert_eq!((problem.code, problem.field.as_deref()), (Code::PortTaken, Some("ports.mqtts")));
    if cfg!(target_os = "linux") {
        assert!(problem.message.contains(&format!("(process {})", std::process::id())), "{}", problem.message);
    }
    let offer: u16 = problem.offer.unwrap().parse().unwrap();
    assert_eq!(house.status().await.phase, Phase::FirstRun);
    let ports = json!({"mqtts": offer, "wss": room.ports.wss, "mqtt": null, "claim": room.ports.claim});
    let status = house.first_run(json!({"ports": ports})).await.unwrap();
    assert_eq!((status.phase, status.ports.mqtts), (Phase::Running, offer));
    house.appliance.shutdown().await;

    // The same after a restart: the site is stopped, and says why when it is started.
    let other = TcpListener::bind(("127.0.0.1", offer)).unwrap();
    let house = room.open().await;
    assert_eq!(house.status().await.phase, Phase::Stopped);
    let problem = house.call::<wire::SiteStatus>("broker_start", json!({})).await.unwrap_err();
    assert_eq!(problem.code, Code::PortTaken);
    drop((holder, other));
    let status: wire::SiteStatus = house.call("broker_start", json!({})).await.unwrap();
    assert_eq!(status.phase, Phase::Running);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_write_in_their_zone_and_come_in_nowhere_else() {
    let room = Room::new();
    let house = room.open().await;
    let status = house.first_run(json!({"guests": true, "ports": room.ports})).await.unwrap();
    assert_eq!(status.ports.mqtt, room.ports.mqtt);
    let device = house.create("serre-04").await;
    let request = json!({"id": "lea", "group": "guests", "kind": "other", "language": "fr"});
    let guest: wire::ProvisionedDevice = house.call("device_create", request).await.unwrap();
    assert_eq!((Some(guest.port), guest.topic.as_str()), (room.ports.mqtt, "salle114/guests/lea/measures"));

    let plain = |user: &str, password: &str| {
        let mut options = MqttOptions::new(user, ("127.0.0.1".to_owned(), room.ports.mqtt.unwrap()));
        options.set_credentials(user, password.to_owned());
        Client::of(options)
    };
    let mut inside = plain("lea", guest.password.expose());
    inside.connect().await.unwrap();
    inside.publish(&guest.topic, "1", false).await;
    assert_eq!(house.records(&guest.topic).await.len(), 1);
    plain("serre-04", device.password.expose()).connect().await.unwrap_err();
    house.client("lea", guest.password.expose()).connect().await.unwrap_err();
    let unknown =
        |event: &wire::Event| event.refusal.as_ref().is_some_and(|refusal| refusal.cause == RefusalCause::WrongZone);
    house.event(Some("lea"), unknown).await;
    inside.client.publish("salle114/serre/x", "1", PublishOptions::new(QoS::AtMostOnce)).await.unwrap();
    let denied = async { while inside.events.poll().await.is_ok() {} };
    let denied_event = house.event(Some("lea"), |event| event.topic.as_deref() == Some("salle114/serre/x"));
    tokio::select! { _ = denied_event => {}, () = denied => panic!("the connection ended") }
    house.appliance.shutdown().await;
}
