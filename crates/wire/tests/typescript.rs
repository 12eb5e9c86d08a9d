//! The committed TypeScript is what the Rust types say today.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

#[test]
fn the_committed_typescript_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/api/generated/wire.ts");
    let text = wire::typescript();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(committed == text, "ui/src/api/generated/wire.ts is stale: run UPDATE_TYPES=1 cargo test -p wire");
}

#[test]
fn every_command_and_code_is_in_it() {
    let text = wire::typescript();
    for (command, _) in wire::COMMANDS {
        assert!(text.contains(&format!("  {command}: {{ request: ")), "{command}");
    }
    let code = serde_json::to_string(&wire::Code::TooManyTries).unwrap();
    let list = text.split("export const CODES").nth(1).unwrap();
    assert!(list.lines().next().unwrap().contains(&code));
}

#[test]
fn a_role_may_do_what_the_roles_below_it_may() {
    use wire::Role::*;
    let order = [Administrator, Teacher, Assistant, Pupil, Projector];
    for (place, role) in order.iter().enumerate() {
        for (other_place, other) in order.iter().enumerate() {
            assert_eq!(role.may_use(*other), place <= other_place, "{role:?} {other:?}");
        }
        assert!(!Device.may_use(*role) && !role.may_use(Device));
    }
}
