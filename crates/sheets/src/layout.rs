//! Where everything stands on the sheet, in millimetres from its top left corner.

use krilla::Document;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;

use crate::draw::{Ink, Pen, faint, ink, lines, points};
use crate::font::{Face, Fonts};
use crate::{Card, Error, Format, Sheet};

const PAGE: (f32, f32) = (210.0, 297.0);
/// Most printers leave 4 to 5 mm of each edge white.
const MARGIN: f32 = 10.0;
const CARD: (f32, f32) = (95.0, 51.0);
const CARDS_TOP: f32 = 27.0;
const LABEL: (f32, f32) = (70.0, 29.7);
/// Side of the code without its quiet zone.
const CARD_CODE: f32 = 27.0;
const LABEL_CODE: f32 = 20.0;
/// Where the date stands on a label.
pub(crate) const LABEL_EXPIRES: f32 = 25.4;

pub(crate) fn document(sheet: &Sheet, cards: &[Card]) -> Result<Vec<u8>, Error> {
    let fonts = Fonts::load()?;
    let mut document = Document::new();
    document.set_metadata(
        Metadata::new()
            .title(sheet.title.clone())
            .language(sheet.language.clone())
            .creator("Courtier".to_owned())
            .producer("Courtier".to_owned()),
    );
    let pages = sheet.format.sheets(cards.len());
    for (index, some) in cards.chunks(sheet.format.per_sheet()).enumerate() {
        let size = PageSettings::from_wh(points(PAGE.0), points(PAGE.1));
        let mut page = document.start_page_with(size.ok_or(Error::Font)?);
        let mut surface = page.surface();
        let mut pen = Pen { surface: &mut surface, fonts: &fonts };
        match sheet.format {
            Format::Cards => {
                head(&mut pen, sheet);
                foot(&mut pen, sheet, index + 1, pages);
                cards_page(&mut pen, sheet, some)?;
            }
            Format::Labels => labels_page(&mut pen, sheet, some)?,
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| Error::Pdf(format!("{error:?}")))
}

fn head(pen: &mut Pen<'_, '_>, sheet: &Sheet) {
    let right = PAGE.0 - MARGIN;
    let title = ink(Face::Bold, 13.0).fitted(&sheet.title, 105.0);
    pen.text(MARGIN, 16.0, title, &sheet.title);
    pen.text(MARGIN, 20.8, faint(Face::Regular, 8.5).fitted(&sheet.subtitle, 105.0), &sheet.subtitle);
    for (index, line) in sheet.note.lines().enumerate() {
        let y = 16.0 + index as f32 * 3.6;
        pen.text_right(right, y, faint(Face::Regular, 8.0).fitted(line, 80.0), line);
    }
    pen.line((MARGIN, 23.4), (right, 23.4), 0.3, false);
}

fn foot(pen: &mut Pen<'_, '_>, sheet: &Sheet, page: usize, pages: usize) {
    let small = faint(Face::Regular, 7.0);
    pen.text(MARGIN, 288.0, small, &sheet.footer);
    let place = sheet.page.replace("{page}", &page.to_string()).replace("{pages}", &pages.to_string());
    pen.text_right(PAGE.0 - MARGIN, 288.0, small, &place);
}

fn cards_page(pen: &mut Pen<'_, '_>, sheet: &Sheet, cards: &[Card]) -> Result<(), Error> {
    for (index, some) in cards.iter().enumerate() {
        let (x, y) = (MARGIN + (index % 2) as f32 * CARD.0, CARDS_TOP + (index / 2) as f32 * CARD.1);
        card(pen, sheet, some, x, y)?;
    }
    if sheet.cut_lines {
        let rows = cards.len().div_ceil(2);
        let (right, bottom) = (MARGIN + 2.0 * CARD.0, CARDS_TOP + rows as f32 * CARD.1);
        for column in 0..=2 {
            let x = MARGIN + column as f32 * CARD.0;
            pen.line((x, CARDS_TOP), (x, bottom), 0.2, true);
        }
        for row in 0..=rows {
            let y = CARDS_TOP + row as f32 * CARD.1;
            pen.line((MARGIN, y), (right, y), 0.2, true);
        }
    }
    Ok(())
}

fn card(pen: &mut Pen<'_, '_>, sheet: &Sheet, card: &Card, x: f32, y: f32) -> Result<(), Error> {
    // The group, framed, at the top right.
    let small = ink(Face::Bold, 7.0).fitted(&card.group, 30.0);
    let width = small.width(&card.group);
    pen.frame(x + CARD.0 - 4.0 - width - 3.0, y + 3.2, width + 3.0, 4.4);
    pen.text(x + CARD.0 - 4.0 - width - 1.5, y + 6.3, small, &card.group);

    let mut left = x + 5.0;
    if let Some(code) = &card.code {
        pen.code(x + 6.0, y + 11.0, CARD_CODE, code)?;
        pen.text(x + 6.0, y + 44.6, faint(Face::Regular, 6.5).fitted(&card.expires, CARD_CODE + 6.0), &card.expires);
        left = x + 6.0 + CARD_CODE + 5.5;
    }
    let room = x + CARD.0 - 4.0 - left;
    pen.text(left, y + 15.5, ink(Face::Bold, 14.0).fitted(&card.name, room), &card.name);
    let mut at = y + 19.6;
    let legend = faint(Face::Regular, 6.0);
    pen.text(left, at, legend, &sheet.address);
    pen.text(left, at + 3.6, ink(Face::Bold, 8.5).fitted(&card.address, room), &card.address);
    at += 7.6;
    pen.text(left, at, legend, &sheet.topic);
    let code = ink(Face::Mono, 8.0);
    for line in lines(&card.topic, code, room) {
        at += 3.4;
        pen.text(left, at, code.fitted(&line, room), &line);
    }
    if let Some(password) = &card.password {
        at += 4.0;
        pen.text(left, at, legend, &sheet.password);
        pen.text(left, at + 3.8, ink(Face::Mono, 9.0).fitted(password, room), password);
    }
    Ok(())
}

fn labels_page(pen: &mut Pen<'_, '_>, sheet: &Sheet, cards: &[Card]) -> Result<(), Error> {
    for (index, some) in cards.iter().enumerate() {
        let (x, y) = ((index % 3) as f32 * LABEL.0, (index / 3) as f32 * LABEL.1);
        label(pen, some, x, y)?;
    }
    if sheet.cut_lines {
        let rows = cards.len().div_ceil(3);
        for column in 1..3 {
            let x = column as f32 * LABEL.0;
            pen.line((x, 0.0), (x, rows as f32 * LABEL.1), 0.2, true);
        }
        for row in 1..=rows.min(9) {
            let y = row as f32 * LABEL.1;
            pen.line((0.0, y), (PAGE.0, y), 0.2, true);
        }
    }
    Ok(())
}

fn label(pen: &mut Pen<'_, '_>, card: &Card, x: f32, y: f32) -> Result<(), Error> {
    let mut left = x + 6.0;
    if let Some(code) = &card.code {
        pen.code(x + 6.0, y + (LABEL.1 - LABEL_CODE) / 2.0, LABEL_CODE, code)?;
        left = x + 6.0 + LABEL_CODE + 3.6;
    }
    let room = x + LABEL.0 - 5.0 - left;
    for (at, ink, text) in label_lines(card, room) {
        pen.text(left, y + at, ink.fitted(&text, room), &text);
    }
    if card.code.is_some() {
        pen.text(left, y + LABEL_EXPIRES, faint(Face::Regular, 5.5).fitted(&card.expires, room), &card.expires);
    }
    Ok(())
}

/// The lines above the date of expiry, each with its height. The longest names leave no room for
/// the group: it stands in the topic.
pub(crate) fn label_lines(card: &Card, room: f32) -> Vec<(f32, Ink, String)> {
    let topic = lines(&card.topic, ink(Face::Mono, 6.0), room);
    let crowded = topic.len() + usize::from(card.password.is_some()) > 4;
    let mut placed = vec![(7.6, ink(Face::Bold, 11.0), card.name.clone())];
    let mut at = 7.6;
    let mut place = |down: f32, ink: Ink, text: &str| {
        at += down;
        placed.push((at, ink, text.to_owned()));
    };
    if !crowded {
        place(3.4, ink(Face::Bold, 6.5), &card.group);
    }
    place(3.0, ink(Face::Regular, 6.5), &card.address);
    for line in &topic {
        place(if crowded { 2.2 } else { 2.5 }, ink(Face::Mono, 6.0), line);
    }
    if let Some(password) = &card.password {
        place(2.9, ink(Face::Mono, 7.0), password);
    }
    placed
}
