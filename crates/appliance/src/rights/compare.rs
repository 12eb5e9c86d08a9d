//! How far rules reach, and what a change of them means to a device.

use std::collections::BTreeSet;

use broker::{Effect, Rule};
use mqtt::Filter;
use wire::{RightsAction as Action, RightsDifference, RightsGrant as Grant, RightsReach as Reach};

/// How much of what a filter matches is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Share {
    Nothing,
    Part,
    All,
}

fn concerns(rule: &Rule, action: Action) -> bool {
    match action {
        Action::Publish => rule.publish,
        Action::Subscribe => rule.read,
    }
}

/// The filters of the rules of one effect and action.
fn filters(rules: &[Rule], action: Action, effect: Effect) -> impl Iterator<Item = Filter> {
    let chosen = rules.iter().filter(move |rule| rule.effect == effect && concerns(rule, action));
    chosen.filter_map(|rule| Filter::parse(rule.filter.as_str()).ok())
}

/// How much of `asked` these rules allow.
pub(crate) fn share(rules: &[Rule], action: Action, asked: &Filter) -> Share {
    let denied = |covers: fn(&Filter, &Filter) -> bool| {
        filters(rules, action, Effect::Deny).any(|filter| covers(&filter, asked))
    };
    if denied(Filter::includes) || !filters(rules, action, Effect::Allow).any(|filter| overlap(&filter, asked)) {
        Share::Nothing
    } else if denied(overlap) || !filters(rules, action, Effect::Allow).any(|filter| filter.includes(asked)) {
        Share::Part
    } else {
        Share::All
    }
}

/// The same for a column of the grid, where a device's own branch is a part that has a name.
pub(crate) fn reach(rules: &[Rule], action: Action, column: &Filter, own: &Filter) -> Reach {
    match share(rules, action, column) {
        Share::All => Reach::All,
        Share::Nothing => Reach::Nothing,
        Share::Part => {
            let beyond =
                filters(rules, action, Effect::Allow).any(|filter| overlap(&filter, column) && !own.includes(&filter));
            if beyond { Reach::Part } else { Reach::Own }
        }
    }
}

/// Whether some topic matches both.
pub(crate) fn overlap(one: &Filter, other: &Filter) -> bool {
    let wild = |filter: &Filter| filter.matching().starts_with(['+', '#']);
    let hidden = |filter: &Filter| filter.matching().starts_with('$');
    if wild(one) && hidden(other) || hidden(one) && wild(other) {
        return false;
    }
    let (mut ours, mut theirs) = (one.levels(), other.levels());
    loop {
        match (ours.next(), theirs.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(a), Some(b)) if a == "+" || b == "+" || a == b => {}
            _ => return false,
        }
    }
}

/// What a device may do more, and what less, under other rules.
pub(crate) fn difference(device: &str, before: &[Rule], after: &[Rule]) -> Option<RightsDifference> {
    let (mut gains, mut losses) = (Vec::new(), Vec::new());
    for action in [Action::Publish, Action::Subscribe] {
        let named: BTreeSet<Filter> = [before, after]
            .iter()
            .flat_map(|rules| [Effect::Allow, Effect::Deny].map(|effect| filters(rules, action, effect)))
            .flatten()
            .collect();
        for filter in named {
            let (was, is) = (share(before, action, &filter), share(after, action, &filter));
            let grant = Grant { action, filter: filter.as_str().to_owned() };
            match is.cmp(&was) {
                std::cmp::Ordering::Greater => gains.push(grant),
                std::cmp::Ordering::Less => losses.push(grant),
                std::cmp::Ordering::Equal => {}
            }
        }
    }
    let changed = !gains.is_empty() || !losses.is_empty();
    changed.then(|| RightsDifference { device: device.to_owned(), gains, losses })
}

/// What rules of one effect say, action by action.
pub(crate) fn grants(rules: &[Rule], effect: Effect) -> Vec<Grant> {
    let of = |action| {
        let named: BTreeSet<Filter> = filters(rules, action, effect).collect();
        named.into_iter().map(move |filter| Grant { action, filter: filter.as_str().to_owned() })
    };
    of(Action::Publish).chain(of(Action::Subscribe)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rule(effect: Effect, filter: &str) -> Rule {
        Rule { id: "1".into(), effect, publish: true, read: false, filter: filter.into() }
    }

    fn check(rules: &[(Effect, &str)], asked: &str) -> Share {
        let rules: Vec<Rule> = rules.iter().map(|(effect, filter)| rule(*effect, filter)).collect();
        share(&rules, Action::Publish, &Filter::parse(asked).unwrap())
    }

    #[test]
    fn a_deny_within_leaves_a_part() {
        use Effect::{Allow, Deny};
        assert_eq!(check(&[], "a/#"), Share::Nothing);
        assert_eq!(check(&[(Allow, "a/b/#")], "a/#"), Share::Part);
        assert_eq!(check(&[(Allow, "a/#")], "a/b/#"), Share::All);
        assert_eq!(check(&[(Allow, "a/#"), (Deny, "a/secret/#")], "a/#"), Share::Part);
        assert_eq!(check(&[(Allow, "a/#"), (Deny, "a/secret/#")], "a/b/#"), Share::All);
        assert_eq!(check(&[(Allow, "a/#"), (Deny, "a/#")], "a/b/#"), Share::Nothing);
    }

    #[test]
    fn what_is_lost_and_won_is_named_once() {
        let before = [rule(Effect::Allow, "a/#"), rule(Effect::Allow, "c/#")];
        let after = [rule(Effect::Allow, "a/#"), rule(Effect::Deny, "a/x"), rule(Effect::Allow, "b/#")];
        let change = difference("d", &before, &after).unwrap();
        let named = |grants: &[Grant]| grants.iter().map(|grant| grant.filter.clone()).collect::<Vec<_>>();
        assert_eq!(named(&change.gains), ["b/#"]);
        assert_eq!(named(&change.losses), ["a/#", "a/x", "c/#"]);
        assert_eq!(difference("d", &before, &before), None);
    }
}
