//! Lists of what the core holds, a page at a time: a site of 100,000 sessions must not make one answer
//! of them.

use std::collections::BTreeSet;

use super::{Core, Session};

/// The `limit` smallest of what comes, without keeping more than these.
fn smallest<T: Ord>(all: impl Iterator<Item = T>, limit: usize) -> BTreeSet<T> {
    let mut kept = BTreeSet::new();
    for each in all {
        if kept.len() < limit {
            kept.insert(each);
        } else if kept.last().is_some_and(|last| each < *last) {
            kept.pop_last();
            kept.insert(each);
        }
    }
    kept
}

impl Core {
    /// Sessions in the order of their client ids.
    pub fn page(&self, after: Option<&str>, limit: usize) -> Vec<&Session> {
        let behind = |id: &&str| after.is_none_or(|after| *id > after);
        let ids = smallest(self.by_client.keys().map(|id| &**id).filter(behind), limit);
        ids.into_iter()
            .filter_map(|id| self.by_client.get(id).and_then(|id| self.sessions.get(id)))
            .map(|session| &**session)
            .collect()
    }

    /// Subscriptions as (client id, filter), in that order.
    pub fn subscriptions_page(&self, after: Option<&(String, String)>, limit: usize) -> Vec<(String, String)> {
        let all = self
            .sessions
            .values()
            .flat_map(|session| session.subscriptions.keys().map(|filter| (&*session.client_id, filter.as_str())));
        let behind =
            |each: &(&str, &str)| after.is_none_or(|(client, filter)| *each > (client.as_str(), filter.as_str()));
        smallest(all.filter(behind), limit)
            .into_iter()
            .map(|(client, filter)| (client.to_owned(), filter.to_owned()))
            .collect()
    }
}
