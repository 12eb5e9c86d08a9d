//! A QR code as one path, so that no printer or viewer leaves hairlines between its modules.

use krilla::geom::{Path, PathBuilder, Rect};
use qrcode::{Color, EcLevel, QrCode};

use crate::Error;

/// A code at correction level M.
pub(crate) struct Code {
    dark: Vec<bool>,
    side: usize,
}

impl Code {
    pub fn new(text: &str) -> Result<Code, Error> {
        let code =
            QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| Error::QrTooLong { len: text.len() })?;
        let side = code.width();
        Ok(Code { dark: code.into_colors().into_iter().map(|color| color == Color::Dark).collect(), side })
    }

    /// The dark modules within a square of `size`, each run of a line as one rectangle.
    pub fn path(&self, x: f32, y: f32, size: f32) -> Option<Path> {
        let module = size / self.side as f32;
        let mut path = PathBuilder::new();
        for (row, line) in self.dark.chunks(self.side).enumerate() {
            let mut column = 0;
            for run in line.chunk_by(|a, b| a == b) {
                if run.first() == Some(&true) {
                    let (left, top) = (x + column as f32 * module, y + row as f32 * module);
                    path.push_rect(Rect::from_xywh(left, top, run.len() as f32 * module, module)?);
                }
                column += run.len();
            }
        }
        path.finish()
    }
}
