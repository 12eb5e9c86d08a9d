//! What is too old or too much goes, in slices between the batches.

use rusqlite::Connection;

use crate::Options;

/// Rows removed in one slice: a commit of a few milliseconds.
const SLICE: i64 = 5_000;
/// How often it is looked whether something is to be removed.
const PERIOD_US: i64 = 60_000_000;
const DAY_US: i64 = 86_400_000_000;

pub(crate) struct Retention {
    options: Options,
    next_us: i64,
}

impl Retention {
    pub fn new(options: Options) -> Retention {
        Retention { options, next_us: 0 }
    }

    /// One slice, if it is time; the next follows at once while there is more to remove.
    pub fn step(&mut self, database: &Connection, now_us: i64) -> rusqlite::Result<()> {
        if now_us < self.next_us {
            return Ok(());
        }
        let oldest_us = now_us - i64::from(self.options.max_days) * DAY_US;
        let mut removed = older(database, oldest_us)?;
        if removed < SLICE && size(database)? > self.options.max_bytes {
            removed = oldest(database)?;
        }
        if removed > 0 {
            database.execute_batch("PRAGMA incremental_vacuum(2000)")?;
        }
        self.next_us = if removed == 0 { now_us + PERIOD_US } else { now_us };
        Ok(())
    }
}

/// Bytes that the file's pages hold, the free ones left out.
pub(crate) fn size(database: &Connection) -> rusqlite::Result<u64> {
    let read = |what: &str| database.query_row(&format!("PRAGMA {what}"), [], |row| row.get::<_, i64>(0));
    let used = read("page_count")? - read("freelist_count")?;
    Ok(u64::try_from(used * read("page_size")?).unwrap_or(0))
}

fn older(database: &Connection, oldest_us: i64) -> rusqlite::Result<i64> {
    let mut removed = 0;
    let mut statement = database.prepare_cached("SELECT id FROM topics")?;
    let topics = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    for topic in topics {
        // A range of the primary key: rows of one topic in the order of their time.
        let rows = database
            .prepare_cached(
                "DELETE FROM samples WHERE topic_id = ?1 AND ts < coalesce(
                   (SELECT ts FROM samples WHERE topic_id = ?1 AND ts < ?2 ORDER BY ts LIMIT 1 OFFSET ?3), ?2)",
            )?
            .execute((topic, oldest_us, SLICE))?;
        removed += i64::try_from(rows).unwrap_or(i64::MAX);
        if removed >= SLICE {
            return Ok(removed);
        }
    }
    database.execute("DELETE FROM gaps WHERE until_us < ?1", [oldest_us])?;
    Ok(removed)
}

/// The oldest hour of all topics.
fn oldest(database: &Connection) -> rusqlite::Result<i64> {
    let first: Option<i64> =
        database.query_row("SELECT min((SELECT min(ts) FROM samples WHERE topic_id = id)) FROM topics", [], |row| {
            row.get(0)
        })?;
    match first {
        None => Ok(0),
        Some(first) => older(database, first + DAY_US / 24),
    }
}
