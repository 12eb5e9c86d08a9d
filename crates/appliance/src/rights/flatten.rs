//! The rules of each identity, made of the sentences that speak of it.

use broker::{Effect, Identity, Rule};
use wire::{RightsObject as Object, RightsSentence as Sentence, RightsSubject as Subject, RightsVerb as Verb};

use super::proof::stand_ins;
use crate::selftest;
use crate::settings::{DeviceRecord, GUESTS, Settings};

/// One of those that rights are given to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub id: String,
    pub group: String,
}

impl Member {
    pub fn of(device: &DeviceRecord) -> Member {
        Member { id: device.id.clone(), group: device.group.clone() }
    }

    pub fn guest(&self) -> bool {
        self.group == GUESTS
    }

    pub fn branch(&self, slug: &str) -> String {
        format!("{slug}/{}/{}", self.group, self.id)
    }
}

/// Whether a sentence speaks of this one now.
pub(crate) fn applies(sentence: &Sentence, member: &Member, now_ms: i64) -> bool {
    let meant = match &sentence.subject {
        Subject::Everybody => !member.guest(),
        Subject::Guests => member.guest(),
        Subject::Group(name) => !member.guest() && *name == member.group,
        Subject::Device(name) => *name == member.id,
    };
    // Whatever a sentence says: a guest writes below its own name at most.
    let widens = member.guest()
        && sentence.verb != Verb::MustNot
        && !(sentence.verb == Verb::Writes && sentence.object == Object::OwnBranch);
    meant && !widens && sentence.until_ms.is_none_or(|until_ms| now_ms < until_ms)
}

/// The filter that a sentence means for one member.
pub(crate) fn filter(object: &Object, member: &Member, slug: &str) -> String {
    match object {
        Object::OwnBranch => format!("{}/#", member.branch(slug)),
        Object::OwnCommands => format!("{}/commands/#", member.branch(slug)),
        Object::OwnGroup => format!("{slug}/{}/#", member.group),
        Object::Group(name) => format!("{slug}/{name}/#"),
        Object::GuestZone => format!("{slug}/{GUESTS}/#"),
        Object::Filter(filter) => filter.replace("%u", &member.id),
    }
}

/// The rules of one member, in the order of the sentences.
pub(crate) fn rules(sentences: &[Sentence], member: &Member, slug: &str, now_ms: i64) -> Vec<Rule> {
    let spoken = sentences.iter().filter(|sentence| applies(sentence, member, now_ms));
    spoken
        .map(|sentence| Rule {
            id: sentence.number.to_string(),
            effect: if sentence.verb == Verb::MustNot { Effect::Deny } else { Effect::Allow },
            publish: sentence.verb != Verb::Reads,
            read: sentence.verb != Verb::Writes,
            filter: filter(&sentence.object, member, slug),
        })
        .collect()
}

/// Everybody's rules. Who is revoked, and a guest of a closed zone, is not in it: that ends what it
/// has open. The stand-ins of the proof are, and the walker of
/// the self-test.
pub(crate) fn table(settings: &Settings, now_ms: i64) -> Vec<(Identity, Vec<Rule>)> {
    let devices = settings.devices.iter().filter(|device| settings.admitted(device)).map(Member::of);
    devices
        .chain(stand_ins())
        .map(|member| (Identity::new(&member.id), rules(&settings.rights, &member, &settings.slug, now_ms)))
        .chain([selftest::rights(settings)])
        .collect()
}
