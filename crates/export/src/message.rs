//! A recorded message, and what its payload says.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::Cell;
use crate::limits::LIST_ITEMS;

pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Debug)]
pub struct Message {
    pub at_us: i64,
    pub topic: Arc<str>,
    pub device: Option<Arc<str>>,
    pub qos: u8,
    pub retain: bool,
    /// Bytes of the whole payload; `payload` holds fewer where it was cut.
    pub payload_len: u64,
    pub payload: Vec<u8>,
}

/// Takes one message after the other.
pub type Take<'a> = dyn FnMut(Message) -> Result<(), crate::Error> + 'a;

/// Where messages come from. The same ones each time.
pub trait Messages {
    /// In the order of topics, then times.
    fn by_topic(&mut self, take: &mut Take<'_>) -> Result<(), crate::Error>;
    /// In the order of times.
    fn by_time(&mut self, take: &mut Take<'_>) -> Result<(), crate::Error>;
}

/// What a payload says.
#[derive(Debug, PartialEq)]
pub enum Payload<'a> {
    Number(f64),
    Json(Value),
    Text(&'a str),
    Binary,
}

impl Payload<'_> {
    pub fn of(bytes: &[u8]) -> Payload<'_> {
        if let Some(number) = number(bytes) {
            return Payload::Number(number);
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return Payload::Binary };
        if text.trim_start().starts_with(['{', '['])
            && let Ok(json) = serde_json::from_str(text)
        {
            return Payload::Json(json);
        }
        Payload::Text(text)
    }
}

/// The number that a payload is.
pub fn number(payload: &[u8]) -> Option<f64> {
    let numeric = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let text = payload.trim_ascii();
    if text.is_empty() || text.len() > 40 || !text.iter().all(numeric) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Text as it is; what is no text as base64, and said so.
pub(crate) fn text_of(payload: &[u8]) -> (std::borrow::Cow<'_, str>, bool) {
    match std::str::from_utf8(payload) {
        Ok(text) => (text.into(), false),
        Err(_) => (STANDARD.encode(payload).into(), true),
    }
}

/// A value in a message, with its dotted path; empty for the payload itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Leaf {
    Number(f64),
    Text(String),
}

/// Every number and text in a payload.
pub(crate) fn leaves(payload: &[u8], mut take: impl FnMut(&str, Leaf)) {
    match Payload::of(payload) {
        Payload::Number(number) => take("", Leaf::Number(number)),
        Payload::Text(text) => take("", Leaf::Text(text.to_owned())),
        Payload::Binary => take("", Leaf::Text(format!("base64:{}", STANDARD.encode(payload)))),
        Payload::Json(json) => walk(&json, &mut String::new(), &mut take),
    }
}

/// Every number and text in a payload, as cells, each with its dotted path; empty for the payload
/// itself.
pub fn values(payload: &[u8], mut take: impl FnMut(&str, Cell<'_>)) {
    leaves(payload, |path, leaf| match leaf {
        Leaf::Number(number) => take(path, Cell::Number(number)),
        Leaf::Text(text) => take(path, Cell::Text(&text)),
    });
}

/// As deep as `serde_json` reads: 128.
fn walk(value: &Value, path: &mut String, take: &mut impl FnMut(&str, Leaf)) {
    match value {
        Value::Null => {}
        Value::Bool(on) => take(path, Leaf::Number(f64::from(u8::from(*on)))),
        Value::Number(number) => take(path, Leaf::Number(number.as_f64().unwrap_or(f64::NAN))),
        Value::String(text) => take(path, Leaf::Text(text.clone())),
        Value::Array(items) if items.len() > LIST_ITEMS => take(path, Leaf::Text(value.to_string())),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                below(path, &index.to_string(), item, take);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                below(path, name, field, take);
            }
        }
    }
}

fn below(path: &mut String, name: &str, value: &Value, take: &mut impl FnMut(&str, Leaf)) {
    let before = path.len();
    if before > 0 {
        path.push('.');
    }
    path.push_str(name);
    walk(value, path, take);
    path.truncate(before);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(payload: &[u8]) -> Vec<(String, Leaf)> {
        let mut found = Vec::new();
        leaves(payload, |path, leaf| found.push((path.to_owned(), leaf)));
        found
    }

    #[test]
    fn numbers_and_texts_are_found_wherever_they_are() {
        assert_eq!(found(b"-3.5"), [(String::new(), Leaf::Number(-3.5))]);
        assert_eq!(found("été".as_bytes()), [(String::new(), Leaf::Text("été".into()))]);
        assert_eq!(found(&[0xff]), [(String::new(), Leaf::Text("base64:/w==".into()))]);
        let json = found(br#"{"a":{"b":[1,true]},"on":"yes","none":null}"#);
        let expected = [("a.b.0", Leaf::Number(1.0)), ("a.b.1", Leaf::Number(1.0)), ("on", Leaf::Text("yes".into()))];
        assert_eq!(json, expected.map(|(path, leaf)| (path.to_owned(), leaf)));
    }

    #[test]
    fn a_long_list_is_one_text_and_broken_json_is_text() {
        let long = format!("{{\"x\":[{}0]}}", "1,".repeat(LIST_ITEMS));
        assert!(matches!(found(long.as_bytes()).as_slice(), [(path, Leaf::Text(_))] if path == "x"));
        assert_eq!(found(b"{\"a\":"), [(String::new(), Leaf::Text("{\"a\":".into()))]);
        let deep = "[".repeat(100_000);
        assert_eq!(found(deep.as_bytes()).len(), 1);
    }
}
