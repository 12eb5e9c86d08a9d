//! An open-data set: numbers alone, no names, times and places blurred, with what a reader needs to
//! use it: a dictionary of its quantities, a licence, a description for programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::delimited::Delimited;
use crate::limits::QUANTITIES;
use crate::message::{Leaf, Messages, leaves};
use crate::pseudonyms::{Pseudonyms, Unsaid};
use crate::table::{Cell, Column, Kind, Table};
use crate::{Error, Message, Progress, time};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blur {
    Minute,
    Hour,
    /// Seconds since the first message; of the date only the year is told.
    Elapsed,
}

/// What becomes of latitudes and longitudes; heights are left out in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    LeftOut,
    /// A tenth of a degree: about ten kilometres.
    Tenth,
    /// A hundredth: about one.
    Hundredth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Licence {
    Cc0,
    CcBy,
    Etalab,
}

#[derive(Clone, Debug)]
pub struct OpenData {
    pub times: Blur,
    pub place: Place,
    pub licence: Licence,
    /// The first level of the topics: what stands elsewhere has no place in the set.
    pub site: String,
    /// Names of the site, its groups and devices.
    pub names: Vec<String>,
    /// The text of the README, where `{rows}`, `{devices}`, `{left_out}` are filled in.
    pub readme: String,
    /// Of the first message; `None` where there is none.
    pub from_us: Option<i64>,
}

impl Licence {
    fn named(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Licence::Cc0 => {
                ("CC0-1.0", "Creative Commons Zero 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/")
            }
            Licence::CcBy => (
                "CC-BY-4.0",
                "Creative Commons Attribution 4.0 International",
                "https://creativecommons.org/licenses/by/4.0/",
            ),
            Licence::Etalab => (
                "etalab-2.0",
                "Licence Ouverte / Open Licence 2.0 (Etalab)",
                "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
            ),
        }
    }
}

/// What the dictionary says of a quantity.
struct Quantity {
    count: u64,
    min: f64,
    max: f64,
}

struct Set<'a> {
    options: &'a OpenData,
    unsaid: Unsaid,
    groups: Pseudonyms,
    devices: Pseudonyms,
    quantities: BTreeMap<String, Quantity>,
    rows: u64,
    left_out: u64,
}

/// Writes the archive and answers how many values it holds. Blocks. Topics should come in an order
/// that says nothing: pseudonyms are numbered by it.
pub fn write(options: &OpenData, source: &mut dyn Messages, path: &Path, progress: &Progress) -> Result<u64, Error> {
    let mut set = Set {
        options,
        unsaid: Unsaid::new(options.names.iter().map(String::as_str)),
        groups: Pseudonyms::default(),
        devices: Pseudonyms::default(),
        quantities: BTreeMap::new(),
        rows: 0,
        left_out: 0,
    };
    let mut zip = ZipWriter::new(BufWriter::new(File::create(path)?));
    // One fixed date: when it was made is nobody's business.
    let packed = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    zip.start_file("data.csv", packed.large_file(true))?;
    let columns = Set::columns(options.times);
    let mut table = Delimited::new(&mut zip, false, jiff::tz::TimeZone::UTC, &columns)?;
    source.by_topic(&mut |message| {
        progress.step()?;
        set.take(&message, &mut table)
    })?;
    Box::new(table).finish()?;
    for (name, text) in set.papers(&columns)? {
        zip.start_file(name, packed)?;
        zip.write_all(text.as_bytes())?;
    }
    zip.finish()?.flush()?;
    Ok(set.rows)
}

impl Set<'_> {
    fn columns(times: Blur) -> Vec<Column> {
        let time = match times {
            Blur::Elapsed => Column::new("elapsed_s", Kind::Number),
            Blur::Minute | Blur::Hour => Column::new("time_utc", Kind::Text),
        };
        vec![
            time,
            Column::new("group", Kind::Name),
            Column::new("device", Kind::Name),
            Column::new("quantity", Kind::Name),
            Column::new("value", Kind::Number),
        ]
    }

    fn take(&mut self, message: &Message, table: &mut impl Table) -> Result<(), Error> {
        let mut levels = message.topic.splitn(4, '/');
        let (site, group, device, rest) = (levels.next(), levels.next(), levels.next(), levels.next());
        let (Some(group), Some(device), Some(rest)) = (group, device, rest) else { return self.leave_out() };
        if site != Some(self.options.site.as_str()) {
            return self.leave_out();
        }
        let mut found = Vec::new();
        leaves(&message.payload, |path, leaf| found.extend(self.kept(rest, path, leaf)));
        if found.is_empty() {
            return self.leave_out();
        }
        let branch: Arc<str> = format!("{group}/{device}").into();
        let (group, device) = (self.groups.of("group", &group.into()), self.devices.of("device", &branch));
        let utc = self.blurred(message.at_us);
        let elapsed = (message.at_us - self.options.from_us.unwrap_or(message.at_us)) as f64 / 1e6;
        let at = match self.options.times {
            Blur::Elapsed => Cell::Number((elapsed * 1e3).round() / 1e3),
            Blur::Minute | Blur::Hour => Cell::Text(&utc),
        };
        for (quantity, value) in found {
            table.row(&[at, Cell::Text(&group), Cell::Text(&device), Cell::Text(&quantity), Cell::Number(value)])?;
            self.rows += 1;
            let known = self.quantities.len() < QUANTITIES || self.quantities.contains_key(&quantity);
            if known {
                let told = Quantity { count: 0, min: value, max: value };
                let told = self.quantities.entry(quantity).or_insert(told);
                (told.count, told.min, told.max) = (told.count + 1, told.min.min(value), told.max.max(value));
            }
        }
        Ok(())
    }

    fn leave_out(&mut self) -> Result<(), Error> {
        self.left_out += 1;
        Ok(())
    }

    /// Numbers alone: in a text anything may stand.
    fn kept(&self, rest: &str, path: &str, leaf: Leaf) -> Option<(String, f64)> {
        let Leaf::Number(value) = leaf else { return None };
        let whole = if path.is_empty() { rest.to_owned() } else { format!("{rest}.{path}") };
        let value = match coordinate(&whole) {
            None => value,
            Some(Coordinate::Height) => return None,
            Some(Coordinate::Across) => match self.options.place {
                Place::LeftOut => return None,
                Place::Tenth => (value * 10.0).round() / 10.0,
                Place::Hundredth => (value * 100.0).round() / 100.0,
            },
        };
        Some((self.unsaid.masked(&whole), value))
    }

    fn blurred(&self, at_us: i64) -> String {
        let whole = time::utc(at_us);
        match self.options.times {
            Blur::Minute => format!("{}Z", whole.get(..16).unwrap_or(&whole)),
            Blur::Hour => format!("{}:00Z", whole.get(..13).unwrap_or(&whole)),
            Blur::Elapsed => String::new(),
        }
    }

    fn papers(&self, columns: &[Column]) -> Result<Vec<(&'static str, String)>, Error> {
        let (id, name, address) = self.options.licence.named();
        let mut dictionary = Delimited::new(
            Vec::new(),
            false,
            jiff::tz::TimeZone::UTC,
            &["quantity", "values", "min", "max"].map(|name| Column::new(name, Kind::Text)),
        )?;
        for (quantity, told) in &self.quantities {
            let count = i64::try_from(told.count).unwrap_or(i64::MAX);
            let (min, max) = (Cell::Number(told.min), Cell::Number(told.max));
            dictionary.row(&[Cell::Text(quantity), Cell::Whole(count), min, max])?;
        }
        let year = self.options.from_us.map(|at_us| time::utc(at_us).get(..4).unwrap_or_default().to_owned());
        let fields = columns.iter().map(|column| {
            json!({"name": column.name, "type": if column.kind == Kind::Number { "number" } else { "string" }})
        });
        let package = json!({
            "name": "courtier-open-data", "profile": "tabular-data-package", "year": year,
            "licenses": [{"name": id, "title": name, "path": address}],
            "resources": [{
                "name": "data", "path": "data.csv", "format": "csv", "mediatype": "text/csv", "encoding": "utf-8",
                "rows": self.rows, "schema": {"fields": fields.collect::<Vec<_>>()},
            }],
        });
        let filled = [
            ("{rows}", self.rows.to_string()),
            ("{devices}", self.devices.count().to_string()),
            ("{left_out}", self.left_out.to_string()),
            ("{licence}", format!("{name} ({address})")),
        ];
        let readme = filled.iter().fold(self.options.readme.clone(), |text, (hole, with)| text.replace(hole, with));
        Ok(vec![
            ("README.txt", readme),
            ("dictionary.csv", dictionary.into_text()?),
            ("datapackage.json", serde_json::to_string_pretty(&package)?),
            ("LICENCE.txt", format!("{name}\n{address}\n")),
        ])
    }
}

enum Coordinate {
    Across,
    Height,
}

/// Whether a number tells where something is, by the last words of its name.
fn coordinate(name: &str) -> Option<Coordinate> {
    let last = name.rsplit(['/', '.']).next().unwrap_or_default().to_lowercase();
    let is = |words: &[&str]| last.split(|c: char| !c.is_alphabetic()).any(|word| words.contains(&word));
    if is(&["lat", "latitude", "lon", "lng", "long", "longitude"]) {
        return Some(Coordinate::Across);
    }
    // In a list of coordinates, the last word is a place in it.
    let listed = last.parse::<u32>().is_ok();
    let whole = name.to_lowercase();
    let located = |word: &str| whole.split(|c: char| !c.is_alphabetic()).any(|found| found == word);
    if listed && ["gps", "position", "coordinates", "coordonnees", "location"].into_iter().any(located) {
        return Some(Coordinate::Height);
    }
    is(&["alt", "altitude", "elevation"]).then_some(Coordinate::Height)
}
