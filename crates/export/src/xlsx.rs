//! A workbook for Excel: typed cells, so that no text can be a formula. Rows beyond the end of a
//! sheet go on to the next.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rust_xlsxwriter::{Format, Worksheet};

use crate::limits::{CELL_CHARS, SHEET_ROWS};
use crate::table::{Cell, Column, Kind, Table};
use crate::{Error, time};

pub struct Workbook {
    book: rust_xlsxwriter::Workbook,
    path: PathBuf,
    zone: TimeZone,
    title: String,
    columns: Vec<Column>,
    sheets: usize,
    next_row: u32,
    /// Rows of a sheet.
    room: u32,
    date: Format,
    head: Format,
}

impl Workbook {
    pub fn new(path: &Path, zone: TimeZone, title: &str, columns: Vec<Column>) -> Result<Self, Error> {
        let mut book = rust_xlsxwriter::Workbook::new();
        // What was measured stays in the folder that only its owner may enter.
        if let Some(folder) = path.parent() {
            book.set_tempdir(folder)?;
        }
        let date = Format::new().set_num_format("dd/mm/yyyy hh:mm:ss.000");
        let mut book = Workbook {
            book,
            path: path.to_owned(),
            zone,
            title: title.to_owned(),
            columns,
            sheets: 0,
            next_row: 0,
            room: SHEET_ROWS,
            date,
            head: Format::new().set_bold(),
        };
        book.add_sheet()?;
        Ok(book)
    }

    fn add_sheet(&mut self) -> Result<(), Error> {
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(sheet_name(&self.title, self.sheets))?;
        sheet.set_freeze_panes(1, 0)?;
        for (index, column) in (0u16..).zip(&self.columns) {
            sheet.set_column_width(index, if column.kind == Kind::Time { 23.0 } else { 16.0 })?;
        }
        for (index, column) in (0u16..).zip(&self.columns) {
            sheet.write_string_with_format(0, index, fitting(&column.name), &self.head)?;
        }
        self.sheets += 1;
        self.next_row = 1;
        Ok(())
    }
}

impl Table for Workbook {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        if self.next_row >= self.room {
            self.add_sheet()?;
        }
        let (row, index) = (self.next_row, self.sheets.saturating_sub(1));
        let sheet = self.book.worksheet_from_index(index)?;
        for (column, cell) in (0u16..).zip(cells) {
            write(sheet, row, column, cell, &self.zone, &self.date)?;
        }
        self.next_row += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        Ok(self.book.save(&self.path)?)
    }
}

fn write(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell<'_>,
    zone: &TimeZone,
    date: &Format,
) -> Result<(), Error> {
    match *cell {
        Cell::Empty => {}
        Cell::Time(at_us) => {
            sheet.write_number_with_format(row, column, time::serial(at_us, zone), date)?;
        }
        Cell::Number(number) => {
            sheet.write_number(row, column, number)?;
        }
        Cell::Whole(number) => {
            sheet.write_number(row, column, number as f64)?;
        }
        Cell::Flag(on) => {
            sheet.write_number(row, column, u8::from(on))?;
        }
        Cell::Text(text) => {
            sheet.write_string(row, column, fitting(text))?;
        }
    }
    Ok(())
}

/// Excel refuses a longer cell; the end says that it was cut.
pub(crate) fn fitting(text: &str) -> String {
    if text.len() <= CELL_CHARS || text.chars().count() <= CELL_CHARS {
        return text.to_owned();
    }
    text.chars().take(CELL_CHARS - 1).chain(['…']).collect()
}

/// At most 31 characters, without those that Excel forbids.
pub(crate) fn sheet_name(title: &str, index: usize) -> String {
    let clean: String = title.chars().map(|c| if "[]:*?/\\'".contains(c) { ' ' } else { c }).take(24).collect();
    let clean = if clean.trim().is_empty() { "Courtier" } else { clean.trim() };
    if index == 0 { clean.to_owned() } else { format!("{clean} {}", index + 1) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_beyond_the_end_of_a_sheet_go_on_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.xlsx");
        let columns = vec![Column::new("value", Kind::Number)];
        let mut book = Workbook::new(&path, TimeZone::UTC, "Mesures/1", columns).unwrap();
        book.room = 3;
        for number in 0..5 {
            book.row(&[Cell::Number(f64::from(number))]).unwrap();
        }
        Box::new(book).finish().unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
        let mut part = |name: &str| std::io::read_to_string(zip.by_name(name).unwrap()).unwrap();
        let book = part("xl/workbook.xml");
        assert!(book.contains("name=\"Mesures 1\"") && book.contains("name=\"Mesures 1 3\""), "{book}");
        let rows = [1, 2, 3].map(|n| part(&format!("xl/worksheets/sheet{n}.xml")).matches("<row ").count());
        assert_eq!(rows, [3, 3, 2], "each with its head");
    }

    #[test]
    fn what_excel_would_refuse_is_cut_and_says_so() {
        let long = "é".repeat(CELL_CHARS + 1);
        assert_eq!(fitting(&long).chars().count(), CELL_CHARS);
        assert!(fitting(&long).ends_with('…'));
        assert_eq!(fitting("short"), "short");
    }
}
