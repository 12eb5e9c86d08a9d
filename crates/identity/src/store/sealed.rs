//! The sealed file: a first line that says how it is locked, then the secrets under
//! XChaCha20-Poly1305, the first line authenticated with them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::Kept;
use crate::{Error, Secret, claim};

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;
const TITLE: &str = "courtier-secrets 1";

/// Name and secret.
pub type Contents = BTreeMap<String, Secret>;

/// The first line: `courtier-secrets 1 <file|keyring> <id of this store>`.
pub struct Header {
    pub kept: Kept,
    /// Names this store's key in the keyring, where another data folder may have one too.
    pub id: String,
}

impl Header {
    fn line(&self) -> String {
        let kept = match self.kept {
            Kept::Keyring => "keyring",
            Kept::File => "file",
        };
        format!("{TITLE} {kept} {}\n", self.id)
    }

    pub fn read(file: &[u8]) -> Option<Header> {
        let line = file.split(|byte| *byte == b'\n').next()?;
        let mut words = std::str::from_utf8(line).ok()?.strip_prefix(TITLE)?.split(' ').skip(1);
        let kept = match words.next()? {
            "keyring" => Kept::Keyring,
            "file" => Kept::File,
            _ => return None,
        };
        let id = words.next().filter(|id| claim::is_id(id))?.to_owned();
        words.next().is_none().then_some(Header { kept, id })
    }
}

pub struct SealingKey(Zeroizing<[u8; KEY_LEN]>);

impl SealingKey {
    pub fn generate() -> Result<SealingKey, Error> {
        let mut key = Zeroizing::new([0u8; KEY_LEN]);
        getrandom::fill(&mut *key).map_err(Error::Randomness)?;
        Ok(SealingKey(key))
    }

    /// As text, because a keyring's viewer shows it to its owner.
    pub fn to_text(&self) -> Secret {
        Secret::new(STANDARD.encode(*self.0))
    }

    pub fn from_text(text: &[u8]) -> Option<SealingKey> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim_ascii()).ok()?);
        let mut key = Zeroizing::new([0u8; KEY_LEN]);
        if bytes.len() != KEY_LEN {
            return None;
        }
        key.copy_from_slice(&bytes);
        Some(SealingKey(key))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(&*self.0))
    }
}

pub fn seal(contents: &Contents, header: &Header, key: &SealingKey) -> Result<Vec<u8>, Error> {
    let plain: BTreeMap<&str, &str> = contents.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
    // Invariant: a map of texts is always JSON, and the cipher's limit is 256 GiB.
    #[allow(clippy::expect_used)]
    let plain = Zeroizing::new(serde_json::to_vec(&plain).expect("texts"));
    let mut nonce = [0u8; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(Error::Randomness)?;
    let line = header.line();
    #[allow(clippy::expect_used)]
    let sealed = key
        .cipher()
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: &plain, aad: line.as_bytes() })
        .expect("below the cipher's limit");
    Ok([line.as_bytes(), &nonce, &sealed].concat())
}

/// `None` when anything in it is not as it was sealed.
pub fn open(file: &[u8], header: &Header, key: &SealingKey) -> Option<Contents> {
    let line = header.line();
    let (nonce, sealed) = file.strip_prefix(line.as_bytes())?.split_first_chunk::<NONCE_LEN>()?;
    let plain = key
        .cipher()
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: line.as_bytes() })
        .map(Zeroizing::new)
        .ok()?;
    let texts: BTreeMap<String, String> = serde_json::from_slice(&plain).ok()?;
    Some(texts.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
}
