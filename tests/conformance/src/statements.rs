//! The list of normative statements, and which of them are covered.

use std::collections::BTreeSet;

use crate::cases;

const LIST: &str = include_str!("statements.txt");

pub struct Statement {
    pub id: &'static str,
    /// Empty: by named tests; `@…`: by raw sequences; else why not.
    pub how: &'static str,
}

pub fn all() -> impl Iterator<Item = Statement> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut parts = line.splitn(3, '|').map(str::trim);
        Some(Statement { id: parts.next().filter(|id| !id.is_empty())?, how: parts.nth(1).unwrap_or_default() })
    })
}

/// How many are covered, and the others with their reason.
pub fn coverage() -> (usize, Vec<(String, &'static str)>) {
    let named: BTreeSet<&str> = cases::all().into_iter().flat_map(|test| test.covers).copied().collect();
    let mut covered = 0;
    let mut uncovered = Vec::new();
    for Statement { id, how } in all() {
        if named.contains(id) || how.contains('@') {
            covered += 1;
        } else {
            let (version, number) = id.split_once(':').unwrap_or(("", id));
            let standard = if version == "5" { "5.0" } else { "3.1.1" };
            uncovered.push((format!("{standard} MQTT-{number}"), how));
        }
    }
    (covered, uncovered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw;

    #[test]
    fn every_statement_is_covered_or_says_why_not() {
        let named: BTreeSet<&str> = cases::all().into_iter().flat_map(|test| test.covers).copied().collect();
        for Statement { id, how } in all() {
            assert!(
                named.contains(id) == how.is_empty() || how.contains('@'),
                "{id}: covered by a test, or a reason, not both: {how:?}"
            );
        }
        let known: BTreeSet<&str> = all().map(|statement| statement.id).collect();
        for id in named {
            assert!(known.contains(id), "{id} is no statement");
        }
    }

    #[test]
    fn no_statement_is_listed_twice() {
        let mut seen = BTreeSet::new();
        for Statement { id, .. } in all() {
            assert!(seen.insert(id), "{id} is listed twice");
        }
        assert!(seen.len() > 300, "{} statements", seen.len());
    }

    #[test]
    fn there_are_more_than_two_thousand_sequences_each_with_a_name() {
        let cases = raw::cases();
        assert!(cases.len() > 2000, "{} sequences", cases.len());
        let names: BTreeSet<_> = cases.iter().map(|case| (case.version, &case.name)).collect();
        assert!(names.len() * 100 > cases.len() * 95, "{} names for {} sequences", names.len(), cases.len());
    }
}
