//! Rights are data: an immutable snapshot and one function that decides.

use std::collections::HashMap;

use mqtt::{Filter, Topic};

use crate::Identity;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Publications and wills.
    Publish,
    /// Deliveries, retained ones included.
    Read,
}

/// `effect` for what matches `filter`, where `%u` stands for the identity and `%c` for the client id.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Named in refusals: "branch", "commands".
    pub id: String,
    pub effect: Effect,
    pub publish: bool,
    pub read: bool,
    pub filter: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    /// The rule that decided; none when no rule matched, which denies.
    pub rule: Option<String>,
}

/// The rules of every identity. Empty denies everything.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    rules: HashMap<Identity, Vec<Ready>>,
    /// For identities without rules of their own (a lab's strangers).
    fallback: Vec<Ready>,
}

/// A rule whose filter is parsed, as far as it can be before a client asks.
#[derive(Clone, Debug)]
struct Ready {
    rule: Rule,
    filter: Pattern,
}

#[derive(Clone, Debug)]
enum Pattern {
    Filter(Filter),
    /// It holds a name that is known only when a client asks.
    Open,
    /// It is no filter: the rule says nothing.
    Nothing,
}

impl Ready {
    fn of(rule: Rule, who: Option<&Identity>) -> Ready {
        let open = rule.filter.contains("%c") || who.is_none() && rule.filter.contains("%u");
        let filter = match who {
            _ if open => Pattern::Open,
            Some(who) => resolve(&rule.filter, who, "").map_or(Pattern::Nothing, Pattern::Filter),
            None => Filter::parse(rule.filter.as_str()).map_or(Pattern::Nothing, Pattern::Filter),
        };
        Ready { rule, filter }
    }
}

impl Rights {
    pub fn new(rules: impl IntoIterator<Item = (Identity, Vec<Rule>)>) -> Rights {
        let ready = |(who, rules): (Identity, Vec<Rule>)| {
            let ready = rules.into_iter().map(|rule| Ready::of(rule, Some(&who))).collect();
            (who, ready)
        };
        Rights { rules: rules.into_iter().map(ready).collect(), fallback: Vec::new() }
    }

    pub fn with_fallback(mut self, rules: Vec<Rule>) -> Rights {
        self.fallback = rules.into_iter().map(|rule| Ready::of(rule, None)).collect();
        self
    }

    fn of(&self, who: &Identity) -> &[Ready] {
        self.rules.get(who).unwrap_or(&self.fallback)
    }

    pub fn knows(&self, who: &Identity) -> bool {
        self.rules.contains_key(who) || !self.fallback.is_empty()
    }

    /// May `who` publish to, or be handed, this topic? A deny beats every allow.
    pub fn decide(&self, who: &Identity, client_id: &str, action: Action, topic: &Topic) -> Decision {
        self.judge(who, client_id, action, |filter| filter.matches(topic), |filter| filter.matches(topic))
    }

    /// May `who` subscribe? Only if one rule allows all that the filter could match, and no rule
    /// denies all of it: what is denied within is held back at delivery.
    pub fn decide_filter(&self, who: &Identity, client_id: &str, wanted: &Filter) -> Decision {
        self.judge(who, client_id, Action::Read, |rule| rule.includes(wanted), |rule| rule.includes(wanted))
    }

    fn judge(
        &self,
        who: &Identity,
        client_id: &str,
        action: Action,
        allows: impl Fn(&Filter) -> bool,
        denies: impl Fn(&Filter) -> bool,
    ) -> Decision {
        let mut allowed = None;
        for Ready { rule, filter } in self.of(who) {
            if !(if action == Action::Publish { rule.publish } else { rule.read }) {
                continue;
            }
            let resolved;
            let filter = match filter {
                Pattern::Filter(filter) => filter,
                Pattern::Nothing => continue,
                Pattern::Open => match resolve(&rule.filter, who, client_id) {
                    Some(filter) => {
                        resolved = filter;
                        &resolved
                    }
                    None => continue,
                },
            };
            match rule.effect {
                Effect::Deny if denies(filter) => {
                    return Decision { allowed: false, rule: Some(rule.id.clone()) };
                }
                Effect::Allow if allowed.is_none() && allows(filter) => allowed = Some(&rule.id),
                _ => {}
            }
        }
        Decision { allowed: allowed.is_some(), rule: allowed.cloned() }
    }
}

/// A pattern with names put in. A name that holds a wildcard or a level separator resolves to
/// nothing: it must not widen a rule.
fn resolve(pattern: &str, who: &Identity, client_id: &str) -> Option<Filter> {
    if !pattern.contains('%') {
        return Filter::parse(pattern).ok();
    }
    let safe = |name: &str| !name.is_empty() && !name.contains(['+', '#', '/', '%']);
    if pattern.contains("%u") && !safe(who.as_str()) || pattern.contains("%c") && !safe(client_id) {
        return None;
    }
    Filter::parse(pattern.replace("%u", who.as_str()).replace("%c", client_id)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(effect: Effect, filter: &str) -> Rule {
        Rule { id: filter.into(), effect, publish: true, read: true, filter: filter.into() }
    }

    fn check(rules: Vec<Rule>, client_id: &str, topic: &str) -> bool {
        let who = Identity::new("serre-04");
        let topic = Topic::parse(topic).ok();
        topic.is_some_and(|topic| {
            Rights::new([(who.clone(), rules)]).decide(&who, client_id, Action::Publish, &topic).allowed
        })
    }

    #[test]
    fn empty_rights_deny() {
        assert!(!check(vec![], "c", "a"));
        let stranger = Identity::new("stranger");
        let rights = Rights::new([(Identity::new("other"), vec![rule(Effect::Allow, "#")])]);
        let topic = Topic::parse("a").ok();
        assert!(topic.is_some_and(|topic| !rights.decide(&stranger, "c", Action::Read, &topic).allowed));
    }

    #[test]
    fn a_deny_beats_every_allow() {
        let rules = vec![rule(Effect::Allow, "#"), rule(Effect::Deny, "secret/#")];
        assert!(check(rules.clone(), "c", "open/x"));
        assert!(!check(rules, "c", "secret/x"));
    }

    #[test]
    fn a_name_cannot_widen_a_rule() {
        assert!(check(vec![rule(Effect::Allow, "in/%u/#")], "c", "in/serre-04/x"));
        assert!(!check(vec![rule(Effect::Allow, "in/%c/#")], "#", "in/x"));
        assert!(!check(vec![rule(Effect::Allow, "in/%c/x")], "a/b", "in/a/b/x"));
        assert!(!check(vec![rule(Effect::Allow, "in/%c/x")], "+", "in/other/x"));
    }

    #[test]
    fn a_wide_subscription_needs_a_wide_rule() {
        let who = Identity::new("serre-04");
        let rights = Rights::new([(who.clone(), vec![rule(Effect::Allow, "a/serre-04/commands/#")])]);
        let allowed =
            |filter: &str| Filter::parse(filter).is_ok_and(|filter| rights.decide_filter(&who, "c", &filter).allowed);
        assert!(allowed("a/serre-04/commands/#") && allowed("a/serre-04/commands/+/x"));
        assert!(!allowed("#") && !allowed("a/#") && !allowed("a/+/commands/#"));
        assert!(allowed("$share/g/a/serre-04/commands/#") && !allowed("$share/g/#"));
    }
}
