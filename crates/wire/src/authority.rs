//! The site's authority, its certificates, its planned change, and the time for boards.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AuthorityView {
    /// `Courtier CA a1b2`
    pub name: String,
    /// SHA-256 of its public key, hexadecimal.
    pub fingerprint: String,
    /// SHA-256 of `ca.der`, hexadecimal.
    pub cert_sha256: String,
    /// The fingerprint as eight words, to be compared aloud.
    pub words_fr: Vec<String>,
    pub words_en: Vec<String>,
    /// Six symbols, as phones show them.
    pub check_code: String,
    /// What clients are given as `ca.pem`.
    pub cert_pem: String,
    #[ts(type = "number")]
    pub until_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AuthorityStatus {
    pub current: AuthorityView,
    /// While another is being brought in.
    pub change: Option<AuthorityChange>,
    #[ts(type = "number | null")]
    pub server_until_ms: Option<i64>,
    /// Names and addresses in the server's certificate.
    pub server_names: Vec<String>,
    /// Whether clients that know RSA alone are served.
    pub rsa: bool,
    /// Certificates of devices that count now.
    pub device_certificates: u32,
    pub revoked: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AuthorityChange {
    #[ts(type = "number")]
    pub since_ms: i64,
    pub next: AuthorityView,
    /// Devices that know the old one alone, or have a certificate of it alone.
    pub waiting: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FinishAuthorityChange {
    /// Also when devices will be lost.
    pub leave_behind: bool,
}

/// Whether boards may ask this computer for the time (SNTP).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ServeClock {
    /// 123 is the one that boards ask; `None` closes it.
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ClockStatus {
    pub port: Option<u16>,
    /// It is wanted, and answers.
    pub serving: bool,
}
