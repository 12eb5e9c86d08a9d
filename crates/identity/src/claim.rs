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
