//! One test for each thing that a server can be held to, named by the statements it covers.

pub mod auth;
mod connect;
mod publish;
mod qos;
mod retained;
mod sessions;
mod shared;
mod subscribe;
mod wills;
mod words;

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

use crate::link::Target;

/// A test, for one version of MQTT or for both.
pub struct Test {
    pub name: &'static str,
    pub versions: &'static [u8],
    /// Statements as `5:3.1.2-4` and `4:3.1.2-6`.
    pub covers: &'static [&'static str],
    pub run: fn(&Target, u8) -> Result<()>,
}

pub const BOTH: &[u8] = &[4, 5];
pub const OLD: &[u8] = &[4];
pub const NEW: &[u8] = &[5];

pub fn all() -> Vec<&'static Test> {
    [
        auth::TESTS,
        connect::TESTS,
        publish::TESTS,
        qos::TESTS,
        retained::TESTS,
        sessions::TESTS,
        shared::TESTS,
        subscribe::TESTS,
        wills::TESTS,
        words::TESTS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A name that no other test uses, also not in an earlier run against the same broker.
pub fn fresh(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() & 0xff_ffff);
    format!("{name}-{since:x}-{:x}", NEXT.fetch_add(1, Ordering::Relaxed))
}
