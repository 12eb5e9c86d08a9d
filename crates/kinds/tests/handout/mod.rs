//! What the tests of the kinds are handed, good and bad, and the tools they run.
#![allow(dead_code)]

use std::path::Path;
use std::process::{Command, Output};

use kinds::{File, Handout, Kind, Language};

pub const LANGUAGES: [Language; 2] = [Language::Fr, Language::En];
pub const CA_PEM: &str = "-----BEGIN CERTIFICATE-----\n\
    MIIBszCCAVmgAwIBAgIUe0dGkF3H1i3qoZ+7uH8rJc1FvJ4wCgYIKoZIzj0EAwIw\n\
    LDERMA8GA1UECgwIQ291cnRpZXIxFzAVBgNVBAMMDkNvdXJ0aWVyIENBIDdhMWI=\n\
    -----END CERTIFICATE-----\n";
pub const PASSWORD: &str = "K7QH-2M9D-XW4T-PB8R";
pub const INGEST: &str = "http://192.168.1.20:8480/in/7H2KQ9M4XB3TDW8R";

/// Everything a person could type to break out of what stands around it.
pub const HOSTILE: &[&str] = &[
    "Salle \"114\" 'B'",
    "*/ int main(){} /*",
    "</script><script>alert(1)</script>",
    "--> ]]> &amp; &#0; <!-- <![CDATA[",
    "line\nend\r\n[courtier]\nhosts = evil.example",
    "ends with a backslash \\",
    "trigraph ??/",
    ")PEM\"; system(\"x\"); //",
    "\"\"\" + __import__('os').system('x') + \"\"\"",
    "'; rm -rf x; $(touch y) `touch z` #",
    "<<c:password>> <<w:intro>> {{x}} ${x} %(x)s %s",
    "\u{202e}txet desrever\u{2066}",
    "\u{2028}\u{2029}\u{0}\u{7f}\u{85}\u{fffe}\u{e0041}",
    "L’été à Zoug 🏔",
    "",
];

pub fn handout(language: Language) -> Handout<'static> {
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
        port_mqtt: Some(1883),
        ingest_url: Some(INGEST),
        password: PASSWORD,
        branch: "salle114/groupe-b/serre-04",
        topic: "salle114/groupe-b/serre-04/measures",
        command_filter: "salle114/groupe-b/serre-04/commands/#",
        ca_pem: CA_PEM,
        ca_der: &[0x30, 0x82, 0x01, 0xb3],
        ca_sha256: "5f1d",
        not_after: 2_094_768_000_000,
        language,
    }
}

/// One hostile text in every place that holds a text.
pub fn hostile(text: &'static str) -> Handout<'static> {
    Handout {
        device_id: text,
        group: text,
        site: text,
        site_slug: text,
        host_name: text,
        ip: text,
        ingest_url: Some(text),
        password: text,
        branch: text,
        topic: text,
        command_filter: text,
        ca_sha256: text,
        ..handout(Language::En)
    }
}

pub fn real_kinds() -> impl Iterator<Item = &'static Kind> {
    kinds::all().iter().filter(|kind| !kind.simulated)
}

pub fn files(key: &str, handout: &Handout<'_>) -> Vec<File> {
    all_files(kinds::find(key).unwrap(), handout)
}

/// Those of a kind that only comes in as a guest are its guest's.
pub fn all_files(kind: &Kind, handout: &Handout<'_>) -> Vec<File> {
    if kind.guests_only { kinds::guest_files(kind, handout) } else { kinds::files(kind, handout) }
}

pub fn text(files: &[File], name: &str) -> String {
    let file = files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8(file.bytes.clone()).unwrap()
}

pub fn write(files: &[File]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    }
    dir
}

pub fn attempt(program: &str, args: &[&str], dir: &Path) -> Output {
    let out = Command::new(program).args(args).current_dir(dir).output();
    out.unwrap_or_else(|error| panic!("this test needs `{program}` in the PATH: {error}"))
}

pub fn run(program: &str, args: &[&str], dir: &Path) -> String {
    let out = attempt(program, args, dir);
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Every file of this syntax that any kind is handed, with its folder.
pub fn of_syntax(syntax: &str, handout: &Handout<'_>) -> Vec<(String, File)> {
    let all = real_kinds().flat_map(|kind| {
        all_files(kind, handout).into_iter().map(move |file| (format!("{}/{}", kind.key, file.name), file))
    });
    all.filter(|(_, file)| file.syntax == syntax).collect()
}
