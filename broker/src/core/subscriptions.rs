//! Who subscribed to what: a tree by level, and the merged list of targets of a topic.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use mqtt::{Filter, QoS, SubscribeOptions, Topic};

pub(crate) use crate::store::SessionId;

#[derive(Clone, Debug)]
struct Subscriber {
    session: SessionId,
    options: SubscribeOptions,
    subscription_id: Option<u32>,
}

/// A shared subscription hands each message to one member, in turn (5.0 §4.8.2).
#[derive(Debug, Default)]
struct Share {
    group: String,
    /// Whose turn it is: of the group alone, or two groups of two would starve a member each.
    turn: Rc<Cell<usize>>,
    members: Vec<Subscriber>,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<String, Node>,
    subscribers: Vec<Subscriber>,
    shares: Vec<Share>,
}

impl Node {
    fn is_empty(&self) -> bool {
        self.children.is_empty() && self.subscribers.is_empty() && self.shares.is_empty()
    }
}

/// One session that a publication goes to: overlapping subscriptions merged, the highest QoS wins.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub session: SessionId,
    pub qos: QoS,
    pub no_local: bool,
    pub retain_as_published: bool,
    pub subscription_ids: Vec<u32>,
}

/// The targets of one topic: each of `all`, and one of each of `shared`.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    pub all: Vec<Target>,
    pub shared: Vec<Group>,
}

#[derive(Debug)]
pub(crate) struct Group {
    pub turn: Rc<Cell<usize>>,
    pub members: Vec<Target>,
}

#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    root: Node,
    /// Grows at every change: cached matches of an older epoch are stale.
    pub epoch: u64,
}

impl Subscriptions {
    /// Adds or replaces; answers whether it is new.
    pub fn add(
        &mut self,
        session: SessionId,
        filter: &Filter,
        options: SubscribeOptions,
        subscription_id: Option<u32>,
    ) -> bool {
        self.epoch += 1;
        let mut node = &mut self.root;
        for level in filter.levels() {
            node = node.children.entry(level.to_owned()).or_default();
        }
        let list = match filter.share_group() {
            None => &mut node.subscribers,
            Some(group) => {
                let at = node.shares.iter().position(|share| share.group == group).unwrap_or_else(|| {
                    node.shares.push(Share { group: group.to_owned(), turn: Rc::default(), members: Vec::new() });
                    node.shares.len() - 1
                });
                match node.shares.get_mut(at) {
                    Some(share) => &mut share.members,
                    None => return false,
                }
            }
        };
        let subscriber = Subscriber { session, options, subscription_id };
        match list.iter_mut().find(|each| each.session == session) {
            Some(old) => {
                *old = subscriber;
                false
            }
            None => {
                list.push(subscriber);
                true
            }
        }
    }

    /// Removes; answers whether it was there.
    pub fn remove(&mut self, session: SessionId, filter: &Filter) -> bool {
        self.epoch += 1;
        let levels: Vec<&str> = filter.levels().collect();
        remove_below(&mut self.root, &levels, session, filter.share_group())
    }

    pub fn matches(&self, topic: &Topic) -> Matches {
        let mut found = Matches::default();
        let levels: Vec<&str> = topic.levels().collect();
        collect(&self.root, &levels, topic.as_str().starts_with('$'), &mut found);
        found.all.sort_by_key(|target| target.session);
        found.all.dedup_by(|later, kept| later.session == kept.session && merge(kept, later));
        found
    }
}

fn merge(kept: &mut Target, later: &Target) -> bool {
    kept.qos = kept.qos.max(later.qos);
    kept.no_local &= later.no_local;
    kept.retain_as_published |= later.retain_as_published;
    kept.subscription_ids.extend(&later.subscription_ids);
    true
}

fn remove_below(node: &mut Node, levels: &[&str], session: SessionId, group: Option<&str>) -> bool {
    let Some((level, rest)) = levels.split_first() else {
        let leave = |list: &mut Vec<Subscriber>| {
            let before = list.len();
            list.retain(|each| each.session != session);
            list.len() < before
        };
        let Some(group) = group else { return leave(&mut node.subscribers) };
        let left = node.shares.iter_mut().any(|share| share.group == group && leave(&mut share.members));
        node.shares.retain(|share| !share.members.is_empty());
        return left;
    };
    let Some(child) = node.children.get_mut(*level) else { return false };
    let removed = remove_below(child, rest, session, group);
    if child.is_empty() {
        node.children.remove(*level);
    }
    removed
}

/// `guarded`: a topic that starts with `$` is not matched by a wildcard at the first level.
fn collect(node: &Node, levels: &[&str], guarded: bool, found: &mut Matches) {
    if !guarded && let Some(all) = node.children.get("#") {
        take(all, found);
    }
    let Some((level, rest)) = levels.split_first() else {
        take(node, found);
        return;
    };
    if let Some(child) = node.children.get(*level) {
        collect(child, rest, false, found);
    }
    if !guarded && let Some(child) = node.children.get("+") {
        collect(child, rest, false, found);
    }
}

fn take(node: &Node, found: &mut Matches) {
    found.all.extend(node.subscribers.iter().map(target));
    found.shared.extend(
        node.shares
            .iter()
            .map(|share| Group { turn: share.turn.clone(), members: share.members.iter().map(target).collect() }),
    );
}

fn target(subscriber: &Subscriber) -> Target {
    let Subscriber { session, options, subscription_id } = subscriber;
    Target {
        session: *session,
        qos: options.qos,
        no_local: options.no_local,
        retain_as_published: options.retain_as_published,
        subscription_ids: subscription_id.iter().copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn check(filters: &[&str], topic: &str) -> Vec<SessionId> {
        let mut tree = Subscriptions::default();
        for (session, filter) in filters.iter().enumerate() {
            tree.add(session, &Filter::parse(*filter).unwrap(), SubscribeOptions::default(), None);
        }
        tree.matches(&Topic::parse(topic).unwrap()).all.iter().map(|target| target.session).collect()
    }

    #[test]
    fn the_tree_matches_what_the_filter_matches() {
        let filters = ["#", "a/#", "a/+", "+/b", "a/b", "a/b/#", "$SYS/#", "+/+/#", "b", "/a", "+"];
        for topic in ["a", "a/b", "a/b/c", "b", "/a", "$SYS/x", "a/", "x/b"] {
            let parsed = Topic::parse(topic).unwrap();
            let expected: Vec<_> =
                (0..filters.len()).filter(|index| Filter::parse(filters[*index]).unwrap().matches(&parsed)).collect();
            assert_eq!(check(&filters, topic), expected, "{topic}");
        }
    }

    #[test]
    fn overlapping_subscriptions_of_one_session_are_one_delivery_with_the_highest_qos() {
        let mut tree = Subscriptions::default();
        let options = |qos| SubscribeOptions { qos, ..SubscribeOptions::default() };
        tree.add(7, &Filter::parse("a/#").unwrap(), options(QoS::AtMostOnce), Some(1));
        tree.add(7, &Filter::parse("a/+").unwrap(), options(QoS::ExactlyOnce), Some(2));
        let found = tree.matches(&Topic::parse("a/b").unwrap());
        assert_eq!(found.all.len(), 1);
        assert_eq!(found.all[0].qos, QoS::ExactlyOnce);
        assert_eq!(found.all[0].subscription_ids, [1, 2]);
    }

    #[test]
    fn an_emptied_tree_keeps_no_node() {
        let mut tree = Subscriptions::default();
        for filter in ["a/b/c", "a/#", "$share/g/a/b"] {
            let filter = Filter::parse(filter).unwrap();
            assert!(tree.add(1, &filter, SubscribeOptions::default(), None));
            assert!(tree.remove(1, &filter));
            assert!(!tree.remove(1, &filter));
        }
        assert!(tree.root.is_empty());
    }
}
