//! The tree itself: messages in, nodes changed.

use std::collections::HashMap;

use bytes::Bytes;

use crate::kind::gist;
use crate::node::{Node, NodeId, Spark, Value, natural};

/// How much the tree may hold. What is over it is not shown, and the frame says so.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub max_nodes: usize,
    /// Kept of each payload, for the detail of a topic.
    pub max_payload_bytes: usize,
    /// Kept of all payloads together.
    pub max_total_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { max_nodes: 250_000, max_payload_bytes: 64 * 1024, max_total_bytes: 512 * 1024 * 1024 }
    }
}

/// One publication, as the tree sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub topic: &'a str,
    pub payload: &'a Bytes,
    pub qos: u8,
    pub retain: bool,
    pub at_ms: i64,
    pub publisher: Option<&'a str>,
}

/// What is known of one topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicState {
    pub payload: Bytes,
    pub at_ms: i64,
    pub qos: u8,
    pub retained: bool,
    pub publisher: Option<String>,
    pub count: u64,
    pub rate: f32,
    pub preview: String,
    pub spark: Vec<f32>,
}

#[derive(Debug)]
pub struct Tree {
    pub(crate) nodes: HashMap<NodeId, Node>,
    pub(crate) by_topic: HashMap<String, NodeId>,
    next: NodeId,
    pub(crate) version: u64,
    bounds: Bounds,
    bytes: usize,
    /// A bound was met: something is not shown.
    pub(crate) over_bounds: bool,
    pub(crate) messages: u64,
    pub(crate) topics: usize,
    /// Nodes whose rate is not zero: a tick looks at no others.
    busy: Vec<NodeId>,
}

pub(crate) const ROOT: NodeId = 0;

impl Tree {
    pub fn new(bounds: Bounds) -> Tree {
        Tree {
            nodes: HashMap::from([(ROOT, Node::default())]),
            by_topic: HashMap::new(),
            next: 1,
            version: 1,
            bounds,
            bytes: 0,
            over_bounds: false,
            messages: 0,
            topics: 0,
            busy: Vec::new(),
        }
    }

    /// Grows with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Takes one publication.
    pub fn apply(&mut self, seen: &Seen<'_>) {
        self.messages += 1;
        self.count(ROOT, seen.at_ms);
        let Some(id) = self.find_or_make(seen.topic) else {
            self.over_bounds = true;
            return;
        };
        self.version += 1;
        self.set_value(id, seen);
        let mut at = Some(id);
        while let Some(node) = at.filter(|id| *id != ROOT) {
            self.count(node, seen.at_ms);
            at = self.nodes.get(&node).and_then(|node| node.parent);
        }
    }

    fn count(&mut self, id: NodeId, at_ms: i64) {
        let version = self.version;
        if let Some(node) = self.nodes.get_mut(&id) {
            if node.rate.is_quiet(at_ms) {
                self.busy.push(id);
            }
            node.rate.count(at_ms);
            node.version = version;
        }
    }

    fn set_value(&mut self, id: NodeId, seen: &Seen<'_>) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let kept = seen.payload.len().min(self.bounds.max_payload_bytes);
        let fits = self.bytes + kept <= self.bounds.max_total_bytes;
        // A copy, not a slice: a slice would hold the whole packet that it came in.
        let payload =
            if fits { Bytes::copy_from_slice(seen.payload.get(..kept).unwrap_or_default()) } else { Bytes::new() };
        self.over_bounds |= !fits;
        let old = node.value.take();
        self.topics += usize::from(old.is_none());
        let (previous, count, mut spark, retained) = match old {
            Some(old) => {
                self.bytes -= old.payload.len() + old.previous.len();
                (old.payload, old.count, old.spark, old.retained)
            }
            None => (Bytes::new(), 0, Spark::default(), false),
        };
        let gist = gist(seen.payload);
        if let Some(number) = gist.number {
            spark.push(seen.at_ms, number);
        }
        self.bytes += payload.len() + previous.len();
        node.value = Some(Value {
            topic: seen.topic.to_owned(),
            payload,
            previous,
            gist,
            qos: seen.qos,
            // A publication without the flag leaves what is retained as it was.
            retained: if seen.retain { !seen.payload.is_empty() } else { retained },
            at_ms: seen.at_ms,
            publisher: seen.publisher.map(str::to_owned),
            count: count + 1,
            spark,
        });
    }

    fn find_or_make(&mut self, topic: &str) -> Option<NodeId> {
        if let Some(id) = self.by_topic.get(topic) {
            return Some(*id);
        }
        if self.nodes.len() + topic.split('/').count() > self.bounds.max_nodes {
            return None;
        }
        let (parent, name) = match topic.rsplit_once('/') {
            Some((branch, name)) => (self.find_or_make(branch)?, name),
            None => (ROOT, topic),
        };
        let id = self.next;
        self.next += 1;
        let depth =
            self.nodes.get(&parent).map_or(0, |node| if parent == ROOT { 0 } else { node.depth.saturating_add(1) });
        self.by_topic.insert(topic.to_owned(), id);
        let node = Node { parent: Some(parent), name: name.to_owned(), depth, ..Node::default() };
        self.nodes.insert(id, node);
        self.insert_child(parent, id, name);
        Some(id)
    }

    /// In its place: rows never change their order by themselves.
    fn insert_child(&mut self, parent: NodeId, child: NodeId, name: &str) {
        let at = self.nodes.get(&parent).map_or(0, |node| {
            node.children
                .partition_point(|other| self.nodes.get(other).is_some_and(|other| natural(&other.name, name).is_lt()))
        });
        let version = self.version;
        if let Some(node) = self.nodes.get_mut(&parent) {
            node.children.insert(at, child);
            node.version = version;
        }
    }

    /// Lets rates fade; called about once a second.
    pub fn tick(&mut self, now_ms: i64) {
        let busy = std::mem::take(&mut self.busy);
        if busy.is_empty() {
            return;
        }
        self.version += 1;
        let version = self.version;
        for id in busy {
            if let Some(node) = self.nodes.get_mut(&id) {
                node.version = version;
                if !node.rate.is_quiet(now_ms) {
                    self.busy.push(id);
                }
            }
        }
    }

    pub fn topic(&self, topic: &str, now_ms: i64) -> Option<TopicState> {
        let node = self.nodes.get(self.by_topic.get(topic)?)?;
        let value = node.value.as_ref()?;
        Some(TopicState {
            payload: value.payload.clone(),
            at_ms: value.at_ms,
            qos: value.qos,
            retained: value.retained,
            publisher: value.publisher.clone(),
            count: value.count,
            rate: node.rate.per_second(now_ms),
            preview: value.gist.preview.clone(),
            spark: value.spark.since(now_ms).collect(),
        })
    }

    /// The newest value on a branch (itself or anything below), for a device's row.
    pub fn newest_of_branch(&self, branch: &str, now_ms: i64) -> Option<TopicState> {
        let mut newest: Option<&Value> = None;
        let mut open = vec![*self.by_topic.get(branch)?];
        while let Some(node) = open.pop().and_then(|id| self.nodes.get(&id)) {
            open.extend(&node.children);
            if let Some(value) = &node.value
                && newest.is_none_or(|best| {
                    (value.gist.number.is_some(), value.at_ms) > (best.gist.number.is_some(), best.at_ms)
                })
            {
                newest = Some(value);
            }
        }
        self.topic(&newest?.topic, now_ms)
    }

    /// Forgets a branch and all below it.
    pub fn forget_branch(&mut self, branch: &str) {
        let Some(id) = self.by_topic.get(branch).copied() else { return };
        let parent = self.nodes.get(&id).and_then(|node| node.parent).unwrap_or(ROOT);
        self.version += 1;
        let version = self.version;
        if let Some(node) = self.nodes.get_mut(&parent) {
            node.children.retain(|child| *child != id);
            node.version = version;
        }
        let mut gone = vec![id];
        while let Some(node) = gone.pop().and_then(|id| self.nodes.remove(&id)) {
            gone.extend(&node.children);
            if let Some(value) = node.value {
                self.bytes -= value.payload.len() + value.previous.len();
                self.topics -= 1;
            }
        }
        let below = format!("{branch}/");
        self.by_topic.retain(|topic, _| topic != branch && !topic.starts_with(&below));
        // A parent that says nothing and holds nothing goes too.
        let empty = self.nodes.get(&parent).is_some_and(|node| node.children.is_empty() && node.value.is_none());
        if parent != ROOT
            && empty
            && let Some((above, _)) = branch.rsplit_once('/')
        {
            self.forget_branch(above);
        }
    }
}
