//! The grid of groups and topics that the sentences make.

use std::collections::BTreeSet;

use broker::Rule;
use mqtt::Filter;
use wire::{
    RightsAction as Action, RightsCell, RightsColumn, RightsObject as Object, RightsReach as Reach, RightsRow,
    RightsSubject as Subject,
};

use super::compare::{overlap, reach};
use super::flatten::{Member, filter, rules};
use crate::limits::RIGHTS_COLUMNS;
use crate::settings::{GUESTS, Settings};

/// Nobody's name: what a group may do, whoever of it asks.
const ANYONE: &str = "anyone-of-this-group-there-may-be";

/// Groups of devices, and those that only a sentence names.
pub(crate) fn groups(settings: &Settings) -> Vec<String> {
    let of_devices = settings.devices.iter().filter(|device| !device.guest()).map(|device| device.group.clone());
    let named = settings.rights.iter().flat_map(|sentence| {
        let subject = match &sentence.subject {
            Subject::Group(name) => Some(name.clone()),
            _ => None,
        };
        let object = match &sentence.object {
            Object::Group(name) => Some(name.clone()),
            _ => None,
        };
        subject.into_iter().chain(object)
    });
    of_devices.chain(named).collect::<BTreeSet<_>>().into_iter().collect()
}

pub(crate) fn columns(settings: &Settings) -> Vec<RightsColumn> {
    let nobody = Member { id: ANYONE.to_owned(), group: String::new() };
    let column = |object: Object| {
        let filter = match &object {
            Object::Filter(filter) => filter.replace("%u", "+"),
            _ => filter(&object, &nobody, &settings.slug),
        };
        RightsColumn { object, filter }
    };
    let groups = groups(settings).into_iter().map(|name| column(Object::Group(name)));
    let mut named = BTreeSet::new();
    let filters = settings.rights.iter().filter_map(|sentence| match &sentence.object {
        Object::Filter(filter) if named.insert(filter.clone()) => Some(column(Object::Filter(filter.clone()))),
        _ => None,
    });
    groups.chain(filters).chain([column(Object::GuestZone)]).take(RIGHTS_COLUMNS).collect()
}

pub(crate) fn rows(settings: &Settings, columns: &[RightsColumn], now_ms: i64) -> Vec<RightsRow> {
    let members: Vec<Member> = settings.devices.iter().map(Member::of).collect();
    let row = |subject: Subject, member: Member, like: Vec<&Member>| RightsRow {
        cells: cells(settings, columns, &member, &like, now_ms),
        devices: u32::try_from(like.len()).unwrap_or(u32::MAX),
        subject,
    };
    let anyone = |group: &str| Member { id: ANYONE.to_owned(), group: group.to_owned() };
    let of_group = |group: &str| members.iter().filter(|member| member.group == group).collect::<Vec<_>>();
    let mut shown: Vec<RightsRow> = groups(settings)
        .iter()
        .map(|group| row(Subject::Group(group.clone()), anyone(group), of_group(group)))
        .collect();
    shown.push(row(Subject::Guests, anyone(GUESTS), of_group(GUESTS)));
    // Devices that a sentence names, each in a row of its own.
    let named = members.iter().filter(|member| {
        settings.rights.iter().any(|sentence| matches!(&sentence.subject, Subject::Device(name) if *name == member.id))
    });
    shown.extend(named.map(|member| row(Subject::Device(member.id.clone()), member.clone(), vec![member])));
    shown
}

fn cells(
    settings: &Settings,
    columns: &[RightsColumn],
    member: &Member,
    like: &[&Member],
    now_ms: i64,
) -> Vec<RightsCell> {
    let of = |member: &Member| rules(&settings.rights, member, &settings.slug, now_ms);
    let general = of(member);
    // Most devices of a group have no sentence of their own: they cannot differ.
    let special: Vec<(&Member, Vec<Rule>)> =
        like.iter().map(|other| (*other, of(other))).filter(|(_, rules)| rules.len() != general.len()).collect();
    columns
        .iter()
        .filter_map(|column| {
            let asked = Filter::parse(column.filter.as_str()).ok()?;
            let (writes, reads) = pair(&general, member, &asked, settings);
            let differs =
                |(other, rules): &&(&Member, Vec<Rule>)| pair(rules, other, &asked, settings) != (writes, reads);
            let sentences = general
                .iter()
                .filter(|rule| Filter::parse(rule.filter.as_str()).is_ok_and(|filter| overlap(&filter, &asked)));
            Some(RightsCell {
                writes,
                reads,
                sentences: sentences.filter_map(|rule| rule.id.parse().ok()).collect(),
                exceptions: u32::try_from(special.iter().filter(differs).count()).unwrap_or(u32::MAX),
            })
        })
        .collect()
}

fn pair(rules: &[Rule], member: &Member, column: &Filter, settings: &Settings) -> (Reach, Reach) {
    let Ok(own) = Filter::parse(filter(&Object::OwnBranch, member, &settings.slug)) else {
        return (Reach::Nothing, Reach::Nothing);
    };
    (reach(rules, Action::Publish, column, &own), reach(rules, Action::Subscribe, column, &own))
}
