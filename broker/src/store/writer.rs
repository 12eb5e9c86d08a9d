//! The writer thread: commits groups of changes, and coalesces what cancels out. A message that
//! was queued and acknowledged within one batch never touches the tables.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, params};
use tokio::sync::mpsc::UnboundedSender;

use super::rows::{ids_blob, options_byte, packet_of, packet_of_will};
use super::{Change, Group, Queued, SessionId, SessionRow};
use crate::{Message, Settled};

/// How long the writer waits before it tries again after a commit failed (a full disk, mostly).
const TRY_AGAIN: Duration = Duration::from_millis(200);

type Place = (SessionId, u64);

pub(super) struct Writer {
    database: Connection,
    /// How many queues hold a message, where it is not one.
    holders: HashMap<i64, u32>,
    next_message: i64,
    /// Changes of refused batches that must still happen: who was forgotten stays forgotten.
    owed: Vec<Change>,
    /// Queue entries that were refused: there is nothing to remove when they are done.
    refused: HashSet<Place>,
}

impl Writer {
    pub fn new(database: Connection) -> rusqlite::Result<Writer> {
        let next_message = database.query_row("SELECT coalesce(max(id), 0) + 1 FROM message", [], |row| row.get(0))?;
        let holders = {
            let mut shared =
                database.prepare("SELECT message, count(*) FROM queue GROUP BY message HAVING count(*) > 1")?;
            let rows = shared.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        Ok(Writer { database, holders, next_message, owed: Vec::new(), refused: HashSet::new() })
    }

    /// Ends when the store is closed.
    pub fn run(mut self, groups: &Receiver<Group>, settled: &UnboundedSender<Settled>) {
        loop {
            let first = if self.owed.is_empty() {
                groups.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                groups.recv_timeout(TRY_AGAIN)
            };
            let ended = matches!(first, Err(RecvTimeoutError::Disconnected));
            if ended && self.owed.is_empty() {
                return;
            }
            let batch: Vec<Group> = first.into_iter().chain(groups.try_iter()).collect();
            let up_to = batch.iter().map(|group| group.number).max();
            let stored = self.commit(batch);
            let told = up_to.is_none_or(|up_to| settled.send(Settled { up_to, stored }).is_ok());
            if ended || !told {
                return;
            }
            if !stored {
                std::thread::sleep(TRY_AGAIN);
            }
        }
    }

    fn commit(&mut self, batch: Vec<Group>) -> bool {
        let mut changes = std::mem::take(&mut self.owed);
        changes.extend(batch.into_iter().flat_map(|group| group.changes));
        let holders = Holders { stored: &self.holders, now: HashMap::new() };
        match write(&mut self.database, &changes, holders, &self.refused, self.next_message) {
            Ok((holders, next_message)) => {
                for (message, count) in holders {
                    match count {
                        0 | 1 => drop(self.holders.remove(&message)),
                        _ => drop(self.holders.insert(message, count)),
                    }
                }
                self.next_message = next_message;
                self.refused.clear();
                true
            }
            Err(error) => {
                tracing::error!(%error, "the broker's store could not be written");
                self.owe(changes);
                false
            }
        }
    }

    /// Publications of a failed batch are refused, and whoever sent them hears it; all else is
    /// written with the next batch.
    fn owe(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Queue(queued) => drop(self.refused.insert((queued.session, queued.seq))),
                Change::Done { session, seq } | Change::Released { session, seq }
                    if self.refused.contains(&(session, seq)) => {}
                Change::Retain(_) | Change::Received { .. } => {}
                other => self.owed.push(other),
            }
        }
    }
}

/// Counts who holds which message, as it will be once the transaction is committed.
struct Holders<'a> {
    stored: &'a HashMap<i64, u32>,
    now: HashMap<i64, u32>,
}

impl Holders<'_> {
    /// One holder less; answers whether nobody is left.
    fn release(&mut self, message: i64) -> bool {
        let count = self.now.get(&message).or_else(|| self.stored.get(&message)).copied().unwrap_or(1);
        self.now.insert(message, count.saturating_sub(1));
        count <= 1
    }
}

/// What is left of a batch when all that cancels out is gone.
#[derive(Default)]
struct Rest<'a> {
    queue: BTreeMap<Place, (&'a Queued, bool)>,
    done: Vec<Place>,
    released: Vec<Place>,
    /// Whether the identifier is waiting for its PUBREL at the end.
    received: BTreeMap<(SessionId, u16), bool>,
    retained: HashMap<&'a str, &'a Arc<Message>>,
}

fn write(
    database: &mut Connection,
    changes: &[Change],
    mut holders: Holders<'_>,
    refused: &HashSet<Place>,
    next_message: i64,
) -> rusqlite::Result<(HashMap<i64, u32>, i64)> {
    let transaction = database.transaction()?;
    let mut rest = Rest::default();
    for change in changes {
        match change {
            Change::Retain(message) => drop(rest.retained.insert(message.topic.as_str(), message)),
            Change::Queue(queued) => drop(rest.queue.insert((queued.session, queued.seq), (queued, false))),
            Change::Released { session, seq } => match rest.queue.get_mut(&(*session, *seq)) {
                Some(entry) => entry.1 = true,
                None => rest.released.push((*session, *seq)),
            },
            Change::Done { session, seq } => {
                let place = (*session, *seq);
                if rest.queue.remove(&place).is_none() && !refused.contains(&place) {
                    rest.done.push(place);
                }
            }
            Change::Received { session, packet_id } => drop(rest.received.insert((*session, packet_id.get()), true)),
            Change::Completed { session, packet_id } => drop(rest.received.insert((*session, packet_id.get()), false)),
            Change::Session(row) => put_session(&transaction, row)?,
            Change::Forget(session) => {
                rest.queue.retain(|(of, _), _| of != session);
                rest.received.retain(|(of, _), _| of != session);
                forget(&transaction, *session, &mut holders)?;
            }
            Change::Subscribe { session, filter, options, subscription_id } => {
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO subscription(session, filter, options, subscription_id)
                         VALUES(?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![number(*session), filter.as_str(), options_byte(*options), subscription_id])?;
            }
            Change::Unsubscribe { session, filter } => {
                transaction
                    .prepare_cached("DELETE FROM subscription WHERE session = ?1 AND filter = ?2")?
                    .execute(params![number(*session), filter.as_str()])?;
            }
        }
    }
    let next_message = rest.write(&transaction, &mut holders, next_message)?;
    transaction.commit()?;
    Ok((holders.now, next_message))
}

impl Rest<'_> {
    fn write(&self, transaction: &Transaction<'_>, holders: &mut Holders<'_>, mut next: i64) -> rusqlite::Result<i64> {
        let mut put_message =
            transaction.prepare_cached("INSERT INTO message(id, at_us, packet) VALUES(?1, ?2, ?3)")?;
        let mut put_queue = transaction.prepare_cached(
            "INSERT OR REPLACE INTO queue(session, seq, message, qos, retain, released, subscription_ids)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let mut written: HashMap<*const Message, i64> = HashMap::new();
        for ((session, seq), (queued, released)) in &self.queue {
            // The changes hold the messages: one address is one message while the batch lives.
            let message = match written.get(&Arc::as_ptr(&queued.message)) {
                Some(message) => {
                    *holders.now.entry(*message).or_insert(1) += 1;
                    *message
                }
                None => {
                    let Some(packet) = packet_of(&queued.message) else { continue };
                    put_message.execute(params![next, queued.message.at_us, &packet[..]])?;
                    written.insert(Arc::as_ptr(&queued.message), next);
                    next += 1;
                    next - 1
                }
            };
            let ids = ids_blob(&queued.subscription_ids);
            let qos = queued.qos as u8;
            put_queue.execute(params![
                number(*session),
                seq.cast_signed(),
                message,
                qos,
                queued.retain,
                released,
                ids
            ])?;
        }
        let mut done =
            transaction.prepare_cached("DELETE FROM queue WHERE session = ?1 AND seq = ?2 RETURNING message")?;
        let mut drop_message = transaction.prepare_cached("DELETE FROM message WHERE id = ?1")?;
        for (session, seq) in &self.done {
            let mut rows = done.query(params![number(*session), seq.cast_signed()])?;
            let message: Option<i64> = rows.next()?.map(|row| row.get(0)).transpose()?;
            drop(rows);
            if let Some(message) = message
                && holders.release(message)
            {
                drop_message.execute([message])?;
            }
        }
        let mut release =
            transaction.prepare_cached("UPDATE queue SET released = 1 WHERE session = ?1 AND seq = ?2")?;
        for (session, seq) in &self.released {
            release.execute(params![number(*session), seq.cast_signed()])?;
        }
        let mut receive =
            transaction.prepare_cached("INSERT OR IGNORE INTO received(session, packet_id) VALUES(?1, ?2)")?;
        let mut complete = transaction.prepare_cached("DELETE FROM received WHERE session = ?1 AND packet_id = ?2")?;
        for ((session, packet_id), waiting) in &self.received {
            let statement = if *waiting { &mut receive } else { &mut complete };
            statement.execute(params![number(*session), packet_id])?;
        }
        let mut retain = transaction
            .prepare_cached("INSERT OR REPLACE INTO retained(topic, qos, at_us, packet) VALUES(?1, ?2, ?3, ?4)")?;
        let mut clear = transaction.prepare_cached("DELETE FROM retained WHERE topic = ?1")?;
        for (topic, message) in &self.retained {
            if message.payload.is_empty() {
                clear.execute([topic])?;
            } else if let Some(packet) = packet_of(message) {
                retain.execute(params![topic, message.qos as u8, message.at_us, &packet[..]])?;
            }
        }
        Ok(next)
    }
}

fn put_session(transaction: &Transaction<'_>, row: &SessionRow) -> rusqlite::Result<()> {
    let will = row.will.as_ref().and_then(packet_of_will);
    let delay = row.will.as_ref().and_then(|will| will.properties.delay_secs);
    let level = match row.version {
        mqtt::Version::V3_1 => 3,
        mqtt::Version::V3_1_1 => 4,
        mqtt::Version::V5 => 5,
    };
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO session(id, client_id, identity, version, expiry_secs, away_since_ms, left_seq,
                                            will, will_delay_secs, will_due_ms)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            number(row.id),
            &*row.client_id,
            row.identity.as_str(),
            level,
            row.expiry_secs,
            row.away_since_ms,
            row.left_seq.cast_signed(),
            will.as_deref(),
            delay,
            row.will_due_ms,
        ])?;
    Ok(())
}

fn forget(transaction: &Transaction<'_>, session: SessionId, holders: &mut Holders<'_>) -> rusqlite::Result<()> {
    let session = number(session);
    let messages: Vec<i64> = transaction
        .prepare_cached("DELETE FROM queue WHERE session = ?1 RETURNING message")?
        .query_map([session], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for message in messages {
        if holders.release(message) {
            transaction.prepare_cached("DELETE FROM message WHERE id = ?1")?.execute([message])?;
        }
    }
    for table in ["subscription", "received"] {
        transaction.prepare_cached(&format!("DELETE FROM {table} WHERE session = ?1"))?.execute([session])?;
    }
    transaction.prepare_cached("DELETE FROM session WHERE id = ?1")?.execute([session])?;
    Ok(())
}

fn number(session: SessionId) -> i64 {
    (session as u64).cast_signed()
}
