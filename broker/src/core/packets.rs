//! Every packet of a connected client.

use std::rc::Rc;

use mqtt::{
    Ack, Filter, Packet, QoS, Reason, ReasonProperties, RetainHandling, SubAck, Subscribe, Unsubscribe, Version,
};

pub(crate) use super::publish::PublishState;
use super::session::Replay;
use super::{Core, Outbox, SessionId, Waiter};
use crate::EventKind;
use crate::store::Change;

/// How a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    GoOn,
    /// The client said goodbye.
    Ended,
    /// The connection ends with this reason.
    Fault(Reason, &'static str),
}

impl Core {
    pub fn handle(&mut self, id: SessionId, outbox: &Rc<Outbox>, packet: Packet, state: &mut PublishState) -> Verdict {
        outbox.heard_ms.set(self.clock.now_ms());
        if !packet.is_from_client() {
            return Verdict::Fault(Reason::ProtocolError, "a packet that only a server may send");
        }
        match packet {
            Packet::Publish(publish) => match self.publish_from(id, outbox, *publish, state) {
                Ok(()) => Verdict::GoOn,
                Err(reason) => Verdict::Fault(reason, "PUBLISH"),
            },
            Packet::PubAck(ack) => self.acked(id, outbox, &ack, QoS::AtLeastOnce),
            Packet::PubRec(ack) => self.pubrec(id, outbox, &ack),
            Packet::PubRel(ack) => {
                self.release(id, outbox, ack.packet_id);
                Verdict::GoOn
            }
            Packet::PubComp(ack) => self.acked(id, outbox, &ack, QoS::ExactlyOnce),
            Packet::Subscribe(subscribe) => self.subscribe(id, outbox, *subscribe),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(id, outbox, *unsubscribe),
            Packet::PingReq => {
                outbox.send(&Packet::PingResp);
                Verdict::GoOn
            }
            Packet::Disconnect(disconnect) => match self.goodbye(id, &disconnect) {
                Ok(()) => Verdict::Ended,
                Err(reason) => Verdict::Fault(reason, "DISCONNECT"),
            },
            Packet::Connect(_) => Verdict::Fault(Reason::ProtocolError, "a second CONNECT"),
            _ => Verdict::Fault(Reason::ProtocolError, "a packet that only a server may send"),
        }
    }

    /// PUBACK and PUBCOMP end a message; in any order (clients do mix them).
    fn acked(&mut self, id: SessionId, outbox: &Outbox, ack: &Ack, qos: QoS) -> Verdict {
        outbox.progressed();
        if let Some(session) = self.sessions.get_mut(&id)
            && let Some(at) = session.in_flight_at(ack.packet_id)
            && let Some(each) = session.inflight.get(at)
            && each.delivery.as_ref().map_or(QoS::ExactlyOnce, |delivery| delivery.qos) == qos
        {
            let seq = each.seq;
            session.inflight.remove(at);
            self.done(id, seq);
        }
        self.pump(id);
        Verdict::GoOn
    }

    fn pubrec(&mut self, id: SessionId, outbox: &Rc<Outbox>, ack: &Ack) -> Verdict {
        outbox.progressed();
        let packet_id = ack.packet_id;
        let Some(session) = self.sessions.get_mut(&id) else { return Verdict::GoOn };
        let at = session.in_flight_at(packet_id);
        let found = at
            .and_then(|at| session.inflight.get_mut(at))
            .filter(|each| each.delivery.as_ref().is_none_or(|delivery| delivery.qos == QoS::ExactlyOnce));
        let Some(each) = found else {
            let reason = Reason::PacketIdentifierNotFound;
            outbox.send(&Packet::PubRel(Ack { packet_id, reason, properties: None }));
            return Verdict::GoOn;
        };
        let seq = each.seq;
        if ack.reason.is_error() {
            // The receiver refused it: the message is over (5.0 §4.3.3).
            session.inflight.retain(|each| each.seq != seq);
            self.done(id, seq);
            self.pump(id);
            return Verdict::GoOn;
        }
        each.delivery = None;
        // Once the client hears PUBREL it forgets the identifier: the store must know by then.
        let release = Packet::PubRel(Ack { packet_id, reason: Reason::Success, properties: None });
        self.send_when_kept(id, outbox, Change::Released { session: id, seq }, release);
        Verdict::GoOn
    }

    fn subscribe(&mut self, id: SessionId, outbox: &Rc<Outbox>, subscribe: Subscribe) -> Verdict {
        let mut reasons = Vec::with_capacity(subscribe.filters.len());
        let mut replays = Vec::new();
        let mut granted = Vec::new();
        for (filter, mut options) in subscribe.filters {
            let Some(session) = self.sessions.get_mut(&id) else { return Verdict::GoOn };
            let decision = self.rights.decide_filter(&session.identity, &session.client_id, &filter);
            if !decision.allowed {
                let filter = filter.as_str().to_owned();
                self.session_event(id, EventKind::SubscribeDenied { filter, rule: decision.rule });
                reasons.push(Reason::NotAuthorized);
                continue;
            }
            if session.bridge && filter.share_group().is_none() {
                (options.no_local, options.retain_as_published) = (true, true);
            }
            let subscription_id = subscribe.subscription_id;
            session.subscriptions.insert(filter.clone(), (options, subscription_id));
            if session.stored {
                self.keep(Change::Subscribe { session: id, filter: filter.clone(), options, subscription_id });
                granted.push(filter.clone());
            }
            let new = self.subscriptions.add(id, &filter, options, subscribe.subscription_id);
            reasons.push(Core::granted(options.qos));
            let replay = match options.retain_handling {
                RetainHandling::Send => true,
                RetainHandling::SendIfNew => new,
                RetainHandling::DoNotSend => false,
            };
            if replay && filter.share_group().is_none() {
                replays.push(Replay { filter, qos: options.qos, subscription_id, cursor: None });
            }
        }
        let properties = ReasonProperties::default();
        let suback = Box::new(SubAck { packet_id: subscribe.packet_id, reasons, properties });
        match &self.store {
            Some(store) if !granted.is_empty() => {
                let outbox = Rc::downgrade(outbox);
                let waiter = Waiter::SubAck { outbox, session: id, suback, filters: granted };
                self.store_waiting.push_back((store.ticket(), waiter));
            }
            _ => outbox.send(&Packet::SubAck(suback)),
        }
        for replay in replays {
            self.send_retained(id, replay);
        }
        Verdict::GoOn
    }

    fn unsubscribe(&mut self, id: SessionId, outbox: &Rc<Outbox>, unsubscribe: Unsubscribe) -> Verdict {
        let mut reasons = Vec::with_capacity(unsubscribe.filters.len());
        let mark = self.store_mark();
        for filter in &unsubscribe.filters {
            let was_there = self.drop_subscription(id, filter);
            reasons.push(if was_there { Reason::Success } else { Reason::NoSubscriptionExisted });
        }
        if outbox.version != Version::V5 {
            reasons.clear();
        }
        let properties = ReasonProperties::default();
        let unsuback = Packet::UnsubAck(Box::new(SubAck { packet_id: unsubscribe.packet_id, reasons, properties }));
        match &self.store {
            Some(store) if store.mark() > mark => {
                let outbox = Rc::downgrade(outbox);
                self.store_waiting.push_back((store.ticket(), Waiter::Packet { outbox, packet: unsuback }));
            }
            _ => outbox.send(&unsuback),
        }
        Verdict::GoOn
    }

    /// Ends one subscription; answers whether there was one.
    pub(super) fn drop_subscription(&mut self, id: SessionId, filter: &Filter) -> bool {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.replays.retain(|replay| replay.filter != *filter);
            if session.subscriptions.remove(filter).is_some() && session.stored {
                self.keep(Change::Unsubscribe { session: id, filter: filter.clone() });
            }
        }
        self.subscriptions.remove(id, filter)
    }
}
