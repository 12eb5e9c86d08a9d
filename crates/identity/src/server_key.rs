//! The server's private key. It stays the same across renewals, so that clients which pin the
//! public key (Tasmota) go on working.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

use crate::{Error, Secret};

/// An ECDSA P-256 key: the only curve that every board's TLS knows. Or the RSA key beside it, for
/// the few that know no ECDSA.
pub struct ServerKey(pub(crate) KeyPair);

impl ServerKey {
    pub fn generate() -> Result<ServerKey, Error> {
        Ok(ServerKey(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?))
    }

    /// Reads a key that [`ServerKey::key_pem`] wrote; anything but P-256 is refused.
    pub fn from_pem(key_pem: &Secret) -> Result<ServerKey, Error> {
        read_key(key_pem).map(ServerKey)
    }

    /// 2,048 bits; takes a part of a second. The library of the other keys cannot make RSA keys.
    pub fn generate_rsa() -> Result<ServerKey, Error> {
        let key = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).map_err(|_| Error::RsaKey)?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(|_| Error::RsaKey)?;
        let der = PrivatePkcs8KeyDer::from(der.as_ref());
        Ok(ServerKey(KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256)?))
    }

    /// Reads what [`ServerKey::generate_rsa`] made and [`ServerKey::key_pem`] wrote.
    pub fn from_rsa_pem(key_pem: &Secret) -> Result<ServerKey, Error> {
        let key = KeyPair::from_pem_and_sign_algo(key_pem.expose(), &PKCS_RSA_SHA256);
        key.map(ServerKey).map_err(|_| Error::KeyText)
    }

    pub fn key_pem(&self) -> Secret {
        write_key(&self.0)
    }

    /// SHA-256 of the public key, hexadecimal.
    pub fn fingerprint(&self) -> String {
        hex(&spki_sha256(&self.0))
    }

    pub(crate) fn tls_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.0.serialize_der()))
    }
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey(…)")
    }
}

pub(crate) fn read_key(key_pem: &Secret) -> Result<KeyPair, Error> {
    KeyPair::from_pem_and_sign_algo(key_pem.expose(), &PKCS_ECDSA_P256_SHA256).map_err(|_| Error::KeyText)
}

pub(crate) fn write_key(key: &KeyPair) -> Secret {
    Secret::new(lf(key.serialize_pem()))
}

pub(crate) fn spki_sha256(key: &impl PublicKeyData) -> [u8; 32] {
    Sha256::digest(key.subject_public_key_info()).into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// PEM with LF on every system: the library writes CRLF on Windows, and boards compare bytes.
pub(crate) fn lf(pem: String) -> String {
    pem.replace("\r\n", "\n")
}
