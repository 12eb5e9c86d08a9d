//! Files made of what was recorded, and addresses that a spreadsheet reads again and again.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Code, ShownOnce};

/// Which recorded messages. Without a filter all of them, without a device those of any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Selection {
    pub filters: Vec<String>,
    pub devices: Vec<String>,
    /// Milliseconds since the Unix epoch, both inclusive.
    #[ts(type = "number | null")]
    pub from_ms: Option<i64>,
    #[ts(type = "number | null")]
    pub until_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// `;`, decimal comma, French dates: for French spreadsheets.
    CsvFr,
    CsvPlain,
    Xlsx,
    Ods,
    JsonLines,
    Parquet,
    Sqlite,
    /// A zip without names, for anybody.
    OpenData,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ExportForm {
    /// One row a message.
    Long,
    /// One column a series: a topic, or a field of its messages.
    Wide,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BlurredTimes {
    Minute,
    Hour,
    /// Seconds since the first message.
    Elapsed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BlurredPlace {
    LeftOut,
    /// To about ten kilometres.
    Tenth,
    /// To about one.
    Hundredth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum OpenLicence {
    Cc0,
    CcBy,
    Etalab,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OpenDataChoice {
    pub times: BlurredTimes,
    pub place: BlurredPlace,
    pub licence: OpenLicence,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StartExport {
    pub selection: Selection,
    pub format: ExportFormat,
    pub form: ExportForm,
    /// Of the wide form: milliseconds that one row stands for; 0: each instant has its own.
    pub step_ms: u32,
    /// `fr` or `en`: the words in it.
    pub language: String,
    /// Asked for by the format of that name, and only by it.
    pub open_data: Option<OpenDataChoice>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ExportPreview {
    #[ts(type = "number")]
    pub messages: u64,
    #[ts(type = "number")]
    pub topics: u64,
    /// Of the first and the last message.
    #[ts(type = "number | null")]
    pub first_ms: Option<i64>,
    #[ts(type = "number | null")]
    pub last_ms: Option<i64>,
    /// Rows of one sheet of a spreadsheet, its head apart: what is more goes on to the next.
    pub sheet_rows: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ExportState {
    Running,
    /// The file lies at `/files/export/<id>` until it is dropped or an hour has passed.
    Done,
    Failed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ExportJob {
    pub id: u32,
    pub state: ExportState,
    pub file_name: String,
    /// Messages read so far, of how many; the wide form reads each twice.
    #[ts(type = "number")]
    pub read: u64,
    #[ts(type = "number")]
    pub to_read: u64,
    /// Once it is done.
    #[ts(type = "number")]
    pub rows: u64,
    #[ts(type = "number")]
    pub bytes: u64,
    /// Why it failed.
    pub code: Option<Code>,
}

/// Answered when it has ended, after `wait_ms` (at most 25,000) at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WatchExport {
    pub id: u32,
    pub wait_ms: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ExportRef {
    pub id: u32,
}

/// What an address for spreadsheets shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FeedShows {
    /// The last value of each series.
    Last,
    /// The last hour, one column a series, one row a second.
    Hour,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CreateFeed {
    pub name: String,
    pub filter: String,
    pub shows: FeedShows,
    /// 1 to 366.
    pub days: u32,
}

/// An address that reads, and does nothing else, until it ends or is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Feed {
    pub id: u32,
    pub name: String,
    pub filter: String,
    pub shows: FeedShows,
    #[ts(type = "number")]
    pub created_ms: i64,
    #[ts(type = "number")]
    pub until_ms: i64,
    /// When it was last asked, since the start.
    #[ts(type = "number | null")]
    pub read_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CreatedFeed {
    pub feed: Feed,
    /// `http://127.0.0.1:<port>/x/<token>/`; below it `fr.csv`, `plain.csv`, `fr.txt` and `plain.txt`.
    pub url: ShownOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FeedRef {
    pub id: u32,
}
