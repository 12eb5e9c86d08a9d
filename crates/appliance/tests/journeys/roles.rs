use serde_json::json;
use wire::{Code, Role};

use crate::harness::Room;

#[tokio::test(flavor = "multi_thread")]
async fn every_command_asks_for_its_role() {
    let room = Room::new();
    let house = room.open().await;
    let roles = [Role::Administrator, Role::Teacher, Role::Assistant, Role::Pupil, Role::Projector, Role::Device];
    for (command, least) in wire::COMMANDS {
        for role in roles {
            // A body that no command takes: who may ask learns that, who may not learns nothing.
            let problem = house.call_as::<serde_json::Value>(role, command, json!(17)).await.unwrap_err();
            let expected = if role.may_use(*least) { Code::Malformed } else { Code::NotAllowed };
            assert_eq!(problem.code, expected, "{command} as {role:?}");
        }
    }
    house.appliance.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pupil_may_look_and_not_create() {
    let room = Room::new();
    let house = room.start().await;
    let request = json!({"id": "serre-04", "group": "serre", "kind": "other", "language": "fr"});
    let problem = house.call_as::<wire::ProvisionedDevice>(Role::Pupil, "device_create", request).await.unwrap_err();
    assert_eq!(problem.code, Code::NotAllowed);
    let devices: Vec<wire::Device> = house.call_as(Role::Pupil, "device_list", json!({})).await.unwrap();
    assert!(devices.is_empty());
    house.appliance.shutdown().await;
}
