//! A class from a spreadsheet: one line of titles, then a line a device.

use ::csv::ReaderBuilder;
use wire::ClassRow;

use crate::Error;
use crate::limits::CLASS_DEVICES;

/// Titles that mean the same, without accents and in small letters.
const NAMES: &[&str] = &["id", "nom", "name", "appareil", "device", "identifiant", "identifier"];
const GROUPS: &[&str] = &["groupe", "group", "equipe", "team"];
const KINDS: &[&str] = &["type", "kind", "materiel", "hardware", "profil", "profile", "modele", "model"];

pub(super) struct Table {
    /// With the line of the file on which each stands.
    pub rows: Vec<(u32, ClassRow)>,
    pub separator: char,
    pub ignored: Vec<String>,
}

pub(super) fn read(text: &str) -> Result<Table, Error> {
    let text = text.trim_start_matches('\u{feff}');
    let separator = separator(text);
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .trim(::csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut records = reader.records().filter(|record| !matches!(record, Ok(record) if blank(record)));
    let titles = records.next().ok_or(Error::ListEmpty)?.map_err(|_| Error::ListEmpty)?;
    let column = |known: &[&str]| titles.iter().position(|title| known.contains(&plain(title).as_str()));
    let name = column(NAMES).ok_or(Error::ColumnMissing { column: "nom" })?;
    let group = column(GROUPS).ok_or(Error::ColumnMissing { column: "groupe" })?;
    let kind = column(KINDS);
    let read = |index: usize| index == name || index == group || Some(index) == kind;
    let ignored = titles.iter().enumerate().filter(|(index, title)| !read(*index) && !title.is_empty());
    let ignored = ignored.map(|(_, title)| title.chars().take(40).collect()).collect();
    let mut rows = Vec::new();
    for record in records {
        let Ok(record) = record else { return Err(Error::ListEmpty) };
        if rows.len() >= CLASS_DEVICES {
            return Err(Error::LimitOutside { field: "source.text", most: CLASS_DEVICES as u64 });
        }
        let line = record.position().map_or(0, |position| line_at(text, position.byte()));
        let cell = |index: usize| record.get(index).unwrap_or_default().chars().take(100).collect::<String>();
        let row = ClassRow { id: cell(name), group: cell(group), kind: kind.map(cell).unwrap_or_default() };
        rows.push((line, row));
    }
    if rows.is_empty() { Err(Error::ListEmpty) } else { Ok(Table { rows, separator: char::from(separator), ignored }) }
}

/// The line of the file on which a record begins; the reader counts from the end of the one before.
fn line_at(text: &str, byte: u64) -> u32 {
    let at = usize::try_from(byte).unwrap_or(usize::MAX).min(text.len());
    let (before, rest) = text.as_bytes().split_at(at);
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    let ends = before.iter().chain(skipped).filter(|byte| **byte == b'\n').count();
    u32::try_from(ends).unwrap_or(u32::MAX).saturating_add(1)
}

fn blank(record: &::csv::StringRecord) -> bool {
    record.iter().all(str::is_empty)
}

/// The one of `;`, `,` and tab that the line of titles has most of, outside quotes.
fn separator(text: &str) -> u8 {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let bare: String = line.split('"').step_by(2).collect();
    let count = |separator: u8| bare.bytes().filter(|b| *b == separator).count();
    [b'\t', b',', b';'].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b';')
}

fn plain(title: &str) -> String {
    let letters = title.trim().chars().flat_map(char::to_lowercase);
    letters
        .map(|c| match c {
            'é' | 'è' | 'ê' => 'e',
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rows(text: &str) -> Vec<(u32, String, String, String)> {
        let table = read(text).unwrap();
        table.rows.into_iter().map(|(line, row)| (line, row.id, row.group, row.kind)).collect()
    }

    fn row(line: u32, id: &str, group: &str, kind: &str) -> (u32, String, String, String) {
        (line, id.into(), group.into(), kind.into())
    }

    #[test]
    fn three_separators_and_two_languages_are_understood() {
        let expected = [row(2, "serre-01", "groupe-a", "other"), row(3, "serre-02", "groupe-b", "")];
        for (separator, titles) in
            [(";", ["Nom", "Groupe", "Matériel"]), (",", ["id", "group", "kind"]), ("\t", ["Device", "TEAM", "Type"])]
        {
            let line = |cells: [&str; 3]| cells.join(separator);
            let text = [line(titles), line(["serre-01", " groupe-a ", "other"]), line(["serre-02", "groupe-b", ""])];
            for end in ["\n", "\r\n"] {
                let table = read(&format!("\u{feff}{}{end}", text.join(end))).unwrap();
                assert_eq!(table.separator.to_string(), separator);
                assert_eq!(rows(&text.join(end)), expected, "{separator:?} {end:?}");
            }
        }
    }

    #[test]
    fn other_columns_are_named_and_left_out() {
        let table = read("groupe;nom;\"prénom; élève\";note\na;serre-01;Camille;x\n").unwrap();
        assert_eq!(table.ignored, ["prénom; élève", "note"]);
        assert_eq!(table.separator, ';');
        assert_eq!(table.rows.len(), 1);
    }

    #[test]
    fn empty_lines_are_skipped_and_lines_keep_their_number() {
        assert_eq!(
            rows("\n;;\nnom;groupe\n\nserre-01;a\n;;\n\"serre-02\";\"b\"\n"),
            [row(5, "serre-01", "a", ""), row(7, "serre-02", "b", "")]
        );
    }

    #[test]
    fn a_table_without_its_columns_is_refused() {
        let problem = |text: &str| wire::Problem::from(read(text).err().unwrap());
        assert_eq!(problem("groupe;autre\na;b\n").offer.as_deref(), Some("nom"));
        assert_eq!(problem("nom\na\n").offer.as_deref(), Some("groupe"));
        for text in ["", "\n\n", "nom;groupe\n"] {
            assert_eq!(problem(text).code, wire::Code::ListEmpty, "{text:?}");
        }
    }

    #[test]
    fn five_hundred_lines_are_the_most() {
        let text = |count: usize| {
            let lines: String = (0..count).map(|number| format!("d-{number};a\n")).collect();
            format!("nom;groupe\n{lines}")
        };
        assert_eq!(read(&text(CLASS_DEVICES)).unwrap().rows.len(), CLASS_DEVICES);
        assert!(matches!(read(&text(CLASS_DEVICES + 1)), Err(Error::LimitOutside { field: "source.text", .. })));
    }
}
