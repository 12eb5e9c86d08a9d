//! The rows of a view, and how they are written: little endian, only what changed.

use std::collections::HashSet;

use bytes::{BufMut, Bytes};
use mqtt::{Filter, Topic};

use crate::node::{Node, NodeId};
use crate::tree::{ROOT, Tree};
use crate::view::View;

const FORMAT: u8 = 1;
/// Of the payload of the selected topic, and of the one before.
const DETAIL_BYTES: usize = 64 * 1024;
/// Branches that are open before anybody opened or closed one.
const OPEN_DEPTH: u8 = 3;
/// Below that depth, a device with so few topics shows them at once, while the whole is small.
const OPEN_CHILDREN: usize = 3;
const OPEN_NODES: usize = 2_000;

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Place in the view.
    pub index: u32,
    pub node: u32,
    pub depth: u8,
    pub has_children: bool,
    pub open: bool,
    pub retained: bool,
    pub has_value: bool,
    pub found: bool,
    pub kind: u8,
    pub qos: u8,
    pub at_ms: i64,
    pub rate: f32,
    pub count: u32,
    pub payload_len: u32,
    pub name: String,
    pub topic: String,
    pub preview: String,
    pub spark: Vec<f32>,
}

/// The whole last message of the selected topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    pub topic: String,
    pub at_ms: i64,
    pub qos: u8,
    pub retained: bool,
    pub publisher: String,
    pub count: u64,
    pub rate: f32,
    pub payload: Bytes,
    pub previous: Bytes,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The window is whole; else only rows that changed are in it.
    pub whole: bool,
    pub over_bounds: bool,
    pub version: u64,
    pub layout: u32,
    pub total_rows: u32,
    pub offset: u32,
    pub window_len: u32,
    pub now_ms: i64,
    pub rate: f32,
    pub messages: u64,
    pub topics: u32,
    pub rows: Vec<Row>,
    pub detail: Option<Detail>,
}

impl Tree {
    /// What a view shows now. Rows are differences when the layout is the one the page drew.
    pub fn frame(&self, view: &View, now_ms: i64) -> Frame {
        let order = self.order(view);
        let offset = view.offset.min(order.len());
        let window: Vec<&(NodeId, bool, bool)> =
            order.iter().skip(offset).take(view.limit.min(View::MAX_ROWS)).collect();
        let layout = layout_number(&window, order.len(), offset);
        let whole = view.since == 0 || view.layout != layout || view.since > self.version;
        let mut rows = Vec::new();
        for (place, (id, open, found)) in window.iter().enumerate() {
            let Some(node) = self.nodes.get(id) else { continue };
            if whole || node.version > view.since {
                let mut row = row(*id, node, offset + place, *open, *found, now_ms);
                // A branch says its whole name: the page may not hold the rows above it.
                if row.topic.is_empty() && row.has_children {
                    row.topic = self.topic_of(*id);
                }
                rows.push(row);
            }
        }
        Frame {
            whole,
            over_bounds: self.over_bounds,
            version: self.version,
            layout,
            total_rows: clamped(order.len()),
            offset: clamped(offset),
            window_len: clamped(window.len()),
            now_ms,
            rate: self.nodes.get(&ROOT).map_or(0.0, |root| root.rate.per_second(now_ms)),
            messages: self.messages,
            topics: clamped(self.topics),
            rows,
            detail: view.selected.as_deref().and_then(|topic| self.detail(topic, now_ms)),
        }
    }

    /// Every row of the view in its order: node, whether it is open, whether the search found it.
    fn order(&self, view: &View) -> Vec<(NodeId, bool, bool)> {
        let wanted = view.searches().then(|| self.found(view));
        let mut order = Vec::new();
        let mut path: Vec<(NodeId, usize)> = vec![(ROOT, 0)];
        while let Some((parent, place)) = path.pop() {
            let Some(id) = self.nodes.get(&parent).and_then(|node| node.children.get(place).copied()) else { continue };
            path.push((parent, place + 1));
            let Some(node) = self.nodes.get(&id) else { continue };
            let (shown, found) = match &wanted {
                None => (true, false),
                Some((shown, found)) => (shown.contains(&id), found.contains(&id)),
            };
            if !shown {
                continue;
            }
            let open = !node.children.is_empty() && (wanted.is_some() || self.is_open(id, node, view));
            order.push((id, open, found));
            if open {
                path.push((id, 0));
            }
        }
        order
    }

    fn is_open(&self, id: NodeId, node: &Node, view: &View) -> bool {
        match &view.open {
            None => {
                let small = node.children.len() <= OPEN_CHILDREN && self.nodes.len() <= OPEN_NODES;
                node.depth + 1 < OPEN_DEPTH || small
            }
            Some(open) => open.contains(&self.topic_of(id)),
        }
    }

    /// The whole topic of a node; most have no value that would hold it.
    fn topic_of(&self, id: NodeId) -> String {
        let mut names = Vec::new();
        let mut at = self.nodes.get(&id);
        while let Some(node) = at {
            let Some(parent) = node.parent else { break };
            names.push(node.name.as_str());
            at = self.nodes.get(&parent);
        }
        names.reverse();
        names.join("/")
    }

    /// What the search found, and all that must be shown to reach it.
    fn found(&self, view: &View) -> (HashSet<NodeId>, HashSet<NodeId>) {
        let filter = view.search.contains(['+', '#']).then(|| Filter::parse(view.search.as_str()).ok()).flatten();
        let text = view.search.to_lowercase();
        let payload_text = view.payload_search.to_lowercase();
        let (mut shown, mut found) = (HashSet::new(), HashSet::new());
        for (id, node) in &self.nodes {
            let Some(value) = &node.value else { continue };
            let by_topic = match &filter {
                Some(filter) => Topic::parse(value.topic.as_str()).is_ok_and(|topic| filter.matches(&topic)),
                None => text.is_empty() || value.topic.to_lowercase().contains(&text),
            };
            let by_payload = payload_text.is_empty()
                || String::from_utf8_lossy(&value.payload).to_lowercase().contains(&payload_text);
            if !(by_topic && by_payload) {
                continue;
            }
            found.insert(*id);
            let mut at = Some(*id);
            while let Some(id) = at.filter(|id| shown.insert(*id)) {
                at = self.nodes.get(&id).and_then(|node| node.parent);
            }
        }
        (shown, found)
    }

    fn detail(&self, topic: &str, now_ms: i64) -> Option<Detail> {
        let node = self.nodes.get(self.by_topic.get(topic)?)?;
        let value = node.value.as_ref()?;
        Some(Detail {
            topic: topic.to_owned(),
            at_ms: value.at_ms,
            qos: value.qos,
            retained: value.retained,
            publisher: value.publisher.clone().unwrap_or_default(),
            count: value.count,
            rate: node.rate.per_second(now_ms),
            payload: value.payload.clone(),
            previous: value.previous.clone(),
        })
    }
}

fn row(id: NodeId, node: &Node, index: usize, open: bool, found: bool, now_ms: i64) -> Row {
    let value = node.value.as_ref();
    Row {
        index: clamped(index),
        node: id,
        depth: node.depth,
        has_children: !node.children.is_empty(),
        open,
        retained: value.is_some_and(|value| value.retained),
        has_value: value.is_some(),
        found,
        kind: value.map_or(0, |value| value.gist.kind as u8),
        qos: value.map_or(0, |value| value.qos),
        at_ms: value.map_or(0, |value| value.at_ms),
        rate: node.rate.per_second(now_ms),
        count: value.map_or(0, |value| u32::try_from(value.count).unwrap_or(u32::MAX)),
        payload_len: value.map_or(0, |value| clamped(value.payload.len())),
        name: node.name.clone(),
        topic: value.map_or_else(String::new, |value| value.topic.clone()),
        preview: value.map_or_else(String::new, |value| value.gist.preview.clone()),
        spark: value.map_or_else(Vec::new, |value| value.spark.since(now_ms).collect()),
    }
}

fn clamped(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The number of an ordering (FNV-1a): the same rows in the same places have the same number.
fn layout_number(window: &[&(NodeId, bool, bool)], total: usize, offset: usize) -> u32 {
    let mut hash = 0x811c_9dc5u32;
    let mut mix = |word: u32| {
        for byte in word.to_le_bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    };
    mix(clamped(total));
    mix(clamped(offset));
    for (id, open, found) in window {
        mix(*id);
        mix(u32::from(*open) | u32::from(*found) << 1);
    }
    // 0 means "none drawn yet".
    hash.max(1)
}

impl Frame {
    /// The bytes that `ui/src/live/frame.ts` reads.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.rows.len() * 96);
        out.put_u8(FORMAT);
        out.put_u8(u8::from(self.whole) | u8::from(self.over_bounds) << 1);
        out.put_u16_le(0);
        out.put_u64_le(self.version);
        out.put_u32_le(self.layout);
        out.put_u32_le(self.total_rows);
        out.put_u32_le(self.offset);
        out.put_u32_le(self.window_len);
        out.put_f64_le(self.now_ms as f64);
        out.put_f64_le(f64::from(self.rate));
        out.put_u64_le(self.messages);
        out.put_u32_le(self.topics);
        out.put_u32_le(clamped(self.rows.len()));
        for row in &self.rows {
            put_row(&mut out, row);
        }
        match &self.detail {
            None => out.put_u8(0),
            Some(detail) => put_detail(&mut out, detail),
        }
        out
    }
}

fn put_row(out: &mut Vec<u8>, row: &Row) {
    out.put_u32_le(row.index);
    out.put_u32_le(row.node);
    out.put_u8(row.depth);
    let flags = [row.has_children, row.open, row.retained, row.has_value, false, row.found];
    out.put_u8(flags.iter().enumerate().fold(0, |byte, (bit, set)| byte | u8::from(*set) << bit));
    out.put_u8(row.kind);
    out.put_u8(row.qos);
    out.put_f64_le(row.at_ms as f64);
    out.put_f32_le(row.rate);
    out.put_u32_le(row.count);
    out.put_u32_le(row.payload_len);
    put_text(out, &row.name);
    put_text(out, &row.topic);
    put_text(out, &row.preview);
    out.put_u8(u8::try_from(row.spark.len()).unwrap_or(u8::MAX));
    row.spark.iter().take(usize::from(u8::MAX)).for_each(|number| out.put_f32_le(*number));
}

fn put_detail(out: &mut Vec<u8>, detail: &Detail) {
    out.put_u8(1);
    put_text(out, &detail.topic);
    out.put_f64_le(detail.at_ms as f64);
    out.put_u8(detail.qos);
    out.put_u8(u8::from(detail.retained));
    put_text(out, &detail.publisher);
    out.put_u64_le(detail.count);
    out.put_f32_le(detail.rate);
    out.put_u32_le(clamped(detail.payload.len()));
    for bytes in [&detail.payload, &detail.previous] {
        let sent = bytes.get(..bytes.len().min(DETAIL_BYTES)).unwrap_or_default();
        out.put_u32_le(clamped(sent.len()));
        out.put_slice(sent);
    }
}

/// Length in two bytes, then UTF-8; a topic of MQTT always fits.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let end = text.floor_char_boundary(usize::from(u16::MAX));
    let text = text.get(..end).unwrap_or_default();
    out.put_u16_le(u16::try_from(text.len()).unwrap_or(u16::MAX));
    out.put_slice(text.as_bytes());
}
