//! What was recorded.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QueryRecords {
    pub topic: String,
    /// Milliseconds since the Unix epoch, inclusive.
    #[ts(type = "number | null")]
    pub from_ms: Option<i64>,
    #[ts(type = "number | null")]
    pub until_ms: Option<i64>,
    /// 1 to 1,000; newest first.
    pub limit: u32,
}

/// Not `Record`: TypeScript has a `Record` of its own, which `Nothing` is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct RecordedMessage {
    /// Microseconds since the Unix epoch.
    #[ts(type = "number")]
    pub at_us: i64,
    pub qos: u8,
    pub retain: bool,
    #[ts(type = "number")]
    pub payload_len: u64,
    /// The payload as text when it is UTF-8 (at most 4 KiB of it).
    pub text: Option<String>,
    /// The same bytes as base64 when it is not.
    pub base64: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct RecordPage {
    pub records: Vec<RecordedMessage>,
    pub more: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QuerySeries {
    pub topic: String,
    /// Dotted path into a JSON payload; empty for a payload that is a number itself.
    pub field: String,
    #[ts(type = "number")]
    pub from_ms: i64,
    #[ts(type = "number")]
    pub until_ms: i64,
    /// 1 to 4,000: at most this many columns, each with its lowest and highest value.
    pub columns: u32,
}

/// Columns in time order. Where two neighbours are further apart than the rhythm of the series, or
/// a gap marker lies between, `gaps` says so: a chart must not join them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Series {
    pub at_ms: Vec<f64>,
    pub min: Vec<f64>,
    pub max: Vec<f64>,
    pub last: Vec<f64>,
    /// Start and end of each recording gap, in milliseconds.
    pub gaps: Vec<(f64, f64)>,
    #[ts(type = "number")]
    pub samples: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RecorderStatus {
    pub recording: bool,
    #[ts(type = "number")]
    pub bytes: u64,
    #[ts(type = "number")]
    pub limit_bytes: u64,
    pub limit_days: u32,
    #[ts(type = "number")]
    pub messages: u64,
    #[ts(type = "number | null")]
    pub oldest_ms: Option<i64>,
    /// Messages that QoS 0 lost to a full queue, each shown as a gap.
    #[ts(type = "number")]
    pub dropped: u64,
}
