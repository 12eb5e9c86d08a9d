//! Cards of devices on A4 sheets, as a PDF that prints without scaling.
//!
//! Pure: the same cards make the same bytes. This room knows no clock, no file and no language:
//! every word and date is handed in, ready to be read.

mod draw;
mod error;
mod font;
mod layout;
mod qr;

pub use error::Error;

/// How the cards lie on the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 2 × 5 cards of 95 × 51 mm with margins, to be cut out.
    Cards,
    /// 3 × 10 labels of 70 × 29.7 mm without gutters, as they are sold.
    Labels,
}

impl Format {
    pub fn per_sheet(self) -> usize {
        match self {
            Format::Cards => 10,
            Format::Labels => 30,
        }
    }

    pub fn sheets(self, cards: usize) -> usize {
        cards.div_ceil(self.per_sheet())
    }
}

/// One device. No `Debug`: the code and the password are secrets.
#[derive(Clone)]
pub struct Card {
    pub name: String,
    pub group: String,
    /// What the QR code says; none for a card without a code.
    pub code: Option<String>,
    pub address: String,
    pub topic: String,
    pub password: Option<String>,
    /// Until when the code can be scanned, as a sentence.
    pub expires: String,
}

/// All that is printed beside the cards, and the words on them.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub title: String,
    pub subtitle: String,
    /// At the top right: what to do with the cards.
    pub note: String,
    pub footer: String,
    /// With `{page}` and `{pages}` in it.
    pub page: String,
    pub address: String,
    pub topic: String,
    pub password: String,
    /// `fr` or `en`, for programs that read the PDF aloud.
    pub language: String,
    pub format: Format,
    pub cut_lines: bool,
}

/// The PDF of these cards, in their order.
pub fn pdf(sheet: &Sheet, cards: &[Card]) -> Result<Vec<u8>, Error> {
    layout::document(sheet, cards)
}

/// Whether the fonts of the sheet have every letter of a text; what they lack would be a box.
pub fn can_print(text: &str) -> bool {
    font::can_print(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
