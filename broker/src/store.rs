//! Retained messages on disk: a writer thread that never waits for a batch to fill. It commits
//! whatever arrived during the commit before, and tells which tickets are settled.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::{Bytes, BytesMut};
use mqtt::{Limits, Packet, QoS, Version, codec};
use rusqlite::Connection;
use tokio::sync::mpsc;

use crate::{Error, Message, Origin, Settled};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS retained(
  topic TEXT PRIMARY KEY, qos INTEGER NOT NULL, at_us INTEGER NOT NULL,
  packet BLOB NOT NULL /* the whole PUBLISH as MQTT 5.0 writes it */) WITHOUT ROWID;
PRAGMA user_version = 1;";

/// What the writer is asked to do.
enum Change {
    Put { ticket: u64, message: Arc<Message> },
    Delete { ticket: u64, topic: String },
}

pub(crate) struct RetainedStore {
    changes: Option<std::sync::mpsc::Sender<Change>>,
    writer: Option<JoinHandle<()>>,
    next_ticket: u64,
}

impl RetainedStore {
    /// Opens (or makes) the file and reads what it holds.
    pub fn open(path: &Path) -> Result<(RetainedStore, Vec<Message>, mpsc::UnboundedReceiver<Settled>), Error> {
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
        let check: String = database.query_row("PRAGMA quick_check", [], |row| row.get(0)).map_err(damaged)?;
        if check != "ok" {
            return Err(Error::StoreDamaged { detail: check, path: path.to_path_buf() });
        }
        database.execute_batch(SCHEMA).map_err(damaged)?;
        let messages = read_all(&database, path)?;
        let (changes, queue) = std::sync::mpsc::channel();
        let (settled, results) = mpsc::unbounded_channel();
        let writer = std::thread::Builder::new()
            .name("broker-store".into())
            .spawn(move || write(database, &queue, &settled))
            .map_err(Error::Thread)?;
        Ok((RetainedStore { changes: Some(changes), writer: Some(writer), next_ticket: 0 }, messages, results))
    }

    /// Queues the message (an empty payload deletes) and returns its ticket.
    pub fn put(&mut self, message: &Arc<Message>) -> u64 {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let change = match message.payload.is_empty() {
            true => Change::Delete { ticket, topic: message.topic.as_str().to_owned() },
            false => Change::Put { ticket, message: message.clone() },
        };
        if let Some(changes) = &self.changes {
            changes.send(change).ok();
        }
        ticket
    }

    /// Writes what is queued and ends the writer.
    pub fn close(&mut self) {
        self.changes = None;
        if let Some(writer) = self.writer.take() {
            writer.join().ok();
        }
    }
}

fn read_all(database: &Connection, path: &Path) -> Result<Vec<Message>, Error> {
    let failed = |source| Error::Store { source, path: path.to_path_buf() };
    let mut statement = database.prepare("SELECT at_us, packet FROM retained").map_err(failed)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).map_err(failed)?;
    let mut messages = Vec::new();
    for row in rows {
        let (at_us, packet) = row.map_err(failed)?;
        messages.push(decoded(at_us, packet, path)?);
    }
    Ok(messages)
}

fn decoded(at_us: i64, packet: Vec<u8>, path: &Path) -> Result<Message, Error> {
    let damaged = |detail: String| Error::StoreDamaged { detail, path: PathBuf::from(path) };
    match codec::decode(&Bytes::from(packet), Some(Version::V5), &Limits::NONE) {
        Ok(Packet::Publish(publish)) => {
            let topic = publish.topic.ok_or_else(|| damaged("a retained message without a topic".into()))?;
            let (qos, payload, properties) = (publish.qos, publish.payload, publish.properties);
            Ok(Message { topic, payload, qos, retain: true, properties, origin: Origin::Site, at_us })
        }
        Ok(_) => Err(damaged("a retained message is no PUBLISH".into())),
        Err(error) => Err(damaged(error.to_string())),
    }
}

fn encoded(message: &Message) -> Option<BytesMut> {
    let mut out = BytesMut::new();
    let packet_id = if message.qos == QoS::AtMostOnce { None } else { mqtt::PacketId::new(1) };
    let head = codec::PublishHead { dup: false, qos: message.qos, retain: true, packet_id };
    let (topic, properties) = (message.topic.as_str(), &message.properties);
    codec::encode_publish(head, topic, &message.payload, properties, Version::V5, &mut out).ok()?;
    Some(out)
}

fn write(
    mut database: Connection,
    queue: &std::sync::mpsc::Receiver<Change>,
    settled: &mpsc::UnboundedSender<Settled>,
) {
    while let Ok(first) = queue.recv() {
        let batch: Vec<Change> = std::iter::once(first).chain(queue.try_iter()).collect();
        let up_to = batch.iter().map(Change::ticket).max().unwrap_or_default();
        let stored =
            commit(&mut database, &batch).inspect_err(|error| tracing::error!(%error, "retained messages")).is_ok();
        if settled.send(Settled { up_to, stored }).is_err() {
            return;
        }
    }
}

impl Change {
    fn ticket(&self) -> u64 {
        match self {
            Change::Put { ticket, .. } | Change::Delete { ticket, .. } => *ticket,
        }
    }
}

fn commit(database: &mut Connection, batch: &[Change]) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    {
        let mut put = transaction
            .prepare_cached("INSERT OR REPLACE INTO retained(topic, qos, at_us, packet) VALUES(?1, ?2, ?3, ?4)")?;
        let mut delete = transaction.prepare_cached("DELETE FROM retained WHERE topic = ?1")?;
        for change in batch {
            match change {
                Change::Put { message, .. } => {
                    let Some(packet) = encoded(message) else { continue };
                    let qos = message.qos as u8;
                    put.execute((message.topic.as_str(), qos, message.at_us, &packet[..]))?;
                }
                Change::Delete { topic, .. } => {
                    delete.execute([topic])?;
                }
            }
        }
    }
    transaction.commit()
}
