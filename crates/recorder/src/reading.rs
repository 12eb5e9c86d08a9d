//! Going through what was recorded, a piece at a time: memory stays the same however much there is,
//! and neither the writer nor another reader waits.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rusqlite::Connection;

use crate::query::record;
use crate::{Error, Record, Recorder, open};

/// What is held of one topic: so many records, or fewer that are large.
const PIECE_ROWS: u32 = 512;
const PIECE_BYTES: usize = 128 * 1024;

/// Some topics within a span of time, with a connection of its own.
pub struct Reading {
    connection: Connection,
    topics: Vec<Read>,
    from_us: i64,
    until_us: i64,
}

struct Read {
    id: i64,
    name: String,
}

/// Where a topic has been read to.
struct Cursor {
    topic: usize,
    id: i64,
    after: (i64, i64),
    held: VecDeque<(i64, Record)>,
    ended: bool,
}

impl Recorder {
    /// The topics that are wanted, in their order; both ends of the span are included.
    pub fn reading(
        &self,
        wanted: impl Fn(&str) -> bool,
        from_us: Option<i64>,
        until_us: Option<i64>,
    ) -> Result<Reading, Error> {
        let connection = open::reader(&self.options.path)?;
        let topics = {
            let mut statement = connection.prepare("SELECT id, name FROM topics ORDER BY name")?;
            let all = statement.query_map([], |row| Ok(Read { id: row.get(0)?, name: row.get(1)? }))?;
            all.filter(|read| read.as_ref().map_or(true, |read| wanted(&read.name))).collect::<Result<Vec<_>, _>>()?
        };
        let (from_us, until_us) = (from_us.unwrap_or(i64::MIN), until_us.unwrap_or(i64::MAX));
        let mut reading = Reading { connection, topics, from_us, until_us };
        reading.drop_silent()?;
        Ok(reading)
    }
}

impl Reading {
    /// Topics that said nothing within the span are left out.
    fn drop_silent(&mut self) -> Result<(), Error> {
        let mut said = self
            .connection
            .prepare("SELECT EXISTS(SELECT 1 FROM samples WHERE topic_id = ?1 AND ts BETWEEN ?2 AND ?3)")?;
        let span = (self.from_us, self.until_us);
        let mut kept = Vec::new();
        for topic in std::mem::take(&mut self.topics) {
            if said.query_row((topic.id, span.0, span.1), |row| row.get::<_, bool>(0))? {
                kept.push(topic);
            }
        }
        self.topics = kept;
        Ok(())
    }

    /// Fewer topics.
    pub fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        self.topics.retain(|topic| wanted(&topic.name));
    }

    /// The newest record of each topic within the span.
    pub fn last(&self) -> Result<Vec<(String, Record)>, Error> {
        let mut statement = self.connection.prepare(
            "SELECT ts, flags, len, val, payload FROM samples
             WHERE topic_id = ?1 AND ts BETWEEN ?2 AND ?3 ORDER BY ts DESC, seq DESC LIMIT 1",
        )?;
        let mut last = Vec::new();
        for topic in &self.topics {
            let mut rows = statement.query((topic.id, self.from_us, self.until_us))?;
            if let Some(row) = rows.next()? {
                last.push((topic.name.clone(), record(row)?));
            }
        }
        Ok(last)
    }

    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.iter().map(|topic| topic.name.as_str())
    }

    /// Another order of the topics: each by the number that it is given.
    pub fn order_by(&mut self, key: impl FnMut(&str) -> u64) {
        let mut key = key;
        self.topics.sort_by_cached_key(|topic| key(&topic.name));
    }

    pub fn count(&self) -> Result<u64, Error> {
        let mut statement =
            self.connection.prepare("SELECT count(*) FROM samples WHERE topic_id = ?1 AND ts BETWEEN ?2 AND ?3")?;
        let counts = self
            .topics
            .iter()
            .map(|topic| statement.query_row((topic.id, self.from_us, self.until_us), |row| row.get::<_, i64>(0)));
        let total: i64 = counts.sum::<Result<i64, _>>()?;
        Ok(u64::try_from(total).unwrap_or(0))
    }

    /// When the first and the last of them came.
    pub fn ends(&self) -> Result<Option<(i64, i64)>, Error> {
        let mut statement = self
            .connection
            .prepare("SELECT min(ts), max(ts) FROM samples WHERE topic_id = ?1 AND ts BETWEEN ?2 AND ?3")?;
        let mut ends: Option<(i64, i64)> = None;
        for topic in &self.topics {
            let (first, last): (Option<i64>, Option<i64>) =
                statement.query_row((topic.id, self.from_us, self.until_us), |row| Ok((row.get(0)?, row.get(1)?)))?;
            if let (Some(first), Some(last)) = (first, last) {
                ends = Some(ends.map_or((first, last), |(from, until)| (from.min(first), until.max(last))));
            }
        }
        Ok(ends)
    }

    /// Every record, in the order of topics, then times; `take` is told the place of the topic.
    pub fn by_topic<E: From<Error>>(&self, mut take: impl FnMut(usize, Record) -> Result<(), E>) -> Result<(), E> {
        for mut cursor in self.cursors() {
            while let Some((_, record)) = self.next(&mut cursor)? {
                take(cursor.topic, record)?;
            }
        }
        Ok(())
    }

    /// Every record in the order of times. Holds a piece of each topic: for some hundreds of them.
    pub fn by_time<E: From<Error>>(&self, mut take: impl FnMut(usize, Record) -> Result<(), E>) -> Result<(), E> {
        let mut cursors = self.cursors();
        let mut next = BinaryHeap::new();
        for (place, cursor) in cursors.iter_mut().enumerate() {
            if let Some(at_us) = self.peek(cursor)? {
                next.push(Reverse((at_us, place)));
            }
        }
        while let Some(Reverse((_, place))) = next.pop() {
            let Some(cursor) = cursors.get_mut(place) else { continue };
            let Some((_, record)) = self.next(cursor)? else { continue };
            take(cursor.topic, record)?;
            if let Some(at_us) = self.peek(cursor)? {
                next.push(Reverse((at_us, place)));
            }
        }
        Ok(())
    }

    fn cursors(&self) -> Vec<Cursor> {
        let start = |(topic, read): (usize, &Read)| Cursor {
            topic,
            id: read.id,
            after: (self.from_us, -1),
            held: VecDeque::new(),
            ended: false,
        };
        self.topics.iter().enumerate().map(start).collect()
    }

    fn next(&self, cursor: &mut Cursor) -> Result<Option<(i64, Record)>, Error> {
        if cursor.held.is_empty() {
            self.fill(cursor)?;
        }
        Ok(cursor.held.pop_front())
    }

    fn peek(&self, cursor: &mut Cursor) -> Result<Option<i64>, Error> {
        if cursor.held.is_empty() {
            self.fill(cursor)?;
        }
        Ok(cursor.held.front().map(|(_, record)| record.at_us))
    }

    /// Each piece is a transaction of its own: a long export keeps no old page alive.
    fn fill(&self, cursor: &mut Cursor) -> Result<(), Error> {
        if cursor.ended {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT ts, flags, len, val, payload, seq FROM samples
             WHERE topic_id = ?1 AND (ts, seq) > (?2, ?3) AND ts <= ?4 ORDER BY ts, seq LIMIT ?5",
        )?;
        let mut rows = statement.query((cursor.id, cursor.after.0, cursor.after.1, self.until_us, PIECE_ROWS))?;
        let mut bytes = 0;
        while bytes < PIECE_BYTES {
            let Some(row) = rows.next()? else {
                cursor.ended = cursor.held.len() < PIECE_ROWS as usize;
                break;
            };
            let (seq, record) = (row.get::<_, i64>(5)?, record(row)?);
            cursor.after = (record.at_us, seq);
            bytes += record.payload.len();
            cursor.held.push_back((seq, record));
        }
        Ok(())
    }
}
