//! A table, whatever the file: columns with a kind, rows of cells.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use crate::{Error, Plan, columnar, database, delimited, json_lines, ods, xlsx};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `;`, decimal comma, byte order mark, French dates.
    CsvFrench,
    CsvPlain,
    Xlsx,
    Ods,
    JsonLines,
    Parquet,
    Sqlite,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Format::CsvFrench | Format::CsvPlain => "csv",
            Format::Xlsx => "xlsx",
            Format::Ods => "ods",
            Format::JsonLines => "jsonl",
            Format::Parquet => "parquet",
            Format::Sqlite => "sqlite",
        }
    }

    /// For people in front of a spreadsheet, who read local times; programs get UTC alone.
    pub(crate) fn for_people(self) -> bool {
        matches!(self, Format::CsvFrench | Format::CsvPlain | Format::Xlsx | Format::Ods)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An instant, shown by the clock on the wall in files for people.
    Time,
    Number,
    Whole,
    Flag,
    Text,
    /// Text among a few, said again and again.
    Name,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
}

impl Column {
    pub fn new(name: impl Into<String>, kind: Kind) -> Column {
        Column { name: name.into(), kind }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    Empty,
    /// Microseconds since the Unix epoch.
    Time(i64),
    Number(f64),
    Whole(i64),
    Flag(bool),
    Text(&'a str),
}

/// A file that takes rows. Without `finish` it is not whole.
pub trait Table {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error>;
    fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// Makes the file with its columns.
pub fn open(plan: &Plan, columns: Vec<Column>, path: &Path) -> Result<Box<dyn Table>, Error> {
    let zone = plan.zone.clone();
    let file = || Ok::<_, Error>(BufWriter::with_capacity(256 * 1024, File::create(path)?));
    Ok(match plan.format {
        Format::CsvFrench => Box::new(delimited::Delimited::new(file()?, true, zone, &columns)?),
        Format::CsvPlain => Box::new(delimited::Delimited::new(file()?, false, zone, &columns)?),
        Format::Xlsx => Box::new(xlsx::Workbook::new(path, zone, &plan.titles.sheet, columns)?),
        Format::Ods => Box::new(ods::Document::new(file()?, zone, &plan.titles.sheet, columns)?),
        Format::JsonLines => Box::new(json_lines::Lines::new(file()?, columns)),
        Format::Parquet => Box::new(columnar::Columnar::new(File::create(path)?, columns)?),
        Format::Sqlite => Box::new(database::Database::new(path, columns)?),
    })
}
