//! Sentences that are printed or packed: the same file of words as the pages'.

use std::collections::HashMap;
use std::sync::LazyLock;

type Words = HashMap<String, String>;

// Invariant: the words are built in, and a test of the house reads every one of them.
#[allow(clippy::expect_used)]
static FRENCH: LazyLock<Words> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../assets/words/fr.json")).expect("words that are built in")
});
#[allow(clippy::expect_used)]
static ENGLISH: LazyLock<Words> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../assets/words/en.json")).expect("words that are built in")
});

/// The sentence of a key in `fr` or `en`, its holes filled.
pub(crate) fn say(language: &str, key: &str, values: &[(&str, &str)]) -> String {
    let words = if language == "en" { &ENGLISH } else { &FRENCH };
    let sentence = words.get(key).map_or(key, String::as_str);
    let sentence = if language == "en" { sentence.to_owned() } else { french(sentence) };
    values.iter().fold(sentence, |text, (hole, value)| text.replace(&format!("{{{hole}}}"), value))
}

/// No line may break before these. Fonts of paper lack the narrow space: the full one stands there.
fn french(text: &str) -> String {
    [" ;", " !", " ?", " :", " »"]
        .iter()
        .fold(text.replace("« ", "«\u{a0}"), |text, pair| text.replace(pair, &format!("\u{a0}{}", pair.trim_start())))
}

/// A day as people of each language write it.
pub(crate) fn day(language: &str, at_ms: i64) -> String {
    let Ok(at) = jiff::Timestamp::from_millisecond(at_ms) else { return String::new() };
    let at = at.to_zoned(jiff::tz::TimeZone::system());
    at.strftime(if language == "en" { "%-d %b %Y" } else { "%d/%m/%Y" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_filled_and_typeset() {
        assert_eq!(say("fr", "sheet_page", &[("page", "1"), ("pages", "3")]), "planche 1 sur 3");
        assert_eq!(say("en", "sheet_page", &[("page", "1"), ("pages", "3")]), "sheet 1 of 3");
        assert_eq!(french("Quoi ? « Rien » !"), "Quoi\u{a0}? «\u{a0}Rien\u{a0}»\u{a0}!");
    }

    #[test]
    fn a_day_is_written_as_each_language_does() {
        let noon = 1_764_072_000_000;
        assert_eq!(day("fr", noon), "25/11/2025");
        assert_eq!(day("en", noon), "25 Nov 2025");
    }
}
