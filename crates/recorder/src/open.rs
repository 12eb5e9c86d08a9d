//! Opening the file: schema, pragmas, and what to do with one that is damaged.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::Error;

const VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS samples(
  topic_id INTEGER NOT NULL, ts INTEGER NOT NULL /* µs UTC */, seq INTEGER NOT NULL /* 0; +1 on equal ts */,
  flags INTEGER NOT NULL /* QoS, 4 retain, 8 payload was cut */, len INTEGER NOT NULL /* bytes of the whole payload */,
  val REAL, payload BLOB /* NULL when val says it all */, PRIMARY KEY(topic_id, ts, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gaps(from_us INTEGER NOT NULL, until_us INTEGER NOT NULL, lost INTEGER NOT NULL);
PRAGMA user_version = 1;";

/// The one connection that writes.
pub(crate) fn writer(path: &Path) -> Result<Connection, Error> {
    let database = Connection::open(path).map_err(|error| judged(error, path))?;
    let prepare = || -> rusqlite::Result<i64> {
        database.pragma_update(None, "page_size", 8192)?;
        database.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "FULL")?;
        database.pragma_update(None, "secure_delete", "ON")?;
        database.pragma_update(None, "temp_store", "MEMORY")?;
        database.pragma_update(None, "cache_size", -16_384)?;
        database.query_row("PRAGMA user_version", [], |row| row.get(0))
    };
    let found = prepare().map_err(|error| judged(error, path))?;
    if found > VERSION {
        return Err(Error::Newer { found, known: VERSION });
    }
    database.execute_batch(SCHEMA).map_err(|error| judged(error, path))?;
    // A file of gigabytes is not read through at every start: its header and one small table tell
    // a file that is no database, or was cut.
    let check: String = database
        .query_row("PRAGMA integrity_check('topics')", [], |row| row.get(0))
        .map_err(|error| judged(error, path))?;
    match check.as_str() {
        "ok" => Ok(database),
        _ => Err(Error::Damaged { detail: check, path: path.to_path_buf() }),
    }
}

pub(crate) fn reader(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags).map_err(|error| judged(error, path))?;
    database.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(database)
}

fn judged(error: rusqlite::Error, path: &Path) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            Error::Damaged { detail: error.to_string(), path: path.to_path_buf() }
        }
        _ => Error::Database(error),
    }
}

/// Moves a damaged file (and its journal) aside under a name of its own, for a rescue. A new file
/// is only made when the caller opens the recorder again.
pub fn set_aside(path: &Path, now_us: i64) -> Result<PathBuf, Error> {
    let named = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let aside = named(&format!(".damaged-{}", now_us / 1_000_000));
    let moved = |from: &Path, to: &Path| match std::fs::rename(from, to) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::SetAside { source, path: from.to_path_buf() })
        }
        _ => Ok(()),
    };
    moved(path, &aside)?;
    for end in ["-wal", "-shm"] {
        let mut to = aside.as_os_str().to_owned();
        to.push(end);
        moved(&named(end), Path::new(&to))?;
    }
    Ok(aside)
}
