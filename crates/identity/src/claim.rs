//! One-time claims: a short token in a QR code that fetches and opens one device's bundle.
//!
//! The token travels on the screen, in the part of the address that a browser never sends. The
//! server is given only what is derived from it one way: an id to look the claim up, and the
//! bundle already sealed.

use std::fmt::Display;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Error, Secret, crockford};

/// 26 symbols of 5 bits: 130 bits.
const TOKEN_LEN: usize = 26;
const NONCE_LEN: usize = 12;

/// The secret of one claim.
#[derive(Clone, Debug)]
pub struct ClaimToken(Secret);

impl ClaimToken {
    pub fn generate() -> Result<ClaimToken, Error> {
        crockford::random(TOKEN_LEN).map(|text| ClaimToken(Secret::new(text)))
    }

    /// Reads a token as a person may type it: any case, with dashes, I and L for 1, O for 0.
    pub fn parse(typed: &str) -> Result<ClaimToken, Error> {
        match crockford::canonical(typed) {
            Some(text) if text.len() == TOKEN_LEN => Ok(ClaimToken(Secret::new(text))),
            _ => Err(Error::ClaimToken),
        }
    }

    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// The address in the QR code. An IPv6 address must come in brackets.
    pub fn url(&self, ip: impl Display, port: u16) -> Secret {
        Secret::new(format!("http://{ip}:{port}/c#{}", self.0.expose()))
    }

    /// What the server knows the claim by: 16 symbols, from which the token cannot be found.
    pub fn id(&self) -> String {
        crockford::encode(&*self.derive::<10>("courtier claim id"), 16)
    }

    fn key(&self) -> Zeroizing<[u8; 32]> {
        self.derive("courtier claim key")
    }

    /// HKDF-SHA256 over the 26 capital ASCII symbols, without salt.
    fn derive<const N: usize>(&self, purpose: &str) -> Zeroizing<[u8; N]> {
        let mut out = Zeroizing::new([0u8; N]);
        let hkdf = Hkdf::<Sha256>::new(None, self.0.expose().as_bytes());
        // Invariant: expansion fails only for more than 8,160 bytes.
        #[allow(clippy::expect_used)]
        hkdf.expand(purpose.as_bytes(), &mut *out).expect("a few bytes");
        out
    }
}

/// Whether `text` has the form of a claim id, so that nothing else is ever looked up.
pub fn is_id(text: &str) -> bool {
    text.len() == 16 && crockford::canonical(text).as_deref() == Some(text)
}

/// ChaCha20-Poly1305 with a fresh nonce of 12 bytes in front; the claim's id is authenticated too.
pub fn seal(token: &ClaimToken, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let mut nonce = [0u8; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(Error::Randomness)?;
    seal_with(token, plaintext, nonce)
}

fn seal_with(token: &ClaimToken, plaintext: &[u8], nonce: [u8; NONCE_LEN]) -> Result<Vec<u8>, Error> {
    let id = token.id();
    let sealed = ChaCha20Poly1305::new(Key::from_slice(&*token.key()))
        .encrypt(Nonce::from_slice(&nonce), Payload { msg: plaintext, aad: id.as_bytes() })
        .map_err(|_| Error::ClaimSealed)?;
    Ok([&nonce[..], &sealed].concat())
}

/// What the page of the phone does; here for tests and for programs that claim by themselves.
pub fn open(token: &ClaimToken, sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Error::ClaimSealed)?;
    let id = token.id();
    ChaCha20Poly1305::new(Key::from_slice(&*token.key()))
        .decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: id.as_bytes() })
        .map_err(|_| Error::ClaimSealed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::server_key::hex;

    /// Made by Node's own HKDF and ChaCha20-Poly1305; the page of the phone is held to it too.
    fn vector() -> serde_json::Value {
        serde_json::from_str(include_str!("../tests/claim_vector.json")).unwrap()
    }

    #[test]
    fn derivation_and_sealing_are_those_of_the_vector() {
        let vector = vector();
        let token = ClaimToken::parse(vector["typed"].as_str().unwrap()).unwrap();
        assert_eq!(token.secret().expose(), vector["token"]);
        assert_eq!(token.id(), vector["id"]);
        assert_eq!(hex(&*token.key()), vector["key_hex"]);
        let nonce = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let plaintext = vector["plaintext"].as_str().unwrap();
        let sealed = seal_with(&token, plaintext.as_bytes(), nonce).unwrap();
        assert_eq!(hex(&sealed), vector["sealed_hex"]);
    }

    #[test]
    fn what_is_sealed_opens_with_its_token_alone() {
        let token = ClaimToken::generate().unwrap();
        let sealed = seal(&token, b"bundle").unwrap();
        assert_eq!(open(&token, &sealed).unwrap(), b"bundle");
        assert_ne!(sealed, seal(&token, b"bundle").unwrap(), "a new nonce each time");
        let other = ClaimToken::generate().unwrap();
        assert!(matches!(open(&other, &sealed), Err(Error::ClaimSealed)));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 0x80;
            assert!(open(&token, &changed).is_err(), "byte {at}");
        }
        for len in 0..sealed.len() {
            assert!(open(&token, &sealed[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn the_address_holds_the_token_behind_the_hash_sign_only() {
        let token = ClaimToken::generate().unwrap();
        let url = token.url("192.168.1.20", 8480);
        let (sent, kept) = url.expose().split_once('#').unwrap();
        assert_eq!(sent, "http://192.168.1.20:8480/c");
        assert_eq!(kept, token.secret().expose());
        assert_eq!(kept.len(), 26);
        assert!(!format!("{token:?} {url:?}").contains(kept));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let good = "K7QH2M9DXW4TPB8R0123456789";
        assert!(ClaimToken::parse(good).is_ok());
        for typed in ["", &good[..25], &format!("{good}0"), &good.replace('K', "U"), &good.replace('K', "é")] {
            assert!(matches!(ClaimToken::parse(typed), Err(Error::ClaimToken)), "{typed}");
        }
    }

    #[test]
    fn an_id_has_one_form_only() {
        let id = ClaimToken::generate().unwrap().id();
        assert!(is_id(&id));
        for wrong in
            [id.to_lowercase() + "A", id[..15].to_owned(), format!("{}-", &id[..15]), format!("{}O", &id[..15])]
        {
            assert!(!is_id(&wrong), "{wrong}");
        }
    }
}
