//! A certificate or a revocation list that the authority signed.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rcgen::PublicKeyData;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::server_key::hex;
use crate::{Error, ServerKey};

const DAY_MS: i64 = 86_400_000;

/// A signed certificate with what one asks about it. The chain is the leaf alone: the authority
/// is its only parent, and whoever verifies has it already.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub pem: String,
    pub chain: Vec<CertificateDer<'static>>,
    /// Hexadecimal, as revocation and the broker's connections name it.
    pub serial: String,
    pub not_before: i64,
    pub not_after: i64,
    common_name: Option<String>,
    names: BTreeSet<String>,
    ips: BTreeSet<IpAddr>,
}

impl Certificate {
    /// Reads back what [`Certificate::pem`] holds.
    pub fn from_pem(pem: &str) -> Result<Certificate, Error> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| Error::CertificateText("no PEM block"))?;
        Certificate::from_der(der, pem.to_owned())
    }

    /// Reads what a client showed in its handshake; who signed it was checked there.
    pub fn from_handshake(der: &[u8]) -> Result<Certificate, Error> {
        Certificate::from_der(CertificateDer::from(der.to_vec()), String::new())
    }

    pub(crate) fn from_der(der: CertificateDer<'static>, pem: String) -> Result<Certificate, Error> {
        let parsed = parse(&der)?;
        let serial = hex(&parsed.serial.to_bytes_be());
        let (not_before, not_after) = validity_ms(&parsed);
        let (names, ips) = alternative_names(&parsed)?;
        let common_name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        let common_name = common_name.map(str::to_owned);
        Ok(Certificate { pem, serial, not_before, not_after, common_name, names, ips, chain: vec![der] })
    }

    /// Whether it was made for this key.
    pub fn belongs_to(&self, key: &ServerKey) -> bool {
        let parsed = self.chain.first().and_then(|der| parse(der).ok());
        parsed.is_some_and(|parsed| parsed.public_key().raw == key.0.subject_public_key_info())
    }

    /// Whether a client may reach the server by every one of these names and addresses.
    pub fn covers(&self, names: &[String], ips: &[IpAddr]) -> bool {
        names.iter().all(|name| self.names.contains(&name.to_ascii_lowercase()))
            && ips.iter().all(|ip| self.ips.contains(ip))
    }

    /// True from 30 days before the end on, and where the clock stands before the beginning.
    pub fn renewal_due(&self, now_ms: i64) -> bool {
        now_ms < self.not_before || now_ms > self.not_after - 30 * DAY_MS
    }

    /// The id of the device that it was made for.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub fn ips(&self) -> impl Iterator<Item = IpAddr> {
        self.ips.iter().copied()
    }
}

/// The list of revoked certificates, signed: one per authority, always whole.
#[derive(Clone, Debug)]
pub struct RevocationList {
    pub pem: String,
    pub der: CertificateRevocationListDer<'static>,
}

pub(crate) fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Error> {
    match X509Certificate::from_der(der) {
        Ok(([], parsed)) => Ok(parsed),
        Ok(_) => Err(Error::CertificateText("bytes after the certificate")),
        Err(_) => Err(Error::CertificateText("not X.509")),
    }
}

pub(crate) fn validity_ms(parsed: &X509Certificate<'_>) -> (i64, i64) {
    let ms = |time: x509_parser::time::ASN1Time| time.timestamp().saturating_mul(1_000);
    (ms(parsed.validity().not_before), ms(parsed.validity().not_after))
}

fn alternative_names(parsed: &X509Certificate<'_>) -> Result<(BTreeSet<String>, BTreeSet<IpAddr>), Error> {
    let (mut names, mut ips) = (BTreeSet::new(), BTreeSet::new());
    let san = parsed.subject_alternative_name().map_err(|_| Error::CertificateText("two lists of names"))?;
    for name in san.iter().flat_map(|san| &san.value.general_names) {
        match name {
            GeneralName::DNSName(name) => {
                names.insert(name.to_ascii_lowercase());
            }
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
                ips.extend(v4.or(v6));
            }
            _ => {}
        }
    }
    Ok((names, ips))
}
