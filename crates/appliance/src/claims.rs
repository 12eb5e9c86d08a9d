//! One-time claims: what a phone fetches with the QR code, sealed, kept for a few minutes only.
//! Files that apps fetch live as long: an app asks more than once, so that asking burns nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::limits::{CLAIM_MS, CLAIMS};

/// A sealed bundle. Whoever holds the token can open it; nothing here can.
struct Sealed {
    device: String,
    content: Vec<u8>,
    expires_ms: i64,
}

/// Open claims by their id, which is derived from the token one way.
#[derive(Default)]
pub(crate) struct Claims {
    open: Mutex<HashMap<String, Sealed>>,
    /// Files that an app fetches, in clear, by their token.
    files: Mutex<HashMap<String, Sealed>>,
}

impl Claims {
    fn open(&self) -> MutexGuard<'_, HashMap<String, Sealed>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers when it will expire. A device has one claim at a time.
    pub fn add(&self, id: String, device: &str, content: Vec<u8>, now_ms: i64) -> i64 {
        keep(&mut self.open(), id, device, content, now_ms)
    }

    /// A file that an app may fetch. A device has one at a time.
    pub fn add_file(&self, token: String, device: &str, content: Vec<u8>, now_ms: i64) -> i64 {
        keep(&mut self.files(), token, device, content, now_ms)
    }

    /// Whose file this is, and what it says.
    pub fn file(&self, token: &str, now_ms: i64) -> Result<(String, Vec<u8>), Error> {
        let files = self.files();
        match files.get(token) {
            Some(file) if file.expires_ms > now_ms => Ok((file.device.clone(), file.content.clone())),
            Some(_) => Err(Error::ClaimExpired),
            None => Err(Error::ClaimUnknown),
        }
    }

    fn files(&self) -> MutexGuard<'_, HashMap<String, Sealed>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Burns a claim: answers the device and the sealed bundle, once.
    pub fn redeem(&self, id: &str, now_ms: i64) -> Result<(String, Vec<u8>), Error> {
        if !identity::claim::is_id(id) {
            return Err(Error::ClaimUnknown);
        }
        let claim = self.open().remove(id).ok_or(Error::ClaimUnknown)?;
        if claim.expires_ms <= now_ms {
            return Err(Error::ClaimExpired);
        }
        Ok((claim.device, claim.content))
    }

    /// Whose claim this is, while it can be redeemed.
    pub fn device(&self, id: &str, now_ms: i64) -> Option<String> {
        self.open().get(id).filter(|claim| claim.expires_ms > now_ms).map(|claim| claim.device.clone())
    }

    /// Whether anything can be claimed now.
    pub fn any(&self, now_ms: i64) -> bool {
        self.open().values().any(|claim| claim.expires_ms > now_ms)
    }

    pub fn forget(&self, device: &str) {
        self.open().retain(|_, claim| claim.device != device);
        self.files().retain(|_, file| file.device != device);
    }
}

fn keep(all: &mut HashMap<String, Sealed>, id: String, device: &str, content: Vec<u8>, now_ms: i64) -> i64 {
    let expires_ms = now_ms + CLAIM_MS;
    all.retain(|_, claim| claim.expires_ms > now_ms && claim.device != device);
    while all.len() >= CLAIMS {
        let Some(oldest) = all.iter().min_by_key(|(_, claim)| claim.expires_ms).map(|(id, _)| id.clone()) else {
            break;
        };
        all.remove(&oldest);
    }
    all.insert(id, Sealed { device: device.to_owned(), content, expires_ms });
    expires_ms
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ID: &str = "0123456789ABCDEF";

    #[test]
    fn a_claim_is_redeemed_once() {
        let claims = Claims::default();
        claims.add(ID.into(), "d", vec![1], 0);
        assert!(claims.any(0));
        assert_eq!(claims.redeem(ID, 1).unwrap(), ("d".to_owned(), vec![1]));
        assert!(matches!(claims.redeem(ID, 2), Err(Error::ClaimUnknown)));
        assert!(!claims.any(2));
    }

    #[test]
    fn a_file_is_there_for_a_while_however_often_it_is_fetched() {
        let claims = Claims::default();
        let expires_ms = claims.add_file(ID.into(), "d", vec![1], 0);
        for _ in 0..2 {
            assert_eq!(claims.file(ID, expires_ms - 1).unwrap(), ("d".to_owned(), vec![1]));
        }
        assert!(matches!(claims.file(ID, expires_ms), Err(Error::ClaimExpired)));
        assert!(matches!(claims.redeem(ID, 1), Err(Error::ClaimUnknown)), "no claim");
        claims.forget("d");
        assert!(matches!(claims.file(ID, 1), Err(Error::ClaimUnknown)));
    }

    #[test]
    fn a_claim_expires_to_the_millisecond() {
        let claims = Claims::default();
        let expires_ms = claims.add(ID.into(), "d", vec![1], 0);
        assert!(claims.any(expires_ms - 1) && !claims.any(expires_ms));
        assert!(matches!(claims.redeem(ID, expires_ms), Err(Error::ClaimExpired)));
    }

    #[test]
    fn a_new_claim_of_a_device_ends_the_one_before() {
        let claims = Claims::default();
        claims.add(ID.into(), "d", vec![1], 0);
        claims.add("ZZZZZZZZZZZZZZZZ".into(), "d", vec![2], 0);
        assert!(matches!(claims.redeem(ID, 1), Err(Error::ClaimUnknown)));
        assert!(matches!(claims.redeem("not an id", 1), Err(Error::ClaimUnknown)));
    }
}
