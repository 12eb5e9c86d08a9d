//! The broker's decisions against a model that counts topics one by one: for every generated set of
//! sentences and every generated filter, nothing is decided otherwise than the topics say.

// Built under `#[cfg(test)]` alone.
#![allow(clippy::unwrap_used)]

use broker::{Action as BrokerAction, Identity, Rights};
use mqtt::{Filter, Topic};
use proptest::prelude::*;
use wire::{
    RightsAction as Action, RightsObject as Object, RightsSentence as Sentence, RightsSubject as Subject,
    RightsVerb as Verb,
};

use super::{Member, judge, rules, sentence};

const SLUG: &str = "s";

/// Every topic that the small world has: up to three levels of these names, the branches of two
/// members of each group, and the broker's own.
fn world() -> Vec<String> {
    let names = ["s", "g", "h", "a", "guests"];
    let mut topics: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut last = topics.clone();
    for _ in 0..2 {
        last = last.iter().flat_map(|topic| names.map(|name| format!("{topic}/{name}"))).collect();
        topics.extend(last.iter().cloned());
    }
    for branch in ["s/g/a", "s/g/b", "s/h/a", "s/guests/a", "s/guests/b"] {
        topics.extend(["", "/a", "/commands", "/commands/a"].map(|rest| format!("{branch}{rest}")));
    }
    topics.extend(["$SYS/broker", "$SYS/a", "$SYS", "/a", "a/"].map(str::to_owned));
    topics
}

fn matches(filter: &str, topic: &str) -> bool {
    fn walk(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) => true,
            ([], []) => true,
            ([pattern, filter @ ..], [level, topic @ ..]) => {
                (*pattern == "+" || pattern == level) && walk(filter, topic)
            }
            _ => false,
        }
    }
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    walk(&filter.split('/').collect::<Vec<_>>(), &topic.split('/').collect::<Vec<_>>())
}

fn any_filter() -> impl Strategy<Value = String> {
    let level = prop_oneof![
        6 => prop::sample::select(vec!["s", "g", "h", "a", "b", "commands", "guests", ""]),
        3 => Just("+"),
    ];
    let first = prop_oneof![8 => Just(""), 1 => Just("$SYS/"), 2 => Just("$share/group/")];
    let made = (first, prop::collection::vec(level, 0..4), any::<bool>()).prop_map(|(first, mut levels, open)| {
        if open || levels.is_empty() {
            levels.push("#");
        }
        format!("{first}{}", levels.join("/"))
    });
    made.prop_filter("no filter is empty", |filter| Filter::parse(filter.as_str()).is_ok())
}

fn any_sentence() -> impl Strategy<Value = Sentence> {
    let subject = prop_oneof![
        Just(Subject::Everybody),
        Just(Subject::Guests),
        Just(Subject::Group("g".into())),
        Just(Subject::Group("h".into())),
        Just(Subject::Device("a".into())),
    ];
    let verb = prop::sample::select(vec![Verb::Writes, Verb::Reads, Verb::WritesAndReads, Verb::MustNot]);
    let object = prop_oneof![
        Just(Object::OwnBranch),
        Just(Object::OwnCommands),
        Just(Object::OwnGroup),
        Just(Object::Group("h".into())),
        Just(Object::GuestZone),
        any_filter().prop_map(Object::Filter),
    ];
    (subject, verb, object, prop::option::weighted(0.1, 1_i64..10))
        .prop_map(|(subject, verb, object, until_ms)| Sentence { number: 0, subject, verb, object, until_ms })
}

/// Sentences that can be meant, numbered.
fn any_sentences() -> impl Strategy<Value = Vec<Sentence>> {
    prop::collection::vec(any_sentence(), 0..5).prop_map(|sentences| {
        let meant = sentences.into_iter().filter(|sentence| sentence::check(sentence).is_ok());
        meant.zip(1..).map(|(sentence, number)| Sentence { number, ..sentence }).collect()
    })
}

fn member(group: &str) -> Member {
    Member { id: "a".into(), group: group.into() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_filter_gets_past_the_sentences(
        sentences in any_sentences(),
        asked in any_filter(),
        group in prop::sample::select(vec!["g", "h", "guests"]),
        now_ms in 0_i64..10,
    ) {
        let member = member(group);
        let who = Identity::new("a");
        let table = rules(&sentences, &member, SLUG, now_ms);
        let rights = Rights::new([(who.clone(), table.clone())]);
        let filter = Filter::parse(asked.as_str()).unwrap();
        let decided = rights.decide_filter(&who, "a", &filter);
        // The proof reads the sentences in its own way, and comes to the same.
        let judged = judge::allowed(&sentences, &member, SLUG, now_ms, Action::Subscribe, &asked);
        prop_assert_eq!(decided.allowed, judged, "{:?} asks {}", sentences, asked);

        let bare = judge::unshared(&asked);
        for topic in world() {
            let named = Topic::parse(topic.as_str()).unwrap();
            let granted = |write: bool, effect| table.iter().any(|rule| {
                rule.effect == effect && (if write { rule.publish } else { rule.read }) && matches(&rule.filter, &topic)
            });
            use broker::Effect::{Allow, Deny};
            // Publications, retained ones and wills ask this; so does every delivery.
            let may = |write: bool| granted(write, Allow) && !granted(write, Deny);
            for (write, action) in [(true, BrokerAction::Publish), (false, BrokerAction::Read)] {
                prop_assert_eq!(rights.decide(&who, "a", action, &named).allowed, may(write), "{} {:?}", topic, table);
            }
            let within = matches(bare, &topic);
            if decided.allowed && within {
                prop_assert!(granted(false, Allow), "{} reaches {} of {:?}", asked, topic, table);
            }
            if member.guest() {
                let own = topic.starts_with("s/guests/a/") || topic == "s/guests/a";
                prop_assert!(!may(false) && (own || !may(true)), "a guest reaches {}", topic);
            }
        }
        // Whoever is not named has nothing.
        let stranger = Identity::new("b");
        prop_assert!(!rights.decide_filter(&stranger, "b", &filter).allowed);
    }

    #[test]
    fn covering_is_what_the_topics_say(pattern in any_filter(), asked in any_filter()) {
        let (pattern, asked) = (judge::unshared(&pattern), judge::unshared(&asked));
        let every = world().iter().filter(|topic| matches(asked, topic)).all(|topic| matches(pattern, topic));
        // A world with five levels more would tell filters apart that this one cannot: never too strict here.
        if judge::covers(pattern, asked) {
            prop_assert!(every, "{} is said to cover {}", pattern, asked);
        }
        let named = Filter::parse(pattern).unwrap().includes(&Filter::parse(asked).unwrap());
        prop_assert_eq!(judge::covers(pattern, asked), named, "{} and {}", pattern, asked);
    }
}
