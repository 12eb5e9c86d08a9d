//! What each kind is handed works as it stands: compilers, interpreters and readers that are not
//! ours accept it, in both languages and with the worst of names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Read;
use std::path::Path;
use std::process::Command;

use kinds::{File, Handout, Kind, Language, bundle};

const LANGUAGES: [Language; 2] = [Language::Fr, Language::En];
const CA_PEM: &str = "-----BEGIN CERTIFICATE-----\n\
    MIIBszCCAVmgAwIBAgIUe0dGkF3H1i3qoZ+7uH8rJc1FvJ4wCgYIKoZIzj0EAwIw\n\
    LDERMA8GA1UECgwIQ291cnRpZXIxFzAVBgNVBAMMDkNvdXJ0aWVyIENBIDdhMWI=\n\
    -----END CERTIFICATE-----\n";
const PASSWORD: &str = "K7QH-2M9D-XW4T-PB8R";

/// Everything a person could type to break out of what stands around it.
const HOSTILE: &[&str] = &[
    "Salle \"114\" 'B'",
    "*/ int main(){} /*",
    "</script><script>alert(1)</script>",
    "line\nend\r\n[courtier]\nhosts = evil.example",
    "ends with a backslash \\",
    "trigraph ??/",
    ")PEM\"; system(\"x\"); //",
    "\"\"\" + __import__('os').system('x') + \"\"\"",
    "<<c:password>> <<w:intro>> {{x}} ${x} %(x)s %s",
    "\u{202e}txet desrever\u{2066}",
    "\u{2028}\u{2029}\u{0}\u{7f}\u{85}",
    "L’été à Zoug 🏔",
    "",
];

fn handout(language: Language) -> Handout<'static> {
    Handout {
        device_id: "serre-04",
        group: "groupe-b",
        site: "Salle 114",
        site_slug: "salle114",
        host_name: "salle114.local",
        ip: "192.168.1.20",
        port_mqtts: 8883,
        port_wss: 9001,
        claim_port: 8480,
        password: PASSWORD,
        topic: "salle114/groupe-b/serre-04/measures",
        command_filter: "salle114/groupe-b/serre-04/commands/#",
        ca_pem: CA_PEM,
        ca_der: &[0x30, 0x82, 0x01, 0xb3],
        ca_sha256: "5f1d",
        not_after: 2_094_768_000_000,
        language,
    }
}

fn real_kinds() -> impl Iterator<Item = &'static Kind> {
    kinds::all().iter().filter(|kind| !kind.simulated)
}

fn files(key: &str, handout: &Handout<'_>) -> Vec<File> {
    kinds::files(kinds::find(key).unwrap(), handout)
}

fn text(files: &[File], name: &str) -> String {
    let file = files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8(file.bytes.clone()).unwrap()
}

fn write(files: &[File]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        std::fs::write(dir.path().join(&file.name), &file.bytes).unwrap();
    }
    dir
}

fn run(program: &str, args: &[&str], dir: &Path) -> String {
    let out = Command::new(program)
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap_or_else(|error| panic!("this test needs `{program}` in the PATH: {error}"));
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Compiles the sketch as the Arduino IDE does, against declarations of the libraries.
fn compile_sketch(dir: &Path) {
    let libraries = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/tests/arduino");
    let args = ["-x", "c++", "-std=gnu++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", libraries];
    let sketch = ["-Wno-unused-parameter", "-include", "Arduino.h", "courtier.ino"];
    run("c++", &[&args[..], &sketch[..]].concat(), dir);
}

#[test]
fn every_kind_renders_in_both_languages_without_a_leftover_hole() {
    for kind in real_kinds() {
        for language in LANGUAGES {
            let files = kinds::files(kind, &handout(language));
            assert_eq!(files.iter().filter(|file| file.main).count(), 1, "{}", kind.key);
            for file in files.iter().filter(|file| file.syntax != "binary") {
                let text = String::from_utf8(file.bytes.clone()).unwrap();
                assert!(!text.contains("<<") && !text.contains(">>"), "{} {}:\n{text}", kind.key, file.name);
                assert!(text.ends_with('\n') && !text.contains('\r'), "{} {}", kind.key, file.name);
            }
        }
    }
}

#[test]
fn blanks_stand_once_in_the_text_and_the_wifi_is_the_only_one() {
    for kind in real_kinds() {
        for language in LANGUAGES {
            for file in kinds::files(kind, &handout(language)) {
                let text = String::from_utf8_lossy(&file.bytes).into_owned();
                for blank in &file.blanks {
                    assert_eq!(text.matches(blank.as_str()).count(), 1, "{} {blank}", kind.key);
                    assert!(blank.contains("Wi-Fi"), "{} {blank}", kind.key);
                }
                let boards = ["esp32-arduino", "micropython"].contains(&kind.key.as_str());
                assert_eq!(file.blanks.len(), if boards && file.main { 2 } else { 0 }, "{}", kind.key);
            }
        }
    }
}

#[test]
fn the_two_languages_differ_in_words_alone() {
    for (key, name) in
        [("esp32-arduino", "courtier.ino"), ("micropython", "main.py"), ("raspberry-python", "publish.py")]
    {
        let code = |language| {
            let text = text(&files(key, &handout(language)), name);
            text.lines().filter(|line| !line.trim().is_empty()).count()
        };
        assert_eq!(code(Language::Fr), code(Language::En), "{key}");
    }
    let french = files("other", &handout(Language::Fr));
    let english = files("other", &handout(Language::En));
    assert!(text(&french, "LISEZMOI.txt").contains("Mot de passe"));
    assert!(text(&english, "README.txt").contains("Password"));
}

#[test]
fn every_bundle_holds_the_settings_and_the_authority() {
    for kind in real_kinds() {
        let handout = handout(Language::En);
        let files = kinds::files(kind, &handout);
        assert_eq!(text(&files, "ca.pem"), CA_PEM);
        assert_eq!(files.iter().find(|file| file.name == "ca.der").unwrap().bytes, handout.ca_der);
        let readme = text(&files, "README.txt");
        for setting in [PASSWORD, "8883", "salle114.local", "192.168.1.20", handout.topic, "2036-05-19"] {
            assert!(readme.contains(setting), "{}: {setting}", kind.key);
        }
    }
    assert!(files("simulated", &handout(Language::Fr)).is_empty());
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
fn the_python_programs_compile() {
    for (key, name) in [("micropython", "main.py"), ("raspberry-python", "publish.py")] {
        for language in LANGUAGES {
            let dir = write(&files(key, &handout(language)));
            run("python3", &["-m", "py_compile", name], dir.path());
        }
    }
}

/// `main.py` runs under CPython with stand-ins for the board's modules, against a clock door and
/// with a clock that starts in the year 2000.
#[test]
fn the_micropython_program_sets_its_clock_and_publishes_to_the_first_host_that_answers() {
    let driver = include_str!("micropython/drive.py");
    for epoch in ["1970", "2000"] {
        let dir = write(&files("micropython", &handout(Language::Fr)));
        std::fs::write(dir.path().join("drive.py"), driver).unwrap();
        let seen: serde_json::Value = serde_json::from_str(&run("python3", &["drive.py", epoch], dir.path())).unwrap();
        assert_eq!(seen["clock"], serde_json::json!([2026, 11, 24, 1, 11, 37, 48, 0]), "epoch {epoch}");
        assert_eq!(seen["tried"], serde_json::json!(["192.168.1.20", "salle114.local"]));
        let client = &seen["client"];
        assert_eq!((&client["id"], &client["user"]), (&"serre-04".into(), &"serre-04".into()));
        assert_eq!((&client["port"], &client["password"]), (&8883.into(), &PASSWORD.into()));
        assert_eq!((&client["checked"], &client["authority"]), (&true.into(), &"ca.der".into()));
        assert_eq!(seen["topic"], "salle114/groupe-b/serre-04/measures");
        let message: serde_json::Value = serde_json::from_str(seen["message"].as_str().unwrap()).unwrap();
        assert_eq!(message, serde_json::json!({ "temperature": 21.5 }));
        assert_eq!(seen["pauses"], serde_json::json!([1, 2, 4, 8, 16, 30, 30]), "between failed tries");
    }
}

#[test]
fn the_arduino_sketch_compiles_and_carries_the_authority_byte_for_byte() {
    for language in LANGUAGES {
        let files = files("esp32-arduino", &handout(language));
        compile_sketch(write(&files).path());
        let sketch = text(&files, "courtier.ino");
        let raw = sketch.split_once("R\"PEM(\n").unwrap().1.split_once(")PEM\"").unwrap().0;
        assert_eq!(raw, CA_PEM);
        assert!(sketch.contains("mqtt.setBufferSize(1024)") && sketch.contains("configTime("));
    }
}

#[test]
fn the_compiler_of_these_tests_does_see_a_fault_in_a_sketch() {
    let mut files = files("esp32-arduino", &handout(Language::Fr));
    files[0].bytes.extend(b"\nvoid broken() { mqtt.publish(1); }\n");
    let dir = write(&files);
    let outcome = std::panic::catch_unwind(|| compile_sketch(dir.path()));
    assert!(outcome.is_err());
}

#[test]
fn the_node_red_flow_checks_the_server_and_carries_its_credentials_inline() {
    for language in LANGUAGES {
        let flow = text(&files("node-red", &handout(language)), "flows-import.json");
        let nodes: Vec<serde_json::Value> = serde_json::from_str(&flow).unwrap();
        let of_type = |kind: &str| nodes.iter().find(|node| node["type"] == kind).unwrap();
        let (broker, tls) = (of_type("mqtt-broker"), of_type("tls-config"));
        assert_eq!(broker["credentials"]["password"], PASSWORD);
        assert_eq!(broker["credentials"]["user"], "serre-04");
        assert_eq!(broker["broker"], "192.168.1.20");
        assert_eq!(broker["port"], "8883");
        assert_eq!(broker["tls"], tls["id"]);
        assert_eq!(tls["verifyservercert"], true);
        assert_eq!(tls["credentials"]["cadata"], CA_PEM);
        assert_eq!(of_type("mqtt out")["broker"], broker["id"]);

        let ids: std::collections::BTreeSet<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), nodes.len());
        assert!(ids.iter().all(|id| id.len() == 16));
        let wired = nodes.iter().flat_map(|node| node["wires"].as_array().into_iter().flatten());
        for target in wired.flat_map(|port| port.as_array().unwrap()) {
            assert!(ids.contains(target.as_str().unwrap()));
        }
    }
    let other = Handout { device_id: "serre-05", ..handout(Language::Fr) };
    let ids = |handout: &Handout<'_>| {
        let flow = text(&files("node-red", handout), "flows-import.json");
        let nodes: Vec<serde_json::Value> = serde_json::from_str(&flow).unwrap();
        nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(ids(&other).iter().all(|id| !ids(&handout(Language::Fr)).contains(id)));
}

#[test]
fn config_ini_reads_back_as_it_was_meant() {
    let script = "import configparser, json; c = configparser.ConfigParser(interpolation=None); \
        c.read('config.ini', encoding='utf-8'); print(json.dumps({s: dict(c[s]) for s in c.sections()}))";
    for site in HOSTILE {
        let handout = Handout { site, ..handout(Language::Fr) };
        let dir = write(&files("raspberry-python", &handout));
        let read: serde_json::Value = serde_json::from_str(&run("python3", &["-c", script], dir.path())).unwrap();
        let expected = serde_json::json!({ "courtier": {
            "hosts": "salle114.local, 192.168.1.20", "port": "8883", "user": "serre-04", "client_id": "serre-04",
            "password": PASSWORD, "topic": handout.topic, "commands": handout.command_filter, "ca": "ca.pem",
        }});
        assert_eq!(read, expected, "{site:?}");
    }
}

#[test]
fn no_site_name_breaks_out_of_a_comment_or_a_text() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for site in HOSTILE {
        for kind in real_kinds() {
            let tame = kinds::files(kind, &handout(Language::Fr));
            let wild = kinds::files(kind, &Handout { site, ..handout(Language::Fr) });
            for (tame, wild) in tame.iter().zip(&wild).filter(|(tame, _)| tame.syntax != "binary") {
                let tame_lines = lines(std::str::from_utf8(&tame.bytes).unwrap());
                let text = std::str::from_utf8(&wild.bytes).unwrap();
                let wild_lines = lines(text);
                assert_eq!(tame_lines.len(), wild_lines.len(), "{} {site:?}:\n{text}", wild.name);
                let changed: Vec<_> = tame_lines.iter().zip(&wild_lines).filter(|(tame, wild)| tame != wild).collect();
                assert!(changed.len() <= 1, "{} {site:?}: {changed:?}", wild.name);
                for (_, line) in changed {
                    let comment = line.starts_with("# ") || line.starts_with("// ");
                    assert_eq!(comment, !matches!(wild.syntax.as_str(), "json" | "text"), "{} {line}", wild.name);
                    let ends = line.ends_with('\\') || line.contains("*/") || line.contains('<');
                    assert!(!comment || !ends, "{} {line}", wild.name);
                }
            }
        }
    }
}

#[test]
fn the_worst_values_everywhere_still_compile_and_read_back() {
    for hostile in HOSTILE {
        let handout = Handout {
            device_id: hostile,
            group: hostile,
            site: hostile,
            host_name: hostile,
            ip: hostile,
            password: hostile,
            topic: hostile,
            command_filter: hostile,
            ..handout(Language::En)
        };
        for kind in real_kinds() {
            let config = text(&kinds::files(kind, &handout), "config.json");
            assert!(!config.contains('<') && !config.contains('\u{0}'), "{config}");
            let config: serde_json::Value = serde_json::from_str(&config).unwrap();
            for key in ["id", "site", "host", "user", "password", "client_id", "topic", "commands"] {
                assert_eq!(config[key], **hostile, "{key}");
            }
        }
        let flow = text(&files("node-red", &handout), "flows-import.json");
        let flow: serde_json::Value = serde_json::from_str(&flow).unwrap();
        assert_eq!(flow.as_array().unwrap().len(), 8);
        compile_sketch(write(&files("esp32-arduino", &handout)).path());
        let dir = write(&files("micropython", &handout));
        run("python3", &["-m", "py_compile", "main.py"], dir.path());
    }
}

#[test]
fn the_bundle_is_the_same_twice_and_others_can_read_it() {
    for kind in real_kinds() {
        let files = kinds::files(kind, &handout(Language::Fr));
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

        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bundle.zip"), &zipped).unwrap();
        run("python3", &["-m", "zipfile", "-e", "bundle.zip", "out"], dir.path());
        let extracted = std::fs::read(dir.path().join("out/config.json")).unwrap();
        assert_eq!(extracted, text(&files, "config.json").into_bytes());
    }
    assert!(zip::ZipArchive::new(std::io::Cursor::new(bundle(&[]).unwrap())).unwrap().is_empty());
}
