use std::time::Duration;

use rumqttc::mqttbytes::v5::PubAckReason;
use serde_json::json;
use wire::{DeviceState, EventKind, RefusalCause};

use crate::harness::{House, Room};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_with_its_cause() {
    let room = Room::new();
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    for tries in 1..=2 {
        house.client("serre-04", "WRNG-WRNG-WRNG-WRNG").connect().await.unwrap_err();
        let fits = |event: &wire::Event| {
            event.refusal.as_ref().is_some_and(|refusal| refusal.cause == RefusalCause::WrongPassword)
        };
        let event = house.event(Some("serre-04"), fits).await;
        assert_eq!(event.kind, EventKind::Refused);
        let device = house.device("serre-04").await;
        assert_eq!(device.state, DeviceState::Refused);
        assert_eq!(device.last_refusal.unwrap().tries, tries);
    }
    let mut client = house.client("serre-04", handed.password.expose());
    client.connect().await.unwrap();
    house.event(Some("serre-04"), |event| event.kind == EventKind::Connected).await;
    assert_eq!(house.device("serre-04").await.state, DeviceState::Online);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_branch_is_refused_with_topic_and_rule() {
    let room = Room::new();
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    house.create("serre-05").await;
    let mut client = house.client("serre-04", handed.password.expose());
    client.connect().await.unwrap();
    let reason = client.publish("salle114/serre/serre-05/measures", "1", false).await;
    assert_eq!(reason, PubAckReason::NotAuthorized);
    let event = house.refusal(Some("serre-04")).await;
    assert_eq!(event.refusal.unwrap().cause, RefusalCause::PublishDenied);
    assert_eq!(event.topic.as_deref(), Some("salle114/serre/serre-05/measures"));
    assert!(house.records("salle114/serre/serre-05/measures").await.is_empty());
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_our_authority_is_told_as_such() {
    let room = Room::new();
    let house = room.start().await;
    house.create("serre-04").await;
    let other = Room::new();
    let stranger = other.start().await;
    // Another site's authority: the client rejects our certificate.
    let mut lost = House { appliance: stranger.appliance.clone(), ports: house.ports.clone() }.client("serre-04", "x");
    lost.connect().await.unwrap_err();
    let event = house.refusal(None).await;
    assert_eq!(event.refusal.unwrap().cause, RefusalCause::UntrustedAuthority);
    assert_eq!(event.device.as_deref(), Some("serre-04"), "the one device that is awaited");
    stranger.appliance.shutdown().await;
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_cut_off_and_cannot_return_until_restored() {
    let room = Room::new();
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    let mut client = house.client("serre-04", handed.password.expose());
    client.connect().await.unwrap();
    let device: wire::Device = house.call("device_revoke", json!({"id": "serre-04"})).await.unwrap();
    assert_eq!(device.state, DeviceState::Revoked);
    let clients: Vec<wire::Client> = house.call("client_list", json!({})).await.unwrap();
    assert!(!clients.iter().any(|client| client.connected && client.identity.as_deref() == Some("serre-04")));
    house.client("serre-04", handed.password.expose()).connect().await.unwrap_err();
    let revoked =
        |event: &wire::Event| event.refusal.as_ref().is_some_and(|refusal| refusal.cause == RefusalCause::Revoked);
    house.event(Some("serre-04"), revoked).await;
    let _: wire::Device = house.call("device_restore", json!({"id": "serre-04"})).await.unwrap();
    house.client("serre-04", handed.password.expose()).connect().await.unwrap();
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_issued_anew_forgets_its_old_password() {
    let room = Room::new();
    let house = room.start().await;
    let old = house.create("serre-04").await;
    let new: wire::ProvisionedDevice = house.call("device_reissue", json!({"id": "serre-04"})).await.unwrap();
    assert_ne!(old.password.expose(), new.password.expose());
    house.client("serre-04", old.password.expose()).connect().await.unwrap_err();
    house.client("serre-04", new.password.expose()).connect().await.unwrap();
    let _: wire::Nothing = house.call("device_remove", json!({"id": "serre-04"})).await.unwrap();
    house.client("serre-04", new.password.expose()).connect().await.unwrap_err();
    let problem = house.call::<wire::Device>("device_revoke", json!({"id": "serre-04"})).await.unwrap_err();
    assert_eq!(problem.code, wire::Code::DeviceUnknown);
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_lists_who_was_refused_until_it_comes_in() {
    let room = Room::new();
    let house = room.start().await;
    let handed = house.create("serre-04").await;
    house.client("serre-04", "WRNG-WRNG-WRNG-WRNG").connect().await.unwrap_err();
    house.client("inconnu", "WRNG-WRNG-WRNG-WRNG").connect().await.unwrap_err();
    house.event(None, |event| event.client_id.as_deref() == Some("inconnu")).await;
    let patients = || house.call::<Vec<wire::Patient>>("doctor_list", json!({}));
    let list = patients().await.unwrap();
    let seen: Vec<_> = list.iter().map(|each| (each.key.as_str(), each.refusal.cause, each.refusal.whose)).collect();
    let wanted = [
        ("inconnu@127.0.0.1", RefusalCause::UnknownIdentity, wire::Whose::Unknown),
        ("serre-04", RefusalCause::WrongPassword, wire::Whose::Named),
    ];
    assert_eq!(seen, wanted);
    house.client("serre-04", handed.password.expose()).connect().await.unwrap();
    house.event(Some("serre-04"), |event| event.kind == EventKind::Connected).await;
    let cured: Vec<_> = patients().await.unwrap().iter().map(|each| each.cured_ms.is_some()).collect();
    assert_eq!(cured, [false, true]);
    // The day is still there after a restart, and so is what was taken off the list.
    let before = patients().await.unwrap();
    house.appliance.shutdown().await;
    let house = room.open().await;
    let patients = || house.call::<Vec<wire::Patient>>("doctor_list", json!({}));
    assert_eq!(patients().await.unwrap(), before);
    let _: wire::Nothing = house.call("doctor_forget", json!({"key": "inconnu@127.0.0.1"})).await.unwrap();
    house.appliance.shutdown().await;
    let house = room.open().await;
    let left: Vec<wire::Patient> = house.call("doctor_list", json!({})).await.unwrap();
    assert_eq!(left.iter().map(|each| each.key.as_str()).collect::<Vec<_>>(), ["serre-04"]);
    room.move_clock(Duration::from_secs(24 * 3600));
    let left: Vec<wire::Patient> = house.call("doctor_list", json!({})).await.unwrap();
    assert!(left.is_empty(), "a day later: {left:?}");
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_as_a_device_passes_and_leaves_no_trace() {
    let room = Room::new();
    let house = room.start().await;
    let steps: Vec<wire::TestStep> = house.call("self_test", json!({})).await.unwrap();
    let states: Vec<_> = steps.iter().map(|step| (step.name, step.state)).collect();
    use wire::{StepState::*, TestName::*};
    // Nothing is announced on loopback: the name cannot be tried here.
    let good = [Port, Tls, Clock, Login, Publish, Receive].map(|name| (name, Good));
    assert_eq!(states, [&[(Name, Unknown)], good.as_slice()].concat(), "{steps:?}");
    assert!(house.records("salle114/courtier-walks-in-as-a-device").await.is_empty());
    let patients: Vec<wire::Patient> = house.call("doctor_list", json!({})).await.unwrap();
    assert!(patients.is_empty(), "{patients:?}");
    house.appliance.shutdown().await;
}
