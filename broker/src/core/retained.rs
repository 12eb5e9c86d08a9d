//! Retained messages in memory, by topic.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use mqtt::Filter;

use crate::Message;
use crate::message::Expiry;

#[derive(Default)]
pub(crate) struct Retained(BTreeMap<String, Arc<Message>>);

impl Retained {
    /// An empty payload deletes (5.0 §3.3.1.3).
    pub fn put(&mut self, message: Arc<Message>) {
        match message.payload.is_empty() {
            true => self.0.remove(message.topic.as_str()),
            false => self.0.insert(message.topic.as_str().to_owned(), message),
        };
    }

    pub fn get(&self, topic: &str) -> Option<&Arc<Message>> {
        self.0.get(topic)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Those that the filter matches, in the order of their topics. Only the part of the tree below
    /// the filter's first wildcard is walked, behind the topic `after`.
    pub fn matching<'a>(
        &'a self,
        filter: &'a Filter,
        after: Option<&'a str>,
        now_us: i64,
    ) -> impl Iterator<Item = &'a Arc<Message>> {
        let text = filter.matching();
        let fixed = text.find(['+', '#']).map_or(text, |wildcard| text.get(..wildcard).unwrap_or_default());
        // `a/#` also matches `a`.
        let prefix = if text.ends_with("/#") { fixed.strip_suffix('/').unwrap_or(fixed) } else { fixed };
        self.0
            .range::<str, _>((after.map_or(Bound::Included(prefix), Bound::Excluded), Bound::Unbounded))
            .take_while(move |(topic, _)| topic.starts_with(prefix))
            .map(|(_, message)| message)
            .filter(move |message| filter.matches(&message.topic) && message.expiry_left(now_us) != Expiry::Passed)
    }
}

impl super::Core {
    pub fn retained(&self, filter: &Filter, limit: usize) -> Vec<Arc<Message>> {
        self.retained_after(filter, None, limit)
    }

    pub fn retained_after(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Vec<Arc<Message>> {
        self.retained.matching(filter, after, self.clock.now_us()).take(limit).cloned().collect()
    }
}
