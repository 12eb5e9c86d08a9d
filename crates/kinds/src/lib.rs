//! Kinds of devices as data: their names and pictures, and the files each kind is handed so that
//! it connects.
//!
//! A kind is one file `data/<key>.toml` with its templates beside it. This room turns them and a
//! [`Handout`] into finished files; it knows neither where the values come from nor who shows
//! them. A new kind is its data files and their lines in `embedded.rs`.

mod bundle;
mod config;
mod embedded;
mod error;
mod escape;
mod kind;
mod render;

pub use bundle::bundle;
pub use error::Error;
pub use kind::{Category, Kind, Transport, all, find};

/// The port on which a person serves the page of the kind `browser` on their own computer.
pub const PAGE_PORT: u16 = 8100;

/// Where that page comes from, as a browser says it: the broker lets no page in that is not listed.
pub fn page_origin() -> String {
    format!("http://localhost:{PAGE_PORT}")
}

/// The language of the words in the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    Fr,
    En,
}

/// Everything a device must know to connect. It holds the password: it lives only while the files
/// are made, and it has no `Debug`.
#[derive(Clone, Copy)]
pub struct Handout<'a> {
    pub device_id: &'a str,
    pub group: &'a str,
    /// Free text that anyone may have typed.
    pub site: &'a str,
    pub site_slug: &'a str,
    /// `salle114.local`
    pub host_name: &'a str,
    /// `192.168.1.20`
    pub ip: &'a str,
    pub port_mqtts: u16,
    pub port_wss: u16,
    /// The plain HTTP door, for the time of day.
    pub claim_port: u16,
    /// The plain MQTT door, where the site has one.
    pub port_mqtt: Option<u16>,
    /// Where it may `POST` its values, secret token included: `http://192.168.1.20:8480/in/…`
    pub ingest_url: Option<&'a str>,
    pub password: &'a str,
    /// `<site>/<group>/<id>`: everything it may write is below.
    pub branch: &'a str,
    /// The topic it publishes to.
    pub topic: &'a str,
    /// The filter of the commands it may read.
    pub command_filter: &'a str,
    pub ca_pem: &'a str,
    pub ca_der: &'a [u8],
    /// SHA-256 of `ca_der`, hexadecimal.
    pub ca_sha256: &'a str,
    /// When the authority ends, milliseconds since the Unix epoch.
    pub not_after: i64,
    pub language: Language,
}

impl Handout<'_> {
    /// Where to connect, in the order in which to try. A kind that resolves `.local` names takes
    /// the name first, because the address may change.
    fn hosts(&self, kind: &Kind) -> [&str; 2] {
        if kind.mdns { [self.host_name, self.ip] } else { [self.ip, self.host_name] }
    }
}

/// One finished file.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// It may stand in a folder: `main/main.c`.
    pub name: String,
    /// For the highlighter: `cpp`, `python`, `javascript`, `sh`, `json`, `yaml`, `toml`, `xml`,
    /// `html`, `ini`, `text`, `pem`, `binary`.
    pub syntax: String,
    pub bytes: Vec<u8>,
    /// What is still to be filled in, exactly as it stands in the text.
    pub blanks: Vec<String>,
    /// The file to show first.
    pub main: bool,
}

/// Every file of one device, ready to be written or shown, the main one first. A simulated kind
/// has none, and one that only comes in as a guest has none here.
pub fn files(kind: &Kind, handout: &Handout<'_>) -> Vec<File> {
    if kind.simulated || kind.guests_only {
        return Vec::new();
    }
    let mut files = own_files(kind, handout, false);
    if kind.settings {
        files.push(plain("config.json", "json", config::json(kind, handout)));
        files.push(plain("ca.pem", "pem", handout.ca_pem.as_bytes().to_vec()));
        files.push(plain("ca.der", "binary", handout.ca_der.to_vec()));
    }
    files
}

/// The files of a guest, who is handed no authority and writes by the plain door or by `POST`. Most
/// kinds have none of their own, and a site without these doors has nothing to say in them.
pub fn guest_files(kind: &Kind, handout: &Handout<'_>) -> Vec<File> {
    let has_files = kind.files.iter().any(|spec| spec.guest);
    if !has_files || handout.port_mqtt.is_none() || handout.ingest_url.is_none() {
        return Vec::new();
    }
    own_files(kind, handout, true)
}

fn own_files(kind: &Kind, handout: &Handout<'_>, guest: bool) -> Vec<File> {
    let own = kind.files.iter().filter(|spec| spec.guest == guest);
    let mut files: Vec<File> = own.map(|spec| render::file(kind, spec, handout)).collect();
    let readme_is_main = !files.iter().any(|file| file.main);
    let settings = kind.settings && !guest;
    files.push(render::readme(kind, handout, settings, readme_is_main));
    files
}

/// The address that sets the kind's app up when it is opened or scanned. It holds the password.
pub fn app_link(kind: &Kind, handout: &Handout<'_>) -> Option<String> {
    let template = kind.app_link.as_ref()?;
    Some(render::render(template, kind, handout))
}

fn plain(name: &str, syntax: &str, bytes: Vec<u8>) -> File {
    File { name: name.to_owned(), syntax: syntax.to_owned(), bytes, blanks: Vec::new(), main: false }
}
