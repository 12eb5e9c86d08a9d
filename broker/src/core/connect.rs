//! CONNECT and the end of a connection (5.0 §3.1, §4.1).

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use mqtt::{Ack, ConnAck, ConnAckProperties, Connect, Packet, QoS, Reason, Version};

use super::session::{Delivery, packet_id};
use super::{Core, Outbox, Session, SessionId};
use crate::rate::Bucket;
use crate::scram::METHOD;
use crate::store::{Change, will_as_publish};
use crate::{Action, ConnectFault, EventKind, Identity, Message, Origin, config};

/// A bridge of 5.0 says that it is one by a user property of its CONNECT.
const BRIDGE: &str = "courtier-bridge";

/// What a connection goes on with after its CONNACK.
pub(crate) struct Welcome {
    pub session: SessionId,
    pub outbox: Rc<Outbox>,
    /// How much it may publish, where that is limited.
    pub bucket: Option<Box<Bucket>>,
}

impl Core {
    /// Lets a client in whose identity is proven: take-over, session, CONNACK, what waited.
    pub fn connect(
        &mut self,
        connect: Connect,
        identity: Identity,
        mut outbox: Outbox,
    ) -> Result<Welcome, (Reason, ConnectFault)> {
        let assigned = connect.client_id.is_empty().then(|| self.new_client_id());
        let client_id: Arc<str> = assigned.as_deref().unwrap_or(&connect.client_id).into();
        self.check_will(&connect, &identity, &client_id)?;
        let old = self.session_of(&client_id);
        if let Some(old) = old
            && let Some(session) = self.sessions.get(&old)
            && session.identity != identity
        {
            let owner = session.identity.clone();
            return Err((Reason::ClientIdentifierNotValid, ConnectFault::ClientIdTaken { owner }));
        }
        if let Some(old) = old {
            self.take_over(old, outbox.peer);
        }
        let resumed = if connect.clean_start { None } else { self.session_of(&client_id) };
        if resumed.is_none()
            && let Some(old) = self.session_of(&client_id)
        {
            // The session ends here, and with it the delay of its will (5.0 §3.1.2.5).
            self.publish_will(old);
            self.forget(old);
        }
        let id = resumed.unwrap_or_else(|| self.new_session(client_id, identity, connect.version));
        let keep_alive_secs = self.keep_alive(&connect);
        let keep_alive_ms = i64::from(keep_alive_secs) * 1500;
        outbox.keep_alive_ms = (keep_alive_ms > 0).then_some(keep_alive_ms);
        outbox.max_packet_bytes = connect.properties.maximum_packet_size.map_or(usize::MAX, |bytes| bytes as usize);
        outbox.alias_maximum = connect.properties.topic_alias_maximum.unwrap_or(0);
        outbox.problem_information = connect.properties.request_problem_information.unwrap_or(true);
        let outbox = Rc::new(outbox);
        let (version, transport) = (connect.version, outbox.transport);
        let server_keep_alive = (keep_alive_secs != connect.keep_alive_secs).then_some(keep_alive_secs);
        let asks_where = connect.properties.request_response_information == Some(true);
        self.settle_in(id, connect, outbox.clone());
        outbox.send(&self.connack(id, resumed.is_some(), assigned, server_keep_alive, asks_where));
        self.counters.connected(1);
        self.session_event(id, EventKind::Connected { version, transport, keep_alive_secs });
        self.resend(id);
        Ok(Welcome { session: id, outbox, bucket: None })
    }

    fn check_will(
        &self,
        connect: &Connect,
        identity: &Identity,
        client_id: &str,
    ) -> Result<(), (Reason, ConnectFault)> {
        let Some(will) = &connect.will else { return Ok(()) };
        if self.rights.decide(identity, client_id, Action::Publish, &will.topic).allowed {
            return Ok(());
        }
        let topic = will.topic.as_str().to_owned();
        Err((Reason::NotAuthorized, ConnectFault::WillDenied { topic }))
    }

    fn new_client_id(&mut self) -> String {
        loop {
            self.next_session += 1;
            let id = format!("auto-{:x}-{:x}", self.clock.now_us(), self.next_session);
            if self.session_of(&id).is_none() {
                return id;
            }
        }
    }

    fn new_session(&mut self, client_id: Arc<str>, identity: Identity, version: Version) -> SessionId {
        self.next_session += 1;
        let id = self.next_session;
        self.by_client.insert(client_id.clone(), id);
        self.sessions.insert(id, Box::new(Session::new(client_id, identity, version)));
        id
    }

    /// The older connection of the same client ends; its will is sent (5.0 §3.1.4).
    fn take_over(&mut self, id: SessionId, by: SocketAddr) {
        let Some(outbox) = self.sessions.get(&id).and_then(|session| session.outbox.clone()) else { return };
        self.session_event(id, EventKind::TakenOver { by });
        outbox.say_goodbye(Reason::SessionTakenOver);
        self.disconnected(id, &outbox, Reason::SessionTakenOver);
    }

    fn settle_in(&mut self, id: SessionId, connect: Connect, outbox: Rc<Outbox>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.version = connect.version;
        session.bridge = connect.bridge || connect.properties.user_properties.iter().any(|(key, _)| key == BRIDGE);
        session.expiry_secs = match connect.version {
            Version::V5 => connect.properties.session_expiry_secs.unwrap_or(0),
            _ if connect.clean_start => 0,
            _ => u32::MAX,
        };
        session.receive_maximum = connect.properties.receive_maximum.unwrap_or(config::INFLIGHT).min(config::INFLIGHT);
        session.will = connect.will;
        session.will_due_ms = None;
        session.away_since_ms = None;
        session.outbox = Some(outbox);
        let (stored, now_ms) = (session.expiry_secs > 0, self.clock.now_ms());
        let was_stored = std::mem::replace(&mut session.stored, stored);
        if stored {
            self.keep_session(id);
        } else if was_stored {
            self.keep(Change::Forget(id));
        }
        self.look_again(id, now_ms);
    }

    /// What the client asked for, cut to the limit; older clients cannot be told of one.
    fn keep_alive(&self, connect: &Connect) -> u16 {
        match self.max_keep_alive_secs {
            Some(max)
                if connect.version == Version::V5
                    && (connect.keep_alive_secs == 0 || connect.keep_alive_secs > max) =>
            {
                max
            }
            _ => connect.keep_alive_secs,
        }
    }

    fn connack(
        &self,
        id: SessionId,
        session_present: bool,
        assigned: Option<String>,
        server_keep_alive_secs: Option<u16>,
        asks_where: bool,
    ) -> Packet {
        let mut properties = ConnAckProperties::default();
        if let Some(session) = self.sessions.get(&id)
            && session.version == Version::V5
        {
            if let Some(enhanced) = session.outbox.as_ref().and_then(|outbox| outbox.enhanced.as_ref()) {
                properties.authentication_method = Some(METHOD.to_owned());
                properties.authentication_data = enhanced.proof.take();
            }
            properties.assigned_client_id = assigned;
            properties.server_keep_alive_secs = server_keep_alive_secs;
            let answers = self.rights.response_information(&session.identity).filter(|_| asks_where);
            properties.response_information = answers.map(str::to_owned);
            properties.receive_maximum = u16::try_from(config::UNSETTLED_ACKS).ok();
            properties.topic_alias_maximum = Some(config::TOPIC_ALIASES);
            properties.maximum_packet_size = u32::try_from(self.limits.max_packet_bytes).ok();
            let granted = session.expiry_secs.min(config::SESSION_EXPIRY_SECS);
            properties.session_expiry_secs = (granted != session.expiry_secs).then_some(granted);
        }
        Packet::ConnAck(Box::new(ConnAck { session_present, reason: Reason::Success, properties }))
    }

    /// What was in flight goes again, in its order, then what waited (5.0 §4.4), never more than the
    /// client now takes at once.
    fn resend(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(outbox) = session.outbox.clone() else { return };
        for each in std::mem::take(&mut session.inflight).into_iter().rev() {
            match each.delivery {
                Some(delivery) => {
                    session.queue_bytes += delivery.message.cost();
                    session.queue.push_front(Delivery { dup: true, ..delivery });
                }
                None => session.inflight.push_front(each),
            }
        }
        for each in &session.inflight {
            let packet_id = packet_id(each.seq);
            outbox.send(&Packet::PubRel(Ack { packet_id, reason: Reason::Success, properties: None }));
        }
        self.pump(id);
    }

    /// A connection ended. Only the session's own connection ends it: one that was taken over does not.
    pub fn disconnected(&mut self, id: SessionId, outbox: &Rc<Outbox>, reason: Reason) {
        let now_ms = self.clock.now_ms();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !session.outbox.as_ref().is_some_and(|own| Rc::ptr_eq(own, outbox)) {
            return;
        }
        let (identity, client_id) = (session.identity.clone(), session.client_id.clone());
        session.outbox = None;
        session.away_since_ms = Some(now_ms);
        session.left_seq = session.next_seq;
        session.will_due_ms = session.will_due(now_ms);
        self.counters.connected(-1);
        self.event(Some(outbox.peer), Some(&client_id), Some(&identity), EventKind::Disconnected { reason });
        self.keep_session(id);
        self.sweep_session(id, now_ms);
    }

    /// Publishes a session's will, if its owner may still publish there.
    pub(super) fn publish_will(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.will_due_ms = None;
        let Some(will) = session.will.take() else { return };
        let (identity, client_id) = (session.identity.clone(), session.client_id.clone());
        if self.stopping || !self.rights.decide(&identity, &client_id, Action::Publish, &will.topic).allowed {
            return;
        }
        let properties = will_as_publish(will.properties);
        self.keep_session(id);
        let message = Message {
            topic: will.topic,
            payload: will.payload,
            qos: will.qos,
            retain: will.retain,
            properties,
            origin: Origin::Client { client_id, identity },
            at_us: self.clock.now_us(),
        };
        self.publish_unacknowledged(message);
    }

    /// DISCONNECT from the client (5.0 §3.14): the will goes unless it asks for it.
    pub(super) fn goodbye(&mut self, id: SessionId, disconnect: &mqtt::Disconnect) -> Result<(), Reason> {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if disconnect.reason != Reason::DisconnectWithWill {
            session.will = None;
        }
        if let Some(secs) = disconnect.properties.session_expiry_secs {
            if session.expiry_secs == 0 && secs != 0 {
                return Err(Reason::ProtocolError);
            }
            session.expiry_secs = secs;
        }
        Ok(())
    }

    /// The highest QoS that was granted stands for "connected and reading".
    pub fn granted(options_qos: QoS) -> Reason {
        match options_qos {
            QoS::AtMostOnce => Reason::Success,
            QoS::AtLeastOnce => Reason::GrantedQoS1,
            QoS::ExactlyOnce => Reason::GrantedQoS2,
        }
    }
}
