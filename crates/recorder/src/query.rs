//! Questions about the past.

use std::sync::MutexGuard;

use rusqlite::Connection;

use crate::value::{CUT, RETAIN, field};
use crate::{Error, Recorder, retention};

#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub at_us: i64,
    pub qos: u8,
    pub retain: bool,
    /// Bytes of the whole payload; `payload` holds fewer where it was cut.
    pub payload_len: u64,
    pub cut: bool,
    pub payload: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Newest first.
    pub records: Vec<Record>,
    pub more: bool,
}

/// Columns in time order, each with its lowest, highest and last value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    pub at_ms: Vec<f64>,
    pub min: Vec<f64>,
    pub max: Vec<f64>,
    pub last: Vec<f64>,
    /// Start and end of each recording gap, in milliseconds.
    pub gaps: Vec<(f64, f64)>,
    pub samples: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub recording: bool,
    pub bytes: u64,
    pub limit_bytes: u64,
    pub limit_days: u32,
    /// About how many messages are kept.
    pub messages: u64,
    pub oldest_us: Option<i64>,
    pub dropped: u64,
}

impl Recorder {
    /// A reader that panicked left no statement half done.
    pub(crate) fn reader(&self) -> MutexGuard<'_, Connection> {
        self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The newest records of a topic within a time span (both ends included, in microseconds).
    pub fn page(&self, topic: &str, from_us: Option<i64>, until_us: Option<i64>, limit: u32) -> Result<Page, Error> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT ts, flags, len, val, payload FROM samples
             WHERE topic_id = (SELECT id FROM topics WHERE name = ?1) AND ts BETWEEN ?2 AND ?3
             ORDER BY ts DESC, seq DESC LIMIT ?4",
        )?;
        let bounds = (from_us.unwrap_or(i64::MIN), until_us.unwrap_or(i64::MAX));
        let rows = statement.query_map((topic, bounds.0, bounds.1, i64::from(limit) + 1), record)?;
        let mut records = rows.collect::<Result<Vec<_>, _>>()?;
        let more = records.len() > limit as usize;
        records.truncate(limit as usize);
        Ok(Page { records, more })
    }

    /// A number over time: at most `columns` columns, none of which hides an extreme.
    pub fn series(&self, topic: &str, path: &str, from_ms: i64, until_ms: i64, columns: u32) -> Result<Series, Error> {
        let reader = self.reader();
        let mut series = Series::default();
        let width = (until_ms - from_ms).max(1) as f64 / f64::from(columns.max(1));
        let mut statement = reader.prepare_cached(
            "SELECT ts, flags, len, val, payload FROM samples
             WHERE topic_id = (SELECT id FROM topics WHERE name = ?1) AND ts BETWEEN ?2 AND ?3 ORDER BY ts, seq",
        )?;
        let span = (topic, from_ms.saturating_mul(1000), until_ms.saturating_mul(1000).saturating_add(999));
        let mut rows = statement.query(span)?;
        let mut column = -1i64;
        while let Some(row) = rows.next()? {
            let record = record(row)?;
            let Some(number) = field(&record.payload, path) else { continue };
            let at_ms = record.at_us as f64 / 1000.0;
            series.samples += 1;
            let place = ((at_ms - from_ms as f64) / width) as i64;
            series.add(at_ms, number, place != column);
            column = place;
        }
        let mut gaps = reader.prepare_cached(
            "SELECT from_us, until_us FROM gaps WHERE until_us >= ?1 AND from_us <= ?2 ORDER BY from_us",
        )?;
        let in_ms = |us: i64| us as f64 / 1000.0;
        let found = gaps.query_map((span.1, span.2), |row| Ok((in_ms(row.get(0)?), in_ms(row.get(1)?))))?;
        series.gaps = found.collect::<Result<_, _>>()?;
        Ok(series)
    }

    /// The last message of every topic: payload, microseconds, QoS, retain.
    pub fn last_values(&self) -> Result<Vec<(String, Record)>, Error> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT ts, flags, len, val, payload, name FROM topics JOIN samples ON topic_id = id
             WHERE (ts, seq) = (SELECT ts, seq FROM samples WHERE topic_id = id ORDER BY ts DESC, seq DESC LIMIT 1)",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(5)?, record(row)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn topics(&self) -> Result<Vec<String>, Error> {
        let reader = self.reader();
        let mut statement = reader.prepare_cached("SELECT name FROM topics ORDER BY name")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn status(&self) -> Result<Status, Error> {
        let reader = self.reader();
        let (failing, dropped) = self.queue.failing_and_dropped();
        let count = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        let messages = count("SELECT count(*) FROM samples")?.unwrap_or(0);
        let oldest_us = count("SELECT min((SELECT min(ts) FROM samples WHERE topic_id = id)) FROM topics")?;
        Ok(Status {
            recording: !failing,
            bytes: retention::size(&reader)?,
            limit_bytes: self.options.max_bytes,
            limit_days: self.options.max_days,
            messages: u64::try_from(messages).unwrap_or(0),
            oldest_us,
            dropped,
        })
    }
}

/// A row of `ts, flags, len, val, payload`.
pub(crate) fn record(row: &rusqlite::Row<'_>) -> rusqlite::Result<Record> {
    let (at_us, flags, len): (i64, u8, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let payload = match row.get::<_, Option<Vec<u8>>>(4)? {
        Some(payload) => payload,
        None => row.get::<_, Option<f64>>(3)?.map(|number| number.to_string().into_bytes()).unwrap_or_default(),
    };
    let payload_len = u64::try_from(len).unwrap_or(0);
    Ok(Record { at_us, qos: flags & 3, retain: flags & RETAIN != 0, payload_len, cut: flags & CUT != 0, payload })
}

impl Series {
    fn add(&mut self, at_ms: f64, number: f64, new_column: bool) {
        if new_column {
            self.at_ms.push(at_ms);
            self.min.push(number);
            self.max.push(number);
            self.last.push(number);
            return;
        }
        let widen = |list: &mut Vec<f64>, choose: fn(f64, f64) -> f64| {
            if let Some(place) = list.last_mut() {
                *place = choose(*place, number);
            }
        };
        widen(&mut self.min, f64::min);
        widen(&mut self.max, f64::max);
        widen(&mut self.last, |_, new| new);
    }
}
