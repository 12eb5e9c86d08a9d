//! The token in a guest's address to post to: a capability that stands in a URL, made from the
//! password one way, so that one secret is handed out and one is replaced.

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Secret, crockford};

/// 16 symbols of 5 bits: 80 bits, as many as the password has.
const TOKEN_LEN: usize = 16;

#[derive(Clone, Debug)]
pub struct IngestToken(Secret);

impl IngestToken {
    /// The token of whoever has this password. The password cannot be found from it.
    pub fn of(password: &Secret) -> IngestToken {
        let mut bits = Zeroizing::new([0u8; 10]);
        let hkdf = Hkdf::<Sha256>::new(None, password.expose().as_bytes());
        // Invariant: expansion fails only for more than 8,160 bytes.
        #[allow(clippy::expect_used)]
        hkdf.expand(b"courtier ingest token", &mut *bits).expect("ten bytes");
        IngestToken(Secret::new(crockford::encode(&*bits, TOKEN_LEN)))
    }

    /// Reads a token as a person may type it.
    pub fn parse(typed: &str) -> Option<IngestToken> {
        if typed.len() > 4 * TOKEN_LEN {
            return None;
        }
        let text = crockford::canonical(typed).filter(|text| text.len() == TOKEN_LEN)?;
        Some(IngestToken(Secret::new(text)))
    }

    /// What may be kept of it.
    pub fn sha256(&self) -> String {
        Sha256::digest(self.0.expose()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn url(&self, ip: impl std::fmt::Display, port: u16) -> Secret {
        Secret::new(format!("http://{ip}:{port}/in/{}", self.0.expose()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_made_and_says_nothing_of_the_password() {
        let password = Secret::new("K7QH-2M9D-XW4T-PB8R");
        let token = IngestToken::of(&password);
        let url = token.url("10.0.0.1", 8480);
        let typed = url.expose().rsplit('/').next().unwrap().to_lowercase();
        assert_eq!(IngestToken::parse(&typed).unwrap().sha256(), token.sha256());
        assert!(!url.expose().contains("K7QH"));
        assert_ne!(IngestToken::of(&Secret::new("K7QH-2M9D-XW4T-PB8S")).sha256(), token.sha256());
        for wrong in ["", "short", "U7QH2M9DXW4TPB8R", &"1".repeat(17)] {
            assert!(IngestToken::parse(wrong).is_none(), "{wrong}");
        }
    }
}
