//! Millimetres and text on a page.

use krilla::color::luma;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::TextDirection;

use crate::Error;
use crate::font::{Face, Fonts};
use crate::qr::Code;

/// Points in a millimetre.
const MM: f32 = 72.0 / 25.4;
/// Millimetres in a point: sizes of letters are given in points, places in millimetres.
const PT: f32 = 1.0 / MM;
/// Below this nobody reads print.
const SMALLEST_PT: f32 = 5.0;

pub(crate) fn points(mm: f32) -> f32 {
    mm * MM
}

/// Text in one face and size (points).
#[derive(Clone, Copy)]
pub(crate) struct Ink {
    pub face: Face,
    pub size: f32,
    /// 0 is black.
    pub grey: u8,
}

pub(crate) const fn ink(face: Face, size: f32) -> Ink {
    Ink { face, size, grey: 0 }
}

pub(crate) const fn faint(face: Face, size: f32) -> Ink {
    Ink { face, size, grey: 70 }
}

impl Ink {
    /// In millimetres.
    pub fn width(self, text: &str) -> f32 {
        self.face.width(text) * self.size * PT
    }

    /// Small enough for the text to fit into `width` millimetres.
    pub fn fitted(self, text: &str, width: f32) -> Ink {
        let needed = self.width(text);
        if needed <= width {
            return self;
        }
        Ink { size: (self.size * width / needed).max(SMALLEST_PT), ..self }
    }
}

/// Cuts a topic behind its slashes so that each line fits.
pub(crate) fn lines(topic: &str, ink: Ink, width: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for level in topic.split_inclusive('/') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || ink.width(&format!("{line}{level}")) <= width => line.push_str(level),
            _ => lines.push(level.to_owned()),
        }
    }
    lines
}

pub(crate) struct Pen<'a, 'b> {
    pub surface: &'a mut Surface<'b>,
    pub fonts: &'a Fonts,
}

impl Pen<'_, '_> {
    /// The baseline starts at `x`, `y`.
    pub fn text(&mut self, x: f32, y: f32, ink: Ink, text: &str) {
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill { paint: luma::Color::new(ink.grey).into(), ..Fill::default() }));
        let start = Point::from_xy(points(x), points(y));
        self.surface.draw_text(start, self.fonts.of(ink.face), ink.size, text, false, TextDirection::LeftToRight);
    }

    pub fn text_right(&mut self, right: f32, y: f32, ink: Ink, text: &str) {
        self.text(right - ink.width(text), y, ink, text);
    }

    pub fn code(&mut self, x: f32, y: f32, size: f32, text: &str) -> Result<(), Error> {
        let path = Code::new(text)?.path(points(x), points(y), points(size));
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill { paint: luma::Color::black().into(), ..Fill::default() }));
        if let Some(path) = path {
            self.surface.draw_path(&path);
        }
        Ok(())
    }

    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), width: f32, dashed: bool) {
        let mut path = PathBuilder::new();
        path.move_to(points(from.0), points(from.1));
        path.line_to(points(to.0), points(to.1));
        self.stroke(path, width, dashed);
    }

    pub fn frame(&mut self, x: f32, y: f32, width: f32, height: f32) {
        let mut path = PathBuilder::new();
        if let Some(rect) = Rect::from_xywh(points(x), points(y), points(width), points(height)) {
            path.push_rect(rect);
        }
        self.stroke(path, 0.25, false);
    }

    fn stroke(&mut self, path: PathBuilder, width: f32, dashed: bool) {
        self.surface.set_fill(None);
        self.surface.set_stroke(Some(Stroke {
            paint: luma::Color::new(if dashed { 120 } else { 0 }).into(),
            width: points(width),
            opacity: NormalizedF32::ONE,
            dash: dashed.then(|| StrokeDash { array: vec![points(1.0), points(0.8)], offset: 0.0 }),
            ..Stroke::default()
        }));
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }
}
