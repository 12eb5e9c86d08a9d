//! The doctor's page: who was refused and why, a look at the network, and a walk through our own doors.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Refusal, RefusalCause};

/// A device or a stranger that was refused in the last 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Patient {
    /// Stable while the patient is listed.
    pub key: String,
    /// Which device it is, or probably is: `refusal.whose` says how sure that is.
    pub device: Option<String>,
    pub client_id: Option<String>,
    pub address: Option<String>,
    /// The newest.
    pub refusal: Refusal,
    pub topic: Option<String>,
    /// When it came in after all; `None` while it has not.
    #[ts(type = "number | null")]
    pub cured_ms: Option<i64>,
    /// Every cause of the last 24 hours, newest first.
    pub visits: Vec<Visit>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PatientRef {
    pub key: String,
}

/// One cause, and how often it was met in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Visit {
    pub cause: RefusalCause,
    #[ts(type = "number")]
    pub first_ms: i64,
    #[ts(type = "number")]
    pub last_ms: i64,
    pub tries: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Good,
    Bad,
    /// A step before it failed.
    Skipped,
    /// It cannot be known here.
    Unknown,
}

/// One step of the walk from a device to its message, in the order of the walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TestStep {
    pub name: TestName,
    pub state: StepState,
    /// What was seen, for people: an address, a version of TLS, a number of milliseconds.
    pub seen: String,
    /// Technical, in English; empty where it went well.
    pub detail: String,
}

/// Each has words under `selftest_<name>`, and what to do under `selftest_<name>_bad`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TestName {
    Name,
    Port,
    Tls,
    Clock,
    Login,
    Publish,
    Receive,
}
