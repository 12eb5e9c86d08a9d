//! What a year was, as a file that the user keeps: no password, no hash, no key is in it.

use export::{Form, Format, Plan, Progress};
use jiff::tz::TimeZone;
use serde_json::json;

use super::paper;
use crate::exports::plan::titles;
use crate::exports::source::Recorded;
use crate::folder::read_bytes;
use crate::limits::ARCHIVED_RECORDS;
use crate::settings::Settings;
use crate::site::Site;
use crate::words::{day, say};
use crate::{Error, Inner};

/// Whether the records are few enough to go into the archive themselves.
pub(super) fn holds_records(recorded: u64) -> bool {
    recorded <= ARCHIVED_RECORDS
}

/// Blocks.
pub(super) fn pack(
    inner: &Inner,
    site: &Site,
    settings: &Settings,
    language: &str,
    now_ms: i64,
    with_records: bool,
) -> Result<Vec<u8>, Error> {
    let devices = settings.devices.iter().filter(|device| !device.simulated);
    let mut files = vec![
        paper::file(
            say(language, "archive_readme", &[]),
            say(
                language,
                if with_records { "archive_text" } else { "archive_text_without" },
                &[("site", &settings.name), ("day", &day(language, now_ms))],
            )
            .into_bytes(),
        ),
        paper::list(settings, devices.clone(), language),
        paper::file("site.json".to_owned(), site_json(settings, now_ms)?),
    ];
    if with_records {
        files.push(paper::file(say(language, "archive_records", &[]), records(inner, site, settings, language)?));
    }
    Ok(kinds::bundle(&files)?)
}

/// They are few: the whole table fits into memory.
fn records(inner: &Inner, site: &Site, settings: &Settings, language: &str) -> Result<Vec<u8>, Error> {
    let below = format!("{}/", settings.slug);
    let reading = site.recorder.reading(|topic| topic.starts_with(&below), None, None)?;
    let mut source = Recorded::new(reading, settings, &inner.folder);
    let format = if language == "en" { Format::CsvPlain } else { Format::CsvFrench };
    let plan = Plan { format, form: Form::Long, zone: TimeZone::system(), titles: titles(language) };
    let file = inner.folder.scratch_file()?;
    export::write(&plan, &mut source, file.path(), &Progress::default())?;
    read_bytes(file.path())
}

fn site_json(settings: &Settings, now_ms: i64) -> Result<Vec<u8>, Error> {
    let devices = settings.devices.iter().filter(|device| !device.simulated).map(|device| {
        json!({
            "id": device.id, "group": device.group, "kind": device.kind, "branch": settings.branch(device),
            "created_ms": device.created_ms, "issued_ms": device.issued_ms, "revoked_ms": device.revoked_ms,
        })
    });
    let site = json!({
        "v": 1,
        "archived_ms": now_ms,
        "name": settings.name,
        "place": settings.place,
        "slug": settings.slug,
        "host_name": settings.host_name(),
        "devices": devices.collect::<Vec<_>>(),
    });
    serde_json::to_vec_pretty(&site).map_err(Error::Answer)
}
