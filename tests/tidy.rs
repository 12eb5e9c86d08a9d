//! The rules of the house, each with its reason in the failure text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Each room, what it must never reach, and why.
const ARROWS: &[(&str, &[&str], &str)] = &[
    ("mqtt", &["tokio", "serde", "serde_json"], "words have no sockets"),
    (
        "broker",
        &["wire", "serde_json", "axum", "tauri", "appliance", "recorder", "live"],
        "the engine does not know that screens exist",
    ),
    ("live", &["tokio", "rusqlite", "broker", "wire"], "the tree is pure: time is handed in"),
    ("identity", &["broker", "axum", "hyper", "wire"], "keys meet no network"),
    ("recorder", &["broker", "wire", "axum"], "the disk knows neither the engine nor screens"),
    ("export", &["recorder", "broker", "wire", "tokio", "axum"], "a file is made of rows, whoever brings them"),
    ("kinds", &["broker", "wire", "tokio"], "a kind is data"),
    (
        "sheets",
        &["identity", "kinds", "wire", "broker", "tokio", "jiff", "time"],
        "paper is pure: words and dates are handed in",
    ),
    (
        "wire",
        &["mqtt", "broker", "live", "identity", "recorder", "kinds", "appliance", "tokio"],
        "what crosses a boundary knows no room",
    ),
    ("appliance", &["tauri", "axum", "egui", "headless"], "the service does not know who asks"),
    (
        "courtier",
        &["appliance", "broker", "identity", "recorder", "live", "kinds", "mqtt", "headless"],
        "a crashing web view must not take the class with it",
    ),
];

/// Rooms that the daemon may reach only through the appliance.
const DAEMON_DIRECT: &[&str] = &["broker", "recorder", "identity"];

#[test]
fn no_arrow_between_rooms_turns_round() {
    for (room, never, why) in ARROWS {
        let reached = dependencies(room, &[]);
        for name in *never {
            assert!(!reached.contains(*name), "{room} reaches {name}: {why}");
        }
    }
    let direct = dependencies("headless", &["--depth", "1"]);
    for name in DAEMON_DIRECT {
        assert!(!direct.contains(*name), "headless uses {name} directly: it carries, it decides not");
    }
}

fn dependencies(package: &str, more: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--offline", "-e", "normal", "--prefix", "none", "-p", package])
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != package)
        .map(str::to_owned)
        .collect()
}

/// Files that people read and change, by extension; generated ones and flat tables are left out.
fn sources(extensions: &[&str]) -> Vec<PathBuf> {
    let output = Command::new("git").current_dir(root()).args(["ls-files", "-z"]).output().unwrap();
    assert!(output.status.success(), "tidy reads the list of files from git");
    String::from_utf8(output.stdout)
        .unwrap()
        .split('\0')
        .filter(|path| extensions.iter().any(|end| path.ends_with(end)))
        .filter(|path| !path.contains("/generated/") && !path.contains("/data/"))
        .map(|path| root().join(path))
        .filter(|path| path.exists())
        .collect()
}

#[test]
fn no_file_is_too_long_to_be_one_idea() {
    let long: Vec<String> = sources(&[".rs", ".ts", ".svelte", ".mjs"])
        .into_iter()
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            (lines > 600).then(|| format!("{} ({lines} lines)", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "over 600 lines, split by idea: {long:#?}");
}

#[test]
fn every_room_is_under_the_lints() {
    for manifest in sources(&["Cargo.toml"]) {
        let text = fs::read_to_string(&manifest).unwrap();
        if text.contains("[package]") {
            assert!(
                text.contains("[lints]\nworkspace = true"),
                "{}: without the workspace lints a panic can slip in",
                manifest.display()
            );
        }
    }
}

#[test]
fn a_lint_is_switched_off_only_in_tests_or_with_its_invariant() {
    const DENIED: &[&str] = &["unwrap_used", "expect_used", "indexing_slicing", "clippy::panic"];
    let mut bare = Vec::new();
    for path in sources(&[".rs"]) {
        let text = fs::read_to_string(&path).unwrap();
        let is_test_file = path.components().any(|part| part.as_os_str() == "tests")
            || path.ends_with("testing.rs")
            || path.to_string_lossy().contains("/benches/")
            || path.to_string_lossy().contains("/examples/");
        if is_test_file {
            continue;
        }
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let allows = (line.contains("#[allow(") || line.contains("#![allow("))
                && DENIED.iter().any(|lint| line.contains(lint));
            let near = &lines[index.saturating_sub(6)..(index + 3).min(lines.len())];
            let reasoned = near.iter().any(|near| near.contains("Invariant:") || near.contains("cfg(test)"));
            if allows && !reasoned {
                bare.push(format!("{}:{}", path.display(), index + 1));
            }
        }
    }
    assert!(bare.is_empty(), "a lint is off without a test or an `// Invariant:`: {bare:#?}");
}

fn words(language: &str) -> Map<String, Value> {
    let path = root().join(format!("assets/words/{language}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The `{names}` in a sentence.
fn holes(sentence: &str) -> BTreeSet<String> {
    sentence.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn every_sentence_exists_in_both_languages_with_the_same_holes() {
    let (french, english) = (words("fr"), words("en"));
    let keys = |words: &Map<String, Value>| words.keys().cloned().collect::<BTreeSet<_>>();
    let missing: Vec<_> = keys(&french).symmetric_difference(&keys(&english)).cloned().collect();
    assert!(missing.is_empty(), "sentences in one language only: {missing:#?}");
    for (key, sentence) in &french {
        let (french, english) = (sentence.as_str().unwrap(), english[key].as_str().unwrap());
        assert!(!french.trim().is_empty() && !english.trim().is_empty(), "{key} is empty");
        assert_eq!(holes(french), holes(english), "{key}: the holes differ");
    }
}

#[test]
fn nothing_committed_names_a_machine_or_a_registry() {
    const NEVER: &[&str] = &["/root/", "/home/", "registry.npmjs.org", "index.crates.io"];
    let mut found = Vec::new();
    let extensions = [".rs", ".ts", ".svelte", ".mjs", ".md", ".toml", ".json", ".sh", ".yml"];
    for path in sources(&extensions) {
        if path.ends_with("tests/tidy.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        for word in NEVER {
            // A folder of ours may be called home: an absolute path has nothing before its slash.
            let absolute = |at: usize| {
                let before = text[..at].chars().next_back();
                !word.starts_with('/') || !before.is_some_and(|c| c.is_alphanumeric() || c == '.')
            };
            if text.match_indices(word).any(|(at, _)| absolute(at)) {
                found.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "text of the repository speaks of the product: {found:#?}");
}
