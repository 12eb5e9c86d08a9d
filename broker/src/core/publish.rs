//! PUBLISH from a client (5.0 §3.3) and from the site.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use mqtt::{Packet, Publish, QoS, Reason, Topic, Version};
use tokio::sync::oneshot;

use super::outbox::{Outbox, PendingAck};
use super::{Core, SessionId, SitePublish, Waiter};
use crate::rate::Bucket;
use crate::store::Change;
use crate::{Action, Decision, EventKind, Message, Origin, config};

/// What a connection remembers of the publications it sent.
#[derive(Default)]
pub(crate) struct PublishState {
    aliases: std::collections::HashMap<u16, Topic>,
    /// The topic last allowed, and under which rights: most publishers keep to one.
    allowed: Option<(Topic, u64)>,
    /// The topic last refused and when: the same refusal is told once a second.
    last_denied: Option<(String, i64)>,
    /// What its rate leaves it, where there is one.
    pub bucket: Option<Box<Bucket>>,
}

impl PublishState {
    pub fn limited(bucket: Option<Box<Bucket>>) -> PublishState {
        PublishState { bucket, ..PublishState::default() }
    }

    /// The topic itself, or what its alias stands for (5.0 §3.3.2.3.4).
    fn topic(&mut self, publish: &mut Publish) -> Result<Topic, Reason> {
        let alias = publish.properties.topic_alias.take();
        if alias.is_some_and(|alias| alias > crate::config::TOPIC_ALIASES) {
            return Err(Reason::TopicAliasInvalid);
        }
        match (publish.topic.take(), alias) {
            (Some(topic), Some(alias)) => {
                self.aliases.insert(alias, topic.clone());
                Ok(topic)
            }
            (Some(topic), None) => Ok(topic),
            (None, Some(alias)) => self.aliases.get(&alias).cloned().ok_or(Reason::TopicAliasInvalid),
            (None, None) => Err(Reason::ProtocolError),
        }
    }
}

impl Core {
    /// Takes one publication of a client. An error ends the connection.
    pub fn publish_from(
        &mut self,
        id: SessionId,
        outbox: &Rc<Outbox>,
        mut publish: Publish,
        state: &mut PublishState,
    ) -> Result<(), Reason> {
        let topic = state.topic(&mut publish)?;
        if !publish.properties.subscription_ids.is_empty() {
            return Err(Reason::ProtocolError);
        }
        let now_us = self.clock.now_us();
        if let Some(bucket) = &mut state.bucket {
            bucket.take(now_us);
        }
        let Some(session) = self.sessions.get_mut(&id) else { return Err(Reason::UnspecifiedError) };
        let (identity, client_id) = (session.identity.clone(), session.client_id.clone());
        if publish.qos > QoS::AtMostOnce && outbox.version == Version::V5 {
            // 5.0 §3.3.4. A release that is still due and an acknowledgement may be of one message,
            // so the larger of both counts: never too strict.
            let known = publish.packet_id.is_some_and(|packet_id| session.received.contains(&packet_id));
            let unacknowledged = session.received.len().max(outbox.acks.borrow().len());
            if !known && unacknowledged >= config::UNSETTLED_ACKS {
                return Err(Reason::ReceiveMaximumExceeded);
            }
        }
        if publish.qos == QoS::ExactlyOnce
            && let Some(packet_id) = publish.packet_id
        {
            let known = !session.received.insert(packet_id);
            if session.stored {
                self.keep(Change::Received { session: id, packet_id });
            }
            if known {
                // Sent again before PUBREL: it is not a second message (5.0 §4.3.3).
                self.acknowledge(id, outbox, packet_id, true, Reason::Success);
                return Ok(());
            }
        }
        let known = state.allowed.as_ref().is_some_and(|(known, epoch)| *epoch == self.rights_epoch && *known == topic);
        let decision = match known {
            true => Decision { allowed: true, rule: None },
            false => self.rights.decide(&identity, &client_id, Action::Publish, &topic),
        };
        if decision.allowed && !known {
            state.allowed = Some((topic.clone(), self.rights_epoch));
        }
        if !decision.allowed {
            self.tell_denied(id, state, topic.as_str(), decision.rule, now_us / 1000);
            self.refuse(id, outbox, &publish, Reason::NotAuthorized);
            return Ok(());
        }
        if self.check_payload_format
            && publish.properties.payload_is_utf8 == Some(true)
            && std::str::from_utf8(&publish.payload).is_err()
        {
            self.refuse(id, outbox, &publish, Reason::PayloadFormatInvalid);
            return Ok(());
        }
        self.counters.received(1, publish.payload.len());
        let (qos, packet_id) = (publish.qos, publish.packet_id);
        let message = Arc::new(Message {
            topic,
            payload: publish.payload,
            qos,
            retain: publish.retain,
            properties: publish.properties,
            origin: Origin::Client { client_id, identity },
            at_us: now_us,
        });
        self.accept(id, outbox, &message, packet_id);
        Ok(())
    }

    fn tell_denied(&self, id: SessionId, state: &mut PublishState, topic: &str, rule: Option<String>, now_ms: i64) {
        let told = state.last_denied.as_ref().is_some_and(|(last, at)| last == topic && now_ms - at < 1000);
        if !told {
            state.last_denied = Some((topic.to_owned(), now_ms));
            self.session_event(id, EventKind::PublishDenied { topic: topic.to_owned(), rule });
        }
    }

    /// A refused publication: 5.0 is told why; 3.1.1 has no such answer and gets its PUBACK.
    fn refuse(&mut self, id: SessionId, outbox: &Rc<Outbox>, publish: &Publish, why: Reason) {
        let Some(packet_id) = publish.packet_id else { return };
        let reason = if outbox.version == Version::V5 { why } else { Reason::Success };
        if reason.is_error() {
            self.not_received(id, packet_id);
        }
        self.acknowledge(id, outbox, packet_id, publish.qos == QoS::ExactlyOnce, reason);
    }

    /// An acknowledgement of what no keeper was offered, in its place behind those that wait. PUBREC
    /// says that the identifier is known: the store must know it too.
    fn acknowledge(
        &mut self,
        id: SessionId,
        outbox: &Rc<Outbox>,
        packet_id: mqtt::PacketId,
        qos2: bool,
        reason: Reason,
    ) {
        let ack = Rc::new(PendingAck::new(packet_id, qos2));
        ack.reason.set(reason);
        if qos2 && self.is_stored(id) {
            self.wait_for_store(&ack, || Waiter::Client {
                ack: ack.clone(),
                outbox: Rc::downgrade(outbox),
                session: id,
            });
        }
        outbox.acks.borrow_mut().push_back(ack);
        outbox.flush_acks();
    }

    /// The acknowledgement waits until what this turn changed is committed.
    fn wait_for_store(&mut self, ack: &PendingAck, waiter: impl Fn() -> Waiter) {
        if let Some(store) = &self.store {
            ack.waiting.set(ack.waiting.get() + 1);
            self.store_waiting.push_back((store.ticket(), waiter()));
        }
    }

    /// Keepers first, then the subscribers, then the tap.
    fn accept(
        &mut self,
        id: SessionId,
        outbox: &Rc<Outbox>,
        message: &Arc<Message>,
        packet_id: Option<mqtt::PacketId>,
    ) {
        let qos2 = message.qos == QoS::ExactlyOnce;
        let Some(packet_id) = packet_id else {
            self.publish_arc(message);
            return;
        };
        let ack = Rc::new(PendingAck::new(packet_id, qos2));
        let waiter = || Waiter::Client { ack: ack.clone(), outbox: Rc::downgrade(outbox), session: id };
        let mark = self.store_mark();
        let kept = self.offer(message, true, waiter);
        ack.waiting.set(kept.tickets);
        if kept.full {
            // Not stored, so not acknowledged as stored, and not handed on either: the client sends
            // it again, and nobody shall get it twice.
            ack.failed.set(true);
            self.not_received(id, packet_id);
        } else if self.hand_on(message) == 0 && outbox.version == Version::V5 {
            ack.reason.set(Reason::NoMatchingSubscribers);
        }
        if !kept.full && (self.store_mark() > mark || qos2 && self.is_stored(id)) {
            self.wait_for_store(&ack, waiter);
        }
        outbox.acks.borrow_mut().push_back(ack);
        outbox.flush_acks();
    }

    fn hand_on(&mut self, message: &Arc<Message>) -> usize {
        let reached = self.route(message);
        self.tap.send(message.clone()).ok();
        reached
    }

    /// Wills and QoS 0: kept as well as can be, acknowledged to nobody.
    pub(super) fn publish_unacknowledged(&mut self, message: Message) {
        self.publish_arc(&Arc::new(message));
    }

    fn publish_arc(&mut self, message: &Arc<Message>) {
        let site = Rc::new(SitePublish { waiting: Cell::new(0), failed: Cell::new(false), done: RefCell::new(None) });
        self.offer(message, false, || Waiter::Site(site.clone()));
        self.hand_on(message);
    }

    /// A publication of the site itself; `done` hears whether every keeper stored it.
    pub fn publish_from_site(&mut self, mut message: Message, done: oneshot::Sender<bool>) {
        message.at_us = self.clock.now_us();
        let message = Arc::new(message);
        let site =
            Rc::new(SitePublish { waiting: Cell::new(0), failed: Cell::new(false), done: RefCell::new(Some(done)) });
        let mark = self.store_mark();
        let kept = self.offer(&message, true, || Waiter::Site(site.clone()));
        self.counters.received(1, message.payload.len());
        site.waiting.set(kept.tickets);
        if kept.full {
            site.failed.set(true);
        } else {
            self.hand_on(&message);
        }
        if let Some(store) = self.store.as_ref().filter(|store| store.mark() > mark) {
            site.waiting.set(site.waiting.get() + 1);
            self.store_waiting.push_back((store.ticket(), Waiter::Site(site.clone())));
        }
        site.finish_if_ready();
    }

    /// PUBREL of a publication with QoS 2 (5.0 §4.3.3).
    pub(super) fn release(&mut self, id: SessionId, outbox: &Rc<Outbox>, packet_id: mqtt::PacketId) {
        let known = self.sessions.get_mut(&id).is_some_and(|session| session.received.remove(&packet_id));
        let reason = if known { Reason::Success } else { Reason::PacketIdentifierNotFound };
        let complete = Packet::PubComp(mqtt::Ack { packet_id, reason, properties: None });
        // The client is then free to use the identifier for another message.
        self.send_when_kept(id, outbox, Change::Completed { session: id, packet_id }, complete);
    }
}
