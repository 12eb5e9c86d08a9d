//! The ring of events that screens watch: bounded, numbered, and what was lost is counted.

use std::collections::{HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use wire::{Event, EventKind, EventPage, ListEvents, Problem};

use crate::Appliance;
use crate::limits::{EVENT_PAGE, EVENT_WAIT_MS, EVENTS};

pub(crate) struct Journal {
    ring: Mutex<Ring>,
    /// The number of the newest event.
    newest: watch::Sender<u64>,
}

struct Ring {
    events: VecDeque<Event>,
    /// Events up to this number are no longer there.
    dropped_up_to: u64,
    first: u64,
    /// Names that leave no trace, not even by what is still on its way.
    forgotten: HashSet<String>,
}

impl Ring {
    fn is_forgotten(&self, event: &Event) -> bool {
        [&event.device, &event.client_id].into_iter().flatten().any(|name| self.forgotten.contains(name))
    }
}

impl Journal {
    /// Numbers start at the time of day: one that a page remembers from before a restart is never
    /// ahead of us.
    pub fn new(now_ms: i64) -> Journal {
        let first = u64::try_from(now_ms).unwrap_or(0);
        let ring = Ring { events: VecDeque::new(), dropped_up_to: first, first, forgotten: HashSet::new() };
        Journal { ring: Mutex::new(ring), newest: watch::channel(first).0 }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, event: Event) {
        let mut ring = self.ring();
        if ring.is_forgotten(&event) {
            return;
        }
        let seq = *self.newest.borrow() + 1;
        ring.events.push_back(Event { seq, ..event });
        if ring.events.len() > EVENTS
            && let Some(oldest) = ring.events.pop_front()
        {
            ring.dropped_up_to = oldest.seq;
        }
        self.newest.send_replace(seq);
    }

    /// Something that the site itself did.
    pub fn tell(&self, at_ms: i64, kind: EventKind, device: Option<&str>) {
        let device = device.map(str::to_owned);
        self.add(Event { seq: 0, at_ms, kind, device, client_id: None, peer: None, refusal: None, topic: None });
    }

    /// Removes what was said about devices that leave no trace, and what will still be said.
    pub fn forget<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let mut ring = self.ring();
        ring.forgotten.extend(names.into_iter().map(str::to_owned));
        let events = std::mem::take(&mut ring.events);
        ring.events = events.into_iter().filter(|event| !ring.is_forgotten(event)).collect();
    }

    /// A name that is used again is told of again.
    pub fn remember(&self, name: &str) {
        self.ring().forgotten.remove(name);
    }

    /// Where clients of some kinds of events came from since a time.
    pub fn peers_since(&self, since_ms: i64, kinds: &[EventKind]) -> Vec<IpAddr> {
        let ring = self.ring();
        let recent = ring.events.iter().rev().take_while(|event| event.at_ms >= since_ms);
        let told = recent.filter(|event| kinds.contains(&event.kind));
        told.filter_map(|event| Some(event.peer.as_ref()?.parse::<SocketAddr>().ok()?.ip())).collect()
    }

    fn page(&self, request: &ListEvents) -> EventPage {
        let ring = self.ring();
        let newest = *self.newest.borrow();
        let since = if request.since > newest { ring.first } else { request.since };
        let wanted = |event: &&Event| event.seq > since && (request.device.is_none() || event.device == request.device);
        let events: Vec<Event> = ring.events.iter().filter(wanted).take(EVENT_PAGE).cloned().collect();
        let next = match events.last() {
            Some(last) if events.len() == EVENT_PAGE => last.seq,
            _ => newest,
        };
        // Whoever has seen nothing yet, or comes from before the start, has lost nothing.
        let lost = if since < ring.first { 0 } else { ring.dropped_up_to.saturating_sub(since) };
        EventPage { events, next, lost }
    }

    async fn wait(&self, request: &ListEvents) -> EventPage {
        let deadline = Instant::now() + Duration::from_millis(u64::from(request.wait_ms.min(EVENT_WAIT_MS)));
        let mut newest = self.newest.subscribe();
        loop {
            newest.mark_unchanged();
            let page = self.page(request);
            if !page.events.is_empty() {
                return page;
            }
            if !matches!(tokio::time::timeout_at(deadline, newest.changed()).await, Ok(Ok(()))) {
                return self.page(request);
            }
        }
    }
}

impl Appliance {
    /// What happened after `since`, waiting for it if need be.
    pub async fn event_list(&self, request: ListEvents) -> Result<EventPage, Problem> {
        Ok(self.inner.journal.wait(&request).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(since: u64, device: Option<&str>) -> ListEvents {
        ListEvents { since, wait_ms: 0, device: device.map(str::to_owned) }
    }

    #[test]
    fn pages_follow_each_other_without_a_gap() {
        let journal = Journal::new(1_000);
        for at_ms in 0..700 {
            journal.tell(at_ms, EventKind::Connected, Some(if at_ms % 2 == 0 { "even" } else { "odd" }));
        }
        let first = journal.page(&ask(0, None));
        let second = journal.page(&ask(first.next, None));
        assert_eq!((first.events.len(), second.events.len()), (EVENT_PAGE, 200));
        assert_eq!(first.lost + second.lost, 0);
        assert_eq!(journal.page(&ask(second.next, None)).events.len(), 0);
        assert_eq!(journal.page(&ask(0, Some("odd"))).events.len(), 350);
    }

    #[test]
    fn what_the_ring_dropped_is_counted() {
        let journal = Journal::new(1_000);
        journal.tell(0, EventKind::Connected, None);
        let seen = journal.page(&ask(0, None)).next;
        for at_ms in 0..EVENTS as i64 + 9 {
            journal.tell(at_ms, EventKind::Connected, None);
        }
        assert_eq!(journal.page(&ask(seen, None)).lost, 9);
    }

    #[tokio::test]
    async fn a_waiting_page_is_answered_by_the_next_event() {
        let journal = Journal::new(1_000);
        let waiting = ListEvents { since: 0, wait_ms: 20_000, device: Some("d".into()) };
        let (page, ()) = tokio::join!(journal.wait(&waiting), async {
            journal.tell(1, EventKind::Connected, Some("other"));
            tokio::task::yield_now().await;
            journal.tell(2, EventKind::Connected, Some("d"));
        });
        assert_eq!(page.events.first().map(|event| event.at_ms), Some(2));
    }

    #[test]
    fn what_is_forgotten_stays_forgotten_until_its_name_is_used_again() {
        let journal = Journal::new(1_000);
        let count = || journal.page(&ask(0, None)).events.len();
        journal.tell(1, EventKind::Connected, Some("sim-01"));
        journal.tell(2, EventKind::Connected, Some("other"));
        journal.forget(["sim-01"]);
        journal.tell(3, EventKind::Disconnected, Some("sim-01"));
        assert_eq!(count(), 1);
        journal.remember("sim-01");
        journal.tell(4, EventKind::Connected, Some("sim-01"));
        assert_eq!(count(), 2);
    }

    #[test]
    fn a_number_from_the_future_starts_over() {
        let journal = Journal::new(1_000);
        journal.tell(5, EventKind::Connected, None);
        assert_eq!(journal.page(&ask(u64::MAX, None)).events.len(), 1);
    }
}
