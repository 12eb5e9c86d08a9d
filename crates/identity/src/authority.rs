//! The site's own certificate authority: made once, kept for ten years, pinned by every device.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, RevokedCertParams, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::certificate::{parse, validity_ms};
use crate::server_key::{hex, lf, read_key, spki_sha256, write_key};
use crate::words::Language;
use crate::{Certificate, Error, RevocationList, Secret, ServerKey, SigningRequest, crockford, words};

const DAY_MS: i64 = 86_400_000;
/// 2037-12-31 00:00 UTC: boards with a 32-bit clock cannot tell a later date.
const LAST_DAY_MS: i64 = 2_145_830_400_000;
const AUTHORITY_DAYS: i64 = 3_652;
const SERVER_DAYS: i64 = 397;
const DEVICE_DAYS: i64 = 825;
const REVOCATION_LIST_DAYS: i64 = 30;

/// A certificate that must no longer be accepted.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// Hexadecimal, as [`Certificate::serial`] has it.
    pub serial: String,
    pub at_ms: i64,
}

/// The authority's certificate with its private key.
pub struct Authority {
    cert_pem: String,
    cert_der: CertificateDer<'static>,
    not_after: i64,
    spki_sha256: [u8; 32],
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn create(now_ms: i64) -> Result<Authority, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let id4 = id4(&spki_sha256(&key));
        let mut params = lifetime(now_ms, AUTHORITY_DAYS)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Courtier");
        params.distinguished_name.push(DnType::CommonName, format!("Courtier CA {id4}"));
        // No name constraints: MicroPython's mbedTLS refuses a certificate that has critical ones.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        Authority::load(&lf(certificate.pem()), &write_key(&key))
    }

    /// Puts a kept certificate and its key together again. A key of another certificate is
    /// refused: everything it signed would be worthless.
    pub fn load(cert_pem: &str, key_pem: &Secret) -> Result<Authority, Error> {
        let key = read_key(key_pem)?;
        let certificate = Certificate::from_pem(cert_pem)?;
        let cert_der = certificate.chain.into_iter().next().ok_or(Error::CertificateText("empty"))?;
        let parsed = parse(&cert_der)?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(Error::KeyMismatch);
        }
        if !parsed.is_ca() {
            return Err(Error::CertificateText("not an authority"));
        }
        let (_, not_after) = validity_ms(&parsed);
        let spki_sha256 = spki_sha256(&key);
        let issuer = Issuer::from_ca_cert_der(&cert_der, key)?;
        Ok(Authority { cert_pem: lf(cert_pem.to_owned()), cert_der, not_after, spki_sha256, issuer })
    }

    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    pub fn cert_der(&self) -> &[u8] {
        &self.cert_der
    }

    pub fn key_pem(&self) -> Secret {
        write_key(self.issuer.key())
    }

    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// SHA-256 of the public key, hexadecimal.
    pub fn fingerprint(&self) -> String {
        hex(&self.spki_sha256)
    }

    /// SHA-256 of the certificate itself, hexadecimal: what `sha256sum ca.der` prints.
    pub fn cert_sha256(&self) -> String {
        hex(&Sha256::digest(&self.cert_der))
    }

    /// Whether a certificate was signed with this authority's key.
    pub fn signed(&self, certificate: &Certificate) -> bool {
        let Some(leaf) = certificate.chain.first() else { return false };
        let (Ok(leaf), Ok(own)) = (parse(leaf), parse(&self.cert_der)) else { return false };
        leaf.verify_signature(Some(own.public_key())).is_ok()
    }

    /// Four hexadecimal digits that tell several sites in one building apart.
    pub fn id4(&self) -> String {
        id4(&self.spki_sha256)
    }

    /// The fingerprint of the public key in eight words.
    pub fn words(&self, language: Language) -> Vec<&'static str> {
        words::of(&self.spki_sha256, language)
    }

    /// Six symbols that a person compares on two screens.
    pub fn check_code(&self) -> String {
        crockford::encode(&self.spki_sha256, 6)
    }

    /// A server certificate for these names and addresses, and for those that always belong to
    /// the machine itself: `localhost`, `127.0.0.1`, `::1` and `courtier-<id4>.local`.
    pub fn issue_server(
        &self,
        key: &ServerKey,
        names: &[String],
        ips: &[IpAddr],
        now_ms: i64,
    ) -> Result<Certificate, Error> {
        let own_name = format!("courtier-{}.local", self.id4());
        let names: BTreeSet<String> = names
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .chain(["localhost".to_owned(), own_name.clone()])
            .collect();
        let own_ips = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let ips: BTreeSet<IpAddr> = ips.iter().copied().chain(own_ips).collect();

        let mut params = lifetime(now_ms, SERVER_DAYS)?;
        for name in &names {
            params.subject_alt_names.push(SanType::DnsName(host_name(name)?.try_into()?));
        }
        params.subject_alt_names.extend(ips.into_iter().map(SanType::IpAddress));
        self.issue(params, &own_name, ExtendedKeyUsagePurpose::ServerAuth, &key.0)
    }

    /// A certificate with which a device proves who it is, and its new private key.
    pub fn issue_device(&self, id: &str, now_ms: i64) -> Result<(Certificate, Secret), Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = lifetime(now_ms, DEVICE_DAYS)?;
        let certificate = self.issue(params, id, ExtendedKeyUsagePurpose::ClientAuth, &key)?;
        Ok((certificate, write_key(&key)))
    }

    /// The same for a device that made its key itself: of its request only the public key counts.
    pub fn certify_device(&self, id: &str, request: &SigningRequest, now_ms: i64) -> Result<Certificate, Error> {
        let params = lifetime(now_ms, DEVICE_DAYS)?;
        self.issue(params, id, ExtendedKeyUsagePurpose::ClientAuth, request.public_key())
    }

    /// The whole list of revoked certificates. `number` must grow with each list.
    pub fn revocation_list(&self, revoked: &[Revoked], number: u64, now_ms: i64) -> Result<RevocationList, Error> {
        let revoked_certs = revoked
            .iter()
            .map(|revoked| {
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from(unhex(&revoked.serial)?),
                    revocation_time: date(revoked.at_ms)?,
                    reason_code: None,
                    invalidity_date: None,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let list = CertificateRevocationListParams {
            this_update: date(now_ms.saturating_sub(DAY_MS))?,
            next_update: date(now_ms.saturating_add(REVOCATION_LIST_DAYS * DAY_MS))?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)?;
        Ok(RevocationList { pem: lf(list.pem()?), der: list.der().clone() })
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        common_name: &str,
        purpose: ExtendedKeyUsagePurpose,
        key: &impl PublicKeyData,
    ) -> Result<Certificate, Error> {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.serial_number = Some(random_serial()?);
        // Only the explicit form writes the subject key identifier and critical constraints.
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(key, &self.issuer)?;
        Certificate::from_der(certificate.der().clone(), lf(certificate.pem()))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authority").field(&self.id4()).finish()
    }
}

/// From yesterday (clocks differ) for `days`, never past the last day that boards can tell.
fn lifetime(now_ms: i64, days: i64) -> Result<CertificateParams, Error> {
    let start = now_ms.checked_sub(DAY_MS).ok_or(Error::Time(now_ms))?;
    let end = start.saturating_add(days * DAY_MS).min(LAST_DAY_MS);
    if end <= now_ms {
        return Err(Error::Time(now_ms));
    }
    let mut params = CertificateParams::default();
    params.not_before = date(start)?;
    params.not_after = date(end)?;
    Ok(params)
}

fn date(ms: i64) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)).map_err(|_| Error::Time(ms))
}

/// 128 random bits with the highest bit clear, so that the number is positive, and the next one
/// set, so that it keeps its length.
fn random_serial() -> Result<SerialNumber, Error> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(Error::Randomness)?;
    let [first, ..] = &mut bytes;
    *first = *first & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn id4(spki_sha256: &[u8; 32]) -> String {
    let [first, second, ..] = *spki_sha256;
    hex(&[first, second])
}

/// A name as DNS and mDNS know it. An address written as a name is refused: clients look for it
/// among the addresses.
fn host_name(name: &str) -> Result<String, Error> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let sound = name.len() <= 253 && name.split('.').all(label) && name.parse::<IpAddr>().is_err();
    if sound { Ok(name.to_owned()) } else { Err(Error::HostName(name.to_owned())) }
}

fn unhex(text: &str) -> Result<Vec<u8>, Error> {
    let fault = || Error::CertificateText("a serial number is not hexadecimal");
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or_else(fault))
        .collect::<Result<_, _>>()?;
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Ok(high << 4 | low),
            _ => Err(fault()),
        })
        .collect()
}
