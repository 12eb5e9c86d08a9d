//! Names that say nothing, and the words that must not be said.

use std::collections::HashMap;
use std::sync::Arc;

/// Gives each name a number of its own, in the order in which they come: the caller shuffles.
#[derive(Default)]
pub(crate) struct Pseudonyms {
    given: HashMap<Arc<str>, String>,
}

impl Pseudonyms {
    pub fn of(&mut self, prefix: &str, name: &Arc<str>) -> String {
        let next = self.given.len() + 1;
        self.given.entry(name.clone()).or_insert_with(|| format!("{prefix}-{next:02}")).clone()
    }

    pub fn count(&self) -> usize {
        self.given.len()
    }
}

/// Words that name the site, a group or a device: they must not stand in the name of a quantity either.
pub(crate) struct Unsaid(Vec<String>);

impl Unsaid {
    /// A short word or a number is no name of anybody.
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Unsaid {
        let mut words: Vec<String> = names.flat_map(words).filter(|word| word.chars().count() >= 3).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        Unsaid(words)
    }

    pub fn masked(&self, text: &str) -> String {
        // A string that holds a name anywhere is masked by words: `lea-temp` says `x-temp`.
        let mut out = String::with_capacity(text.len());
        let mut word = String::new();
        for c in text.chars().chain(['\0']) {
            if c.is_alphabetic() {
                word.push(c);
                continue;
            }
            let lower = word.to_lowercase();
            let named = self.0.iter().any(|unsaid| lower == *unsaid || (unsaid.len() >= 5 && lower.contains(unsaid)));
            out.push_str(if named { "x" } else { &word });
            word.clear();
            if c != '\0' {
                out.push(c);
            }
        }
        out
    }
}

fn words(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split(|c: char| !c.is_alphabetic()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_masked_wherever_they_stand() {
        let unsaid = Unsaid::new(["lea-portable", "Salle 114", "groupe-b", "d1"].into_iter());
        assert_eq!(unsaid.masked("temperature.lea_2"), "temperature.x_2");
        assert_eq!(unsaid.masked("Salle/lumiere"), "x/lumiere");
        assert_eq!(unsaid.masked("monportable"), "x");
        assert_eq!(unsaid.masked("pressure"), "pressure");
    }

    #[test]
    fn a_pseudonym_stays_the_same_within_one_set() {
        let mut names = Pseudonyms::default();
        let (lea, tom) = (Arc::from("lea"), Arc::from("tom"));
        assert_eq!([names.of("d", &lea), names.of("d", &tom), names.of("d", &lea)], ["d-01", "d-02", "d-01"]);
        assert_eq!(names.count(), 2);
    }
}
