//! Kinds of devices as data: their names and pictures, and the files each kind is handed so that
//! it connects.
//!
//! A kind is one file `data/<key>.toml` with its templates beside it. This room turns them and a
//! [`Handout`] into finished files; it knows neither where the values come from nor who shows them.

use std::sync::LazyLock;

mod bundle;
mod error;

pub use bundle::bundle;
pub use error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    Fr,
    En,
}

/// A kind of device, as `data/<key>.toml` describes it.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Kind {
    pub key: String,
    /// Name of the drawing.
    pub picture: String,
    #[serde(default)]
    pub simulated: bool,
    /// It can resolve a `.local` name, so that it survives a change of address.
    #[serde(default)]
    pub mdns: bool,
    pub name_fr: String,
    pub name_en: String,
    pub blurb_fr: String,
    pub blurb_en: String,
}

/// Everything a device must know to connect. It holds the password: it lives only while the files
/// are made.
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
    pub claim_port: u16,
    pub password: &'a str,
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

/// One finished file.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    /// For the highlighter: `cpp`, `python`, `json`, `ini`, `text`, `pem`, `binary`.
    pub syntax: String,
    pub bytes: Vec<u8>,
    /// What is still to be filled in, exactly as it stands in the text.
    pub blanks: Vec<String>,
    /// The file to show first.
    pub main: bool,
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(Vec::new);

/// All kinds, in the order in which a person should see them.
pub fn all() -> &'static [Kind] {
    &KINDS
}

pub fn find(key: &str) -> Option<&'static Kind> {
    all().iter().find(|kind| kind.key == key)
}

/// Every file of one device, ready to be written or shown. Empty for a simulated kind.
pub fn files(_kind: &Kind, _handout: &Handout<'_>) -> Vec<File> {
    Vec::new()
}
