//! The live view: what a page asks for. The answer is the binary frame of `live::frame`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The window of rows that a page shows. `POST /api/live` waits until something in it changed
/// (at most 25 s) and answers with one binary frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LiveView {
    /// The version of the last frame the page drew; 0 for none.
    #[ts(type = "number")]
    pub since: u64,
    /// The layout number of that frame: rows are only sent as differences while it holds.
    pub layout: u32,
    /// MQTT filter, or text that the topic contains; empty for all.
    pub search: String,
    /// Text that the payload contains; empty for all.
    pub payload_search: String,
    /// Topics (without trailing `/`) whose children are shown. `None` opens the first three levels.
    pub open: Option<Vec<String>>,
    pub offset: u32,
    /// At most 200.
    pub limit: u32,
    /// The topic whose whole last message comes with the frame.
    pub selected: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TopicRef {
    pub topic: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct TopicDetail {
    pub topic: String,
    #[ts(type = "number")]
    pub at_ms: i64,
    pub qos: u8,
    pub retained: bool,
    pub publisher: Option<String>,
    pub subscribers: Vec<String>,
    #[ts(type = "number")]
    pub count: u64,
    pub rate: f64,
    #[ts(type = "number")]
    pub payload_len: u64,
    /// At most 64 KiB of it.
    pub payload_base64: String,
    /// Names of the numeric fields of a JSON payload, dotted: `temperature`, `accel.x`; `""` for a
    /// payload that is a number itself.
    pub numeric_fields: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PublishMessage {
    pub topic: String,
    /// UTF-8 text, sent as it is.
    pub payload: String,
    pub qos: u8,
    pub retain: bool,
}
