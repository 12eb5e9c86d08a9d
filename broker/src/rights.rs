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
/// A rule with `%c` counts only while the client id is one that is bound to the identity: an id that
/// anybody may choose must give nobody a right.
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
    /// The client ids that are an identity's own, beside the one that is its name.
    bound: HashMap<Identity, Vec<String>>,
    /// Where an identity may have answers sent to (5.0 §3.2.2.3.15).
    responses: HashMap<Identity, String>,
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
        Rights { rules: rules.into_iter().map(ready).collect(), ..Rights::default() }
    }

    /// The same from groups: a member has the rules of each of its groups, then its own. A group
    /// that does not exist gives nothing.
    pub fn grouped(
        groups: impl IntoIterator<Item = (String, Vec<Rule>)>,
        members: impl IntoIterator<Item = (Identity, Vec<String>, Vec<Rule>)>,
    ) -> Rights {
        let groups: HashMap<String, Vec<Rule>> = groups.into_iter().collect();
        Rights::new(members.into_iter().map(|(who, of, own)| {
            let shared = of.iter().filter_map(|group| groups.get(group)).flatten().cloned();
            (who, shared.chain(own).collect())
        }))
    }

    /// Binds a client id to an identity: `%c` then stands for it.
    #[must_use]
    pub fn bind(mut self, who: &Identity, client_id: impl Into<String>) -> Rights {
        self.bound.entry(who.clone()).or_default().push(client_id.into());
        self
    }

    /// The topic under which an identity may have answers sent to it; clients of 5.0 are told when
    /// they ask.
    #[must_use]
    pub fn answer_at(mut self, who: &Identity, topic: impl Into<String>) -> Rights {
        self.responses.insert(who.clone(), topic.into());
        self
    }

    pub(crate) fn response_information(&self, who: &Identity) -> Option<&str> {
        self.responses.get(who).map(String::as_str)
    }

    fn is_bound(&self, who: &Identity, client_id: &str) -> bool {
        who.as_str() == client_id || self.bound.get(who).is_some_and(|bound| bound.iter().any(|each| each == client_id))
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
                // Only a rule that lets nobody in may stand for an id that is not bound.
                Pattern::Open if rule.filter.contains("%c") && !self.is_bound(who, client_id) => continue,
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
        for id in ["#", "a/b", "+"] {
            let who = Identity::new("serre-04");
            let rights = Rights::new([(who.clone(), vec![rule(Effect::Allow, "in/%c/#")])]).bind(&who, id);
            for topic in ["in/x", "in/a/b/x", "in/other/x"] {
                let topic = Topic::parse(topic).ok();
                assert!(topic.is_some_and(|topic| !rights.decide(&who, id, Action::Publish, &topic).allowed));
            }
        }
    }

    #[test]
    fn a_client_id_gives_rights_only_where_it_is_bound() {
        let in_c = || vec![rule(Effect::Allow, "in/%c/#")];
        assert!(check(in_c(), "serre-04", "in/serre-04/x"), "its name is its own");
        assert!(!check(in_c(), "serre-05", "in/serre-05/x"), "anybody may call itself serre-05");
        let who = Identity::new("serre-04");
        let rights = Rights::new([(who.clone(), in_c())]).bind(&who, "tablet");
        let may = |id: &str, topic: &str| {
            Topic::parse(topic).is_ok_and(|topic| rights.decide(&who, id, Action::Publish, &topic).allowed)
        };
        assert!(may("tablet", "in/tablet/x") && !may("phone", "in/phone/x") && !may("tablet", "in/phone/x"));
    }

    #[test]
    fn a_member_has_the_rules_of_its_groups_and_its_own() {
        let who = Identity::new("serre-04");
        let groups = [
            ("serre".to_owned(), vec![rule(Effect::Allow, "serre/%u/#"), rule(Effect::Deny, "serre/+/secret")]),
            ("other".to_owned(), vec![rule(Effect::Allow, "other/#")]),
        ];
        let member = (who.clone(), vec!["serre".to_owned(), "gone".to_owned()], vec![rule(Effect::Allow, "own/#")]);
        let rights = Rights::grouped(groups, [member]);
        let may = |topic: &str| {
            Topic::parse(topic).is_ok_and(|topic| rights.decide(&who, "c", Action::Publish, &topic).allowed)
        };
        assert!(may("serre/serre-04/x") && may("own/x"));
        assert!(!may("serre/serre-05/x") && !may("serre/serre-04/secret") && !may("other/x"));
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
