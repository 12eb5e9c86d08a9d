//! What the broker keeps on disk: retained messages, durable sessions with their subscriptions,
//! queues and packet identifiers, delayed wills.
//!
//! The shard collects its changes while it works; all changes of one turn are one group, which is
//! committed whole or not at all. A writer thread commits whatever arrived during the commit before
//! (it never waits for a batch to fill) and tells which groups are settled.

mod load;
mod rescue;
mod rows;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use mqtt::{Filter, PacketId, QoS, SubscribeOptions, Version, Will};
use rusqlite::Connection;
use tokio::sync::{Notify, mpsc};

use crate::{Error, Identity, Message, Settled};

pub(crate) use load::{Loaded, LoadedSession};
pub use rescue::{Rescued, rescue};
pub(crate) use rows::will_as_publish;

/// The number of a session; never used twice while the store lives.
pub(crate) type SessionId = usize;

/// What is kept of a session itself (5.0 §4.1).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SessionRow {
    pub id: SessionId,
    pub client_id: Arc<str>,
    pub identity: Identity,
    pub version: Version,
    pub expiry_secs: u32,
    /// `None` while connected: if it is still so at the next start, the broker was killed.
    pub away_since_ms: Option<i64>,
    /// The number of the first message that was queued after it left: those before may have been sent.
    pub left_seq: u64,
    pub will: Option<Will>,
    pub will_due_ms: Option<i64>,
}

/// A message in the queue of a session, or in flight to it.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub session: SessionId,
    /// In the order of delivery; the packet identifier follows from it.
    pub seq: u64,
    pub message: Arc<Message>,
    pub qos: QoS,
    pub retain: bool,
    pub subscription_ids: Vec<u32>,
}

#[derive(Debug)]
pub(crate) enum Change {
    /// An empty payload deletes.
    Retain(Arc<Message>),
    Session(Box<SessionRow>),
    /// The session and all that belongs to it.
    Forget(SessionId),
    Subscribe {
        session: SessionId,
        filter: Filter,
        options: SubscribeOptions,
        subscription_id: Option<u32>,
    },
    Unsubscribe {
        session: SessionId,
        filter: Filter,
    },
    Queue(Queued),
    /// PUBREC came: from here on only PUBREL is repeated.
    Released {
        session: SessionId,
        seq: u64,
    },
    /// Acknowledged, expired, or no longer allowed.
    Done {
        session: SessionId,
        seq: u64,
    },
    /// The identifier of a QoS 2 publication that came in and is not yet released.
    Received {
        session: SessionId,
        packet_id: PacketId,
    },
    /// PUBREL came.
    Completed {
        session: SessionId,
        packet_id: PacketId,
    },
}

/// The changes of one turn.
struct Group {
    number: u64,
    changes: Vec<Change>,
}

pub(crate) struct Store {
    groups: Option<std::sync::mpsc::Sender<Group>>,
    writer: Option<JoinHandle<()>>,
    /// Of the turn that is going on.
    changes: Vec<Change>,
    number: u64,
    /// Told at the first change of a turn: the flusher runs when the turn is over.
    pub wake: Arc<Notify>,
    /// Somebody waits for the next group, even an empty one.
    awaited: bool,
}

impl Store {
    /// Opens (or makes) the file and reads what it holds.
    pub fn open(path: &Path) -> Result<(Store, Loaded, mpsc::UnboundedReceiver<Settled>), Error> {
        let failed = |source| Error::Store { source, path: path.to_path_buf() };
        let damaged = |source: rusqlite::Error| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Error::StoreDamaged { detail: source.to_string(), path: path.to_path_buf() }
            }
            _ => failed(source),
        };
        let database = Connection::open(path).map_err(failed)?;
        database.pragma_update(None, "journal_mode", "WAL").map_err(damaged)?;
        database.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        // What was cleared is overwritten where that costs no further page: names of a past year
        // do not stay in the file.
        database.pragma_update(None, "secure_delete", "FAST").map_err(failed)?;
        let check: String = database.query_row("PRAGMA quick_check", [], |row| row.get(0)).map_err(damaged)?;
        if check != "ok" {
            return Err(Error::StoreDamaged { detail: check, path: path.to_path_buf() });
        }
        database.execute_batch(rows::SCHEMA).map_err(damaged)?;
        let loaded = load::everything(&database).map_err(|fault| match fault {
            load::Fault::Database(source) => damaged(source),
            load::Fault::Content(detail) => Error::StoreDamaged { detail, path: path.to_path_buf() },
        })?;
        let writer = writer::Writer::new(database).map_err(damaged)?;
        let (groups, queue) = std::sync::mpsc::channel();
        let (settled, results) = mpsc::unbounded_channel();
        let writer = std::thread::Builder::new()
            .name("broker-store".into())
            .spawn(move || writer.run(&queue, &settled))
            .map_err(Error::Thread)?;
        let store = Store {
            groups: Some(groups),
            writer: Some(writer),
            changes: Vec::new(),
            number: 1,
            wake: Arc::default(),
            awaited: false,
        };
        Ok((store, loaded, results))
    }

    pub fn push(&mut self, change: Change) {
        if self.changes.is_empty() {
            self.wake.notify_one();
        }
        self.changes.push(change);
    }

    /// How many changes this turn has made so far.
    pub fn mark(&self) -> usize {
        self.changes.len()
    }

    /// The ticket of what is changed now.
    pub fn ticket(&self) -> u64 {
        self.number
    }

    /// The ticket of the next attempt, for one whose changes could not be stored and are kept to be
    /// written again.
    pub fn next_attempt(&mut self) -> u64 {
        self.awaited = true;
        self.wake.notify_one();
        self.number
    }

    /// Hands the turn's changes to the writer.
    pub fn flush(&mut self) {
        if self.changes.is_empty() && !self.awaited {
            return;
        }
        self.awaited = false;
        let changes = std::mem::take(&mut self.changes);
        if let Some(groups) = &self.groups {
            groups.send(Group { number: self.number, changes }).ok();
        }
        self.number += 1;
    }

    /// Writes what is queued and ends the writer; later changes are not kept.
    pub fn close(&mut self) {
        self.flush();
        self.groups = None;
        if let Some(writer) = self.writer.take() {
            writer.join().ok();
        }
    }
}
