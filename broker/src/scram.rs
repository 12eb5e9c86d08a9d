//! SCRAM-SHA-256, the server's side (RFC 5802, RFC 7677): the password never crosses the wire, and
//! what is kept here does not let anybody in elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The name of the method in CONNECT and AUTH.
pub(crate) const METHOD: &str = "SCRAM-SHA-256";

/// What is kept of a password (RFC 5802 §3). No Debug.
#[derive(Clone)]
pub struct ScramCredential {
    pub salt: Vec<u8>,
    pub iterations: u32,
    pub stored_key: [u8; 32],
    pub server_key: [u8; 32],
}

/// The first message of a client, read.
pub(crate) struct ClientFirst {
    pub name: String,
    nonce: String,
    /// The header that binds the channel, which comes again: `n,,` or `y,,`.
    header: String,
    bare: String,
}

/// An exchange that waits for the client's proof.
pub(crate) struct Exchange {
    pub name: String,
    header: String,
    nonce: String,
    /// Both first messages, as the proof covers them.
    before: String,
    credential: ScramCredential,
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // Invariant: HMAC takes keys of any length.
    #[allow(clippy::expect_used)]
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// `=2C` and `=3D` stand for the two characters that a name cannot hold as they are.
fn name_of(text: &str) -> Option<String> {
    let name = text.replace("=2C", ",");
    let rest = name.replace("=3D", "");
    (!rest.contains('=') && !name.is_empty()).then(|| name.replace("=3D", "="))
}

impl ClientFirst {
    /// `n,,n=<name>,r=<nonce>`; another name to act for, a bound channel and unknown mandatory
    /// extensions are refused.
    pub fn parse(text: &[u8]) -> Option<ClientFirst> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= 1024)?;
        let header = ["n,,", "y,,"].into_iter().find(|header| text.starts_with(header))?;
        let bare = text.get(header.len()..)?;
        let mut parts = bare.split(',');
        let name = name_of(parts.next()?.strip_prefix("n=")?)?;
        let nonce = parts.next()?.strip_prefix("r=").filter(|nonce| !nonce.is_empty())?;
        Some(ClientFirst { name, nonce: nonce.to_owned(), header: header.to_owned(), bare: bare.to_owned() })
    }

    /// Answers with salt and rounds. `own` is the server's part of the nonce.
    pub fn answer(self, credential: ScramCredential, own: [u8; 18]) -> (Exchange, String) {
        let nonce = format!("{}{}", self.nonce, STANDARD.encode(own));
        let first = format!("r={nonce},s={},i={}", STANDARD.encode(&credential.salt), credential.iterations);
        let before = format!("{},{first}", self.bare);
        (Exchange { name: self.name, header: self.header, nonce, before, credential }, first)
    }
}

impl Exchange {
    /// `c=<header>,r=<nonce>,p=<proof>`: the server's own proof if the client's is right.
    pub fn finish(&self, text: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= 2048)?;
        let (said, proof) = text.rsplit_once(",p=")?;
        let mut parts = said.split(',');
        let header = STANDARD.decode(parts.next()?.strip_prefix("c=")?).ok()?;
        let nonce = parts.next()?.strip_prefix("r=")?;
        if header != self.header.as_bytes() || nonce != self.nonce {
            return None;
        }
        let proof: [u8; 32] = STANDARD.decode(proof).ok()?.try_into().ok()?;
        let all = format!("{},{said}", self.before);
        let signature = hmac(&self.credential.stored_key, all.as_bytes());
        let mut client_key = proof;
        client_key.iter_mut().zip(signature).for_each(|(byte, other)| *byte ^= other);
        let right: bool = Sha256::digest(client_key)[..].ct_eq(&self.credential.stored_key[..]).into();
        right.then(|| format!("v={}", STANDARD.encode(hmac(&self.credential.server_key, all.as_bytes()))))
    }
}

/// A credential for a name that nobody has: always the same for one name, so that asking tells nothing.
pub(crate) fn invented(name: &str, key: &[u8; 32]) -> ScramCredential {
    let salt = hmac(key, name.as_bytes()).get(..16).unwrap_or_default().to_vec();
    let stored_key = hmac(key, format!("{name}\0").as_bytes());
    ScramCredential { salt, iterations: 4096, stored_key, server_key: stored_key }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    /// The example of RFC 7677 §3.
    fn vector() -> (ScramCredential, &'static [u8], &'static [u8]) {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = {
            let mut block = hmac(b"pencil", &[&salt[..], &[0, 0, 0, 1]].concat());
            let mut sum = block;
            for _ in 1..4096 {
                block = hmac(b"pencil", &block);
                sum.iter_mut().zip(block).for_each(|(byte, other)| *byte ^= other);
            }
            sum
        };
        let stored_key = Sha256::digest(hmac(&salted, b"Client Key")).into();
        let credential =
            ScramCredential { salt, iterations: 4096, stored_key, server_key: hmac(&salted, b"Server Key") };
        let first = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
        let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        (credential, first, last)
    }

    fn exchange() -> (Exchange, &'static [u8]) {
        let (credential, first, last) = vector();
        let (mut exchange, _) = ClientFirst::parse(first).unwrap().answer(credential, [0; 18]);
        exchange.nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".into();
        exchange.before =
            format!("n=user,r=rOprNGfwEbeRWgbNEkqO,r={},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", exchange.nonce);
        (exchange, last)
    }

    #[test]
    fn the_example_of_the_standard_comes_out() {
        let (exchange, last) = exchange();
        assert_eq!(exchange.name, "user");
        assert_eq!(exchange.finish(last).unwrap(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn every_changed_byte_is_refused() {
        let (exchange, last) = exchange();
        for at in 0..last.len() {
            let mut changed = last.to_vec();
            changed[at] ^= 1;
            assert!(exchange.finish(&changed).is_none(), "byte {at}");
            assert!(exchange.finish(&last[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_first_message_is_refused() {
        let wrong = [
            "",
            "n,,",
            "n,,n=,r=x",
            "n,,n=a",
            "n,,n=a,r=",
            "p=tls-unique,,n=a,r=x",
            "n,a=b,n=a,r=x",
            "n,,n=a=b,r=x",
            "n,,m=x,n=a,r=x",
        ];
        for text in wrong {
            assert!(ClientFirst::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert_eq!(ClientFirst::parse(b"y,,n=a=2Cb=3Dc,r=x").unwrap().name, "a,b=c");
    }

    #[test]
    fn a_name_that_nobody_has_is_asked_for_the_same_proof_each_time() {
        let (one, two) = (invented("a", &[1; 32]), invented("a", &[1; 32]));
        assert_eq!((one.salt.clone(), one.iterations), (two.salt, two.iterations));
        assert_ne!(one.salt, invented("b", &[1; 32]).salt);
    }
}
