//! What a payload looks like. A guess, shown as one: nothing here changes the bytes.

use serde_json::Value;

/// Larger JSON is shown as text: parsing it ten times a second would cost too much.
const JSON_BYTES: usize = 64 * 1024;
/// Characters of a preview.
const PREVIEW_CHARS: usize = 80;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    #[default]
    None = 0,
    Number = 1,
    Text = 2,
    Json = 3,
    Bool = 4,
    Image = 5,
    Binary = 6,
    Empty = 7,
}

/// What one payload says, in short.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gist {
    pub kind: Kind,
    /// The number itself, or the first numeric field of a JSON object.
    pub number: Option<f64>,
    pub preview: String,
}

pub fn gist(payload: &[u8]) -> Gist {
    if payload.is_empty() {
        return Gist { kind: Kind::Empty, number: None, preview: String::new() };
    }
    if is_image(payload) {
        return Gist { kind: Kind::Image, number: None, preview: format!("{} B", payload.len()) };
    }
    let Ok(text) = std::str::from_utf8(payload) else {
        return Gist { kind: Kind::Binary, number: None, preview: hexadecimal(payload) };
    };
    let trimmed = text.trim();
    if let Some(number) = parse_number(trimmed) {
        return Gist { kind: Kind::Number, number: Some(number), preview: shortened(trimmed) };
    }
    match trimmed {
        "true" | "false" | "on" | "off" | "ON" | "OFF" => {
            let on = matches!(trimmed, "true" | "on" | "ON");
            return Gist { kind: Kind::Bool, number: Some(f64::from(u8::from(on))), preview: trimmed.to_owned() };
        }
        _ => {}
    }
    if trimmed.starts_with(['{', '['])
        && payload.len() <= JSON_BYTES
        && let Ok(value) = serde_json::from_str::<Value>(trimmed)
    {
        let first = first_field(&value, String::new());
        let preview = match &first {
            Some((name, number)) if !name.is_empty() => format!("{name} {number}"),
            _ => shortened(trimmed),
        };
        return Gist { kind: Kind::Json, number: first.map(|(_, number)| number), preview: shortened(&preview) };
    }
    Gist { kind: Kind::Text, number: None, preview: shortened(text) }
}

/// A short text of the payload, for tables.
pub fn preview(payload: &[u8]) -> String {
    gist(payload).preview
}

/// The number that a payload is, or that its first numeric field is.
pub fn first_number(payload: &[u8]) -> Option<f64> {
    gist(payload).number
}

/// Names of the numeric fields of a JSON payload, dotted; `""` for a payload that is a number.
pub fn numeric_fields(payload: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(payload) else { return Vec::new() };
    if parse_number(text.trim()).is_some() {
        return vec![String::new()];
    }
    let mut fields = Vec::new();
    if payload.len() <= JSON_BYTES
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        collect(&value, String::new(), &mut fields);
    }
    fields
}

fn collect(value: &Value, path: String, fields: &mut Vec<String>) {
    // As many as a person could choose from.
    if fields.len() >= 64 {
        return;
    }
    match value {
        Value::Number(_) | Value::Bool(_) if !path.is_empty() => fields.push(path),
        Value::Object(map) => map.iter().for_each(|(name, value)| collect(value, joined(&path, name), fields)),
        Value::Array(items) => {
            items
                .iter()
                .take(16)
                .enumerate()
                .for_each(|(at, value)| collect(value, joined(&path, &at.to_string()), fields));
        }
        _ => {}
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn first_field(value: &Value, path: String) -> Option<(String, f64)> {
    match value {
        Value::Number(number) => number.as_f64().map(|number| (path, number)),
        Value::Object(map) => map.iter().find_map(|(name, value)| first_field(value, joined(&path, name))),
        Value::Array(items) => {
            items.iter().take(16).enumerate().find_map(|(at, value)| first_field(value, joined(&path, &at.to_string())))
        }
        _ => None,
    }
}

/// A finite number as people write it; not "inf", "nan" or hexadecimal.
fn parse_number(text: &str) -> Option<f64> {
    let numeric = text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if !numeric {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

fn is_image(payload: &[u8]) -> bool {
    const MAGIC: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"];
    let webp = payload.starts_with(b"RIFF") && payload.get(8..12) == Some(b"WEBP");
    webp || MAGIC.iter().any(|magic| payload.starts_with(magic))
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(PREVIEW_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(PREVIEW_CHARS).is_some() {
        short.pop();
        short.push('…');
    }
    short
}

fn hexadecimal(payload: &[u8]) -> String {
    let short: Vec<String> = payload.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    short.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: &[u8], kind: Kind, number: Option<f64>, preview: &str) {
        assert_eq!(gist(payload), Gist { kind, number, preview: preview.into() }, "{payload:?}");
    }

    #[test]
    fn payloads_are_told_apart() {
        check(b"", Kind::Empty, None, "");
        check(b"21.5", Kind::Number, Some(21.5), "21.5");
        check(b" -3e2 ", Kind::Number, Some(-300.0), "-3e2");
        check(b"nan", Kind::Text, None, "nan");
        check(b"inf", Kind::Text, None, "inf");
        check(b"on", Kind::Bool, Some(1.0), "on");
        check(br#"{"n":"x","temperature":23.4}"#, Kind::Json, Some(23.4), "temperature 23.4");
        check(br#"{"a":{"b":[1,2]}}"#, Kind::Json, Some(1.0), "a.b.0 1");
        check(b"{not json", Kind::Text, None, "{not json");
        check(b"\xff\x00", Kind::Binary, None, "ff 00");
        check(b"\x89PNG\r\n\x1a\nrest", Kind::Image, None, "12 B");
        check(b"a\nb\x1b[31m", Kind::Text, None, "a b [31m");
    }

    #[test]
    fn numeric_fields_are_named_by_their_path() {
        assert_eq!(numeric_fields(br#"{"a":1,"b":{"c":2.5,"d":"x"},"e":[3]}"#), ["a", "b.c", "e.0"]);
        assert_eq!(numeric_fields(b"12"), [""]);
        assert!(numeric_fields(b"text").is_empty());
    }
}
