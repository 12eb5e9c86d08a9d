use std::fs;

use serde_json::json;
use wire::{Code, EventKind};

use crate::harness::{Room, holds};

#[tokio::test(flavor = "multi_thread")]
async fn simulated_devices_play_return_and_leave_no_trace() {
    let room = Room::new();
    let house = room.start().await;
    house.create("serre-04").await;
    let devices: Vec<wire::Device> = house.call("simulated_start", json!({"count": 3, "group": "demo"})).await.unwrap();
    assert_eq!(devices.len(), 3);
    assert!(devices.iter().all(|device| device.simulated && device.branch.starts_with("salle114/demo/sim-")));
    for device in &devices {
        house.event(Some(&device.id), |event| event.kind == EventKind::Connected).await;
    }
    let topic = format!("{}/measures", devices[0].branch);
    // Nobody waits for them: ask until the first value is recorded.
    let recorded = async {
        while house.records(&topic).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, recorded).await.expect("a first value");
    assert!(house.records(&topic).await[0].text.as_ref().unwrap().contains("temperature"));
    house.appliance.shutdown().await;

    let house = room.open().await;
    assert_eq!(house.status().await.simulated, 3);
    house.event(Some(&devices[0].id), |event| event.kind == EventKind::Connected).await;
    let _: wire::Nothing = house.call("simulated_remove", json!({})).await.unwrap();
    let status = house.status().await;
    assert_eq!((status.simulated, status.devices_total), (0, 1));
    assert!(house.records(&topic).await.is_empty());
    let view = wire::LiveView { limit: 200, ..wire::LiveView::default() };
    assert!(!holds(&house.appliance.live_frame(view).await.unwrap(), "sim-0"));
    let page: wire::EventPage =
        house.call("event_list", json!({"since": 0, "wait_ms": 0, "device": null})).await.unwrap();
    assert!(!format!("{page:?}").contains("sim-0"), "{page:?}");
    let clients: Vec<wire::Client> = house.call("client_list", json!({})).await.unwrap();
    assert!(clients.is_empty(), "{clients:?}");
    house.appliance.shutdown().await;
    for entry in fs::read_dir(room.dir.path()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        assert!(!holds(&fs::read(entry.path()).unwrap(), "sim-0"), "{}", entry.path().display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_class_has_bounds() {
    let room = Room::new();
    let house = room.start().await;
    for (request, code) in [
        (json!({"count": 0, "group": "demo"}), Code::LimitInvalid),
        (json!({"count": 31, "group": "demo"}), Code::LimitInvalid),
        (json!({"count": 1, "group": "Demo"}), Code::GroupInvalid),
        (json!({"count": 1, "group": "guests"}), Code::GroupInvalid),
    ] {
        let problem = house.call::<Vec<wire::Device>>("simulated_start", request.clone()).await.unwrap_err();
        assert_eq!(problem.code, code, "{request}");
    }
    let request = json!({"id": "lampe", "group": "demo", "kind": "simulated", "language": "fr"});
    let handed: wire::ProvisionedDevice = house.call("device_create", request).await.unwrap();
    assert!(handed.password.expose().is_empty() && handed.files.is_empty() && handed.claim.is_none());
    house.event(Some("lampe"), |event| event.kind == EventKind::Connected).await;
    let _: wire::Nothing = house.call("device_remove", json!({"id": "lampe"})).await.unwrap();
    assert_eq!(house.status().await.simulated, 0);
    house.appliance.shutdown().await;
}
