//! Reading back what was kept.

use std::collections::HashMap;
use std::sync::Arc;

use mqtt::{Filter, PacketId, SubscribeOptions, Version};
use rusqlite::{Connection, Row};

use super::rows::{ids_of, message_of, options_of, qos_of, will_of};
use super::{Queued, SessionId, SessionRow};
use crate::{Identity, Message};

/// Everything that the file holds.
#[derive(Default)]
pub(crate) struct Loaded {
    pub retained: Vec<Message>,
    pub sessions: Vec<LoadedSession>,
}

pub(crate) struct LoadedSession {
    pub row: SessionRow,
    pub subscriptions: Vec<(Filter, SubscribeOptions, Option<u32>)>,
    /// In the order of delivery, each with whether PUBREC came.
    pub queue: Vec<(Queued, bool)>,
    pub received: Vec<PacketId>,
}

pub(super) enum Fault {
    Database(rusqlite::Error),
    /// The file is sound, but a row is not what was written.
    Content(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Database(error)
    }
}

impl From<String> for Fault {
    fn from(detail: String) -> Fault {
        Fault::Content(detail)
    }
}

pub(super) fn everything(database: &Connection) -> Result<Loaded, Fault> {
    let retained =
        each(database, "SELECT at_us, packet FROM retained", |row| Ok(message_of(row.get(1)?, row.get(0)?)?))?;
    let mut sessions: HashMap<SessionId, LoadedSession> = each(
        database,
        "SELECT id, client_id, identity, version, expiry_secs, away_since_ms, left_seq, will, will_delay_secs,
                will_due_ms FROM session",
        session,
    )?
    .into_iter()
    .map(|session| (session.row.id, session))
    .collect();
    let mut of = |id: SessionId, put: &mut dyn FnMut(&mut LoadedSession)| match sessions.get_mut(&id) {
        Some(session) => {
            put(session);
            Ok(())
        }
        None => Err(Fault::Content(format!("session {id} is missing"))),
    };
    each(database, "SELECT session, filter, options, subscription_id FROM subscription", |row| {
        let filter = Filter::parse(row.get::<_, String>(1)?).map_err(|error| error.to_string())?;
        let (options, subscription_id) = (options_of(row.get(2)?)?, row.get(3)?);
        of(id(row.get(0)?), &mut |session| session.subscriptions.push((filter.clone(), options, subscription_id)))
    })?;
    each(database, "SELECT session, packet_id FROM received", |row| {
        let packet_id = PacketId::new(row.get(1)?).ok_or_else(|| "packet identifier 0".to_owned())?;
        of(id(row.get(0)?), &mut |session| session.received.push(packet_id))
    })?;
    let messages: HashMap<i64, Arc<Message>> = each(database, "SELECT id, at_us, packet FROM message", |row| {
        Ok((row.get(0)?, Arc::new(message_of(row.get(2)?, row.get(1)?)?)))
    })?
    .into_iter()
    .collect();
    let queue =
        "SELECT session, seq, message, qos, retain, released, subscription_ids FROM queue ORDER BY session, seq";
    each(database, queue, |row| {
        let (session, number): (_, i64) = (id(row.get(0)?), row.get(2)?);
        let message = messages.get(&number).ok_or_else(|| format!("message {number} is missing"))?;
        let queued = Queued {
            session,
            seq: row.get::<_, i64>(1)?.cast_unsigned(),
            message: message.clone(),
            qos: qos_of(row.get(3)?)?,
            retain: row.get(4)?,
            subscription_ids: ids_of(row.get_ref(6)?.as_blob().unwrap_or_default()),
        };
        let released = row.get(5)?;
        of(session, &mut |session| session.queue.push((queued.clone(), released)))
    })?;
    Ok(Loaded { retained, sessions: sessions.into_values().collect() })
}

fn session(row: &Row<'_>) -> Result<LoadedSession, Fault> {
    let version = match row.get(3)? {
        3 => Version::V3_1,
        4 => Version::V3_1_1,
        5 => Version::V5,
        other => return Err(Fault::Content(format!("protocol level {other}"))),
    };
    let will = match row.get::<_, Option<Vec<u8>>>(7)? {
        Some(packet) => Some(will_of(packet, row.get(8)?)?),
        None => None,
    };
    let row = SessionRow {
        id: id(row.get(0)?),
        client_id: row.get::<_, String>(1)?.into(),
        identity: Identity::new(row.get::<_, String>(2)?),
        version,
        expiry_secs: row.get(4)?,
        away_since_ms: row.get(5)?,
        left_seq: row.get::<_, i64>(6)?.cast_unsigned(),
        will,
        will_due_ms: row.get(9)?,
    };
    Ok(LoadedSession { row, subscriptions: Vec::new(), queue: Vec::new(), received: Vec::new() })
}

fn id(number: i64) -> SessionId {
    number.cast_unsigned() as SessionId
}

fn each<T>(
    database: &Connection,
    query: &str,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut statement = database.prepare(query)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}
