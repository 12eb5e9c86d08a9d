//! What a class would be: every line with its faults, before anything is made.

use std::collections::HashSet;

use wire::{ClassPreview, ClassRow, ClassSource, PreviewClass, PreviewedRow, Problem, RowFault};

use super::csv;
use super::pattern::{Pattern, Place};
use crate::limits::{CLASS_DEVICES, DEVICES};
use crate::settings::{GUESTS, Settings};
use crate::{Appliance, Error, names};

impl Appliance {
    pub async fn class_preview(&self, request: PreviewClass) -> Result<ClassPreview, Problem> {
        let settings = self.inner.site()?.settings.load_full();
        Ok(preview(&settings, &request))
    }
}

fn preview(settings: &Settings, request: &PreviewClass) -> ClassPreview {
    let (mut separator, mut ignored) = (None, Vec::new());
    let rows = match &request.source {
        ClassSource::Pattern { groups, devices, group_pattern, device_pattern } => {
            by_pattern(*groups, *devices, group_pattern, device_pattern)
        }
        ClassSource::Csv { text } => csv::read(text).map(|table| {
            (separator, ignored) = (Some(table.separator.to_string()), table.ignored);
            table.rows
        }),
        ClassSource::Rows { rows } => listed(rows),
    };
    match rows {
        Ok(rows) => ClassPreview { separator, ignored, ..judge(settings, rows, &request.kind) },
        Err(error) => ClassPreview {
            rows: Vec::new(),
            faults: vec![fault("source", error)],
            groups: 0,
            faulty: 0,
            separator,
            ignored,
        },
    }
}

type Lines = Vec<(u32, ClassRow)>;

fn by_pattern(groups: u32, devices: u32, group_pattern: &str, device_pattern: &str) -> Result<Lines, Error> {
    let most = CLASS_DEVICES as u64;
    for (field, count) in [("source.groups", groups), ("source.devices", devices)] {
        if count == 0 || u64::from(count) > most {
            return Err(Error::LimitOutside { field, most });
        }
    }
    if u64::from(groups) * u64::from(devices) > most {
        return Err(Error::LimitOutside { field: "source.devices", most: most / u64::from(groups) });
    }
    let group_pattern = Pattern::parse("source.group_pattern", group_pattern)?;
    let device_pattern = Pattern::parse("source.device_pattern", device_pattern)?;
    let mut rows = Vec::new();
    for group_number in 1..=groups {
        // The first devices of a group tell its name alone.
        let group = group_pattern.name(Place { group_number, in_group: 1, all: group_number, group: "" });
        for in_group in 1..=devices {
            let all = (group_number - 1) * devices + in_group;
            let id = device_pattern.name(Place { group: &group, group_number, in_group, all });
            rows.push((all, ClassRow { id, group: group.clone(), kind: String::new() }));
        }
    }
    Ok(rows)
}

pub(super) fn listed(rows: &[ClassRow]) -> Result<Lines, Error> {
    if rows.is_empty() {
        return Err(Error::ListEmpty);
    }
    if rows.len() > CLASS_DEVICES {
        return Err(Error::LimitOutside { field: "rows", most: CLASS_DEVICES as u64 });
    }
    Ok((1..).zip(rows.iter().cloned()).collect())
}

/// Every line with what is wrong with it. A kind that is named in words becomes its key.
pub(super) fn judge(settings: &Settings, lines: Lines, kind: &str) -> ClassPreview {
    let there: HashSet<&str> = settings.devices.iter().map(|device| device.id.as_str()).collect();
    let all: HashSet<String> = lines.iter().map(|(_, row)| row.id.clone()).collect();
    let mut seen: HashSet<String> = HashSet::new();
    let mut rows = Vec::new();
    for (line, mut row) in lines {
        let mut faults = Vec::new();
        let taken = there.contains(row.id.as_str()) || !seen.insert(row.id.clone());
        if let Err(error) = names::device_id(&row.id) {
            faults.push(fault("id", error));
        } else if taken {
            let offer = names::next_free(&row.id, |name| there.contains(name) || all.contains(name));
            faults.push(fault("id", Error::NameTaken { id: row.id.clone(), offer }));
        }
        if let Err(error) = group(settings, &row.group) {
            faults.push(fault("group", error));
        }
        match found_kind(if row.kind.trim().is_empty() { kind } else { &row.kind }) {
            Ok(key) => row.kind = key,
            Err(error) => faults.push(fault("kind", error)),
        }
        rows.push(PreviewedRow { line, branch: format!("{}/{}/{}", settings.slug, row.group, row.id), row, faults });
    }
    let groups: HashSet<&str> = rows.iter().map(|row| row.row.group.as_str()).collect();
    let room = DEVICES.saturating_sub(settings.devices.len());
    let too_many = (rows.len() > room).then(|| fault("source", Error::TooManyDevices));
    ClassPreview {
        groups: u32::try_from(groups.len()).unwrap_or(u32::MAX),
        faulty: u32::try_from(rows.iter().filter(|row| !row.faults.is_empty()).count()).unwrap_or(u32::MAX),
        faults: too_many.into_iter().collect(),
        rows,
        separator: None,
        ignored: Vec::new(),
    }
}

pub(super) fn group(settings: &Settings, group: &str) -> Result<(), Error> {
    names::group(group)?;
    if group == GUESTS && !settings.guests { Err(Error::GroupInvalid { offer: None }) } else { Ok(()) }
}

/// By its key or by one of its names. Simulated devices are no boards of a class.
fn found_kind(text: &str) -> Result<String, Error> {
    let same = |name: &str| name.to_lowercase() == text.trim().to_lowercase();
    let found = kinds::all()
        .iter()
        .find(|kind| !kind.simulated && [&kind.key, &kind.name_fr, &kind.name_en].into_iter().any(|name| same(name)));
    found.map(|kind| kind.key.clone()).ok_or_else(|| Error::KindUnknown(text.chars().take(64).collect()))
}

fn fault(field: &str, error: Error) -> RowFault {
    let problem = Problem::from(error);
    RowFault { field: problem.field.unwrap_or_else(|| field.to_owned()), code: problem.code, offer: problem.offer }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use wire::Code;

    use super::*;
    use crate::settings::sample;

    fn rows(rows: &[(&str, &str, &str)]) -> ClassPreview {
        let row = |(id, group, kind): &(&str, &str, &str)| ClassRow {
            id: (*id).into(),
            group: (*group).into(),
            kind: (*kind).into(),
        };
        let source = ClassSource::Rows { rows: rows.iter().map(row).collect() };
        preview(&sample(), &PreviewClass { source, kind: "other".into() })
    }

    fn pattern(groups: u32, devices: u32, device_pattern: &str) -> ClassPreview {
        let source = ClassSource::Pattern {
            groups,
            devices,
            group_pattern: "groupe-{letter}".into(),
            device_pattern: device_pattern.into(),
        };
        preview(&sample(), &PreviewClass { source, kind: "other".into() })
    }

    #[test]
    fn ten_groups_of_three_are_thirty_devices_without_a_fault() {
        let preview = pattern(10, 3, "{group}-{n:02}");
        assert_eq!((preview.rows.len(), preview.groups, preview.faulty), (30, 10, 0));
        assert_eq!(preview.rows[29].row.id, "groupe-j-03");
        assert_eq!(preview.rows[29].branch, "salle114/groupe-j/groupe-j-03");
        assert_eq!(preview.rows[0].row.kind, "other");
    }

    #[test]
    fn a_pattern_that_counts_too_little_repeats_names_and_says_so() {
        let preview = pattern(2, 2, "carte-{n}");
        let offers: Vec<_> = preview.rows.iter().flat_map(|row| &row.faults).map(|fault| &fault.offer).collect();
        assert_eq!(preview.faulty, 2);
        assert_eq!(offers, [&Some("carte-3".to_owned()), &Some("carte-3".to_owned())]);
    }

    #[test]
    fn limits_name_their_field() {
        let field = |preview: ClassPreview| preview.faults[0].field.clone();
        assert_eq!(field(pattern(0, 3, "x{all}")), "source.groups");
        assert_eq!(field(pattern(2, 0, "x{all}")), "source.devices");
        assert_eq!(field(pattern(100, 6, "x{all}")), "source.devices");
        assert_eq!(field(pattern(u32::MAX, u32::MAX, "x{all}")), "source.groups");
        assert_eq!(field(pattern(1, 1, "{")), "source.device_pattern");
        assert_eq!(pattern(100, 5, "x{all}").rows.len(), 500);
    }

    #[test]
    fn each_line_tells_its_own_faults_and_what_would_work() {
        let preview = rows(&[
            ("Serre 05", "groupe-a", ""),
            ("serre-04", "groupe-a", "ESP32"),
            ("serre-05", "Groupe B", "toaster"),
            ("serre-05", "groupe-a", "Other"),
            ("", "guests", "simulated"),
        ]);
        let faults = |line: usize| -> Vec<(&str, Code, Option<&str>)> {
            let faults = preview.rows[line].faults.iter();
            faults.map(|fault| (fault.field.as_str(), fault.code, fault.offer.as_deref())).collect()
        };
        assert_eq!(faults(0), [("id", Code::NameInvalid, Some("serre05"))]);
        assert_eq!(faults(1)[0], ("id", Code::NameTaken, Some("serre-06")), "the site has it");
        assert_eq!(faults(2), [("group", Code::GroupInvalid, Some("groupe-b")), ("kind", Code::KindUnknown, None)]);
        assert_eq!(faults(3), [("id", Code::NameTaken, Some("serre-06"))], "twice in the list");
        assert_eq!(
            faults(4),
            [("id", Code::NameEmpty, None), ("group", Code::GroupInvalid, None), ("kind", Code::KindUnknown, None)]
        );
        assert_eq!(preview.faulty, 5);
    }
}
