//! CSV for spreadsheets: French (`;`, decimal comma, a byte order mark) or plain.

use std::io::Write;

use jiff::tz::TimeZone;

use crate::table::{Cell, Column, Table};
use crate::{Error, time};

pub struct Delimited<W: Write> {
    csv: csv::Writer<W>,
    french: bool,
    zone: TimeZone,
}

impl<W: Write> Delimited<W> {
    pub fn new(mut out: W, french: bool, zone: TimeZone, columns: &[Column]) -> Result<Self, Error> {
        if french {
            out.write_all("\u{FEFF}".as_bytes())?;
        }
        let mut csv = csv::WriterBuilder::new()
            .delimiter(if french { b';' } else { b',' })
            .terminator(if french { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .from_writer(out);
        csv.write_record(columns.iter().map(|column| guarded(&column.name)))?;
        Ok(Delimited { csv, french, zone })
    }
}

impl Delimited<Vec<u8>> {
    /// The whole table, where it was written into memory.
    pub fn into_text(self) -> Result<String, Error> {
        let bytes = self.csv.into_inner().map_err(|error| error.into_error())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl<W: Write> Table for Delimited<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        for cell in cells {
            match *cell {
                Cell::Empty => self.csv.write_field("")?,
                Cell::Time(at_us) if self.french => self.csv.write_field(time::french(at_us, &self.zone))?,
                Cell::Time(at_us) => self.csv.write_field(time::plain(at_us, &self.zone))?,
                Cell::Number(number) => self.csv.write_field(cell_number(number, self.french))?,
                Cell::Whole(number) => self.csv.write_field(number.to_string())?,
                Cell::Flag(on) => self.csv.write_field(if on { "1" } else { "0" })?,
                Cell::Text(text) => self.csv.write_field(guarded(text).as_bytes())?,
            }
        }
        self.csv.write_record(None::<&[u8]>)?;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        Ok(self.csv.flush()?)
    }
}

/// A number as a cell of a table has it.
pub fn cell_number(number: f64, french: bool) -> String {
    let text = plain_number(number);
    if french { text.replace('.', ",") } else { text }
}

/// As short as it can be without losing a digit; very large and small ones with an exponent.
pub(crate) fn plain_number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-7..1e15).contains(&size) { format!("{number:E}") } else { number.to_string() }
}

/// A text that a spreadsheet would run as a formula stays text. Numbers never come here.
fn guarded(text: &str) -> String {
    const STARTS: [char; 9] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋'];
    let begins = text.trim_start_matches([' ', '\u{a0}', '\u{feff}']);
    if begins.starts_with(STARTS) || begins.starts_with(['－', '＠']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_that_would_be_a_formula_is_guarded() {
        for text in ["=1+1", "+cmd", "-cmd", "@SUM(A1)", "\t=1", " =1", "＝1"] {
            assert_eq!(guarded(text), format!("'{text}"), "{text}");
        }
        for text in ["", "a=1", "{\"a\":-1}", "1-2", "http://x/=1"] {
            assert_eq!(guarded(text), text, "{text}");
        }
    }

    #[test]
    fn numbers_are_short_and_exact() {
        assert_eq!(plain_number(-21.5), "-21.5");
        assert_eq!(plain_number(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(plain_number(1e300), "1E300");
        assert_eq!(plain_number(0.0), "0");
    }
}
