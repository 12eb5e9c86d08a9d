//! One JSON object a line.

use std::io::Write;

use serde_json::Value;

use crate::table::{Cell, Column, Table};
use crate::{Error, time};

pub struct Lines<W: Write> {
    out: W,
    /// Written as JSON once: `"name":`.
    names: Vec<String>,
}

impl<W: Write> Lines<W> {
    pub fn new(out: W, columns: Vec<Column>) -> Self {
        Lines { out, names: columns.into_iter().map(|column| format!("{}:", Value::String(column.name))).collect() }
    }
}

impl<W: Write> Table for Lines<W> {
    /// What is empty is left out.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        let mut between = "{";
        for (name, cell) in self.names.iter().zip(cells) {
            if matches!(cell, Cell::Empty) {
                continue;
            }
            self.out.write_all(between.as_bytes())?;
            self.out.write_all(name.as_bytes())?;
            between = ",";
            match *cell {
                Cell::Empty => {}
                Cell::Time(at_us) => write!(self.out, "\"{}\"", time::utc(at_us))?,
                Cell::Number(number) => serde_json::to_writer(&mut self.out, &number)?,
                Cell::Whole(number) => write!(self.out, "{number}")?,
                Cell::Flag(on) => write!(self.out, "{on}")?,
                Cell::Text(text) => serde_json::to_writer(&mut self.out, text)?,
            }
        }
        self.out.write_all(if between == "{" { b"{}\n" } else { b"}\n" })?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        Ok(self.out.flush()?)
    }
}
