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
    Publish,
    /// Asked when a client connects and again when its will is due.
    Will,
    Subscribe,
    /// Retained messages included.
    Deliver,
}

/// The actions that a rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionSet {
    /// Publications and wills.
    pub publish: bool,
    /// Subscriptions and deliveries.
    pub read: bool,
}

impl ActionSet {
    pub const PUBLISH: ActionSet = ActionSet { publish: true, read: false };
    pub const READ: ActionSet = ActionSet { publish: false, read: true };
    pub const ALL: ActionSet = ActionSet { publish: true, read: true };

    fn holds(self, action: Action) -> bool {
        match action {
            Action::Publish | Action::Will => self.publish,
            Action::Subscribe | Action::Deliver => self.read,
        }
    }
}

/// `effect` for what matches `filter`, where `%u` stands for the identity and `%c` for the client id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Named in refusals: "branch", "commands".
    pub id: String,
    pub effect: Effect,
    pub actions: ActionSet,
    pub filter: Filter,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    /// The rule that decided; none when no rule matched, which denies.
    pub rule: Option<String>,
}

/// What an action is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    Topic(&'a Topic),
    Filter(&'a Filter),
}

impl<'a> From<&'a Topic> for Subject<'a> {
    fn from(topic: &'a Topic) -> Subject<'a> {
        Subject::Topic(topic)
    }
}

impl<'a> From<&'a Filter> for Subject<'a> {
    fn from(filter: &'a Filter) -> Subject<'a> {
        Subject::Filter(filter)
    }
}

/// The rules of every identity. Empty denies everything.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    rules: HashMap<Identity, Vec<Rule>>,
    /// For identities without rules of their own (a lab's strangers).
    fallback: Vec<Rule>,
}

impl Rights {
    pub fn new(rules: impl IntoIterator<Item = (Identity, Vec<Rule>)>) -> Rights {
        Rights { rules: rules.into_iter().collect(), fallback: Vec::new() }
    }

    #[must_use]
    pub fn with_fallback(mut self, rules: Vec<Rule>) -> Rights {
        self.fallback = rules;
        self
    }

    /// Whether the identity has any rule. One that has none loses its connection.
    pub fn knows(&self, who: &Identity) -> bool {
        !self.of(who).is_empty()
    }

    fn of(&self, who: &Identity) -> &[Rule] {
        self.rules.get(who).unwrap_or(&self.fallback)
    }

    /// The one answer to "may `who` do this?". A deny beats every allow. A filter is allowed only
    /// where one rule allows all that it could match; what is denied within it is held back at
    /// delivery.
    pub fn decide<'a>(
        &self,
        who: &Identity,
        client_id: &str,
        action: Action,
        subject: impl Into<Subject<'a>>,
    ) -> Decision {
        self.grants(who, client_id).decide(action, subject)
    }

    /// The rules of one client with its names put in: decided on for every message.
    pub(crate) fn grants(&self, who: &Identity, client_id: &str) -> Grants {
        let put_in = |rule: &Rule| {
            let filter = resolve(&rule.filter, who, client_id)?;
            Some(Rule { filter, ..rule.clone() })
        };
        Grants(self.of(who).iter().filter_map(put_in).collect())
    }
}

/// What one client may do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants(Vec<Rule>);

impl Grants {
    pub fn decide<'a>(&self, action: Action, subject: impl Into<Subject<'a>>) -> Decision {
        let (allowed, rule) = self.judge(action, subject.into());
        Decision { allowed, rule: rule.map(|rule| rule.id.clone()) }
    }

    pub fn allow<'a>(&self, action: Action, subject: impl Into<Subject<'a>>) -> bool {
        self.judge(action, subject.into()).0
    }

    fn judge(&self, action: Action, subject: Subject<'_>) -> (bool, Option<&Rule>) {
        let mut allowing = None;
        for rule in self.0.iter().filter(|rule| rule.actions.holds(action)) {
            let covers = match subject {
                Subject::Topic(topic) => rule.filter.matches(topic),
                Subject::Filter(filter) => rule.filter.includes(filter),
            };
            match rule.effect {
                Effect::Deny if covers => return (false, Some(rule)),
                Effect::Allow if covers && allowing.is_none() => allowing = Some(rule),
                _ => {}
            }
        }
        (allowing.is_some(), allowing)
    }
}

/// A pattern with names put in. A name that holds a wildcard or a level separator resolves to
/// nothing: it must not widen a rule.
fn resolve(pattern: &Filter, who: &Identity, client_id: &str) -> Option<Filter> {
    let text = pattern.as_str();
    let safe = |name: &str| !name.is_empty() && !name.contains(['+', '#', '/', '%']);
    if text.contains("%u") && !safe(who.as_str()) || text.contains("%c") && !safe(client_id) {
        return None;
    }
    Filter::parse(text.replace("%u", who.as_str()).replace("%c", client_id)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rule(effect: Effect, filter: &str) -> Rule {
        Rule { id: filter.into(), effect, actions: ActionSet::ALL, filter: Filter::parse(filter).unwrap() }
    }

    fn check(rules: Vec<Rule>, client_id: &str, topic: &str) -> bool {
        let who = Identity::new("serre-04");
        let rights = Rights::new([(who.clone(), rules)]);
        rights.decide(&who, client_id, Action::Publish, &Topic::parse(topic).unwrap()).allowed
    }

    #[test]
    fn empty_rights_deny() {
        assert!(!check(vec![], "c", "a"));
        let stranger = Identity::new("stranger");
        let rights = Rights::new([(Identity::new("other"), vec![rule(Effect::Allow, "#")])]);
        assert!(!rights.decide(&stranger, "c", Action::Deliver, &Topic::parse("a").unwrap()).allowed);
        assert!(!rights.knows(&stranger));
    }

    #[test]
    fn a_deny_beats_every_allow() {
        let rules = vec![rule(Effect::Allow, "#"), rule(Effect::Deny, "secret/#")];
        assert!(check(rules.clone(), "c", "open/x"));
        assert!(!check(rules, "c", "secret/x"));
    }

    #[test]
    fn a_rule_speaks_only_of_its_actions() {
        let who = Identity::new("serre-04");
        let rules = vec![Rule { actions: ActionSet::PUBLISH, ..rule(Effect::Allow, "a/#") }];
        let (rights, topic) = (Rights::new([(who.clone(), rules)]), Topic::parse("a/b").unwrap());
        let allowed = |action| rights.decide(&who, "c", action, &topic).allowed;
        assert!(allowed(Action::Publish) && allowed(Action::Will));
        assert!(!allowed(Action::Subscribe) && !allowed(Action::Deliver));
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
            |filter: &str| rights.decide(&who, "c", Action::Subscribe, &Filter::parse(filter).unwrap()).allowed;
        assert!(allowed("a/serre-04/commands/#") && allowed("a/serre-04/commands/+/x"));
        assert!(!allowed("#") && !allowed("a/#") && !allowed("a/+/commands/#"));
        assert!(allowed("$share/g/a/serre-04/commands/#") && !allowed("$share/g/#"));
    }
}
