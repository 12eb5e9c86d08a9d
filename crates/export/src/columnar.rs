//! Parquet: columns with their types, compressed, a group of rows at a time.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

use crate::Error;
use crate::limits::{GROUP_BYTES, GROUP_ROWS};
use crate::table::{Cell, Column, Kind, Table};

pub struct Columnar {
    writer: SerializedFileWriter<File>,
    held: Vec<Held>,
    rows: usize,
    text_bytes: usize,
}

/// What waits of one column: a level for each row, a value where there is one.
struct Held {
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    Number(Vec<f64>),
    Whole(Vec<i64>),
    Flag(Vec<bool>),
    Text(Vec<ByteArray>),
}

impl Columnar {
    pub fn new(file: File, columns: Vec<Column>) -> Result<Self, Error> {
        let mut properties =
            WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by("Courtier".to_owned());
        for column in columns.iter().filter(|column| column.kind == Kind::Text) {
            let path = ColumnPath::new(vec![column.name.clone()]);
            properties = properties.set_column_dictionary_enabled(path, false);
        }
        let fields = columns.iter().map(field).collect::<Result<Vec<_>, _>>()?;
        let schema = Type::group_type_builder("messages").with_fields(fields).build()?;
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))?;
        let held = columns.iter().map(|column| Held::new(column.kind)).collect();
        Ok(Columnar { writer, held, rows: 0, text_bytes: 0 })
    }

    fn write_group(&mut self) -> Result<(), Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for held in &mut self.held {
            // Invariant: there are as many columns in the schema as are held.
            let Some(mut column) = group.next_column()? else { break };
            held.write(&mut column)?;
            column.close()?;
            held.clear();
        }
        group.close()?;
        (self.rows, self.text_bytes) = (0, 0);
        Ok(())
    }
}

impl Table for Columnar {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        for (held, cell) in self.held.iter_mut().zip(cells) {
            held.push(cell);
            if let Cell::Text(text) = cell {
                self.text_bytes += text.len();
            }
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.text_bytes >= GROUP_BYTES { self.write_group() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.write_group()?;
        self.writer.close()?;
        Ok(())
    }
}

impl Held {
    fn new(kind: Kind) -> Held {
        let values = match kind {
            Kind::Number => Values::Number(Vec::new()),
            Kind::Time | Kind::Whole => Values::Whole(Vec::new()),
            Kind::Flag => Values::Flag(Vec::new()),
            Kind::Text | Kind::Name => Values::Text(Vec::new()),
        };
        Held { levels: Vec::new(), values }
    }

    /// A cell of another kind than its column: a number among texts is text.
    fn push(&mut self, cell: &Cell<'_>) {
        let there = match (&mut self.values, *cell) {
            (Values::Number(list), Cell::Number(number)) => {
                list.push(number);
                true
            }
            (Values::Whole(list), Cell::Time(number) | Cell::Whole(number)) => {
                list.push(number);
                true
            }
            (Values::Flag(list), Cell::Flag(on)) => {
                list.push(on);
                true
            }
            (Values::Text(list), Cell::Text(text)) => {
                list.push(ByteArray::from(text.as_bytes().to_vec()));
                true
            }
            (Values::Text(list), Cell::Number(number)) => {
                list.push(ByteArray::from(number.to_string().into_bytes()));
                true
            }
            _ => false,
        };
        self.levels.push(i16::from(there));
    }

    fn write(&self, column: &mut SerializedColumnWriter<'_>) -> Result<(), Error> {
        let levels = Some(self.levels.as_slice());
        match &self.values {
            Values::Number(list) => column.typed::<DoubleType>().write_batch(list, levels, None)?,
            Values::Whole(list) => column.typed::<Int64Type>().write_batch(list, levels, None)?,
            Values::Flag(list) => column.typed::<BoolType>().write_batch(list, levels, None)?,
            Values::Text(list) => column.typed::<ByteArrayType>().write_batch(list, levels, None)?,
        };
        Ok(())
    }

    fn clear(&mut self) {
        self.levels.clear();
        match &mut self.values {
            Values::Number(list) => list.clear(),
            Values::Whole(list) => list.clear(),
            Values::Flag(list) => list.clear(),
            Values::Text(list) => list.clear(),
        }
    }
}

fn field(column: &Column) -> Result<Arc<Type>, Error> {
    let (physical, logical) = match column.kind {
        Kind::Number => (Physical::DOUBLE, None),
        Kind::Whole => (Physical::INT64, None),
        Kind::Flag => (Physical::BOOLEAN, None),
        Kind::Text | Kind::Name => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Time => {
            let utc = LogicalType::timestamp(true, TimeUnit::MICROS);
            (Physical::INT64, Some(utc))
        }
    };
    let built = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .with_converted_type(ConvertedType::NONE)
        .build()?;
    Ok(Arc::new(built))
}
