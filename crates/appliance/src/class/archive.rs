//! What a year was, as a file that the user keeps: no password, no hash, no key is in it.

use recorder::{CsvStyle, ExportQuery};
use serde_json::json;

use super::paper;
use crate::Error;
use crate::limits::ARCHIVED_RECORDS;
use crate::settings::Settings;
use crate::site::Site;
use crate::words::{day, say};

/// Whether the records are few enough to go into the archive themselves.
pub(super) fn holds_records(recorded: u64) -> bool {
    recorded <= ARCHIVED_RECORDS
}

/// Blocks.
pub(super) fn pack(
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
        let style = if language == "en" { CsvStyle::Plain } else { CsvStyle::French };
        let zone = jiff::tz::TimeZone::system();
        let query = ExportQuery { filter: format!("{}/#", settings.slug), from_us: None, until_us: None, style, zone };
        let mut text = Vec::new();
        site.recorder.export_csv(&query, &mut text)?;
        files.push(paper::file(say(language, "archive_records", &[]), text));
    }
    Ok(kinds::bundle(&files)?)
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
