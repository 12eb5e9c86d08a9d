//! An OpenDocument spreadsheet, written as it comes: typed cells, so that no text can be a formula.
//! Rows beyond the end of a sheet go on to the next.

use std::io::{BufWriter, Seek, Write};

use jiff::tz::TimeZone;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::delimited::plain_number;
use crate::limits::{ODS_BYTES, SHEET_ROWS};
use crate::table::{Cell, Column, Kind, Table};
use crate::xlsx::{fitting, sheet_name};
use crate::{Error, time};

const MIMETYPE: &str = "application/vnd.oasis.opendocument.spreadsheet";

const MANIFEST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3"><manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>"#;

const START: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" xmlns:number="urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0" office:version="1.3"><office:automatic-styles><number:date-style style:name="N1"><number:day number:style="long"/><number:text>/</number:text><number:month number:style="long"/><number:text>/</number:text><number:year number:style="long"/><number:text> </number:text><number:hours number:style="long"/><number:text>:</number:text><number:minutes number:style="long"/><number:text>:</number:text><number:seconds number:style="long" number:decimal-places="3"/></number:date-style><style:style style:name="c1" style:family="table-column"><style:table-column-properties style:column-width="5.5cm"/></style:style><style:style style:name="c2" style:family="table-column"><style:table-column-properties style:column-width="3.5cm"/></style:style><style:style style:name="d" style:family="table-cell" style:data-style-name="N1"/><style:style style:name="h" style:family="table-cell"><style:text-properties fo:font-weight="bold"/></style:style></office:automatic-styles><office:body><office:spreadsheet>"#;

const END: &str = "</table:table></office:spreadsheet></office:body></office:document-content>";

pub struct Document<W: Write + Seek> {
    out: BufWriter<ZipWriter<W>>,
    zone: TimeZone,
    title: String,
    columns: Vec<Column>,
    sheets: usize,
    next_row: u32,
    /// Rows of a sheet.
    room: u32,
    /// One row, before it is written.
    line: Vec<u8>,
    bytes: u64,
}

impl<W: Write + Seek> Document<W> {
    pub fn new(file: W, zone: TimeZone, title: &str, columns: Vec<Column>) -> Result<Self, Error> {
        let mut zip = ZipWriter::new(file);
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        // First and not packed: by it a file manager knows what the file is.
        zip.start_file("mimetype", stored)?;
        zip.write_all(MIMETYPE.as_bytes())?;
        zip.start_file("META-INF/manifest.xml", packed)?;
        zip.write_all(MANIFEST.as_bytes())?;
        // Without the 64-bit form of an archive, which LibreOffice does not open.
        zip.start_file("content.xml", packed.compression_level(Some(3)))?;
        let mut out = BufWriter::with_capacity(128 * 1024, zip);
        out.write_all(START.as_bytes())?;
        let mut document = Document {
            out,
            zone,
            title: title.to_owned(),
            columns,
            sheets: 0,
            next_row: 0,
            room: SHEET_ROWS,
            line: Vec::new(),
            bytes: 0,
        };
        document.add_sheet()?;
        Ok(document)
    }

    fn add_sheet(&mut self) -> Result<(), Error> {
        if self.sheets > 0 {
            self.out.write_all(b"</table:table>")?;
        }
        let name = escaped(&sheet_name(&self.title, self.sheets));
        write!(self.out, "<table:table table:name=\"{name}\">")?;
        for column in &self.columns {
            let style = if column.kind == Kind::Time { "c1" } else { "c2" };
            write!(self.out, "<table:table-column table:style-name=\"{style}\"/>")?;
        }
        self.out.write_all(b"<table:table-header-rows><table:table-row>")?;
        for column in &self.columns {
            self.out.write_all(b"<table:table-cell table:style-name=\"h\" office:value-type=\"string\">")?;
            paragraphs(&mut self.out, &fitting(&column.name))?;
            self.out.write_all(b"</table:table-cell>")?;
        }
        self.out.write_all(b"</table:table-row></table:table-header-rows>")?;
        self.sheets += 1;
        self.next_row = 1;
        Ok(())
    }
}

impl<W: Write + Seek> Table for Document<W> {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        if self.next_row >= self.room {
            self.add_sheet()?;
        }
        self.next_row += 1;
        self.line.clear();
        let out = &mut self.line;
        out.write_all(b"<table:table-row>")?;
        let number = |value: &str| {
            format!("<table:table-cell office:value-type=\"float\" office:value=\"{value}\"/>").into_bytes()
        };
        for cell in cells {
            match *cell {
                Cell::Empty => out.write_all(b"<table:table-cell/>")?,
                Cell::Time(at_us) => write!(
                    out,
                    "<table:table-cell table:style-name=\"d\" office:value-type=\"date\" office:date-value=\"{}\"/>",
                    time::office(at_us, &self.zone)
                )?,
                Cell::Number(value) => out.write_all(&number(&plain_number(value)))?,
                Cell::Whole(value) => out.write_all(&number(&value.to_string()))?,
                Cell::Flag(on) => out.write_all(&number(if on { "1" } else { "0" }))?,
                Cell::Text(text) => {
                    out.write_all(b"<table:table-cell office:value-type=\"string\">")?;
                    paragraphs(out, &fitting(text))?;
                    out.write_all(b"</table:table-cell>")?;
                }
            }
        }
        out.write_all(b"</table:table-row>")?;
        self.bytes += self.line.len() as u64;
        if self.bytes > ODS_BYTES {
            return Err(Error::TooLarge { most: ODS_BYTES });
        }
        Ok(self.out.write_all(&self.line)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.out.write_all(END.as_bytes())?;
        let zip = self.out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        zip.finish()?.flush()?;
        Ok(())
    }
}

/// A line of the text is a paragraph; a second space in a row, and one at an end, has a sign of its own.
fn paragraphs(out: &mut impl Write, text: &str) -> Result<(), Error> {
    for line in text.split('\n') {
        out.write_all(b"<text:p>")?;
        let mut after_space = true;
        let mut plain = String::with_capacity(line.len());
        let ends = line.trim_end_matches(' ').len();
        for (at, c) in line.char_indices() {
            match c {
                ' ' if after_space || at >= ends => plain.push_str("<text:s/>"),
                '\t' => plain.push_str("<text:tab/>"),
                c => push_escaped(&mut plain, c),
            }
            after_space = c == ' ';
        }
        out.write_all(plain.as_bytes())?;
        out.write_all(b"</text:p>")?;
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    text.chars().for_each(|c| push_escaped(&mut out, c));
    out
}

/// XML has no way to write most control characters.
fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\t' => out.push(c),
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_beyond_the_end_of_a_sheet_go_on_to_the_next() {
        let mut file = std::io::Cursor::new(Vec::new());
        let columns = vec![Column::new("value", Kind::Number)];
        let mut document = Document::new(&mut file, TimeZone::UTC, "Mesures", columns).unwrap();
        document.room = 3;
        for number in 0..5 {
            document.row(&[Cell::Number(f64::from(number))]).unwrap();
        }
        Box::new(document).finish().unwrap();
        let mut zip = zip::ZipArchive::new(file).unwrap();
        let content = std::io::read_to_string(zip.by_name("content.xml").unwrap()).unwrap();
        let rows: Vec<usize> =
            content.split("<table:table ").skip(1).map(|sheet| sheet.matches("<table:table-row>").count()).collect();
        assert_eq!(rows, [3, 3, 2], "each with its head");
        assert!(content.contains("table:name=\"Mesures 3\""));
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut out = Vec::new();
        paragraphs(&mut out, "a  <b>\0&\tc \n").unwrap();
        let expected = "<text:p>a <text:s/>&lt;b&gt;\u{fffd}&amp;<text:tab/>c<text:s/></text:p><text:p></text:p>";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
