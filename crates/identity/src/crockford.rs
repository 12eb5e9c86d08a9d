//! Crockford's base32: no I, L, O or U, so that it survives being read aloud and typed.

use crate::Error;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// Invariant: five bits count to 31, and the alphabet has 32 symbols.
#[allow(clippy::indexing_slicing)]
fn symbol(five_bits: u8) -> char {
    char::from(ALPHABET[usize::from(five_bits & 31)])
}

/// `count` symbols of 5 random bits each. 256 is a multiple of 32, so no symbol is favoured.
pub fn random(count: usize) -> Result<String, Error> {
    let mut bytes = zeroize::Zeroizing::new(vec![0u8; count]);
    getrandom::fill(&mut bytes).map_err(Error::Randomness)?;
    Ok(bytes.iter().map(|byte| symbol(*byte)).collect())
}

/// The first `count` symbols of `bytes`, most significant bits first; bits past the end are zero.
pub fn encode(bytes: &[u8], count: usize) -> String {
    let bit = |at: usize| {
        let byte = bytes.get(at / 8).copied().unwrap_or(0);
        (byte >> (7 - at % 8)) & 1
    };
    (0..count).map(|index| symbol((0..5).fold(0, |value, i| value << 1 | bit(index * 5 + i)))).collect()
}

/// What a person may have typed, as the alphabet writes it: capitals, no dashes or spaces, and the
/// letters that look like digits read as digits. `None` if anything else is in it.
pub fn canonical(typed: &str) -> Option<String> {
    typed
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| match c.to_ascii_uppercase() {
            'I' | 'L' => Some('1'),
            'O' => Some('0'),
            c if c.is_ascii() && ALPHABET.contains(&(c as u8)) => Some(c),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bits_are_taken_from_the_most_significant_end() {
        assert_eq!(encode(&[0xff, 0x00], 4), "ZW00");
        assert_eq!(encode(&[0b0000_1000, 0b0100_0000], 2), "11");
    }

    #[test]
    fn look_alikes_case_and_dashes_are_forgiven() {
        assert_eq!(canonical("k7qh-2m9d oil").unwrap(), "K7QH2M9D011");
    }

    #[test]
    fn a_letter_outside_the_alphabet_is_refused() {
        for typed in ["U", "K7QH!", "é", "A\nB"] {
            assert_eq!(canonical(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn random_text_has_its_length_and_is_not_the_same_twice() {
        let (a, b) = (random(26).unwrap(), random(26).unwrap());
        assert_eq!((a.len(), b.len()), (26, 26));
        assert_ne!(a, b);
        assert_eq!(canonical(&a).unwrap(), a);
    }
}
