//! The words on cards, and the list of a class without secrets.

use identity::Secret;
use sheets::{Card, Format, Sheet};
use wire::{SheetFormat, SheetOptions};

use crate::Error;
use crate::provision::Handed;
use crate::settings::{DeviceRecord, Settings};
use crate::words::{day, say};

pub(super) fn check(options: &SheetOptions) -> Result<(), Error> {
    match options.language.as_str() {
        "fr" | "en" => Ok(()),
        other => Err(Error::LanguageUnknown(other.chars().take(16).collect())),
    }
}

pub(super) fn sheet(settings: &Settings, address: &str, options: &SheetOptions, expires_ms: i64) -> Sheet {
    let word = |key: &str, values: &[(&str, &str)]| say(&options.language, key, values);
    let day = day(&options.language, expires_ms);
    let second = if options.passwords { "sheet_note_password" } else { "sheet_note_card" };
    // A name in letters that the fonts lack would be boxes: its short form is always letters.
    let printable = |text: &str| sheets::can_print(text).then(|| text.to_owned());
    Sheet {
        title: printable(&settings.name).unwrap_or_else(|| settings.slug.clone()),
        subtitle: printable(&settings.place).unwrap_or_default(),
        note: format!("{}\n{}", word("sheet_note_code", &[("day", &day)]), word(second, &[])),
        footer: word("sheet_footer", &[("address", address)]),
        // The sheet itself knows how many there are.
        page: word("sheet_page", &[]),
        address: word("address", &[]),
        topic: word("topic", &[]),
        password: word("sheet_password", &[]),
        language: options.language.clone(),
        format: match options.format {
            SheetFormat::Cards => Format::Cards,
            SheetFormat::Labels => Format::Labels,
        },
        cut_lines: options.cut_lines,
    }
}

pub(super) fn card(
    settings: &Settings,
    record: &DeviceRecord,
    handed: &Handed,
    url: &Secret,
    password: &Secret,
    options: &SheetOptions,
    expires_ms: i64,
) -> Card {
    let colon = if options.language == "en" { ":" } else { "\u{a0}:\u{a0}" };
    Card {
        name: record.id.clone(),
        group: record.group.clone(),
        code: Some(url.expose().to_owned()),
        address: format!("{}{colon}{}", settings.host_name(), handed.port),
        topic: handed.topic.clone(),
        password: options.passwords.then(|| password.expose().to_owned()),
        expires: say(&options.language, "sheet_expires", &[("day", &day(&options.language, expires_ms))]),
    }
}

/// Who is who, for a spreadsheet; names and kinds alone.
pub(super) fn list<'a>(
    settings: &Settings,
    records: impl Iterator<Item = &'a DeviceRecord>,
    language: &str,
) -> kinds::File {
    let mut text = format!("\u{feff}{}\r\n", say(language, "list_columns", &[]));
    for record in records {
        text.push_str(&format!("{};{};{};{}\r\n", record.id, record.group, record.kind, settings.branch(record)));
    }
    file(say(language, "list_file", &[]), text.into_bytes())
}

pub(super) fn file(name: String, bytes: Vec<u8>) -> kinds::File {
    kinds::File { name, syntax: "text".to_owned(), bytes, blanks: Vec::new(), main: false }
}
