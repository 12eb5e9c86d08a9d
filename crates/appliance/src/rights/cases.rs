//! What the proof tries: for some of each kind of member, what it may and what it must not.

use std::collections::HashSet;

use mqtt::{Filter, Topic};
use wire::{RightsAction as Action, RightsObject as Object, RightsSubject as Subject};

use super::flatten::{Member, applies, filter};
use super::judge;
use super::proof::{ELSEWHERE, STAND_IN, stand_ins};
use crate::limits::{PROVEN_OBJECTS, PROVERS};
use crate::settings::{GUESTS, Settings};

/// How something is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum How {
    /// A message, or where it would be heard and is allowed: a will that is taken back.
    Publish,
    /// The same with the retained flag, for what is forbidden.
    Retain,
    /// A will, checked at CONNECT.
    Will,
    Subscribe,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub how: How,
    /// A topic, or the filter of a subscription.
    pub asked: String,
    /// What the sentences say.
    pub allowed: bool,
}

impl Case {
    pub fn action(&self) -> Action {
        if self.how == How::Subscribe { Action::Subscribe } else { Action::Publish }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Prover {
    pub member: Member,
    pub cases: Vec<Case>,
}

/// One device of each group, each that a sentence names, one guest, and the stand-ins: as many as
/// fit, so that a change stays quick.
pub(crate) fn provers(settings: &Settings, now_ms: i64) -> Vec<Prover> {
    let admitted = || settings.devices.iter().filter(|device| settings.admitted(device));
    let named = |id: &str| {
        settings.rights.iter().any(|sentence| matches!(&sentence.subject, Subject::Device(name) if name == id))
    };
    let mut groups = HashSet::new();
    let (special, ordinary): (Vec<_>, Vec<_>) = admitted().partition(|device| named(&device.id));
    let one_a_group = ordinary.into_iter().filter(|device| groups.insert(&device.group));
    let members = stand_ins().chain(special.into_iter().chain(one_a_group).map(Member::of));
    members.take(PROVERS).map(|member| Prover { cases: cases(settings, &member, now_ms), member }).collect()
}

fn cases(settings: &Settings, member: &Member, now_ms: i64) -> Vec<Case> {
    let slug = &settings.slug;
    let branch = member.branch(slug);
    let other = neighbour(settings, member).branch(slug);
    let foreign = format!("{slug}/{ELSEWHERE}/{STAND_IN}-1/proof");
    let guests = format!("{slug}/{GUESTS}/{STAND_IN}-1/proof");
    let mut asked = vec![
        (How::Publish, format!("{branch}/proof")),
        (How::Publish, format!("{other}/proof")),
        (How::Publish, foreign.clone()),
        (How::Publish, guests),
        (How::Publish, format!("{slug}/proof")),
        (How::Publish, "$SYS/proof".to_owned()),
        (How::Retain, format!("{other}/proof")),
        (How::Will, format!("{other}/proof")),
        (How::Subscribe, format!("{branch}/commands/#")),
        (How::Subscribe, format!("{branch}/#")),
        (How::Subscribe, format!("{other}/#")),
        (How::Subscribe, "#".to_owned()),
        (How::Subscribe, "+/+/+/#".to_owned()),
        (How::Subscribe, format!("{slug}/#")),
        (How::Subscribe, format!("$share/{STAND_IN}/{slug}/#")),
        (How::Subscribe, "$SYS/#".to_owned()),
    ];
    // What the other sentences speak of, whether to this member or not.
    let objects: Vec<&Object> = settings.rights.iter().map(|sentence| &sentence.object).collect();
    for object in objects.iter().filter(|object| !own(object)).take(PROVEN_OBJECTS) {
        let meant = filter(object, member, slug);
        asked.push((How::Publish, example(&meant)));
        asked.push((How::Subscribe, meant));
    }
    let mut seen = HashSet::new();
    asked.retain(|case| seen.insert(case.clone()));
    let case = |(how, asked): (How, String)| {
        let action = if how == How::Subscribe { Action::Subscribe } else { Action::Publish };
        let possible =
            if how == How::Subscribe { Filter::parse(&*asked).is_ok() } else { Topic::parse(&*asked).is_ok() };
        let allowed = judge::allowed(&settings.rights, member, slug, now_ms, action, &asked);
        // A retained message where it is allowed would stay.
        (possible && !(allowed && how == How::Retain)).then_some(Case { how, asked, allowed })
    };
    let mut cases: Vec<Case> = asked.into_iter().filter_map(case).collect();
    // What is delivered after a subscription that is allowed comes when nothing else is awaited.
    cases.sort_by_key(|case| case.allowed && case.how == How::Subscribe);
    cases
}

fn own(object: &Object) -> bool {
    matches!(object, Object::OwnBranch | Object::OwnCommands)
}

/// Another of the same group.
fn neighbour(settings: &Settings, member: &Member) -> Member {
    let other = settings.devices.iter().map(Member::of).find(|other| other.group == member.group && other != member);
    let id = if member.id.ends_with('2') { format!("{STAND_IN}-1") } else { format!("{STAND_IN}-2") };
    other.unwrap_or(Member { id, group: member.group.clone() })
}

/// A topic that a filter matches.
fn example(filter: &str) -> String {
    let levels = filter.split('/').map(|level| if matches!(level, "+" | "#") { "proof" } else { level });
    levels.collect::<Vec<_>>().join("/")
}

/// The sentences that speak of a member, for the screens.
pub(crate) fn of_member(settings: &Settings, member: &Member, now_ms: i64) -> Vec<wire::RightsSentence> {
    settings.rights.iter().filter(|sentence| applies(sentence, member, now_ms)).cloned().collect()
}
