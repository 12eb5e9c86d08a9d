//! One row a message.

use std::path::Path;

use crate::message::{Messages, text_of};
use crate::table::{Cell, Column, Kind, open};
use crate::{Error, Message, Plan, Progress, Table, time};

pub(crate) fn write(plan: &Plan, source: &mut dyn Messages, path: &Path, progress: &Progress) -> Result<u64, Error> {
    let people = plan.format.for_people();
    let mut table = open(plan, if people { for_people(plan) } else { for_programs() }, path)?;
    let mut rows = 0;
    source.by_topic(&mut |message| {
        progress.step()?;
        rows += 1;
        if people { row_for_people(&mut *table, &message) } else { row_for_programs(&mut *table, &message) }
    })?;
    table.finish()?;
    Ok(rows)
}

fn for_people(plan: &Plan) -> Vec<Column> {
    let titles = &plan.titles;
    vec![
        Column::new(&titles.local_time, Kind::Time),
        Column::new(&titles.utc_time, Kind::Text),
        Column::new(&titles.device, Kind::Name),
        Column::new(&titles.topic, Kind::Name),
        Column::new(&titles.value, Kind::Number),
        Column::new(&titles.message, Kind::Text),
    ]
}

/// A number has its own column; whatever else was said is a message.
fn row_for_people(table: &mut dyn Table, message: &Message) -> Result<(), Error> {
    let number = crate::number(&message.payload);
    let (text, binary) = text_of(&message.payload);
    let text = if binary { format!("base64:{text}").into() } else { text };
    table.row(&[
        Cell::Time(message.at_us),
        Cell::Text(&time::utc(message.at_us)),
        message.device.as_deref().map_or(Cell::Empty, Cell::Text),
        Cell::Text(&message.topic),
        number.map_or(Cell::Empty, Cell::Number),
        if number.is_some() || text.is_empty() { Cell::Empty } else { Cell::Text(&text) },
    ])
}

fn for_programs() -> Vec<Column> {
    vec![
        Column::new("time", Kind::Time),
        Column::new("device", Kind::Name),
        Column::new("topic", Kind::Name),
        Column::new("value", Kind::Number),
        Column::new("text", Kind::Text),
        // `base64` where the text stands for bytes that are none.
        Column::new("encoding", Kind::Name),
        Column::new("bytes", Kind::Whole),
        Column::new("qos", Kind::Whole),
        Column::new("retained", Kind::Flag),
    ]
}

fn row_for_programs(table: &mut dyn Table, message: &Message) -> Result<(), Error> {
    let number = crate::number(&message.payload);
    let (text, binary) = text_of(&message.payload);
    table.row(&[
        Cell::Time(message.at_us),
        message.device.as_deref().map_or(Cell::Empty, Cell::Text),
        Cell::Text(&message.topic),
        number.map_or(Cell::Empty, Cell::Number),
        Cell::Text(&text),
        if binary { Cell::Text("base64") } else { Cell::Empty },
        Cell::Whole(i64::try_from(message.payload_len).unwrap_or(i64::MAX)),
        Cell::Whole(i64::from(message.qos)),
        Cell::Flag(message.retain),
    ])
}
