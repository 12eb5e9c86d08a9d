//! Enrolment: devices that fetch their own credentials, and their certificates.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{Device, ShownOnce};

/// Opens the door for ten minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OpenEnrolment {
    /// With a code of six digits by which boards join this group by themselves.
    pub join_group: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Enrolment {
    /// `None` while it is closed.
    #[ts(type = "number | null")]
    pub until_ms: Option<i64>,
    /// `https://<ip>:8443`, where devices ask.
    pub url: Option<String>,
    pub join: Option<JoinCode>,
}

/// For a class: whoever reads it on the board may join until it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct JoinCode {
    pub code: ShownOnce,
    pub group: String,
    pub joined: u32,
    /// The code dies with the last of them.
    pub tries_left: u32,
}

/// A certificate with its key. The key exists in this one answer only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct IssuedCertificate {
    pub device: Device,
    /// The door for devices with a certificate.
    pub port: Option<u16>,
    pub certificate_pem: String,
    pub key_pem: ShownOnce,
    pub authority_pem: String,
    /// Key, certificate and authorities in one PKCS #12 file, base64; for phones and Windows.
    pub p12: ShownOnce,
    /// Opens `p12`.
    pub p12_password: ShownOnce,
    #[ts(type = "number")]
    pub until_ms: i64,
}
