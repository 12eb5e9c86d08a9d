//! The fonts of the sheets, built in; the PDF carries the letters that it uses.

use std::sync::LazyLock;

use krilla::text::Font;
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

use crate::Error;

const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/atkinson-hyperlegible-next-400.ttf");
const BOLD: &[u8] = include_bytes!("../../../assets/fonts/atkinson-hyperlegible-next-700.ttf");
const MONO: &[u8] = include_bytes!("../../../assets/fonts/atkinson-hyperlegible-mono-400.ttf");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Regular,
    Bold,
    Mono,
}

impl Face {
    fn bytes(self) -> &'static [u8] {
        match self {
            Face::Regular => REGULAR,
            Face::Bold => BOLD,
            Face::Mono => MONO,
        }
    }

    /// The width of a text at 1 pt.
    pub fn width(self, text: &str) -> f32 {
        let Ok(font) = FontRef::new(self.bytes()) else { return 0.0 };
        let (letters, metrics) = (font.charmap(), font.glyph_metrics(Size::new(1.0), LocationRef::default()));
        text.chars().map(|c| letters.map(c).and_then(|glyph| metrics.advance_width(glyph)).unwrap_or(0.6)).sum()
    }
}

/// The fonts of one document.
pub(crate) struct Fonts {
    regular: Font,
    bold: Font,
    mono: Font,
}

impl Fonts {
    pub fn load() -> Result<Fonts, Error> {
        let load = |face: Face| Font::new(face.bytes().to_vec().into(), 0).ok_or(Error::Font);
        Ok(Fonts { regular: load(Face::Regular)?, bold: load(Face::Bold)?, mono: load(Face::Mono)? })
    }

    pub fn of(&self, face: Face) -> Font {
        match face {
            Face::Regular => self.regular.clone(),
            Face::Bold => self.bold.clone(),
            Face::Mono => self.mono.clone(),
        }
    }
}

pub(crate) fn can_print(text: &str) -> bool {
    static FONT: LazyLock<Option<FontRef<'static>>> = LazyLock::new(|| FontRef::new(BOLD).ok());
    let Some(font) = FONT.as_ref() else { return false };
    let letters = font.charmap();
    text.chars().all(|c| letters.map(c).is_some())
}
