//! What a durable session keeps on disk, and how it comes back.

use std::rc::Rc;

use mqtt::Packet;

use super::session::{Delivery, Session};
use super::{Core, Outbox, SessionId, Waiter};
use crate::store::{Change, LoadedSession, Queued, Store};

impl Core {
    /// Brings back the sessions that the store holds. Who was connected when the broker was killed
    /// counts as having left now.
    pub(super) fn restore(&mut self, loaded: Vec<LoadedSession>) {
        let now_ms = self.clock.now_ms();
        for LoadedSession { row, subscriptions, queue, received } in loaded {
            self.next_session = self.next_session.max(row.id);
            let id = row.id;
            if !self.rights.knows(&row.identity) {
                self.keep(Change::Forget(id));
                continue;
            }
            let killed = row.away_since_ms.is_none();
            let mut session = Session::new(row.client_id.clone(), row.identity, row.version);
            session.expiry_secs = row.expiry_secs;
            session.away_since_ms = Some(row.away_since_ms.unwrap_or(now_ms));
            session.left_seq = row.left_seq;
            session.next_seq = row.left_seq.max(1);
            session.stored = true;
            session.received = received.into_iter().collect();
            session.will = row.will;
            session.will_due_ms = if killed { session.will_due(now_ms) } else { row.will_due_ms };
            for (filter, options, subscription_id) in subscriptions {
                self.subscriptions.add(id, &filter, options, subscription_id);
                session.subscriptions.insert(filter, (options, subscription_id));
            }
            for (queued, released) in queue {
                let Queued { seq, message, qos, retain, subscription_ids, .. } = queued;
                session.next_seq = session.next_seq.max(seq + 1);
                if released {
                    session.sent(seq, None);
                    continue;
                }
                let dup = killed || seq < row.left_seq;
                session.hold(Delivery { seq, dup, ..Delivery::new(message, qos, retain, subscription_ids) });
            }
            session.left_seq = session.next_seq;
            self.by_client.insert(row.client_id, id);
            self.sessions.insert(id, Box::new(session));
            if killed {
                self.keep_session(id);
            }
            self.look_again(id, now_ms);
        }
        self.drop_lost_subscriptions();
    }

    /// Remembers a change, where there is a store.
    pub(super) fn keep(&mut self, change: Change) {
        if let Some(store) = &mut self.store {
            store.push(change);
        }
    }

    /// Writes the session itself, if it is one that is kept.
    pub(super) fn keep_session(&mut self, id: SessionId) {
        if let Some(store) = &mut self.store
            && let Some(session) = self.sessions.get(&id)
            && session.stored
        {
            store.push(Change::Session(Box::new(session.row(id))));
        }
    }

    /// Gives a message its place in a session, on disk where the session is kept.
    pub(super) fn take_up(&mut self, id: SessionId, delivery: &mut Delivery) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.take_up(delivery);
        let Some(store) = self.store.as_mut().filter(|_| session.stored) else { return };
        let Delivery { message, qos, retain, subscription_ids, seq, .. } = delivery.clone();
        store.push(Change::Queue(Queued { session: id, seq, message, qos, retain, subscription_ids }));
        delivery.ticket = store.ticket();
        if qos == mqtt::QoS::ExactlyOnce {
            self.store_waiting.push_back((delivery.ticket, Waiter::Queue { session: id, seq }));
        }
    }

    /// A message of a session is over: acknowledged, expired, or no longer allowed.
    pub(super) fn done(&mut self, id: SessionId, seq: u64) {
        if seq > 0 && self.is_stored(id) {
            self.keep(Change::Done { session: id, seq });
        }
    }

    /// How many changes this turn has made so far.
    pub(super) fn store_mark(&self) -> usize {
        self.store.as_ref().map_or(0, Store::mark)
    }

    pub(super) fn is_stored(&self, id: SessionId) -> bool {
        self.store.is_some() && self.sessions.get(&id).is_some_and(|session| session.stored)
    }

    /// Sends a packet once the store holds `change`; at once where nothing is kept.
    pub(super) fn send_when_kept(&mut self, id: SessionId, outbox: &Rc<Outbox>, change: Change, packet: Packet) {
        match &mut self.store {
            Some(store) if self.sessions.get(&id).is_some_and(|session| session.stored) => {
                store.push(change);
                let outbox = Rc::downgrade(outbox);
                self.store_waiting.push_back((store.ticket(), Waiter::Packet { outbox, packet }));
            }
            _ => outbox.send(&packet),
        }
    }

    /// Hands what this turn changed to the store's writer.
    pub fn flush_store(&mut self) {
        if let Some(store) = &mut self.store {
            store.flush();
        }
    }

    /// The store's last words: who is connected leaves now, and no will is due for it.
    pub fn close_store(&mut self) {
        let now_ms = self.clock.now_ms();
        let connected: Vec<SessionId> =
            self.sessions.iter().filter(|(_, session)| session.outbox.is_some()).map(|(id, _)| *id).collect();
        for id in connected {
            if let (Some(store), Some(session)) = (&mut self.store, self.sessions.get(&id))
                && session.stored
            {
                let mut row = session.row(id);
                (row.away_since_ms, row.left_seq) = (Some(now_ms), session.next_seq);
                (row.will, row.will_due_ms) = (None, None);
                store.push(Change::Session(Box::new(row)));
            }
        }
        if let Some(store) = &mut self.store {
            store.close();
        }
    }
}
