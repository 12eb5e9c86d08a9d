//! Names by pattern: `groupe-{letter}`, `{group}-{n:02}`.

use crate::Error;

/// The widest number; names have 23 characters.
const WIDEST: usize = 6;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Group,
    Letter,
    Number(Count, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    Group,
    InGroup,
    All,
}

/// Where in the class a name is made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place<'a> {
    pub group: &'a str,
    /// From 1.
    pub group_number: u32,
    pub in_group: u32,
    pub all: u32,
}

impl Pattern {
    /// `field` is where the screen shows what is wrong.
    pub fn parse(field: &'static str, text: &str) -> Result<Pattern, Error> {
        let wrong = || Error::PatternInvalid { field };
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while let Some((before, after)) = rest.split_once('{') {
            let (hole, tail) = after.split_once('}').ok_or_else(wrong)?;
            parts.extend((!before.is_empty()).then(|| Part::Text(before.to_owned())));
            parts.push(part(hole).ok_or_else(wrong)?);
            rest = tail;
        }
        parts.extend((!rest.is_empty()).then(|| Part::Text(rest.to_owned())));
        let braces = parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains(['{', '}'])));
        if parts.is_empty() || braces { Err(wrong()) } else { Ok(Pattern(parts)) }
    }

    pub fn name(&self, place: Place<'_>) -> String {
        self.0.iter().map(|part| part.text(place)).collect()
    }
}

fn part(hole: &str) -> Option<Part> {
    // As people draw it: {00} is a number of two digits.
    if (1..=WIDEST).contains(&hole.len()) && hole.bytes().all(|b| b == b'0') {
        return Some(Part::Number(Count::All, hole.len()));
    }
    let (what, width) = match hole.split_once(':') {
        None => (hole, 1),
        Some((what, width)) => {
            (what, width.strip_prefix('0')?.parse().ok().filter(|width| (1..=WIDEST).contains(width))?)
        }
    };
    match what {
        "group" | "groupe" if what == hole => Some(Part::Group),
        "letter" | "lettre" if what == hole => Some(Part::Letter),
        "g" => Some(Part::Number(Count::Group, width)),
        "n" => Some(Part::Number(Count::InGroup, width)),
        "all" | "tous" => Some(Part::Number(Count::All, width)),
        _ => None,
    }
}

impl Part {
    fn text(&self, place: Place<'_>) -> String {
        match self {
            Part::Text(text) => text.clone(),
            Part::Group => place.group.to_owned(),
            Part::Letter => letters(place.group_number),
            Part::Number(count, width) => {
                let number = match count {
                    Count::Group => place.group_number,
                    Count::InGroup => place.in_group,
                    Count::All => place.all,
                };
                format!("{number:0width$}")
            }
        }
    }
}

/// 1 is `a`, 26 is `z`, 27 is `aa`.
pub(super) fn letters(mut number: u32) -> String {
    let mut letters = String::new();
    while number > 0 {
        number -= 1;
        // Invariant: a remainder of 26 is a letter.
        #[allow(clippy::expect_used)]
        letters.insert(0, char::from(b'a' + u8::try_from(number % 26).expect("below 26")));
        number /= 26;
    }
    letters
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const PLACE: Place<'_> = Place { group: "groupe-b", group_number: 2, in_group: 3, all: 6 };

    #[test]
    fn a_pattern_counts_groups_and_devices() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Pattern::parse("source.device_pattern", text).unwrap().name(PLACE), expected, "{text}");
        };
        check("{group}-{n:02}", "groupe-b-03");
        check("serre-{00}", "serre-06");
        check("serre-{all:03}", "serre-006");
        check("groupe-{letter}", "groupe-b");
        check("{groupe}-{lettre}-{tous:02}", "groupe-b-b-06");
        check("g{g}n{n}", "g2n3");
        check(" plain ", "plain");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in
            ["", "  ", "{", "a{", "a}", "{}", "{x}", "{n:2}", "{n:0}", "{n:07}", "{group:02}", "{n:02", "{0000000}"]
        {
            let refused = Pattern::parse("source.device_pattern", text);
            assert!(matches!(refused, Err(Error::PatternInvalid { field: "source.device_pattern" })), "{text:?}");
        }
    }

    #[test]
    fn letters_go_on_after_z() {
        let written: Vec<String> = [1, 2, 26, 27, 52, 53].into_iter().map(letters).collect();
        assert_eq!(written, ["a", "b", "z", "aa", "az", "ba"]);
    }
}
