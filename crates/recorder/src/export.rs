//! CSV for spreadsheets: French (`;`, decimal comma, a byte order mark) or plain.

use std::io::Write;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use mqtt::{Filter, Topic};

use crate::query::record;
use crate::{Error, Recorder};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvStyle {
    French,
    Plain,
}

/// What to export: a topic or a filter, within a time span (microseconds, both ends included).
#[derive(Clone, Debug)]
pub struct ExportQuery {
    pub filter: String,
    pub from_us: Option<i64>,
    pub until_us: Option<i64>,
    pub style: CsvStyle,
    pub zone: TimeZone,
}

impl Recorder {
    /// Writes the records in the order of topics and times; answers how many.
    pub fn export_csv(&self, query: &ExportQuery, mut out: impl Write) -> Result<u64, Error> {
        let filter = Filter::parse(query.filter.as_str()).map_err(|_| Error::Filter(query.filter.clone()))?;
        let french = query.style == CsvStyle::French;
        if french {
            out.write_all("\u{FEFF}".as_bytes()).map_err(|error| Error::Export(error.into()))?;
        }
        let mut csv = csv::WriterBuilder::new()
            .delimiter(if french { b';' } else { b',' })
            .terminator(if french { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .from_writer(out);
        csv.write_record(match query.style {
            CsvStyle::French => ["heure locale", "heure UTC", "sujet", "valeur", "message"],
            CsvStyle::Plain => ["local time", "UTC time", "topic", "value", "message"],
        })?;
        let mut count = 0;
        let wanted = |name: &String| Topic::parse(name.as_str()).is_ok_and(|topic| filter.matches(&topic));
        for topic in self.topics()?.into_iter().filter(wanted) {
            count += self.export_topic(&topic, query, &mut csv)?;
        }
        csv.flush().map_err(|error| Error::Export(error.into()))?;
        Ok(count)
    }

    fn export_topic(&self, topic: &str, query: &ExportQuery, csv: &mut csv::Writer<impl Write>) -> Result<u64, Error> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT ts, flags, len, val, payload FROM samples
             WHERE topic_id = (SELECT id FROM topics WHERE name = ?1) AND ts BETWEEN ?2 AND ?3 ORDER BY ts, seq",
        )?;
        let bounds = (query.from_us.unwrap_or(i64::MIN), query.until_us.unwrap_or(i64::MAX));
        let mut rows = statement.query((topic, bounds.0, bounds.1))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let record = record(row)?;
            let (local, utc) = times(record.at_us, query);
            let text = String::from_utf8_lossy(&record.payload);
            let number = crate::value::number(&record.payload);
            let value = number.map(|number| decimal(number, query.style)).unwrap_or_default();
            let message = if number.is_some() { String::new() } else { guarded(&text) };
            csv.write_record([&local, &utc, &guarded(topic), &value, &message])?;
            count += 1;
        }
        Ok(count)
    }
}

fn times(at_us: i64, query: &ExportQuery) -> (String, String) {
    let Ok(at) = Timestamp::from_microsecond(at_us) else { return Default::default() };
    let local: Zoned = at.to_zoned(query.zone.clone());
    let utc = at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let local = match query.style {
        CsvStyle::French => local.strftime("%d/%m/%Y %H:%M:%S").to_string(),
        CsvStyle::Plain => local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    };
    (local, utc)
}

fn decimal(number: f64, style: CsvStyle) -> String {
    let text = number.to_string();
    if style == CsvStyle::French { text.replace('.', ",") } else { text }
}

/// A cell that a spreadsheet would run as a formula becomes text.
fn guarded(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}
