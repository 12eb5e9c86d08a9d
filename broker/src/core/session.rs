//! A session: what the broker remembers of a client, connected or away (5.0 §4.1).

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use mqtt::{Filter, PacketId, QoS, SubscribeOptions, Version, Will};

use super::outbox::Outbox;
use crate::{Identity, Message, config};

/// A message on its way to one session.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub message: Arc<Message>,
    pub qos: QoS,
    pub retain: bool,
    pub subscription_ids: Vec<u32>,
}

/// Sent with QoS 1 or 2 and not yet fully acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub packet_id: PacketId,
    /// `None` once PUBREC came: only PUBREL is repeated from there on.
    pub delivery: Option<Delivery>,
}

/// Retained messages that a new subscription is still to be sent.
#[derive(Debug)]
pub(crate) struct Replay {
    pub filter: Filter,
    pub qos: QoS,
    pub subscription_id: Option<u32>,
    /// The topic that was sent last.
    pub cursor: Option<String>,
}

pub(crate) struct Session {
    pub client_id: Arc<str>,
    pub identity: Identity,
    pub version: Version,
    /// 0 ends it with the connection; `u32::MAX` never (5.0 §3.1.2.11.2).
    pub expiry_secs: u32,
    pub subscriptions: HashMap<Filter, (SubscribeOptions, Option<u32>)>,
    pub outbox: Option<Rc<Outbox>>,
    pub queue: VecDeque<Delivery>,
    pub queue_bytes: usize,
    pub replays: VecDeque<Replay>,
    pub inflight: VecDeque<InFlight>,
    pub receive_maximum: u16,
    next_packet_id: u16,
    /// QoS 2 publications received and not yet released.
    pub received: HashSet<PacketId>,
    pub will: Option<Will>,
    /// Set while away.
    pub away_since_ms: Option<i64>,
    /// When a delayed will is due.
    pub will_due_ms: Option<i64>,
    pub dropped: u64,
}

impl Session {
    pub fn new(client_id: Arc<str>, identity: Identity, version: Version) -> Session {
        Session {
            client_id,
            identity,
            version,
            expiry_secs: 0,
            subscriptions: HashMap::new(),
            outbox: None,
            queue: VecDeque::new(),
            queue_bytes: 0,
            replays: VecDeque::new(),
            inflight: VecDeque::new(),
            receive_maximum: config::INFLIGHT,
            next_packet_id: 0,
            received: HashSet::new(),
            will: None,
            away_since_ms: None,
            will_due_ms: None,
            dropped: 0,
        }
    }

    pub fn window_open(&self) -> bool {
        self.inflight.len() < usize::from(self.receive_maximum)
    }

    /// The next identifier that no message in flight uses.
    pub fn packet_id(&mut self) -> PacketId {
        loop {
            self.next_packet_id = self.next_packet_id.wrapping_add(1);
            if let Some(id) = PacketId::new(self.next_packet_id)
                && !self.inflight.iter().any(|each| each.packet_id == id)
            {
                return id;
            }
        }
    }

    /// Holds a message that cannot be sent now. Where the queue is full, QoS 0 goes first, the
    /// oldest of it; else this message is dropped. Answers how many were dropped.
    pub fn hold(&mut self, delivery: Delivery) -> u64 {
        let cost = delivery.message.cost();
        let mut dropped = 0;
        while self.queue.len() >= config::QUEUED_MESSAGES || self.queue_bytes + cost > config::QUEUED_BYTES {
            let oldest = self.queue.iter().position(|each| each.qos == QoS::AtMostOnce);
            match oldest.and_then(|at| self.queue.remove(at)) {
                Some(old) => self.queue_bytes -= old.message.cost(),
                None => {
                    self.dropped += 1;
                    return dropped + 1;
                }
            }
            dropped += 1;
            self.dropped += 1;
        }
        self.queue_bytes += cost;
        self.queue.push_back(delivery);
        dropped
    }

    pub fn unhold(&mut self) -> Option<Delivery> {
        let delivery = self.queue.pop_front()?;
        self.queue_bytes -= delivery.message.cost();
        Some(delivery)
    }

    /// Whether its publishers must wait: half its queue is full, and it does take messages. One
    /// that takes none slows nobody; its queue ends at its limit.
    pub fn is_behind(&self) -> bool {
        (self.queue.len() > config::QUEUED_MESSAGES / 2 || self.queue_bytes > config::QUEUED_BYTES / 2)
            && self.outbox.as_ref().is_some_and(|outbox| outbox.makes_progress())
    }

    /// How long it may stay away.
    pub fn ends_at_ms(&self) -> Option<i64> {
        let secs = self.expiry_secs.min(config::SESSION_EXPIRY_SECS);
        self.away_since_ms.map(|since| since + i64::from(secs) * 1000)
    }
}
