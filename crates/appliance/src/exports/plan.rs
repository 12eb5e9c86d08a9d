//! A request for an export, understood.

use std::collections::HashSet;

use export::{Blur, Form, Format, Licence, OpenData, Place, Plan, Titles};
use jiff::tz::TimeZone;
use mqtt::{Filter, Topic};
use recorder::{Reading, Recorder};
use wire::{BlurredPlace, BlurredTimes, ExportForm, ExportFormat, OpenDataChoice, OpenLicence, Selection, StartExport};

use crate::Error;
use crate::limits::{EXPORT_FILTERS, EXPORT_STEP_MS};
use crate::records::span;
use crate::settings::Settings;
use crate::words::say;

/// Which messages are wanted.
pub(crate) struct Wanted {
    filters: Vec<Filter>,
    /// Each with its slash at the end.
    branches: Option<Vec<String>>,
    from_us: Option<i64>,
    until_us: Option<i64>,
}

impl Wanted {
    /// What comes while the export runs is no part of it.
    pub fn parse(selection: &Selection, settings: &Settings, now_ms: i64) -> Result<Wanted, Error> {
        let count = selection.filters.len().max(selection.devices.len());
        if count > EXPORT_FILTERS {
            return Err(Error::LimitOutside { field: "selection.filters", most: EXPORT_FILTERS as u64 });
        }
        let filters = selection.filters.iter().map(|filter| Filter::parse(filter.as_str()).map_err(|_| Error::Filter));
        let filters = filters.collect::<Result<Vec<_>, _>>()?;
        let branch = |id: &String| settings.device(id).map(|device| format!("{}/", settings.branch(device)));
        let branches = selection.devices.iter().map(branch).collect::<Result<Vec<_>, _>>()?;
        let until_ms = selection.until_ms.unwrap_or(now_ms).min(now_ms);
        let (from_us, until_us) = match selection.from_ms {
            Some(from_ms) if from_ms > until_ms => span(selection.from_ms, selection.until_ms)?,
            _ => span(selection.from_ms, Some(until_ms))?,
        };
        Ok(Wanted { filters, branches: (!branches.is_empty()).then_some(branches), from_us, until_us })
    }

    /// Blocks.
    pub fn reading(&self, recorder: &Recorder) -> Result<Reading, Error> {
        Ok(recorder.reading(|topic| self.takes(topic), self.from_us, self.until_us)?)
    }

    fn takes(&self, name: &str) -> bool {
        let of_device =
            self.branches.as_ref().is_none_or(|branches| branches.iter().any(|branch| name.starts_with(branch)));
        let topic = || Topic::parse(name).ok();
        let matches = || topic().is_some_and(|topic| self.filters.iter().any(|filter| filter.matches(&topic)));
        of_device && (self.filters.is_empty() || matches())
    }
}

/// What is to be written.
pub(crate) enum Task {
    Table(Plan),
    OpenData(OpenData),
}

impl Task {
    pub fn parse(request: &StartExport, settings: &Settings) -> Result<Task, Error> {
        if !matches!(request.language.as_str(), "fr" | "en") {
            return Err(Error::LanguageUnknown(request.language.clone()));
        }
        if request.step_ms > EXPORT_STEP_MS {
            return Err(Error::LimitOutside { field: "step_ms", most: u64::from(EXPORT_STEP_MS) });
        }
        match (table_format(request.format), request.open_data) {
            (Some(format), None) => Ok(Task::Table(plan(format, request))),
            (None, Some(choice)) => Ok(Task::OpenData(open_data(choice, &request.language, settings))),
            _ => Err(Error::OpenDataChoice),
        }
    }

    /// How often each message is read.
    pub fn passes(&self) -> u64 {
        match self {
            Task::Table(Plan { form: Form::Wide { .. }, .. }) => 2,
            _ => 1,
        }
    }

    pub fn media_type(&self) -> &'static str {
        let Task::Table(plan) = self else { return "application/zip" };
        match plan.format {
            Format::CsvFrench | Format::CsvPlain => "text/csv; charset=utf-8",
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Format::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Format::JsonLines => "application/jsonl; charset=utf-8",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Sqlite => "application/vnd.sqlite3",
        }
    }
}

pub(crate) fn table_format(format: ExportFormat) -> Option<Format> {
    Some(match format {
        ExportFormat::CsvFr => Format::CsvFrench,
        ExportFormat::CsvPlain => Format::CsvPlain,
        ExportFormat::Xlsx => Format::Xlsx,
        ExportFormat::Ods => Format::Ods,
        ExportFormat::JsonLines => Format::JsonLines,
        ExportFormat::Parquet => Format::Parquet,
        ExportFormat::Sqlite => Format::Sqlite,
        ExportFormat::OpenData => return None,
    })
}

fn plan(format: Format, request: &StartExport) -> Plan {
    let form = match request.form {
        ExportForm::Long => Form::Long,
        ExportForm::Wide => Form::Wide { step_us: i64::from(request.step_ms) * 1000 },
    };
    Plan { format, form, zone: TimeZone::system(), titles: titles(&request.language) }
}

pub(crate) fn titles(language: &str) -> Titles {
    let word = |key: &str| say(language, key, &[]);
    Titles {
        local_time: word("sheet_local_time"),
        utc_time: word("sheet_utc_time"),
        device: word("sheet_device"),
        topic: word("sheet_topic"),
        value: word("sheet_value"),
        message: word("sheet_message"),
        sheet: word("sheet_name"),
    }
}

fn open_data(choice: OpenDataChoice, language: &str, settings: &Settings) -> OpenData {
    let own = [&settings.name, &settings.place, &settings.slug].into_iter().cloned();
    let devices = settings.devices.iter().flat_map(|device| [device.id.clone(), device.group.clone()]);
    let (times, times_word) = match choice.times {
        BlurredTimes::Minute => (Blur::Minute, "open_times_minute"),
        BlurredTimes::Hour => (Blur::Hour, "open_times_hour"),
        BlurredTimes::Elapsed => (Blur::Elapsed, "open_times_elapsed"),
    };
    let (place, place_word) = match choice.place {
        BlurredPlace::LeftOut => (Place::LeftOut, "open_place_left_out"),
        BlurredPlace::Tenth => (Place::Tenth, "open_place_tenth"),
        BlurredPlace::Hundredth => (Place::Hundredth, "open_place_hundredth"),
    };
    let licence = match choice.licence {
        OpenLicence::Cc0 => Licence::Cc0,
        OpenLicence::CcBy => Licence::CcBy,
        OpenLicence::Etalab => Licence::Etalab,
    };
    let said = [("times", say(language, times_word, &[])), ("place", say(language, place_word, &[]))];
    let said = said.each_ref().map(|(hole, text)| (*hole, text.as_str()));
    OpenData {
        times,
        place,
        licence,
        site: settings.slug.clone(),
        names: own.chain(devices).collect::<HashSet<_>>().into_iter().collect(),
        readme: say(language, "open_readme", &said),
        from_us: None,
    }
}

/// The name that a person sees in the download folder. An open-data set names no site.
pub(crate) fn file_name(request: &StartExport, settings: &Settings, now_ms: i64) -> String {
    let extension = super::extension(request.format);
    if request.format == ExportFormat::OpenData {
        return format!("{}.{extension}", say(&request.language, "open_file", &[]));
    }
    let of = match (request.selection.filters.as_slice(), request.selection.devices.as_slice()) {
        ([one], []) if !one.contains(['#', '+']) => one.as_str(),
        ([], [one]) => one.as_str(),
        _ => settings.slug.as_str(),
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let of: String = of.chars().map(plain).take(80).collect();
    let at = jiff::Timestamp::from_millisecond(now_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{of}-{}.{extension}", at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d-%Hh%M"))
}
