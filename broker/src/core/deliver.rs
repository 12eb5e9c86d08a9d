//! From a message to its subscribers: encoded once for each shape, appended to their outboxes.

use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;
use mqtt::{PacketId, PublishProperties, QoS, Version, codec};

use super::outbox::Outbox;
use super::session::{Delivery, Replay, packet_id};
use super::subscriptions::{Group, Matches, Target};
use super::{CACHED_TOPICS, Core, SessionId};
use crate::message::Expiry;
use crate::{Action, EventKind, Message, Origin};

/// One encoding of a publication, shared by all who get that shape.
struct Shape {
    key: (Version, QoS, bool),
    bytes: BytesMut,
    /// Where the packet identifier stands.
    id_at: Option<usize>,
}

impl Core {
    /// Hands a message to everyone who subscribed to its topic.
    pub(super) fn route(&mut self, message: &Arc<Message>) -> usize {
        let matches = self.matches(message);
        let mut shapes: Vec<Shape> = Vec::new();
        let mut reached = 0;
        for target in &matches.all {
            reached += usize::from(self.deliver(target, message, &mut shapes));
        }
        for group in &matches.shared {
            reached += usize::from(self.deliver_to_one(group, message, &mut shapes));
        }
        reached
    }

    /// A shared subscription: the next member that is connected, else the next that is kept.
    fn deliver_to_one(&mut self, group: &Group, message: &Arc<Message>, shapes: &mut Vec<Shape>) -> bool {
        let (turn, members) = (group.turn.get(), &group.members);
        group.turn.set(turn.wrapping_add(1));
        let order: Vec<&Target> =
            members.iter().cycle().skip(turn % members.len().max(1)).take(members.len()).collect();
        let connected =
            |target: &&&Target| self.sessions.get(&target.session).is_some_and(|session| session.outbox.is_some());
        match order.iter().find(connected).or_else(|| order.first()) {
            Some(target) => self.deliver(target, message, shapes),
            None => false,
        }
    }

    /// The targets of a topic, from the cache while no subscription and no right changed.
    fn matches(&mut self, message: &Message) -> Rc<Matches> {
        let topic = message.topic.as_str();
        if let Some((epoch, matches)) = self.matches.get(topic)
            && *epoch == self.subscriptions.epoch
        {
            return matches.clone();
        }
        let mut matches = self.subscriptions.matches(&message.topic);
        let may_read = |target: &Target| {
            self.sessions.get(&target.session).is_some_and(|session| {
                self.rights.decide(&session.identity, &session.client_id, Action::Read, &message.topic).allowed
            })
        };
        matches.all.retain(may_read);
        for group in &mut matches.shared {
            group.members.retain(may_read);
        }
        if self.matches.len() >= CACHED_TOPICS {
            self.matches.clear();
        }
        let matches = Rc::new(matches);
        self.matches.insert(topic.into(), (self.subscriptions.epoch, matches.clone()));
        matches
    }

    fn deliver(&mut self, target: &Target, message: &Arc<Message>, shapes: &mut Vec<Shape>) -> bool {
        let Some(session) = self.sessions.get_mut(&target.session) else { return false };
        if target.no_local
            && matches!(&message.origin, Origin::Client { client_id, .. } if *client_id == session.client_id)
        {
            return false;
        }
        let retain = message.retain && target.retain_as_published;
        let qos = message.qos.min(target.qos);
        let delivery = Delivery::new(message.clone(), qos, retain, target.subscription_ids.clone());
        let Some(outbox) = session.outbox.clone() else {
            // 3.1.1 leaves QoS 0 for a client that is away to the server: it is not kept.
            if delivery.qos == QoS::AtMostOnce {
                return false;
            }
            return self.hold(target.session, delivery);
        };
        let must_wait = !session.queue.is_empty()
            || !outbox.has_room()
            || qos > QoS::AtMostOnce && !session.window_open()
            || qos == QoS::ExactlyOnce && session.stored && self.store.is_some();
        if must_wait {
            return self.hold(target.session, delivery);
        }
        let shared = outbox.alias_maximum == 0
            && delivery.subscription_ids.is_empty()
            && delivery.message.properties.message_expiry_secs.is_none();
        if !shared {
            return self.send_alone(target.session, &outbox, delivery);
        }
        let key = (outbox.version, delivery.qos, delivery.retain);
        let at = match shapes.iter().position(|shape| shape.key == key) {
            Some(at) => at,
            None => match shape(key, &delivery) {
                Some(shape) => {
                    shapes.push(shape);
                    shapes.len() - 1
                }
                None => return false,
            },
        };
        let Some(shape) = shapes.get_mut(at) else { return false };
        if self.is_too_large(&outbox, &shape.bytes) {
            return false;
        }
        let packet_id = self.in_flight(target.session, delivery);
        if let (Some(at), Some(id)) = (shape.id_at, packet_id)
            && let Some(place) = shape.bytes.get_mut(at..at + 2)
        {
            place.copy_from_slice(&id.get().to_be_bytes());
        }
        outbox.send_encoded(&shape.bytes);
        self.counters.sent(1);
        true
    }

    /// Sends what no other gets in this form. What cannot be sent does not stay in flight: nobody
    /// would ever acknowledge it, and the window would stay closed by one.
    fn send_alone(&mut self, id: SessionId, outbox: &Rc<Outbox>, mut delivery: Delivery) -> bool {
        if delivery.qos > QoS::AtMostOnce && delivery.seq == 0 {
            self.take_up(id, &mut delivery);
        }
        let seq = delivery.seq;
        let sent = self.write(outbox, &delivery, (seq > 0).then(|| packet_id(seq)));
        if sent {
            self.in_flight(id, delivery);
        } else {
            self.done(id, seq);
        }
        sent
    }

    /// Remembers what must be acknowledged; `None` for QoS 0.
    fn in_flight(&mut self, id: SessionId, mut delivery: Delivery) -> Option<PacketId> {
        if delivery.qos == QoS::AtMostOnce {
            return None;
        }
        if delivery.seq == 0 {
            self.take_up(id, &mut delivery);
        }
        let seq = delivery.seq;
        self.sessions.get_mut(&id)?.sent(seq, Some(delivery));
        Some(packet_id(seq))
    }

    fn hold(&mut self, id: SessionId, mut delivery: Delivery) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let acknowledged = delivery.qos > QoS::AtMostOnce;
        let (room, count) = session.make_room(delivery.message.cost(), self.queue_limits);
        if room {
            if acknowledged {
                self.take_up(id, &mut delivery);
            }
            let Some(session) = self.sessions.get_mut(&id) else { return false };
            session.hold(delivery);
            if acknowledged && session.is_behind(self.queue_limits) {
                self.behind = Some(id);
            }
        }
        if count > 0 {
            self.counters.dropped(count);
            // The first, then one in a thousand: a queue that stays full must not drown the other events.
            if let Some(total) = self.sessions.get(&id).map(|session| session.dropped)
                && let before = total.saturating_sub(count)
                && (before == 0 || before / 1000 != total / 1000)
            {
                self.session_event(id, EventKind::Dropped { count: total });
            }
        }
        true
    }

    /// Encodes for one connection alone: with its subscription identifiers and the time left.
    pub(super) fn write(&self, outbox: &Rc<Outbox>, delivery: &Delivery, packet_id: Option<PacketId>) -> bool {
        let mut properties = delivery.message.properties.clone();
        properties.subscription_ids.clone_from(&delivery.subscription_ids);
        match delivery.message.expiry_left(self.clock.now_us()) {
            Expiry::Never => {}
            Expiry::Left(secs) => properties.message_expiry_secs = Some(secs),
            Expiry::Passed if !delivery.dup => return false,
            // It is in flight already: what was promised is finished.
            Expiry::Passed => properties.message_expiry_secs = Some(0),
        }
        let topic = delivery.message.topic.as_str();
        let alias = outbox.alias(topic);
        properties.topic_alias = alias.map(|(alias, _)| alias);
        let topic_name = if alias.is_some_and(|(_, known)| known) { "" } else { topic };
        match encoded(outbox.version, delivery, topic_name, &properties, packet_id) {
            Some((bytes, _)) if !self.is_too_large(outbox, &bytes) => {
                outbox.send_encoded(&bytes);
                if let Some((alias, false)) = alias {
                    outbox.alias_told(topic, alias);
                }
                self.counters.sent(1);
                true
            }
            _ => false,
        }
    }

    /// What is longer than the client accepts is not sent (5.0 §3.1.2.11.4).
    fn is_too_large(&self, outbox: &Outbox, bytes: &[u8]) -> bool {
        let too_large = bytes.len() > outbox.max_packet_bytes;
        if too_large {
            self.counters.dropped(1);
        }
        too_large
    }

    /// Sends what waits in a session's queue, as far as window and outbox let it.
    pub fn pump(&mut self, id: SessionId) {
        loop {
            let now_us = self.clock.now_us();
            let Some(session) = self.sessions.get_mut(&id) else { return };
            let Some(outbox) = session.outbox.clone() else { return };
            let Some(next) = session.queue.front() else { break };
            if next.qos == QoS::ExactlyOnce && next.ticket > self.store_settled {
                return;
            }
            if !outbox.has_room() || next.qos > QoS::AtMostOnce && !session.window_open() {
                return;
            }
            let was_behind = session.is_behind(self.queue_limits);
            let Some(delivery) = session.unhold() else { return };
            if was_behind && !session.is_behind(self.queue_limits) {
                self.relief.notify_waiters();
            }
            let may_read = {
                let (who, topic) = (&session.identity, &delivery.message.topic);
                self.rights.decide(who, &session.client_id, Action::Read, topic).allowed
            };
            // What may have been sent already is finished, though its time is over.
            if !may_read || !delivery.dup && delivery.message.expiry_left(now_us) == Expiry::Passed {
                self.done(id, delivery.seq);
                continue;
            }
            self.send_alone(id, &outbox, delivery);
        }
        while self.replay(id) {}
    }

    /// Retained messages for a new subscription. They are not copied into the queue, which many
    /// would overflow: the session remembers how far it came, and goes on when there is room.
    pub(super) fn send_retained(&mut self, id: SessionId, replay: Replay) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.replays.retain(|older| older.filter != replay.filter);
        session.replays.push_back(replay);
        self.pump(id);
    }

    /// Sends the next retained message that the session's owner may read; false when there is none
    /// or no room for it.
    fn replay(&mut self, id: SessionId) -> bool {
        let Some(session) = self.sessions.get(&id) else { return false };
        let (Some(outbox), Some(replay)) = (session.outbox.clone(), session.replays.front()) else { return false };
        if !outbox.has_room() || !session.queue.is_empty() {
            return false;
        }
        let may_read = |message: &&Arc<Message>| {
            self.rights.decide(&session.identity, &session.client_id, Action::Read, &message.topic).allowed
        };
        let now_us = self.clock.now_us();
        let next = self.retained.matching(&replay.filter, replay.cursor.as_deref(), now_us).find(may_read);
        let delivery = next.map(|message| {
            let subscription_ids = replay.subscription_id.into_iter().collect();
            Delivery::new(message.clone(), message.qos.min(replay.qos), true, subscription_ids)
        });
        // QoS 2 is sent from the queue, once the store holds it.
        let by_queue = session.stored && self.store.is_some();
        let waits = delivery.as_ref().is_some_and(|next| next.qos > QoS::AtMostOnce) && !session.window_open();
        if waits {
            return false;
        }
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        match (delivery, session.replays.front_mut()) {
            (Some(delivery), Some(replay)) => {
                replay.cursor = Some(delivery.message.topic.as_str().to_owned());
                if by_queue && delivery.qos == QoS::ExactlyOnce {
                    self.hold(id, delivery);
                    return false;
                }
                self.send_alone(id, &outbox, delivery);
            }
            _ => drop(session.replays.pop_front()),
        }
        true
    }
}

fn shape(key: (Version, QoS, bool), delivery: &Delivery) -> Option<Shape> {
    // Each target's own identifier is put in its place.
    let packet_id = (delivery.qos > QoS::AtMostOnce).then_some(PacketId::MIN);
    let (bytes, id_at) =
        encoded(key.0, delivery, delivery.message.topic.as_str(), &delivery.message.properties, packet_id)?;
    Some(Shape { key, bytes, id_at })
}

fn encoded(
    version: Version,
    delivery: &Delivery,
    topic: &str,
    properties: &PublishProperties,
    packet_id: Option<PacketId>,
) -> Option<(BytesMut, Option<usize>)> {
    let (message, mut out) = (&delivery.message, BytesMut::new());
    let dup = delivery.dup && delivery.qos > QoS::AtMostOnce;
    let head = codec::PublishHead { dup, qos: delivery.qos, retain: delivery.retain, packet_id };
    let id_at = codec::encode_publish(head, topic, &message.payload, properties, version, &mut out)
        .inspect_err(|error| tracing::error!(%error, "a publication could not be written"))
        .ok()?;
    Some((out, id_at))
}
