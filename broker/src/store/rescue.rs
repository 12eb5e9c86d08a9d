//! A damaged store is read, never written: what can still be read of it is handed out.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Row};

use super::rows::message_of;
use crate::{Error, Message};

/// What was read of a damaged store, and what stands in the way of the rest.
#[derive(Debug, Default)]
pub struct Rescued {
    pub retained: Vec<Message>,
    /// Messages that wait for a client that is away, by its client id, in the order of delivery.
    pub queued: Vec<(String, Message)>,
    /// Client ids and identities of the sessions.
    pub sessions: Vec<(String, String)>,
    /// One sentence for each place that cannot be read.
    pub faults: Vec<String>,
}

/// Reads a store through a copy of it (a write-ahead log is read as well), from both ends of each
/// table up to what is damaged. The files themselves are not touched.
pub fn rescue(path: &Path) -> Result<Rescued, Error> {
    let failed = |source: std::io::Error| Error::Rescue { source, path: path.to_path_buf() };
    let copy = Copy::of(path).map_err(failed)?;
    let mut rescued = Rescued::default();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = match Connection::open_with_flags(copy.file(), flags) {
        Ok(database) => database,
        Err(error) => {
            rescued.faults.push(error.to_string());
            return Ok(rescued);
        }
    };
    let faults = &mut rescued.faults;
    let message = |row: &Row<'_>| -> Result<Message, String> {
        let read = |error: rusqlite::Error| error.to_string();
        message_of(row.get(0).map_err(read)?, row.get(1).map_err(read)?)
    };
    rescued.retained = both_ends(&database, "SELECT packet, at_us, topic FROM retained", "topic", 2, faults, &message);
    rescued.sessions = both_ends(&database, "SELECT client_id, identity, id FROM session", "id", 2, faults, &|row| {
        Ok((text(row, 0)?, text(row, 1)?))
    });
    let queue = "SELECT message.packet, message.at_us, queue.rowid_key, session.client_id FROM
                 (SELECT session * 1000000000000 + seq AS rowid_key, session, message FROM queue) AS queue
                 JOIN message ON message.id = queue.message JOIN session ON session.id = queue.session";
    rescued.queued =
        both_ends(&database, queue, "queue.rowid_key", 2, faults, &|row| Ok((text(row, 3)?, message(row)?)));
    Ok(rescued)
}

fn text(row: &Row<'_>, at: usize) -> Result<String, String> {
    row.get(at).map_err(|error: rusqlite::Error| error.to_string())
}

/// Rows in ascending order up to the first that cannot be read, then in descending order down to it.
/// `key` is the column that orders them, at the place `key_at` of each row.
fn both_ends<T>(
    database: &Connection,
    select: &str,
    key: &str,
    key_at: usize,
    faults: &mut Vec<String>,
    read: &dyn Fn(&Row<'_>) -> Result<T, String>,
) -> Vec<T> {
    let (mut found, last, fault) = one_way(database, &format!("{select} ORDER BY {key} ASC"), key_at, None, read);
    let Some(fault) = fault else { return found };
    faults.push(fault);
    let (rest, _, _) = one_way(database, &format!("{select} ORDER BY {key} DESC"), key_at, last.as_ref(), read);
    found.extend(rest.into_iter().rev());
    found
}

type OneWay<T> = (Vec<T>, Option<rusqlite::types::Value>, Option<String>);

/// Reads until a row is damaged or `until` is met; rows whose content is wrong are left out.
fn one_way<T>(
    database: &Connection,
    query: &str,
    key_at: usize,
    until: Option<&rusqlite::types::Value>,
    read: &dyn Fn(&Row<'_>) -> Result<T, String>,
) -> OneWay<T> {
    let (mut found, mut last) = (Vec::new(), None);
    let mut walk = || -> rusqlite::Result<Option<String>> {
        let mut fault = None;
        let mut statement = database.prepare(query)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: rusqlite::types::Value = row.get(key_at)?;
            if until == Some(&key) {
                break;
            }
            last = Some(key);
            match read(row) {
                Ok(each) => found.push(each),
                Err(wrong) => fault = Some(wrong),
            }
        }
        Ok(fault)
    };
    let fault = walk().unwrap_or_else(|error| Some(error.to_string()));
    (found, last, fault)
}

/// A copy of a database with its write-ahead log, gone when dropped.
struct Copy(PathBuf);

impl Copy {
    fn of(path: &Path) -> std::io::Result<Copy> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".rescue-{}", std::process::id()));
        let folder = path.with_file_name(name);
        std::fs::create_dir(&folder)?;
        let copy = Copy(folder);
        std::fs::copy(path, copy.file())?;
        let beside = |file: &Path| {
            let mut name = file.as_os_str().to_owned();
            name.push("-wal");
            PathBuf::from(name)
        };
        if beside(path).exists() {
            std::fs::copy(beside(path), beside(&copy.file()))?;
        }
        Ok(copy)
    }

    fn file(&self) -> PathBuf {
        self.0.join("copy.db")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
