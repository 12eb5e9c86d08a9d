//! What a board prints, cut into lines and made into what is published. Pure: bytes in, payloads out.

use serde_json::{Map, Number, Value};

use crate::limits::SERIAL_LINE_BYTES;

/// Cuts what comes from a port into lines. A line that is too long, or no text, is dropped and counted:
/// half a line is what a cable gives that was plugged in a moment ago.
#[derive(Default)]
pub(crate) struct Cutter {
    rest: Vec<u8>,
    too_long: bool,
    pub dropped: u64,
}

impl Cutter {
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.rest);
                    if std::mem::take(&mut self.too_long) {
                        self.dropped += 1;
                        continue;
                    }
                    match String::from_utf8(line) {
                        Ok(text) if text.trim().is_empty() => {}
                        Ok(text) if text.contains(|c: char| c.is_control() && c != '\t') => self.dropped += 1,
                        Ok(text) => lines.push(text.trim().to_owned()),
                        Err(_) => self.dropped += 1,
                    }
                }
                _ if self.rest.len() >= SERIAL_LINE_BYTES => self.too_long = true,
                _ => self.rest.push(*byte),
            }
        }
        lines
    }
}

/// JSON goes as it is; `temp:23` and `temp=23, light=80` become JSON; a number with a decimal comma gets
/// its point; everything else is text.
pub(crate) fn payload(line: &str) -> String {
    if serde_json::from_str::<Value>(line).is_ok() {
        return line.to_owned();
    }
    if let Some(number) = number(line) {
        return number.to_string();
    }
    match pairs(line) {
        Some(pairs) => Value::Object(pairs).to_string(),
        None => line.to_owned(),
    }
}

fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    let numeric = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | ',' | 'e' | 'E'));
    if !numeric {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let text = if text.contains('.') { text.to_owned() } else { text.replacen(',', ".", 1) };
    serde_json::from_str(&text).ok()
}

/// A name, a colon or an equals sign, a number; several with `;`, tabs or a comma and a space between.
fn pairs(line: &str) -> Option<Map<String, Value>> {
    let mut pairs = Map::new();
    for part in line.replace(", ", ";").split([';', '\t']).map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once([':', '='])?;
        let name = name.trim();
        let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.'));
        if !plain {
            return None;
        }
        pairs.insert(name.to_owned(), Value::Number(number(value)?));
    }
    (!pairs.is_empty()).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_boards_print_becomes_what_charts_read() {
        for (line, published) in [
            ("23.4", "23.4"),
            ("23,4", "23.4"),
            ("-7", "-7"),
            ("temp:23", r#"{"temp":23}"#),
            ("temp = 23,5; light=80", r#"{"temp":23.5,"light":80}"#),
            ("x:1, y:-2, z:1024", r#"{"x":1,"y":-2,"z":1024}"#),
            (r#"{"temperature": 21.5}"#, r#"{"temperature": 21.5}"#),
            ("Bonjour !", "Bonjour !"),
            ("at 12:30 it rains", "at 12:30 it rains"),
            ("1,2,3", "1,2,3"),
        ] {
            assert_eq!(payload(line), published, "{line}");
        }
    }

    #[test]
    fn lines_are_cut_wherever_the_cable_cuts_them() {
        let said = b"temp:23\r\ntemp:24\r\n\r\nhalf";
        for cut in 0..said.len() {
            let mut cutter = Cutter::default();
            let (first, second) = said.split_at(cut);
            let lines = [cutter.feed(first), cutter.feed(second)].concat();
            assert_eq!((lines.as_slice(), cutter.dropped), (["temp:23", "temp:24"].map(String::from).as_slice(), 0));
        }
    }

    #[test]
    fn noise_and_endless_lines_are_dropped_and_counted() {
        let mut cutter = Cutter::default();
        assert!(cutter.feed(b"\xff\xfe\x00\n").is_empty());
        assert!(cutter.feed(&vec![b'x'; SERIAL_LINE_BYTES * 3]).is_empty());
        assert_eq!(cutter.feed(b"\nok\n"), ["ok"]);
        assert_eq!(cutter.dropped, 2);
    }
}
