//! A fingerprint as words: easier to compare aloud, from one screen to another, than digits.

/// 256 nouns of each language, one for every value of a byte.
const FRENCH: &str = include_str!("../data/words_fr.txt");
const ENGLISH: &str = include_str!("../data/words_en.txt");

/// Eight bytes are compared: 64 bits, which nobody forges for a classroom.
const COUNT: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Fr,
    En,
}

/// The first bytes of a digest, a word for each.
pub fn of(digest: &[u8], language: Language) -> Vec<&'static str> {
    let words: Vec<&str> = match language {
        Language::Fr => FRENCH.split_whitespace().collect(),
        Language::En => ENGLISH.split_whitespace().collect(),
    };
    digest.iter().take(COUNT).filter_map(|byte| words.get(usize::from(*byte)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_byte_has_a_word_of_its_own_in_both_languages() {
        for list in [FRENCH, ENGLISH] {
            let words: Vec<&str> = list.split_whitespace().collect();
            assert_eq!(words.len(), 256);
            assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), 256);
        }
    }

    #[test]
    fn eight_words_stand_for_the_first_eight_bytes() {
        let digest: Vec<u8> = (0..32).collect();
        assert_eq!(
            of(&digest, Language::En),
            ["acorn", "actor", "agate", "alley", "almond", "amber", "anchor", "anvil"]
        );
        assert_eq!(of(&digest, Language::Fr).len(), COUNT);
        assert_ne!(of(&digest, Language::Fr), of(&[255; 32], Language::Fr));
    }
}
