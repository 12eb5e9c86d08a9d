//! A secret text that leaves no trace: not in `Debug`, not in a log, not in memory after its use.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password, a private key in PEM form, a token. It has no `Serialize` and no `Display`, on
/// purpose: whoever needs the text must write `expose`, which is easy to search for.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Takes the same time wherever the first difference stands; only the length shows.
    pub fn matches(&self, offered: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(offered).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let shown = format!("{:?} {:#?}", Secret::new("K7QH"), Some(Secret::new("K7QH")));
        assert!(!shown.contains("K7QH"), "{shown}");
    }

    #[test]
    fn only_the_same_bytes_match() {
        let secret = Secret::new("K7QH-2M9D");
        assert!(secret.matches(b"K7QH-2M9D"));
        for wrong in [&b"K7QH-2M9E"[..], b"K7QH-2M9", b"K7QH-2M9D\0", b""] {
            assert!(!secret.matches(wrong));
        }
    }
}
