//! What an address for spreadsheets answers.

use std::collections::HashMap;
use std::sync::Arc;

use export::{Cell, Column, Form, Format, Kind, Plan, Progress};
use jiff::tz::TimeZone;
use mqtt::{Filter, Topic};
use recorder::Reading;
use wire::FeedShows;

use super::{FeedForm, FeedRecord};
use crate::exports::plan::titles;
use crate::exports::source::{Recorded, device_of};
use crate::folder::read_bytes;
use crate::limits::FEED_TOPICS;
use crate::words::say;
use crate::{Error, Inner};

const HOUR_US: i64 = 3_600_000_000;
const SECOND_US: i64 = 1_000_000;

pub(super) async fn table(inner: &Arc<Inner>, record: FeedRecord, form: FeedForm) -> Result<Vec<u8>, Error> {
    let turn = inner.feed_turn().await;
    let held = inner.clone();
    tokio::task::spawn_blocking(move || {
        // Held by the work itself: a spreadsheet that hangs up does not end it.
        let _turn = turn;
        match record.shows {
            FeedShows::Hour => hour(&held, &record, form),
            FeedShows::Last => last(&held, &record, form),
        }
    })
    .await?
}

pub(super) async fn value(
    inner: &Arc<Inner>,
    record: FeedRecord,
    form: FeedForm,
    topic: Option<String>,
    field: Option<String>,
) -> Result<String, Error> {
    let turn = inner.feed_turn().await;
    let held = inner.clone();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let mut reading = reading(&held, &record, None)?;
        if let Some(topic) = topic {
            reading.keep(|name| name == topic);
        }
        let newest = reading.last()?.into_iter().max_by_key(|(_, record)| record.at_us);
        let mut found = String::new();
        if let Some((_, record)) = newest {
            export::values(&record.payload, |path, value| {
                let wanted = match &field {
                    Some(field) => path == field,
                    None => path.is_empty() || matches!(value, Cell::Number(_)),
                };
                if wanted && found.is_empty() {
                    found = match value {
                        Cell::Number(number) => export::cell_number(number, form == FeedForm::French),
                        Cell::Text(text) => text.to_owned(),
                        _ => String::new(),
                    };
                }
            });
        }
        Ok(found)
    })
    .await?
}

/// Blocks.
fn reading(inner: &Inner, record: &FeedRecord, from_us: Option<i64>) -> Result<Reading, Error> {
    let filter = Filter::parse(record.filter.as_str()).map_err(|_| Error::Filter)?;
    let wanted = |name: &str| Topic::parse(name).is_ok_and(|topic| filter.matches(&topic));
    let reading = inner.site()?.recorder.reading(wanted, from_us, None)?;
    if reading.topics().count() > FEED_TOPICS {
        return Err(Error::LimitOutside { field: "filter", most: FEED_TOPICS as u64 });
    }
    Ok(reading)
}

fn plan(form: FeedForm, table: Form) -> Plan {
    let (format, language) = match form {
        FeedForm::French => (Format::CsvFrench, "fr"),
        FeedForm::Plain => (Format::CsvPlain, "en"),
    };
    Plan { format, form: table, zone: TimeZone::system(), titles: titles(language) }
}

fn hour(inner: &Inner, record: &FeedRecord, form: FeedForm) -> Result<Vec<u8>, Error> {
    let site = inner.site()?;
    let reading = reading(inner, record, Some(inner.clock.now_us() - HOUR_US))?;
    let mut source = Recorded::new(reading, &site.settings.load(), &inner.folder);
    let file = inner.folder.scratch_file()?;
    let plan = plan(form, Form::Wide { step_us: SECOND_US });
    export::write(&plan, &mut source, file.path(), &Progress::default())?;
    read_bytes(file.path())
}

/// One row a series: who, what, how much, when.
fn last(inner: &Inner, record: &FeedRecord, form: FeedForm) -> Result<Vec<u8>, Error> {
    let site = inner.site()?;
    let settings = site.settings.load();
    let branches = settings.devices.iter().map(|device| (settings.branch(device), device.id.as_str().into()));
    let devices: HashMap<String, Arc<str>> = branches.collect();
    let language = if form == FeedForm::French { "fr" } else { "en" };
    let plan = plan(form, Form::Long);
    let file = inner.folder.scratch_file()?;
    let words = &plan.titles;
    let columns = vec![
        Column::new(&words.device, Kind::Name),
        Column::new(&words.topic, Kind::Name),
        Column::new(say(language, "sheet_field", &[]), Kind::Name),
        Column::new(&words.value, Kind::Number),
        Column::new(&words.message, Kind::Text),
        Column::new(&words.local_time, Kind::Time),
    ];
    let mut table = export::open(&plan, columns, file.path())?;
    for (topic, record) in reading(inner, record, None)?.last()? {
        let device = device_of(&devices, &topic);
        let mut written = Ok(());
        export::values(&record.payload, |path, value| {
            if written.is_err() {
                return;
            }
            let number = matches!(value, Cell::Number(_));
            written = table.row(&[
                device.as_deref().map_or(Cell::Empty, Cell::Text),
                Cell::Text(&topic),
                Cell::Text(path),
                if number { value } else { Cell::Empty },
                if number { Cell::Empty } else { value },
                Cell::Time(record.at_us),
            ]);
        });
        written?;
    }
    table.finish()?;
    read_bytes(file.path())
}
