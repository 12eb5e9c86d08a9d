//! One-time codes and the sessions they open. Kept as hashes; compared in constant time.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::limits::{CODE_SECS, SESSION_SECS, SESSIONS, WRONG_CODES};

type Hash = [u8; 32];

/// A secret of 128 bits, shown once. No Debug.
pub struct Token(String);

impl Token {
    fn generate() -> Result<Token, getrandom::Error> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Token(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[derive(Default)]
pub struct Codes(Mutex<State>);

#[derive(Default)]
struct State {
    codes: Vec<(Hash, Instant)>,
    sessions: Vec<(Hash, Instant)>,
    wrong: u32,
}

impl Codes {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A code that opens one session.
    pub fn new_code(&self, now: Instant) -> Result<Token, getrandom::Error> {
        let code = Token::generate()?;
        let mut state = self.lock();
        state.wrong = 0;
        state.codes.push((hash(code.expose()), now + Duration::from_secs(CODE_SECS)));
        Ok(code)
    }

    /// Burns a code; the session that it opened. After ten wrong ones every open code dies.
    pub fn redeem(&self, code: &str, now: Instant) -> Result<Option<Token>, getrandom::Error> {
        let mut state = self.lock();
        state.codes.retain(|(_, end)| *end > now);
        let Some(at) = position(&state.codes, &hash(code)) else {
            state.wrong += 1;
            if state.wrong >= WRONG_CODES {
                state.codes.clear();
            }
            return Ok(None);
        };
        state.codes.remove(at);
        let session = Token::generate()?;
        state.sessions.retain(|(_, end)| *end > now);
        if state.sessions.len() >= SESSIONS {
            state.sessions.remove(0);
        }
        state.sessions.push((hash(session.expose()), now + Duration::from_secs(SESSION_SECS)));
        Ok(Some(session))
    }

    pub fn is_session(&self, token: &str, now: Instant) -> bool {
        let state = self.lock();
        let at = position(&state.sessions, &hash(token));
        at.and_then(|at| state.sessions.get(at)).is_some_and(|(_, end)| *end > now)
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// Looks at every entry, whether it found one or not.
fn position(list: &[(Hash, Instant)], wanted: &Hash) -> Option<usize> {
    let mut found = None;
    for (at, (hash, _)) in list.iter().enumerate() {
        if bool::from(hash.ct_eq(wanted)) {
            found = Some(at);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_code_opens_one_session_once() {
        let (codes, now) = (Codes::default(), Instant::now());
        let code = codes.new_code(now).unwrap();
        let session = codes.redeem(code.expose(), now).unwrap().unwrap();
        assert!(codes.is_session(session.expose(), now));
        assert!(codes.redeem(code.expose(), now).unwrap().is_none());
        assert!(!codes.is_session(code.expose(), now));
        assert!(!codes.is_session(session.expose(), now + Duration::from_secs(SESSION_SECS + 1)));
    }

    #[test]
    fn a_code_dies_of_age_and_of_guesses() {
        let (codes, now) = (Codes::default(), Instant::now());
        let old = codes.new_code(now).unwrap();
        assert!(codes.redeem(old.expose(), now + Duration::from_secs(CODE_SECS + 1)).unwrap().is_none());
        let code = codes.new_code(now).unwrap();
        for _ in 0..WRONG_CODES {
            assert!(codes.redeem("guess", now).unwrap().is_none());
        }
        assert!(codes.redeem(code.expose(), now).unwrap().is_none());
    }
}
