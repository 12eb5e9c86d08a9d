//! An SQLite file with one table, `messages`, and an index on its times.

use std::path::Path;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::table::{Cell, Column, Kind, Table};
use crate::{Error, time};

const AT_ONCE: u32 = 20_000;

pub struct Database {
    connection: Connection,
    insert: String,
    waiting: u32,
}

impl Database {
    pub fn new(path: &Path, columns: Vec<Column>) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        // The file is of use only when it is whole: no journal is kept for a power cut.
        connection.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")?;
        let columns = distinct(columns);
        let named: Vec<String> =
            columns.iter().map(|column| format!("{} {}", quoted(&column.name), affinity(column.kind))).collect();
        connection.execute_batch(&format!("CREATE TABLE messages({}); BEGIN;", named.join(", ")))?;
        let holes = vec!["?"; columns.len()].join(",");
        Ok(Database { connection, insert: format!("INSERT INTO messages VALUES({holes})"), waiting: 0 })
    }
}

impl Table for Database {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        self.connection.prepare_cached(&self.insert)?.execute(params_from_iter(cells))?;
        self.waiting += 1;
        if self.waiting == AT_ONCE {
            self.connection.execute_batch("COMMIT; BEGIN;")?;
            self.waiting = 0;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        self.connection.execute_batch("COMMIT; CREATE INDEX messages_time ON messages(time);")?;
        self.connection.close().map_err(|(_, error)| error)?;
        Ok(())
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Cell::Empty => ToSqlOutput::Borrowed(ValueRef::Null),
            // Text that SQLite's date functions read, and that sorts as time does.
            Cell::Time(at_us) => time::utc(at_us).into(),
            Cell::Number(number) => number.into(),
            Cell::Whole(number) => number.into(),
            Cell::Flag(on) => on.into(),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn affinity(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "REAL",
        Kind::Whole | Kind::Flag => "INTEGER",
        Kind::Time | Kind::Text | Kind::Name => "TEXT",
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', "\u{FFFD}"))
}

/// SQLite takes `Temp` and `temp` for the same column.
fn distinct(mut columns: Vec<Column>) -> Vec<Column> {
    let mut taken = std::collections::HashSet::new();
    for column in &mut columns {
        let wanted = column.name.clone();
        let mut next = 2;
        while !taken.insert(column.name.to_lowercase()) {
            column.name = format!("{wanted} ({next})");
            next += 1;
        }
    }
    columns
}
