//! What each kind is handed, as a whole: complete, in both languages, and with the worst of names
//! still what it was meant to be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod handout;

use std::collections::BTreeSet;
use std::io::Read;

use handout::*;
use kinds::{Handout, Language, Transport, bundle};

/// Kinds that join a Wi-Fi by themselves, and the file where it is written.
const WIFI: &[(&str, &str)] = &[
    ("esp32-arduino", "courtier.ino"),
    ("esp8266-arduino", "courtier.ino"),
    ("micropython", "main.py"),
    ("circuitpython", "settings.toml"),
    ("arduino-wifi", "arduino_secrets.h"),
    ("esp-idf", "main/settings.h"),
    ("esphome", "secrets.yaml"),
];

/// Kinds whose files hold all they need: no password, no authority.
const SELF_CONTAINED: &[&str] = &["microbit", "phyphox"];

#[test]
fn every_kind_renders_in_both_languages_without_a_leftover_hole() {
    for kind in real_kinds() {
        for language in LANGUAGES {
            let files = all_files(kind, &handout(language));
            assert_eq!(files.iter().filter(|file| file.main).count(), 1, "{}", kind.key);
            let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
            assert_eq!(names.len(), files.len(), "{}: two files of one name", kind.key);
            for file in files.iter().filter(|file| file.syntax != "binary") {
                let text = String::from_utf8(file.bytes.clone()).unwrap();
                assert!(!text.contains("<<") && !text.contains(">>"), "{} {}:\n{text}", kind.key, file.name);
                assert!(text.ends_with('\n') && !text.contains('\r'), "{} {}", kind.key, file.name);
            }
        }
    }
}

#[test]
fn the_wifi_is_the_only_blank_and_stands_once_in_the_text() {
    for kind in real_kinds() {
        for language in LANGUAGES {
            for file in all_files(kind, &handout(language)) {
                let text = String::from_utf8_lossy(&file.bytes).into_owned();
                for blank in &file.blanks {
                    assert_eq!(text.matches(blank.as_str()).count(), 1, "{} {blank}", kind.key);
                    assert!(blank.contains("Wi-Fi"), "{} {blank}", kind.key);
                }
                let wifi = WIFI.contains(&(kind.key.as_str(), file.name.as_str()));
                assert_eq!(file.blanks.len(), if wifi { 2 } else { 0 }, "{} {}", kind.key, file.name);
            }
        }
    }
}

#[test]
fn the_two_languages_differ_in_words_alone() {
    for kind in real_kinds() {
        let [french, english] = LANGUAGES.map(|language| all_files(kind, &handout(language)));
        for (french, english) in french.iter().zip(&english).filter(|(file, _)| file.syntax != "binary") {
            let lines = |file: &kinds::File| String::from_utf8_lossy(&file.bytes).lines().count();
            assert_eq!(lines(french), lines(english), "{} {}", kind.key, french.name);
            let readme = french.name == "LISEZMOI.txt" && english.name == "README.txt";
            assert!(french.name == english.name || readme, "{}", french.name);
        }
    }
    assert!(text(&files("other", &handout(Language::Fr)), "LISEZMOI.txt").contains("Mot de passe"));
    assert!(text(&files("other", &handout(Language::En)), "README.txt").contains("Password"));
}

#[test]
fn every_bundle_holds_the_settings_and_the_authority_unless_its_files_hold_all() {
    for kind in real_kinds() {
        let handout = handout(Language::En);
        let files = all_files(kind, &handout);
        let readme = text(&files, "README.txt");
        assert!(readme.contains(handout.topic), "{}", kind.key);
        if SELF_CONTAINED.contains(&kind.key.as_str()) {
            let secret = files.iter().any(|file| String::from_utf8_lossy(&file.bytes).contains(PASSWORD));
            assert!(!secret && !files.iter().any(|file| file.name.starts_with("ca.")), "{}", kind.key);
            continue;
        }
        assert_eq!(text(&files, "ca.pem"), CA_PEM);
        assert_eq!(files.iter().find(|file| file.name == "ca.der").unwrap().bytes, handout.ca_der);
        for setting in [PASSWORD, "8883", "salle114.local", "192.168.1.20", "2036-05-19"] {
            assert!(readme.contains(setting), "{}: {setting}", kind.key);
        }
    }
    assert!(files("simulated", &handout(Language::Fr)).is_empty());
}

#[test]
fn guests_have_files_of_their_own_that_say_the_plain_doors() {
    let handout = handout(Language::Fr);
    for kind in real_kinds() {
        assert!(!kind.guests_only || kinds::files(kind, &handout).is_empty(), "{}", kind.key);
        let files = kinds::guest_files(kind, &handout);
        assert_eq!(files.is_empty(), !["tasmota", "phyphox"].contains(&kind.key.as_str()), "{}", kind.key);
        for file in files {
            let open = kind.transports.contains(&Transport::Plain) || kind.transports.contains(&Transport::Http);
            assert!(open, "{}", kind.key);
            let text = String::from_utf8(file.bytes).unwrap();
            assert!(!text.contains("8883") && !text.contains("<<"), "{}", kind.key);
            assert!(!file.main || text.contains("1883") || text.contains(INGEST), "{}", kind.key);
        }
        for closed in [Handout { port_mqtt: None, ..handout }, Handout { ingest_url: None, ..handout }] {
            assert!(kinds::guest_files(kind, &closed).is_empty(), "{}", kind.key);
        }
    }
}

#[test]
fn config_json_has_its_frozen_form_and_tries_first_what_the_kind_can_resolve() {
    let config = text(&files("raspberry-python", &handout(Language::Fr)), "config.json");
    let expected = r#"{
  "v": 1,
  "id": "serre-04",
  "site": "Salle 114",
  "host": "salle114.local",
  "hosts": [
    "salle114.local",
    "192.168.1.20"
  ],
  "port": 8883,
  "port_plain": null,
  "ws": "wss://salle114.local:9001/mqtt",
  "user": "serre-04",
  "password": "K7QH-2M9D-XW4T-PB8R",
  "client_id": "serre-04",
  "topic": "salle114/groupe-b/serre-04/measures",
  "commands": "salle114/groupe-b/serre-04/commands/#",
  "time_port": 8480,
  "ca_sha256": "5f1d",
  "not_after": "2036-05-19T00:00:00Z"
}
"#;
    assert_eq!(config, expected);
    let config = text(&files("micropython", &handout(Language::Fr)), "config.json");
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["host"], "192.168.1.20");
    assert_eq!(config["hosts"], serde_json::json!(["192.168.1.20", "salle114.local"]));
}

#[test]
fn no_site_name_breaks_out_of_a_comment_or_a_text() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for site in HOSTILE {
        for kind in real_kinds() {
            let tame = all_files(kind, &handout(Language::Fr));
            let wild = all_files(kind, &Handout { site, ..handout(Language::Fr) });
            for (tame, wild) in tame.iter().zip(&wild).filter(|(tame, _)| tame.syntax != "binary") {
                let tame_lines = lines(std::str::from_utf8(&tame.bytes).unwrap());
                let text = std::str::from_utf8(&wild.bytes).unwrap();
                let wild_lines = lines(text);
                assert_eq!(tame_lines.len(), wild_lines.len(), "{} {site:?}:\n{text}", wild.name);
                let changed: Vec<_> = tame_lines.iter().zip(&wild_lines).filter(|(tame, wild)| tame != wild).collect();
                assert!(changed.len() <= 1, "{} {site:?}: {changed:?}", wild.name);
                for (tame, line) in changed {
                    stays_what_it_was(&wild.syntax, tame, line);
                }
            }
        }
    }
}

/// A line that holds a foreign text is still a comment, a JSON text, or the same markup.
fn stays_what_it_was(syntax: &str, tame: &str, line: &str) {
    match syntax {
        "json" | "text" => {}
        "html" | "xml" => {
            let marks = |line: &str| line.matches(['<', '>']).count();
            assert_eq!(marks(tame), marks(line), "{line}");
        }
        _ => {
            let comment = line.starts_with("# ") || line.starts_with("// ");
            let ends = line.ends_with('\\') || line.contains("*/") || line.contains('<');
            assert!(comment && !ends, "{line}");
        }
    }
}

#[test]
fn the_bundle_is_the_same_twice_and_others_can_read_it() {
    for kind in real_kinds() {
        let files = all_files(kind, &handout(Language::Fr));
        let zipped = bundle(&files).unwrap();
        assert_eq!(zipped, bundle(&files).unwrap());

        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&zipped)).unwrap();
        assert_eq!(archive.len(), files.len());
        for (index, file) in files.iter().enumerate() {
            let mut entry = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            assert_eq!((entry.name().unwrap().as_ref(), &bytes), (file.name.as_str(), &file.bytes));
        }
    }
    let files = files("esp-idf", &handout(Language::Fr));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("bundle.zip"), bundle(&files).unwrap()).unwrap();
    run("python3", &["-m", "zipfile", "-e", "bundle.zip", "out"], dir.path());
    for file in &files {
        assert_eq!(std::fs::read(dir.path().join("out").join(&file.name)).unwrap(), file.bytes, "{}", file.name);
    }
    assert!(zip::ZipArchive::new(std::io::Cursor::new(bundle(&[]).unwrap())).unwrap().is_empty());
}
