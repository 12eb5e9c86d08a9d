//! What is told when a keeper or the own store has settled its tickets.

use std::rc::Rc;

use mqtt::{Filter, Packet, Reason, SubAck, Version};

use super::outbox::Outbox;
use super::{Core, SessionId, SitePublish, Waiter};
use crate::store::Change;
use crate::{EventKind, Settled};

impl Core {
    /// A keeper (or the own store, `None`) has settled its tickets up to this one.
    pub fn settled(&mut self, keeper: Option<usize>, settled: Settled) {
        if keeper.is_none() {
            self.store_settled = settled.up_to;
            if self.store_failing == settled.stored {
                self.store_failing = !settled.stored;
                self.event(None, None, None, EventKind::StoreFailing { failing: self.store_failing });
            }
        }
        let mut outboxes: Vec<Rc<Outbox>> = Vec::new();
        let mut sessions: Vec<SessionId> = Vec::new();
        let mut again: Vec<Waiter> = Vec::new();
        while let Some(waiter) = self.next_settled(keeper, settled.up_to) {
            match waiter {
                Waiter::Client { ack, outbox, session } => {
                    ack.waiting.set(ack.waiting.get().saturating_sub(1));
                    if !settled.stored {
                        ack.failed.set(true);
                        self.not_received(session, ack.packet_id);
                    }
                    if let Some(outbox) = outbox.upgrade()
                        && !outboxes.iter().any(|known| Rc::ptr_eq(known, &outbox))
                    {
                        outboxes.push(outbox);
                    }
                }
                Waiter::Site(site) => site.settle(settled.stored),
                Waiter::Packet { outbox, packet } => match outbox.upgrade() {
                    Some(outbox) if settled.stored => outbox.send(&packet),
                    Some(_) => again.push(Waiter::Packet { outbox, packet }),
                    None => {}
                },
                Waiter::SubAck { outbox, session, suback, filters } => {
                    let refused = if settled.stored { Vec::new() } else { filters };
                    self.answer_subscribe(outbox.upgrade().as_deref(), session, *suback, &refused);
                }
                Waiter::Queue { session, seq } if !settled.stored => self.refuse_queued(session, seq),
                Waiter::Queue { session, .. } => {
                    if sessions.last() != Some(&session) {
                        sessions.push(session);
                    }
                }
            }
        }
        for outbox in outboxes {
            outbox.flush_acks();
        }
        for session in sessions {
            self.pump(session);
        }
        if let Some(store) = &mut self.store
            && !again.is_empty()
        {
            let ticket = store.next_attempt();
            self.store_waiting.extend(again.into_iter().map(|waiter| (ticket, waiter)));
        }
    }

    fn next_settled(&mut self, keeper: Option<usize>, up_to: u64) -> Option<Waiter> {
        let waiting = match keeper {
            None => &mut self.store_waiting,
            Some(index) => &mut self.keepers.get_mut(index)?.waiting,
        };
        let ready = waiting.front().is_some_and(|(ticket, _)| *ticket <= up_to);
        if ready { waiting.pop_front().map(|(_, waiter)| waiter) } else { None }
    }

    /// A QoS 2 publication was refused: its identifier is free again.
    pub(super) fn not_received(&mut self, id: SessionId, packet_id: mqtt::PacketId) {
        if let Some(session) = self.sessions.get_mut(&id)
            && session.received.remove(&packet_id)
            && session.stored
            && let Some(store) = &mut self.store
        {
            store.push(Change::Completed { session: id, packet_id });
        }
    }

    /// Its publisher was told that it could not be stored, so nobody gets it from the queue.
    fn refuse_queued(&mut self, id: SessionId, seq: u64) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if let Some(at) = session.queue.iter().position(|each| each.seq == seq)
            && let Some(refused) = session.queue.remove(at)
        {
            session.queue_bytes -= refused.message.cost();
        }
        self.pump(id);
    }

    /// SUBACK, with a failure for each filter that could not be stored.
    fn answer_subscribe(&mut self, outbox: Option<&Outbox>, id: SessionId, mut suback: SubAck, refused: &[Filter]) {
        for filter in refused {
            self.drop_subscription(id, filter);
        }
        let Some(outbox) = outbox else { return };
        if !refused.is_empty() {
            let v5 = outbox.version == Version::V5;
            let reason = if v5 { Reason::QuotaExceeded } else { Reason::UnspecifiedError };
            suback.reasons.iter_mut().filter(|each| !each.is_error()).for_each(|each| *each = reason);
        }
        outbox.send(&Packet::SubAck(Box::new(suback)));
    }
}

impl SitePublish {
    fn settle(&self, stored: bool) {
        self.waiting.set(self.waiting.get().saturating_sub(1));
        if !stored {
            self.failed.set(true);
        }
        self.finish_if_ready();
    }

    pub(super) fn finish_if_ready(&self) {
        if self.waiting.get() == 0
            && let Some(done) = self.done.take()
        {
            done.send(!self.failed.get()).ok();
        }
    }
}
