//! What boards with a C or C++ compiler are handed compiles, against declarations of the libraries
//! it calls: no board core can be had where these tests run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod handout;

use std::path::Path;

use handout::*;
use kinds::Handout;

const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand-ins");
const WARNINGS: [&str; 4] = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror"];

/// The kind, its stand-ins, what the board defines.
const SKETCHES: &[(&str, &str, &str)] = &[
    ("esp32-arduino", "esp32", "-DESP32"),
    ("esp8266-arduino", "esp8266", "-DESP8266"),
    ("arduino-wifi", "wifi", "-DARDUINO_UNOR4_WIFI"),
    ("arduino-wifi", "wifi", "-DARDUINO_SAMD_MKRWIFI1010"),
];

/// Compiles a sketch as the Arduino IDE does.
fn compile_sketch(folder: &str, board: &str, dir: &Path) -> std::process::Output {
    let own = format!("-I{STAND_INS}/{folder}");
    let shared = format!("-I{STAND_INS}/arduino");
    let head = ["-x", "c++", "-std=gnu++17", "-Wno-unused-parameter", board, &own, &shared];
    attempt("c++", &[&head[..], &WARNINGS[..], &["-include", "Arduino.h", "courtier.ino"][..]].concat(), dir)
}

fn compile_idf(dir: &Path) -> std::process::Output {
    let own = format!("-I{STAND_INS}/esp-idf");
    let head = ["-std=gnu17", &own, "-Imain"];
    attempt("cc", &[&head[..], &WARNINGS[..], &["main/main.c"][..]].concat(), dir)
}

fn compiles(handout: &Handout<'_>) {
    let good = |what: &str, out: std::process::Output| {
        assert!(out.status.success(), "{what}: {}", String::from_utf8_lossy(&out.stderr));
    };
    for (key, folder, board) in SKETCHES {
        let dir = write(&files(key, handout));
        good(key, compile_sketch(folder, board, dir.path()));
    }
    good("esp-idf", compile_idf(write(&files("esp-idf", handout)).path()));
}

#[test]
fn every_sketch_and_the_idf_project_compile_in_both_languages() {
    for language in LANGUAGES {
        compiles(&handout(language));
    }
}

#[test]
fn the_worst_values_everywhere_still_compile() {
    for text in HOSTILE {
        compiles(&hostile(text));
    }
}

#[test]
fn the_compilers_of_these_tests_do_see_a_fault() {
    for (key, folder, board) in SKETCHES {
        let mut files = files(key, &handout(LANGUAGES[0]));
        files[0].bytes.extend(b"\nvoid broken() { mqtt.publish(1); }\n");
        assert!(!compile_sketch(folder, board, write(&files).path()).status.success(), "{key}");
    }
    let mut files = files("esp-idf", &handout(LANGUAGES[0]));
    files[0].bytes.extend(b"\nvoid broken(void) { esp_mqtt_client_start(); }\n");
    assert!(!compile_idf(write(&files).path()).status.success());
}

#[test]
fn the_authority_stands_byte_for_byte_in_the_sources() {
    let raw = |key, name| {
        let sketch = text(&files(key, &handout(LANGUAGES[0])), name);
        sketch.split_once("R\"PEM(\n").unwrap().1.split_once(")PEM\"").unwrap().0.to_owned()
    };
    for (key, name) in
        [("esp32-arduino", "courtier.ino"), ("esp8266-arduino", "courtier.ino"), ("arduino-wifi", "arduino_secrets.h")]
    {
        assert_eq!(raw(key, name), CA_PEM, "{key}");
    }
    let files = files("esp-idf", &handout(LANGUAGES[0]));
    let printer = "#include <stdio.h>\n#include \"settings.h\"\nint main(void) { fputs(AUTHORITY_PEM, stdout); }\n";
    let dir = write(&files);
    std::fs::write(dir.path().join("main/print.c"), printer).unwrap();
    run("cc", &["main/print.c", "-o", "print"], dir.path());
    assert_eq!(run("./print", &[], dir.path()), CA_PEM);
}

#[test]
fn boards_that_check_dates_set_their_clock_first() {
    for key in ["esp32-arduino", "esp8266-arduino"] {
        let sketch = text(&files(key, &handout(LANGUAGES[0])), "courtier.ino");
        let clock = sketch.find("if (ready) setClock();").unwrap();
        assert!(clock < sketch.find("!connectToCourtier()").unwrap(), "{key}");
        assert!(sketch.contains("/time\"") && sketch.contains("mqtt.setBufferSize(1024)"), "{key}");
    }
}
