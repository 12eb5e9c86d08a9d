//! The sentences read once more, level by level and without the broker's matcher: what the proof
//! expects of it.

use wire::{RightsAction as Action, RightsSentence as Sentence, RightsVerb as Verb};

use super::flatten::{Member, applies, filter};

/// What the sentences say to a publication or subscription of a member.
pub(crate) fn allowed(
    sentences: &[Sentence],
    member: &Member,
    slug: &str,
    now_ms: i64,
    action: Action,
    asked: &str,
) -> bool {
    let asked = unshared(asked);
    let covering = |sentence: &&Sentence| {
        let speaks = match sentence.verb {
            Verb::Writes => action == Action::Publish,
            Verb::Reads => action == Action::Subscribe,
            Verb::WritesAndReads | Verb::MustNot => true,
        };
        speaks && applies(sentence, member, now_ms) && covers(&filter(&sentence.object, member, slug), asked)
    };
    let mut granted = false;
    for sentence in sentences.iter().filter(covering) {
        if sentence.verb == Verb::MustNot {
            return false;
        }
        granted = true;
    }
    granted
}

/// What a shared subscription asks for, without its group.
pub(crate) fn unshared(filter: &str) -> &str {
    match filter.strip_prefix("$share/") {
        Some(rest) => rest.split_once('/').map_or(filter, |(_, asked)| asked),
        None => filter,
    }
}

/// Whether all that `asked` (a topic or a filter) names lies within `pattern`.
pub(crate) fn covers(pattern: &str, asked: &str) -> bool {
    if asked.starts_with('$') && pattern.starts_with(['+', '#']) {
        return false;
    }
    // No topic is empty: these two always have one level more.
    let asked = match asked {
        "#" => "+/#",
        "/#" => "/+/#",
        _ => asked,
    };
    let (pattern, asked): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), asked.split('/').collect());
    let open = pattern.last() == Some(&"#");
    let fixed = if open { pattern.get(..pattern.len() - 1).unwrap_or_default() } else { &pattern };
    let endless = asked.last() == Some(&"#");
    let named = if endless { asked.get(..asked.len() - 1).unwrap_or_default() } else { &asked };
    let long_enough = if open { named.len() >= fixed.len() } else { !endless && named.len() == fixed.len() };
    long_enough && fixed.iter().zip(named).all(|(ours, theirs)| *ours == "+" || ours == theirs)
}
