//! The token in an address that a spreadsheet reads: a capability that stands in a URL. It reads one
//! selection of what was recorded, and nothing else.

use sha2::{Digest, Sha256};

use crate::{Error, Secret, crockford};

/// 26 symbols of 5 bits: 130 bits.
const TOKEN_LEN: usize = 26;

#[derive(Clone, Debug)]
pub struct FeedToken(Secret);

impl FeedToken {
    pub fn generate() -> Result<FeedToken, Error> {
        crockford::random(TOKEN_LEN).map(|text| FeedToken(Secret::new(text)))
    }

    /// As it stands in an address, in any case.
    pub fn parse(text: &str) -> Option<FeedToken> {
        if text.len() > 2 * TOKEN_LEN {
            return None;
        }
        let text = crockford::canonical(text).filter(|text| text.len() == TOKEN_LEN)?;
        Some(FeedToken(Secret::new(text)))
    }

    /// What may be kept of it.
    pub fn sha256(&self) -> String {
        Sha256::digest(self.0.expose()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What files are asked for below.
    pub fn url(&self, ip: impl std::fmt::Display, port: u16) -> Secret {
        Secret::new(format!("http://{ip}:{port}/x/{}/", self.0.expose()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_and_shows_nothing() {
        let token = FeedToken::generate().unwrap();
        let url = token.url("127.0.0.1", 8490);
        let typed = url.expose().trim_end_matches('/').rsplit('/').next().unwrap().to_lowercase();
        assert_eq!(FeedToken::parse(&typed).unwrap().sha256(), token.sha256());
        assert!(!format!("{token:?}").to_lowercase().contains(&typed));
        for wrong in ["", "short", &"1".repeat(25), &"1".repeat(200)] {
            assert!(FeedToken::parse(wrong).is_none(), "{wrong}");
        }
    }
}
