//! One column a series on a common time base. The messages are read twice: which series there are,
//! then their values.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::limits::SERIES;
use crate::message::{Leaf, Messages, leaves};
use crate::table::{Cell, Column, Kind, open};
use crate::{Error, Plan, Progress, time};

pub(crate) fn write(
    plan: &Plan,
    step_us: i64,
    source: &mut dyn Messages,
    path: &Path,
    progress: &Progress,
) -> Result<u64, Error> {
    let series = Series::find(source, progress)?;
    let people = plan.format.for_people();
    let mut table = open(plan, columns(plan, &series, people), path)?;
    let mut row = Row { at_us: None, cells: vec![None; series.list.len()] };
    let mut rows = 0;
    let mut write_row = |row: &mut Row| -> Result<(), Error> {
        let Some(at_us) = row.at_us else { return Ok(()) };
        let utc = time::utc(at_us);
        let mut cells = vec![Cell::Time(at_us)];
        if people {
            cells.push(Cell::Text(&utc));
        }
        cells.extend(row.cells.iter().map(|cell| match cell {
            None => Cell::Empty,
            Some(Leaf::Number(number)) => Cell::Number(*number),
            Some(Leaf::Text(text)) => Cell::Text(text),
        }));
        table.row(&cells)?;
        rows += 1;
        row.cells.fill(None);
        Ok(())
    };
    source.by_time(&mut |message| {
        progress.step()?;
        let at_us = if step_us > 0 { message.at_us - message.at_us.rem_euclid(step_us) } else { message.at_us };
        if row.at_us != Some(at_us) {
            write_row(&mut row)?;
            row.at_us = Some(at_us);
        }
        let known = series.places.get(&message.topic);
        leaves(&message.payload, |path, leaf| {
            let place = known.and_then(|fields| fields.get(path));
            if let Some(cell) = place.and_then(|place| row.cells.get_mut(*place)) {
                *cell = Some(leaf);
            }
        });
        Ok(())
    })?;
    write_row(&mut row)?;
    table.finish()?;
    Ok(rows)
}

struct Row {
    at_us: Option<i64>,
    cells: Vec<Option<Leaf>>,
}

#[derive(Default)]
struct Series {
    list: Vec<One>,
    places: HashMap<Arc<str>, HashMap<String, usize>>,
}

struct One {
    topic: Arc<str>,
    path: String,
    /// Never a text.
    numeric: bool,
}

impl Series {
    /// In the order of topics, then as they came up.
    fn find(source: &mut dyn Messages, progress: &Progress) -> Result<Series, Error> {
        let mut series = Series::default();
        source.by_topic(&mut |message| {
            progress.step()?;
            leaves(&message.payload, |path, leaf| series.add(&message.topic, path, &leaf));
            if series.list.len() > SERIES { Err(Error::TooManySeries { most: SERIES }) } else { Ok(()) }
        })?;
        Ok(series)
    }

    fn add(&mut self, topic: &Arc<str>, path: &str, leaf: &Leaf) {
        // One message may hold thousands of fields: one more than allowed tells enough.
        if self.list.len() > SERIES {
            return;
        }
        let numeric = matches!(leaf, Leaf::Number(_));
        if !self.places.contains_key(topic) {
            self.places.insert(topic.clone(), HashMap::new());
        }
        let Some(fields) = self.places.get_mut(topic) else { return };
        match fields.get(path).and_then(|place| self.list.get_mut(*place)) {
            Some(known) => known.numeric &= numeric,
            None => {
                fields.insert(path.to_owned(), self.list.len());
                self.list.push(One { topic: topic.clone(), path: path.to_owned(), numeric });
            }
        }
    }

    /// As short as it can be: what all topics begin with is left out.
    fn names(&self) -> Vec<String> {
        let common = common_levels(self.list.iter().map(|one| &*one.topic));
        let topics = self.places.len();
        let mut taken = std::collections::HashSet::new();
        let name = |one: &One| {
            let rest: Vec<&str> = one.topic.split('/').skip(common).collect();
            match (topics, one.path.as_str()) {
                (1, "") => one.topic.rsplit('/').next().unwrap_or_default().to_owned(),
                (1, path) => path.to_owned(),
                (_, "") => rest.join("/"),
                (_, path) => format!("{} · {path}", rest.join("/")),
            }
        };
        let mut distinct = |wanted: String| {
            let mut name = wanted.clone();
            let mut next = 2;
            while !taken.insert(name.clone()) {
                name = format!("{wanted} ({next})");
                next += 1;
            }
            name
        };
        self.list.iter().map(|one| distinct(name(one))).collect()
    }
}

/// How many levels all topics share, their last one apart.
fn common_levels<'a>(mut topics: impl Iterator<Item = &'a str>) -> usize {
    let Some(first) = topics.next() else { return 0 };
    let first: Vec<&str> = first.split('/').collect();
    let most = first.len().saturating_sub(1);
    topics.fold(most, |common, topic| {
        let shared = topic.split('/').zip(&first).take_while(|(level, own)| level == *own).count();
        common.min(shared).min(topic.split('/').count().saturating_sub(1))
    })
}

fn columns(plan: &Plan, series: &Series, people: bool) -> Vec<Column> {
    let mut columns = match people {
        true => vec![Column::new(&plan.titles.local_time, Kind::Time), Column::new(&plan.titles.utc_time, Kind::Text)],
        false => vec![Column::new("time", Kind::Time)],
    };
    let kinds = series.list.iter().map(|one| if one.numeric { Kind::Number } else { Kind::Text });
    columns.extend(series.names().into_iter().zip(kinds).map(|(name, kind)| {
        // A field may be called as our own columns are.
        let taken = name == "time" || name == plan.titles.local_time || name == plan.titles.utc_time;
        Column::new(if taken { format!("{name} (2)") } else { name }, kind)
    }));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_shortly_as_they_can_be() {
        assert_eq!(common_levels(["s/g/a/t", "s/g/b/t"].into_iter()), 2);
        assert_eq!(common_levels(["s/g", "s/g/b"].into_iter()), 1);
        assert_eq!(common_levels(["a"].into_iter()), 0);
        let name = |topics: &[(&str, &str)]| {
            let mut series = Series::default();
            topics.iter().for_each(|(topic, path)| series.add(&Arc::from(*topic), path, &Leaf::Number(1.0)));
            series.names()
        };
        assert_eq!(name(&[("s/g/a/t", "")]), ["t"]);
        assert_eq!(name(&[("s/g/a/m", "temp"), ("s/g/a/m", "hum")]), ["temp", "hum"]);
        assert_eq!(name(&[("s/g/a/m", "temp"), ("s/g/b/m", "temp")]), ["a/m · temp", "b/m · temp"]);
    }
}
