//! A kind of device, as its data file describes it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Language, embedded};

/// A kind of device: `data/<key>.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    pub key: String,
    /// Name of the drawing.
    pub picture: String,
    pub category: Category,
    /// One of the few that most people look for.
    #[serde(default)]
    pub common: bool,
    /// What it can come in by; the first is what its files use.
    #[serde(default)]
    pub transports: Vec<Transport>,
    #[serde(default)]
    pub simulated: bool,
    /// It must know the time before it can check a certificate.
    #[serde(default)]
    pub clock: bool,
    /// It can look up a `.local` name. One that cannot must be touched when the address changes.
    pub mdns: bool,
    /// Its program reads back what it wrote: commands alone are not enough.
    #[serde(default)]
    pub reads_own_branch: bool,
    /// It can neither encrypt nor log in: it comes in as a guest or not at all.
    #[serde(default)]
    pub guests_only: bool,
    /// Other words under which a person may look for it, in any language.
    #[serde(default)]
    pub search: Vec<String>,
    /// What proves in the tests that its files work as they stand.
    #[serde(default)]
    pub checks: Vec<String>,
    pub name_fr: String,
    pub name_en: String,
    pub blurb_fr: String,
    pub blurb_en: String,
    /// What a person does with the files, one sentence a step.
    #[serde(default)]
    steps_fr: Vec<String>,
    #[serde(default)]
    steps_en: Vec<String>,
    /// It is handed the settings, the password and the authority; else its files hold all it needs.
    #[serde(default = "yes")]
    pub(crate) settings: bool,
    #[serde(default)]
    pub(crate) files: Vec<FileSpec>,
    /// An address that its app opens, as a template: the code to scan.
    pub(crate) app_link: Option<String>,
    /// A file that its app fetches by itself: it scans where.
    pub app_fetch: Option<AppFetch>,
    #[serde(default)]
    pub(crate) words: Words,
}

/// What an app fetches by plain HTTP, at an address whose scheme opens the app.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppFetch {
    pub scheme: String,
    /// One of the files of the kind.
    pub file: String,
}

impl AppFetch {
    /// The address that the app scans.
    pub fn link(&self, ip: impl std::fmt::Display, port: u16, token: &str) -> String {
        format!("{}://{ip}:{port}/x/{token}.{}", self.scheme, self.ending())
    }

    /// The token in the last part of that address.
    pub fn token<'a>(&self, last: &'a str) -> Option<&'a str> {
        last.strip_suffix(self.ending())?.strip_suffix('.')
    }

    fn ending(&self) -> &str {
        self.file.rsplit_once('.').map_or("", |(_, ending)| ending)
    }
}

fn yes() -> bool {
    true
}

/// Where a person looks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Boards,
    Computers,
    Home,
    Phones,
    Gateways,
    Other,
}

/// How a kind can reach the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// MQTT in TLS, with a password.
    Tls,
    /// MQTT in TLS, with a certificate of its own.
    ClientCertificate,
    /// MQTT in a secure WebSocket.
    Websocket,
    /// MQTT that anyone on the network can read.
    Plain,
    /// A `POST` of its values.
    Http,
    /// A cable to the computer of the broker.
    Usb,
}

/// One file that a kind is handed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileSpec {
    pub name: String,
    pub template: String,
    pub syntax: String,
    #[serde(default)]
    pub main: bool,
    /// For a guest, who comes in by the plain door, and for that one alone.
    #[serde(default)]
    pub guest: bool,
    /// Words that stand for something the user must fill in.
    #[serde(default)]
    pub blanks: Vec<String>,
}

/// Words of the templates by their key. They are ours, so that templates insert them as they are:
/// a test keeps them free of what a string or comment could end with.
pub(crate) type Words = BTreeMap<String, Word>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Word {
    pub fr: String,
    pub en: String,
}

impl Kind {
    /// Its files read the authority in binary form, which has room for one alone.
    pub fn reads_der(&self) -> bool {
        self.files.iter().any(|spec| embedded::template(&spec.template).is_some_and(|text| text.contains("ca.der")))
    }

    pub(crate) fn steps(&self, language: Language) -> &[String] {
        match language {
            Language::Fr => &self.steps_fr,
            Language::En => &self.steps_en,
        }
    }

    /// A word of this kind, or else one that all kinds share.
    pub(crate) fn word(&self, key: &str, language: Language) -> Option<&str> {
        let word = self.words.get(key).or_else(|| COMMON.words.get(key))?;
        Some(match language {
            Language::Fr => &word.fr,
            Language::En => &word.en,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    words: Words,
}

// Invariant: the data is built in, and the tests read every file of it.
#[allow(clippy::expect_used)]
static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    embedded::KINDS.iter().map(|text| toml::from_str(text).expect("a kind that is built in")).collect()
});
#[allow(clippy::expect_used)]
static COMMON: LazyLock<Common> = LazyLock::new(|| toml::from_str(embedded::COMMON).expect("words that are built in"));

/// All kinds, in the order in which a person should see them.
pub fn all() -> &'static [Kind] {
    &KINDS
}

pub fn find(key: &str) -> Option<&'static Kind> {
    all().iter().find(|kind| kind.key == key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_kind_is_readable_and_complete_in_both_languages() {
        let keys: Vec<&str> = all().iter().map(|kind| kind.key.as_str()).collect();
        assert_eq!(keys.len(), 23);
        assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len());
        for kind in all() {
            for text in [&kind.name_fr, &kind.name_en, &kind.blurb_fr, &kind.blurb_en, &kind.picture] {
                assert!(!text.is_empty(), "{}", kind.key);
            }
            assert_eq!(kind.steps_fr.len(), kind.steps_en.len(), "{}", kind.key);
            assert_eq!(kind.steps_fr.is_empty(), kind.simulated, "{}", kind.key);
            assert_eq!(kind.transports.is_empty(), kind.simulated, "{}", kind.key);
            assert_eq!(kind.checks.is_empty(), kind.simulated, "{}", kind.key);
            for spec in &kind.files {
                assert!(embedded::template(&spec.template).is_some(), "{}", spec.template);
                assert!(spec.blanks.iter().all(|blank| kind.word(blank, Language::Fr).is_some()), "{}", spec.name);
            }
            assert!(
                kind.files.iter().filter(|spec| spec.main && (!spec.guest || kind.guests_only)).count() <= 1,
                "{}",
                kind.key
            );
        }
    }

    #[test]
    fn no_word_could_end_the_string_or_comment_it_stands_in() {
        for (key, word) in all().iter().flat_map(|kind| &kind.words).chain(&COMMON.words) {
            for text in [&word.fr, &word.en] {
                let harmless = !text.contains(['"', '\'', '\\', '\n', '\r', '<', '>']) && !text.contains("*/");
                assert!(harmless && !text.is_empty(), "{key}: {text}");
            }
        }
    }

    #[test]
    fn a_kind_that_reads_the_binary_authority_is_known_for_it() {
        assert!(find("micropython").unwrap().reads_der());
        assert!(!find("raspberry-python").unwrap().reads_der());
    }

    #[test]
    fn an_unknown_key_is_no_kind() {
        assert!(find("esp32-arduino").is_some());
        assert!(find("").is_none());
        assert!(find("ESP32-Arduino").is_none());
    }
}
