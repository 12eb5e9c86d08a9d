//! What interpreters are handed is accepted by them, and does what it says when it runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod handout;

use handout::*;
use kinds::{Handout, Language};
use serde_json::{Value, json};

/// As bytes: a warning, such as that of an unknown escape in a string, is a fault.
const COMPILE: &str = "import sys; [compile(open(f, 'rb').read(), f, 'exec') for f in sys.argv[1:]]";

fn python_accepts(handout: &Handout<'_>) {
    let dir = tempfile::tempdir().unwrap();
    let mut names = vec!["-W", "error", "-c", COMPILE];
    let programs = of_syntax("python", handout);
    let flat: Vec<String> = programs.iter().map(|(name, _)| name.replace('/', "_")).collect();
    for ((_, file), name) in programs.iter().zip(&flat) {
        std::fs::write(dir.path().join(name), &file.bytes).unwrap();
        names.push(name);
    }
    assert_eq!(flat.len(), 5);
    run("python3", &names, dir.path());
}

fn shell_accepts(handout: &Handout<'_>) {
    let dir = tempfile::tempdir().unwrap();
    for (name, file) in of_syntax("sh", handout) {
        std::fs::write(dir.path().join("script.sh"), &file.bytes).unwrap();
        let out = attempt("sh", &["-n", "script.sh"], dir.path());
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn python_and_the_shell_accept_every_program_in_both_languages() {
    for language in LANGUAGES {
        python_accepts(&handout(language));
        shell_accepts(&handout(language));
    }
}

#[test]
fn python_and_the_shell_accept_every_program_with_the_worst_values_everywhere() {
    for text in HOSTILE {
        python_accepts(&hostile(text));
        shell_accepts(&hostile(text));
    }
}

/// A script that does nothing but show the values that it was given.
#[test]
fn no_value_runs_in_a_shell_script() {
    for text in HOSTILE {
        let dir = write(&files("home-assistant", &hostile(text)));
        let bin = dir.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(bin.join("mosquitto_pub"), "#!/bin/sh\nprintf '%s\\n' \"$5\" > topic\n").unwrap();
        run("chmod", &["+x", "bin/mosquitto_pub"], dir.path());
        run("sh", &["-c", "PATH=$PWD/bin:$PATH sh announce.sh"], dir.path());
        let topic = std::fs::read_to_string(dir.path().join("topic")).unwrap();
        let shown: String = text.chars().map(|c| if unseen(c) { ' ' } else { c }).collect();
        assert_eq!(topic, format!("{shown}/homeassistant/device/{shown}/config\n"));
        assert!(!dir.path().join("y").exists() && !dir.path().join("z").exists());
    }
}

fn unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}' | '\u{fffe}' | '\u{e0041}')
}

/// `main.py` runs under CPython with stand-ins for the board's modules, against a clock door and
/// with a clock that starts in the year 2000.
#[test]
fn the_micropython_programs_set_their_clock_and_publish_to_the_first_host_that_answers() {
    let driver = include_str!("stand-ins/micropython/drive.py");
    for (kind, message) in [("micropython", json!({ "temperature": 21.5 })), ("m5stack", json!({ "millivolts": 4012 }))]
    {
        for epoch in ["1970", "2000"] {
            let dir = write(&files(kind, &handout(Language::Fr)));
            std::fs::write(dir.path().join("drive.py"), driver).unwrap();
            let seen: Value = serde_json::from_str(&run("python3", &["drive.py", epoch], dir.path())).unwrap();
            assert_eq!(seen["clock"], json!([2026, 11, 24, 1, 11, 37, 48, 0]), "{kind} epoch {epoch}");
            assert_eq!(seen["tried"], json!(["192.168.1.20", "salle114.local"]));
            let client = &seen["client"];
            assert_eq!((&client["id"], &client["user"]), (&"serre-04".into(), &"serre-04".into()));
            assert_eq!((&client["port"], &client["password"]), (&8883.into(), &PASSWORD.into()));
            assert_eq!((&client["checked"], &client["authority"]), (&true.into(), &"ca.der".into()));
            assert_eq!(seen["topic"], "salle114/groupe-b/serre-04/measures");
            let sent: Value = serde_json::from_str(seen["message"].as_str().unwrap()).unwrap();
            assert_eq!(sent, message);
            assert_eq!(seen["pauses"], json!([1, 2, 4, 8, 16, 30, 30]), "between failed tries");
        }
    }
}

#[test]
fn the_microbit_program_sends_a_line_of_json_a_second_and_shows_what_it_is_told() {
    let driver = include_str!("stand-ins/microbit/drive.py");
    let dir = write(&files("microbit", &handout(Language::En)));
    std::fs::write(dir.path().join("drive.py"), driver).unwrap();
    let seen: Value = serde_json::from_str(&run("python3", &["drive.py"], dir.path())).unwrap();
    let lines: Vec<Value> = seen["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| serde_json::from_str(line.as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(lines, [json!({ "temperature": 23, "light": 140 }), json!({ "temperature": 23, "light": 140 })]);
    assert_eq!(seen["shown"], json!(["on"]));
    assert_eq!(seen["pauses"], json!([1000, 1000]));
}

#[test]
fn config_ini_reads_back_as_it_was_meant() {
    let script = "import configparser, json; c = configparser.ConfigParser(interpolation=None); \
        c.read('config.ini', encoding='utf-8'); print(json.dumps({s: dict(c[s]) for s in c.sections()}))";
    for site in HOSTILE {
        let handout = Handout { site, ..handout(Language::Fr) };
        let dir = write(&files("raspberry-python", &handout));
        let read: Value = serde_json::from_str(&run("python3", &["-c", script], dir.path())).unwrap();
        let expected = json!({ "courtier": {
            "hosts": "salle114.local, 192.168.1.20", "port": "8883", "user": "serre-04", "client_id": "serre-04",
            "password": PASSWORD, "topic": handout.topic, "commands": handout.command_filter, "ca": "ca.pem",
        }});
        assert_eq!(read, expected, "{site:?}");
    }
}
