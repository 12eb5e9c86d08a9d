//! The one thread that writes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction};
use tokio::sync::mpsc;

use crate::queue::{Batch, Queue, Row, Settled};
use crate::retention::Retention;
use crate::value::{CUT, MAX_PAYLOAD_BYTES, RETAIN, number, says_it_all};
use crate::{Error, NowUs, Options};

/// How long the writer sleeps when nothing arrives; retention is looked at in between.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn start(
    database: Connection,
    queue: Arc<Queue>,
    options: Options,
    now_us: NowUs,
    settled: mpsc::UnboundedSender<Settled>,
) -> Result<std::thread::JoinHandle<()>, Error> {
    let mut writer = Writer { database, topics: HashMap::new(), last: HashMap::new(), unwritten_gap: None };
    let mut retention = Retention::new(options);
    std::thread::Builder::new()
        .name("recorder".into())
        .spawn(move || {
            while let Some(batch) = queue.next(PATIENCE) {
                writer.take(batch, &queue, &settled);
                if let Err(error) = retention.step(&writer.database, now_us()) {
                    tracing::warn!(%error, "what is too old could not be removed");
                }
            }
        })
        .map_err(Error::Thread)
}

struct Writer {
    database: Connection,
    topics: HashMap<String, i64>,
    /// The last time and sequence number of a topic: equal times get growing numbers.
    last: HashMap<i64, (i64, i64)>,
    /// A gap that a failed commit could not mark yet.
    unwritten_gap: Option<crate::queue::Gap>,
}

impl Writer {
    fn take(&mut self, batch: Batch, queue: &Queue, settled: &mpsc::UnboundedSender<Settled>) {
        if let Some(gap) = batch.gap {
            self.widen_gap(gap);
        }
        if !batch.rows.is_empty() || self.unwritten_gap.is_some() {
            let stored = self.commit(&batch.rows);
            if let Err(error) = &stored {
                tracing::error!(%error, rows = batch.rows.len(), "a commit failed");
                self.topics.clear();
                self.last.clear();
                self.tell_lost(&batch.rows);
            }
            queue.tell_failing(stored.is_err());
            if batch.ticket > 0 {
                settled.send(Settled { up_to: batch.ticket, stored: stored.is_ok() }).ok();
            }
        }
        for forget in batch.forget {
            let result = self.forget(&forget.branch);
            forget.done.send(result).ok();
        }
    }

    /// QoS 0 that a failed commit lost is a gap as well; QoS 1 and 2 were never acknowledged.
    fn tell_lost(&mut self, rows: &[Row]) {
        let lost: Vec<i64> = rows.iter().filter(|row| row.qos == 0).map(|row| row.at_us).collect();
        if let (Some(from_us), Some(until_us)) = (lost.iter().min().copied(), lost.iter().max().copied()) {
            self.widen_gap(crate::queue::Gap { from_us, until_us, lost: lost.len() as u64 });
        }
    }

    fn widen_gap(&mut self, gap: crate::queue::Gap) {
        let known = self.unwritten_gap.get_or_insert(crate::queue::Gap { lost: 0, ..gap });
        known.from_us = known.from_us.min(gap.from_us);
        known.until_us = known.until_us.max(gap.until_us);
        known.lost += gap.lost;
    }

    fn commit(&mut self, rows: &[Row]) -> rusqlite::Result<()> {
        let transaction = self.database.transaction()?;
        for row in rows {
            write(&transaction, &mut self.topics, &mut self.last, row)?;
        }
        if let Some(gap) = self.unwritten_gap {
            let lost = i64::try_from(gap.lost).unwrap_or(i64::MAX);
            transaction.execute("INSERT INTO gaps VALUES(?1, ?2, ?3)", (gap.from_us, gap.until_us, lost))?;
        }
        transaction.commit()?;
        self.unwritten_gap = None;
        Ok(())
    }

    /// Erases, then empties the journal too: `secure_delete` overwrites the pages.
    fn forget(&mut self, branch: &str) -> Result<(), Error> {
        let below = format!("{branch}/");
        let transaction = self.database.transaction()?;
        {
            // Names are compared by their bytes; no character of a name is a wildcard here.
            let chosen = "SELECT id FROM topics WHERE name = ?1 OR substr(name, 1, length(?2)) = ?2";
            transaction.execute(&format!("DELETE FROM samples WHERE topic_id IN ({chosen})"), (branch, &below))?;
            transaction.execute(&format!("DELETE FROM topics WHERE id IN ({chosen})"), (branch, &below))?;
        }
        transaction.commit()?;
        self.topics.clear();
        self.last.clear();
        self.database.execute_batch("PRAGMA incremental_vacuum")?;
        self.database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

fn write(
    transaction: &Transaction<'_>,
    topics: &mut HashMap<String, i64>,
    last: &mut HashMap<i64, (i64, i64)>,
    row: &Row,
) -> rusqlite::Result<()> {
    let topic = match topics.get(&row.topic) {
        Some(id) => *id,
        None => {
            let id = topic_id(transaction, &row.topic)?;
            topics.insert(row.topic.clone(), id);
            id
        }
    };
    let seq = match last.get(&topic) {
        Some((at_us, seq)) if *at_us == row.at_us => seq + 1,
        Some(_) => 0,
        None => next_seq(transaction, topic, row.at_us)?,
    };
    last.insert(topic, (row.at_us, seq));
    let cut = row.payload.len() > MAX_PAYLOAD_BYTES;
    let kept = row.payload.get(..row.payload.len().min(MAX_PAYLOAD_BYTES)).unwrap_or_default();
    let value = number(&row.payload);
    let payload = match value {
        Some(value) if says_it_all(value, &row.payload) => None,
        _ => Some(kept),
    };
    let flags = row.qos | if row.retain { RETAIN } else { 0 } | if cut { CUT } else { 0 };
    let len = i64::try_from(row.payload.len()).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT INTO samples(topic_id, ts, seq, flags, len, val, payload) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((topic, row.at_us, seq, flags, len, value, payload))?;
    Ok(())
}

fn topic_id(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<i64> {
    transaction.prepare_cached("INSERT OR IGNORE INTO topics(name) VALUES(?1)")?.execute([name])?;
    transaction.prepare_cached("SELECT id FROM topics WHERE name = ?1")?.query_row([name], |row| row.get(0))
}

/// The first message of a topic since the start may meet one of the same time from before.
fn next_seq(transaction: &Transaction<'_>, topic: i64, at_us: i64) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached("SELECT coalesce(max(seq) + 1, 0) FROM samples WHERE topic_id = ?1 AND ts = ?2")?
        .query_row((topic, at_us), |row| row.get(0))
}
