//! A key with its certificates in one file under a password, as phones and Windows take it
//! (PKCS #12, RFC 7292): PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC, HMAC-SHA-256 over the whole.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use hmac::{Hmac, Mac};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::der::{BMP_STRING, CONTEXT_0, DATA, INTEGER, NULL, OCTET_STRING, SEQUENCE, SET, element};
use crate::{Certificate, Error, Secret};

const ITERATIONS: u32 = 100_000;
/// A block of SHA-256, in bytes.
const BLOCK: usize = 64;

/// 1.2.840.113549.1.7.6
const ENCRYPTED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
/// 1.2.840.113549.1.12.10.1.2
const SHROUDED_KEY: &[u8] = &[0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02];
/// 1.2.840.113549.1.12.10.1.3
const CERTIFICATE: &[u8] = &[0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];
/// 1.2.840.113549.1.9.22.1
const X509: &[u8] = &[0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
/// 1.2.840.113549.1.9.20
const FRIENDLY_NAME: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
/// 1.2.840.113549.1.9.21
const LOCAL_KEY_ID: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x15];
/// 1.2.840.113549.1.5.13
const PBES2: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
/// 1.2.840.113549.1.5.12
const PBKDF2: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// 1.2.840.113549.2.9
const HMAC_SHA256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
/// 2.16.840.1.101.3.4.1.42
const AES256_CBC: &[u8] = &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
/// 2.16.840.1.101.3.4.2.1
const SHA256: &[u8] = &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// DER of a PFX (RFC 7292 §4): the key, its certificate, and the authorities, under `password`.
pub fn pack(
    name: &str,
    key_pem: &Secret,
    certificate: &Certificate,
    authority_pem: &str,
    password: &Secret,
) -> Result<Vec<u8>, Error> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(key_pem.expose().as_bytes()).map_err(|_| Error::KeyText)?;
    let own = certificate.chain.first().ok_or(Error::CertificateText("empty"))?;
    // Key and certificate find each other by this.
    let key_id = Sha256::digest(own);
    let attributes = attributes(name, &key_id);
    let mut bags = certificate_bag(own, &attributes);
    for authority in CertificateDer::pem_slice_iter(authority_pem.as_bytes()) {
        let authority = authority.map_err(|_| Error::CertificateText("an authority"))?;
        bags.extend(certificate_bag(&authority, &[]));
    }
    let (algorithm, sealed) = encrypt(&element(SEQUENCE, &bags), password)?;
    let content = [&DATA[..], &algorithm, &element(0x80, &sealed)].concat();
    let encrypted = [element(INTEGER, &[0]), element(SEQUENCE, &content)].concat();
    let certificates = info(ENCRYPTED_DATA, &element(SEQUENCE, &encrypted));

    let (algorithm, sealed) = encrypt(key.secret_pkcs8_der(), password)?;
    let shrouded = element(SEQUENCE, &[algorithm, element(OCTET_STRING, &sealed)].concat());
    let key_bag = bag(SHROUDED_KEY, &shrouded, &attributes);
    let keys = info(&DATA, &element(OCTET_STRING, &element(SEQUENCE, &key_bag)));

    let safe = element(SEQUENCE, &[certificates, keys].concat());
    let mac = authenticate(&safe, password)?;
    let whole = [element(INTEGER, &[3]), info(&DATA, &element(OCTET_STRING, &safe)), mac].concat();
    Ok(element(SEQUENCE, &whole))
}

fn info(kind: &[u8], content: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[kind, &element(CONTEXT_0, content)].concat())
}

fn bag(kind: &[u8], content: &[u8], attributes: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[kind, &element(CONTEXT_0, content), attributes].concat())
}

fn certificate_bag(certificate: &[u8], attributes: &[u8]) -> Vec<u8> {
    let value = element(CONTEXT_0, &element(OCTET_STRING, certificate));
    bag(CERTIFICATE, &element(SEQUENCE, &[X509, &value].concat()), attributes)
}

fn attributes(name: &str, key_id: &[u8]) -> Vec<u8> {
    let friendly: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let one = |kind: &[u8], value: Vec<u8>| element(SEQUENCE, &[kind, &element(SET, &value)].concat());
    let mut all =
        [one(FRIENDLY_NAME, element(BMP_STRING, &friendly)), one(LOCAL_KEY_ID, element(OCTET_STRING, key_id))];
    // A set is sorted by its bytes (X.690 §11.6).
    all.sort();
    element(SET, &all.concat())
}

/// The algorithm with its parameters, and what it made of the content (RFC 8018 §6.2).
fn encrypt(content: &[u8], password: &Secret) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(Error::Randomness)?;
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<Sha256>(password.expose().as_bytes(), &salt, ITERATIONS, key.as_mut());
    let cipher = UnboundCipherKey::new(&AES_256, key.as_ref()).map_err(|_| Error::Cipher)?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(cipher).map_err(|_| Error::Cipher)?;
    let mut sealed = content.to_vec();
    let start = match cipher.encrypt(&mut sealed).map_err(|_| Error::Cipher)? {
        DecryptionContext::Iv128(start) => start,
        _ => return Err(Error::Cipher),
    };
    let random_function = element(SEQUENCE, &[HMAC_SHA256, &NULL].concat());
    let derivation = [element(OCTET_STRING, &salt), integer(ITERATIONS), random_function].concat();
    let derivation = element(SEQUENCE, &[PBKDF2, &element(SEQUENCE, &derivation)].concat());
    let scheme = element(SEQUENCE, &[AES256_CBC, &element(OCTET_STRING, start.as_ref())].concat());
    let parameters = element(SEQUENCE, &[derivation, scheme].concat());
    Ok((element(SEQUENCE, &[PBES2, &parameters].concat()), sealed))
}

fn authenticate(safe: &[u8], password: &Secret) -> Result<Vec<u8>, Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(Error::Randomness)?;
    let key = mac_key(password, &salt);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_ref()).map_err(|_| Error::Cipher)?;
    mac.update(safe);
    let digest = element(SEQUENCE, &[SHA256, &NULL].concat());
    let digest = element(SEQUENCE, &[digest, element(OCTET_STRING, &mac.finalize().into_bytes())].concat());
    Ok(element(SEQUENCE, &[digest, element(OCTET_STRING, &salt), integer(ITERATIONS)].concat()))
}

/// RFC 7292 B.2 for one block of output: the password as UTF-16 with its end, purpose 3.
fn mac_key(password: &Secret, salt: &[u8]) -> Zeroizing<[u8; 32]> {
    let text: Zeroizing<Vec<u8>> =
        Zeroizing::new(password.expose().encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect());
    let filled =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().cycle().take(bytes.len().div_ceil(BLOCK) * BLOCK).collect() };
    let mut hashed = Sha256::new().chain_update([3; BLOCK]).chain_update(filled(salt));
    hashed.update(&*Zeroizing::new(filled(&text)));
    let mut key = Zeroizing::new(<[u8; 32]>::from(hashed.finalize()));
    for _ in 1..ITERATIONS {
        *key = Sha256::digest(*key).into();
    }
    key
}

/// Shortest form, never negative.
fn integer(value: u32) -> Vec<u8> {
    let mut digits: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    if digits.first().is_none_or(|first| *first >= 0x80) {
        digits.insert(0, 0);
    }
    element(INTEGER, &digits)
}
