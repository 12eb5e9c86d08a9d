use crate::message::SourceError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the export was given up")]
    Cancelled,
    #[error("there are more than {most} series for one table: one column each")]
    TooManySeries { most: usize },
    #[error("a document of this format holds at most {most} bytes")]
    TooLarge { most: u64 },
    #[error("cannot write the file: {0}")]
    Write(#[from] std::io::Error),
    #[error("cannot write the table: {0}")]
    Csv(#[from] csv::Error),
    #[error("cannot write the workbook: {0}")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
    #[error("cannot write the archive: {0}")]
    Zip(#[from] zip::result::ZipError),
    #[error("cannot write the Parquet file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("cannot write the database: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("cannot read what was recorded: {0}")]
    Source(SourceError),
}
