//! What of a payload goes into which column.

/// Longer payloads are cut, and marked as cut.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

pub(crate) const RETAIN: u8 = 4;
pub(crate) const CUT: u8 = 8;

/// The number that a payload is.
pub(crate) fn number(payload: &[u8]) -> Option<f64> {
    let numeric = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let text = payload.trim_ascii();
    if text.is_empty() || text.len() > 40 || !text.iter().all(numeric) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Whether the number alone gives back the very bytes. The database keeps no sign of a zero.
pub(crate) fn says_it_all(number: f64, payload: &[u8]) -> bool {
    payload != b"-0" && number.to_string().as_bytes() == payload
}

/// The number at a dotted path of a JSON payload; an empty path means the payload itself.
pub(crate) fn field(payload: &[u8], path: &str) -> Option<f64> {
    if path.is_empty() {
        return number(payload);
    }
    let whole: serde_json::Value = serde_json::from_slice(payload).ok()?;
    // A name may hold a dot itself: the whole path is tried first.
    let mut at = &whole;
    if let Some(found) = at.get(path) {
        return as_number(found);
    }
    for name in path.split('.') {
        at = match at {
            serde_json::Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
            other => other.get(name)?,
        };
    }
    as_number(at)
}

fn as_number(value: &serde_json::Value) -> Option<f64> {
    match value {
        serde_json::Value::Bool(on) => Some(f64::from(u8::from(*on))),
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_text_and_only_exact_ones_replace_their_payload() {
        assert_eq!(number(b"21.5"), Some(21.5));
        assert_eq!(number(b" 3e2\n"), Some(300.0));
        assert_eq!((number(b"nan"), number(b"0x10"), number(b""), number(b"1 2")), (None, None, None, None));
        assert!(says_it_all(21.5, b"21.5") && says_it_all(-3.0, b"-3"));
        assert!(!says_it_all(21.5, b"21.50") && !says_it_all(300.0, b"3e2"));
    }

    #[test]
    fn a_field_is_found_by_its_dotted_path() {
        let payload = br#"{"a":{"b":[1,2.5]},"c.d":4,"on":true,"t":"x"}"#;
        assert_eq!(field(payload, "a.b.1"), Some(2.5));
        assert_eq!(field(payload, "c.d"), Some(4.0));
        assert_eq!(field(payload, "on"), Some(1.0));
        assert_eq!((field(payload, "t"), field(payload, "a.x"), field(b"{", "a")), (None, None, None));
        assert_eq!(field(b"7", ""), Some(7.0));
    }
}
