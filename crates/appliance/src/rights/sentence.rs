//! A right as one sentence: how it is written down, and what it can say.

use mqtt::Filter;
use wire::{RightsObject as Object, RightsSentence as Sentence, RightsSubject as Subject, RightsVerb as Verb};

use crate::names;
use crate::settings::GUESTS;

/// What a site starts with: a device writes below its own name and reads what it is told to do.
pub(crate) fn defaults() -> Vec<Sentence> {
    let sentence = |number, subject, verb, object| Sentence { number, subject, verb, object, until_ms: None };
    vec![
        sentence(1, Subject::Everybody, Verb::Writes, Object::OwnBranch),
        sentence(2, Subject::Everybody, Verb::Reads, Object::OwnCommands),
        sentence(3, Subject::Guests, Verb::Writes, Object::OwnBranch),
    ]
}

/// The word of a sentence that cannot be what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub part: &'static str,
    pub why: &'static str,
}

/// Whether a sentence can be meant.
pub(crate) fn check(sentence: &Sentence) -> Result<(), Fault> {
    let fault = |part, why| Err(Fault { part, why });
    match &sentence.subject {
        Subject::Everybody | Subject::Guests => {}
        Subject::Group(name) if name == GUESTS => return fault("subject", "guests are no group"),
        Subject::Group(name) | Subject::Device(name) if names::is_id(name) => {}
        Subject::Group(_) | Subject::Device(_) => return fault("subject", "no such name can be"),
    }
    match &sentence.object {
        Object::Group(name) if name == GUESTS => return fault("object", "guests are no group"),
        Object::Group(name) if !names::is_id(name) => return fault("object", "no such name can be"),
        Object::Filter(filter) => check_filter(filter, sentence.verb)?,
        _ => {}
    }
    if sentence.subject == Subject::Guests {
        if !matches!(sentence.verb, Verb::Writes | Verb::MustNot) {
            return fault("verb", "a guest reads nothing");
        }
        if sentence.object != Object::OwnBranch {
            return fault("object", "a guest writes below its own name only");
        }
    }
    Ok(())
}

fn check_filter(filter: &str, verb: Verb) -> Result<(), Fault> {
    let fault = |why| Err(Fault { part: "object", why });
    if filter.starts_with("$share") || Filter::parse(filter).is_err() {
        return fault("no topic filter");
    }
    if filter.replace("%u", "").contains('%') {
        return fault("the only name that can be put in is %u");
    }
    if filter.starts_with('$') && (!filter.starts_with("$SYS/") || !matches!(verb, Verb::Reads | Verb::MustNot)) {
        return fault("of the topics of the broker itself, $SYS/… can be read");
    }
    Ok(())
}

/// The form in the settings: `group serre reads filter meteo/#`.
fn written(sentence: &Sentence) -> String {
    let subject = match &sentence.subject {
        Subject::Everybody => "everybody".to_owned(),
        Subject::Guests => "guests".to_owned(),
        Subject::Group(name) => format!("group {name}"),
        Subject::Device(name) => format!("device {name}"),
    };
    let verb = match sentence.verb {
        Verb::Writes => "writes",
        Verb::Reads => "reads",
        Verb::WritesAndReads => "writes_and_reads",
        Verb::MustNot => "must_not",
    };
    let object = match &sentence.object {
        Object::OwnBranch => "own_branch".to_owned(),
        Object::OwnCommands => "own_commands".to_owned(),
        Object::OwnGroup => "own_group".to_owned(),
        Object::Group(name) => format!("group {name}"),
        Object::GuestZone => "guest_zone".to_owned(),
        Object::Filter(filter) => format!("filter {filter}"),
    };
    format!("{subject} {verb} {object}")
}

fn read(text: &str) -> Option<(Subject, Verb, Object)> {
    let (first, rest) = text.split_once(' ')?;
    let (subject, rest) = match first {
        "everybody" => (Subject::Everybody, rest),
        "guests" => (Subject::Guests, rest),
        "group" => rest.split_once(' ').map(|(name, rest)| (Subject::Group(name.to_owned()), rest))?,
        "device" => rest.split_once(' ').map(|(name, rest)| (Subject::Device(name.to_owned()), rest))?,
        _ => return None,
    };
    let (verb, rest) = rest.split_once(' ')?;
    let verb = match verb {
        "writes" => Verb::Writes,
        "reads" => Verb::Reads,
        "writes_and_reads" => Verb::WritesAndReads,
        "must_not" => Verb::MustNot,
        _ => return None,
    };
    let object = match rest.split_once(' ') {
        Some(("group", name)) => Object::Group(name.to_owned()),
        // The rest of the line: a level of a topic may hold spaces.
        Some(("filter", filter)) => Object::Filter(filter.to_owned()),
        Some(_) => return None,
        None => match rest {
            "own_branch" => Object::OwnBranch,
            "own_commands" => Object::OwnCommands,
            "own_group" => Object::OwnGroup,
            "guest_zone" => Object::GuestZone,
            _ => return None,
        },
    };
    Some((subject, verb, object))
}

/// Sentences in the settings file.
pub(crate) mod kept {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Sentence, read, written};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        number: u32,
        says: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    }

    pub fn serialize<S: Serializer>(sentences: &[Sentence], serializer: S) -> Result<S::Ok, S::Error> {
        let line = |each: &Sentence| Line { number: each.number, says: written(each), until_ms: each.until_ms };
        serializer.collect_seq(sentences.iter().map(line))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Sentence>, D::Error> {
        let lines = Vec::<Line>::deserialize(deserializer)?;
        let sentence = |line: Line| {
            let unread = || serde::de::Error::custom(format!("no sentence of rights: {:?}", line.says));
            let (subject, verb, object) = read(&line.says).ok_or_else(unread)?;
            Ok(Sentence { number: line.number, subject, verb, object, until_ms: line.until_ms })
        };
        lines.into_iter().map(sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sentence(text: &str) -> Sentence {
        let (subject, verb, object) = read(text).unwrap();
        Sentence { number: 1, subject, verb, object, until_ms: None }
    }

    #[test]
    fn a_sentence_comes_back_as_it_was_written() {
        for text in [
            "everybody writes own_branch",
            "guests writes own_branch",
            "group serre reads group meteo",
            "group serre writes_and_reads own_group",
            "device serre-04 must_not guest_zone",
            "device serre-04 reads filter a b/ c /#",
            "everybody reads own_commands",
        ] {
            assert_eq!(written(&sentence(text)), text);
            assert_eq!(check(&sentence(text)), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_no_sentence_is_not_read() {
        for text in [
            "",
            "everybody",
            "everybody writes",
            "all writes own_branch",
            "group writes own_branch",
            "everybody eats own_branch",
            "everybody writes everything",
            "everybody writes own_branch too",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_at_its_word() {
        let check = |text: &str, part: &str| {
            assert_eq!(check(&sentence(text)).map_err(|fault| fault.part), Err(part), "{text}");
        };
        check("group guests writes own_branch", "subject");
        check("group + writes own_branch", "subject");
        check("device # writes own_branch", "subject");
        check("everybody reads group guests", "object");
        check("everybody reads group a/b", "object");
        check("guests reads own_branch", "verb");
        check("guests writes_and_reads own_branch", "verb");
        check("guests writes own_group", "object");
        check("guests writes filter a/#", "object");
        for filter in ["a/#/b", "a+", "", "$share/g/a", "in/%c/#", "50%", "$other/x"] {
            check(&format!("everybody reads filter {filter}"), "object");
        }
        check("everybody writes filter $SYS/#", "object");
    }
}
