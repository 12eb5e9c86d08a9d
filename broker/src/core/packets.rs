//! Every packet of a connected client.

use std::rc::Rc;

use mqtt::{Ack, Packet, QoS, Reason, ReasonProperties, RetainHandling, SubAck, Subscribe, Unsubscribe, Version};

pub(crate) use super::publish::PublishState;
use super::session::Replay;
use super::{Core, Outbox, SessionId};
use crate::EventKind;

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
            Packet::Auth(_) => Verdict::Fault(Reason::ProtocolError, "AUTH without an authentication method"),
            _ => Verdict::Fault(Reason::ProtocolError, "a packet that only a server may send"),
        }
    }

    /// PUBACK and PUBCOMP end a message; in any order (clients do mix them).
    fn acked(&mut self, id: SessionId, outbox: &Outbox, ack: &Ack, qos: QoS) -> Verdict {
        outbox.progressed();
        if let Some(session) = self.sessions.get_mut(&id) {
            let ours = |each: &super::session::InFlight| {
                let stage = each.delivery.as_ref().map_or(QoS::ExactlyOnce, |delivery| delivery.qos);
                each.packet_id == ack.packet_id && stage == qos
            };
            if let Some(at) = session.inflight.iter().position(ours) {
                session.inflight.remove(at);
            }
        }
        self.pump(id);
        Verdict::GoOn
    }

    fn pubrec(&mut self, id: SessionId, outbox: &Outbox, ack: &Ack) -> Verdict {
        let packet_id = ack.packet_id;
        let Some(session) = self.sessions.get_mut(&id) else { return Verdict::GoOn };
        let at = session.inflight.iter().position(|each| {
            each.packet_id == packet_id
                && each.delivery.as_ref().is_none_or(|delivery| delivery.qos == QoS::ExactlyOnce)
        });
        let mut reason = Reason::Success;
        match at {
            // The receiver refused it: the message is over (5.0 §4.3.3).
            Some(at) if ack.reason.is_error() => {
                session.inflight.remove(at);
                self.pump(id);
                return Verdict::GoOn;
            }
            Some(at) => {
                if let Some(each) = session.inflight.get_mut(at) {
                    each.delivery = None;
                }
            }
            None => reason = Reason::PacketIdentifierNotFound,
        }
        outbox.send(&Packet::PubRel(Ack { packet_id, reason, properties: None }));
        Verdict::GoOn
    }

    fn subscribe(&mut self, id: SessionId, outbox: &Outbox, subscribe: Subscribe) -> Verdict {
        let mut reasons = Vec::with_capacity(subscribe.filters.len());
        let mut replays = Vec::new();
        for (filter, options) in subscribe.filters {
            let Some(session) = self.sessions.get_mut(&id) else { return Verdict::GoOn };
            let decision = self.rights.decide_filter(&session.identity, &session.client_id, &filter);
            if !decision.allowed {
                let filter = filter.as_str().to_owned();
                self.session_event(id, EventKind::SubscribeDenied { filter, rule: decision.rule });
                reasons.push(Reason::NotAuthorized);
                continue;
            }
            session.subscriptions.insert(filter.clone(), (options, subscribe.subscription_id));
            let new = self.subscriptions.add(id, &filter, options, subscribe.subscription_id);
            reasons.push(Core::granted(options.qos));
            let replay = match options.retain_handling {
                RetainHandling::Send => true,
                RetainHandling::SendIfNew => new,
                RetainHandling::DoNotSend => false,
            };
            if replay && filter.share_group().is_none() {
                let subscription_id = subscribe.subscription_id;
                replays.push(Replay { filter, qos: options.qos, subscription_id, cursor: None });
            }
        }
        let properties = ReasonProperties::default();
        outbox.send(&Packet::SubAck(Box::new(SubAck { packet_id: subscribe.packet_id, reasons, properties })));
        for replay in replays {
            self.send_retained(id, replay);
        }
        Verdict::GoOn
    }

    fn unsubscribe(&mut self, id: SessionId, outbox: &Outbox, unsubscribe: Unsubscribe) -> Verdict {
        let mut reasons = Vec::with_capacity(unsubscribe.filters.len());
        for filter in &unsubscribe.filters {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.subscriptions.remove(filter);
                session.replays.retain(|replay| replay.filter != *filter);
            }
            let was_there = self.subscriptions.remove(id, filter);
            reasons.push(if was_there { Reason::Success } else { Reason::NoSubscriptionExisted });
        }
        if outbox.version != Version::V5 {
            reasons.clear();
        }
        let properties = ReasonProperties::default();
        outbox.send(&Packet::UnsubAck(Box::new(SubAck { packet_id: unsubscribe.packet_id, reasons, properties })));
        Verdict::GoOn
    }
}
