//! Every limit of an export in one table.

/// Columns of the wide form: a table that a person can still read, and that every format takes.
pub const SERIES: usize = 200;
/// Rows of one sheet, with its head: what LibreOffice and Excel open.
pub const SHEET_ROWS: u32 = 1_048_576;
/// Bytes of an OpenDocument before they are packed: the archives that LibreOffice opens end at 4 GiB.
pub(crate) const ODS_BYTES: u64 = 4_000_000_000;
/// Characters of a cell that Excel opens.
pub(crate) const CELL_CHARS: usize = 32_767;
/// A longer list in a JSON message is one text, not as many series.
pub(crate) const LIST_ITEMS: usize = 16;
/// Rows of one group of a Parquet file, held until it is written.
pub(crate) const GROUP_ROWS: usize = 32_768;
/// Bytes of text of one group.
pub(crate) const GROUP_BYTES: usize = 16 * 1024 * 1024;
/// Quantities that a data dictionary describes.
pub(crate) const QUANTITIES: usize = 2_000;
