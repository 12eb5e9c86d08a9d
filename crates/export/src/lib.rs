//! Writes rows that were recorded into files that foreign programs open: spreadsheets, notebooks,
//! databases, and an open-data set without names.
//!
//! Rows are handed in and go straight to the file: memory stays the same however many there are.
//! This room knows neither the recorder nor who asks.

mod columnar;
mod database;
mod delimited;
mod error;
mod json_lines;
mod limits;
mod long;
mod message;
mod ods;
mod open_data;
mod progress;
mod pseudonyms;
mod table;
mod time;
mod wide;
mod xlsx;

pub use delimited::cell_number;
pub use error::Error;
pub use limits::{SERIES, SHEET_ROWS};
pub use message::{Message, Messages, SourceError, Take, number, values};
pub use open_data::{Blur, Licence, OpenData, Place, write as write_open_data};
pub use progress::Progress;
pub use table::{Cell, Column, Format, Kind, Table, open};

use std::path::Path;

use jiff::tz::TimeZone;

/// One row a message, or one column a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Long,
    /// With a step, a row holds the last value of each series within it; 0 makes a row of each
    /// instant at which anything was said.
    Wide {
        step_us: i64,
    },
}

/// The words at the head of the columns.
#[derive(Clone, Debug)]
pub struct Titles {
    pub local_time: String,
    pub utc_time: String,
    pub device: String,
    pub topic: String,
    pub value: String,
    pub message: String,
    /// The name of a sheet.
    pub sheet: String,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub format: Format,
    pub form: Form,
    pub zone: TimeZone,
    pub titles: Titles,
}

/// Writes the file and answers how many rows it holds. Blocks. Where it fails, what was written is
/// of no use.
pub fn write(plan: &Plan, source: &mut dyn Messages, path: &Path, progress: &Progress) -> Result<u64, Error> {
    match plan.form {
        Form::Long => long::write(plan, source, path, progress),
        Form::Wide { step_us } => wide::write(plan, step_us, source, path, progress),
    }
}
