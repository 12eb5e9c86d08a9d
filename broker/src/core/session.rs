//! A session: what the broker remembers of a client, connected or away (5.0 §4.1).

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use mqtt::{Filter, PacketId, QoS, SubscribeOptions, Version, Will};

use super::SessionId;
use super::outbox::Outbox;
use crate::store::SessionRow;
use crate::{Identity, Message, QueueLimits, config};

/// Packet identifiers: 1 to 65535 (5.0 §2.2.1).
const IDENTIFIERS: u64 = 65_535;

/// The identifier of the message at this place.
pub(crate) fn packet_id(seq: u64) -> PacketId {
    let number = u16::try_from(seq.saturating_sub(1) % IDENTIFIERS).unwrap_or(0);
    PacketId::MIN.saturating_add(number)
}

/// A message on its way to one session.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub message: Arc<Message>,
    pub qos: QoS,
    pub retain: bool,
    pub subscription_ids: Vec<u32>,
    /// Its place in the order of delivery, from which the packet identifier follows; 0: QoS 0, or
    /// not yet taken up by the session.
    pub seq: u64,
    /// It may have been sent before.
    pub dup: bool,
    /// What the store has still to commit before QoS 2 may be sent; 0: nothing.
    pub ticket: u64,
}

impl Delivery {
    pub fn new(message: Arc<Message>, qos: QoS, retain: bool, subscription_ids: Vec<u32>) -> Delivery {
        Delivery { message, qos, retain, subscription_ids, seq: 0, dup: false, ticket: 0 }
    }
}

/// Sent with QoS 1 or 2 and not yet fully acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    pub seq: u64,
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
    /// Another broker: it is never sent back what came from it, and retained flags stay.
    pub bridge: bool,
    /// 0 ends it with the connection; `u32::MAX` never (5.0 §3.1.2.11.2).
    pub expiry_secs: u32,
    pub subscriptions: HashMap<Filter, (SubscribeOptions, Option<u32>)>,
    pub outbox: Option<Rc<Outbox>>,
    pub queue: VecDeque<Delivery>,
    pub queue_bytes: usize,
    pub replays: VecDeque<Replay>,
    pub inflight: VecDeque<InFlight>,
    pub receive_maximum: u16,
    /// The place of the next message; the packet identifier is this number modulo 65535, plus 1: the
    /// same after a restart, without being stored.
    pub next_seq: u64,
    /// The first message that was queued after it left.
    pub left_seq: u64,
    /// It is in the store, and so is every change to it.
    pub stored: bool,
    /// QoS 2 publications received and not yet released.
    pub received: HashSet<PacketId>,
    pub will: Option<Will>,
    /// Set while away.
    pub away_since_ms: Option<i64>,
    /// When a delayed will is due.
    pub will_due_ms: Option<i64>,
    /// Where it stands in the list of what is to be looked at.
    pub due_ms: Option<i64>,
    pub dropped: u64,
}

impl Session {
    pub fn new(client_id: Arc<str>, identity: Identity, version: Version) -> Session {
        Session {
            client_id,
            identity,
            version,
            bridge: false,
            expiry_secs: 0,
            subscriptions: HashMap::new(),
            outbox: None,
            queue: VecDeque::new(),
            queue_bytes: 0,
            replays: VecDeque::new(),
            inflight: VecDeque::new(),
            receive_maximum: config::INFLIGHT,
            next_seq: 1,
            left_seq: 1,
            stored: false,
            received: HashSet::new(),
            will: None,
            away_since_ms: None,
            will_due_ms: None,
            due_ms: None,
            dropped: 0,
        }
    }

    /// Whether one more may be sent with QoS 1 or 2. Identifiers come round: the oldest in flight
    /// must not be met.
    pub fn window_open(&self) -> bool {
        self.inflight.len() < usize::from(self.receive_maximum)
            && self.inflight.front().is_none_or(|oldest| {
                let next = self.queue.front().map(|next| next.seq).filter(|seq| *seq > 0);
                next.unwrap_or(self.next_seq).abs_diff(oldest.seq) < IDENTIFIERS
            })
    }

    /// Where the message with this identifier is in flight.
    pub fn in_flight_at(&self, packet_id: PacketId) -> Option<usize> {
        let oldest = self.inflight.front()?.seq;
        let ahead = (u64::from(packet_id.get()) + IDENTIFIERS - oldest % IDENTIFIERS) % IDENTIFIERS;
        self.inflight.binary_search_by_key(&(oldest + ahead), |each| each.seq).ok()
    }

    /// Remembers what must be acknowledged, in the order of the places.
    pub fn sent(&mut self, seq: u64, delivery: Option<Delivery>) {
        let at = self.inflight.partition_point(|each| each.seq < seq);
        self.inflight.insert(at, InFlight { seq, delivery });
    }

    /// Gives a message its place.
    pub fn take_up(&mut self, delivery: &mut Delivery) {
        delivery.seq = self.next_seq;
        self.next_seq += 1;
    }

    /// Makes room in the queue for a message that cannot be sent now: QoS 0 goes first, the oldest of
    /// it. Answers whether there is room, and how many were dropped.
    pub fn make_room(&mut self, cost: usize, limits: QueueLimits) -> (bool, u64) {
        let mut dropped = 0;
        while self.queue.len() >= limits.messages || self.queue_bytes + cost > limits.bytes {
            let oldest = self.queue.iter().position(|each| each.qos == QoS::AtMostOnce);
            match oldest.and_then(|at| self.queue.remove(at)) {
                Some(old) => self.queue_bytes -= old.message.cost(),
                None => {
                    self.dropped += 1;
                    return (false, dropped + 1);
                }
            }
            dropped += 1;
            self.dropped += 1;
        }
        (true, dropped)
    }

    pub fn hold(&mut self, delivery: Delivery) {
        self.queue_bytes += delivery.message.cost();
        self.queue.push_back(delivery);
    }

    pub fn unhold(&mut self) -> Option<Delivery> {
        let delivery = self.queue.pop_front()?;
        self.queue_bytes -= delivery.message.cost();
        Some(delivery)
    }

    /// Whether its publishers must wait: half its queue is full, and it does take messages. One
    /// that takes none slows nobody; its queue ends at its limit.
    pub fn is_behind(&self, limits: QueueLimits) -> bool {
        (self.queue.len() > limits.messages / 2 || self.queue_bytes > limits.bytes / 2)
            && self.outbox.as_ref().is_some_and(|outbox| outbox.makes_progress())
    }

    /// What the store keeps of the session itself.
    pub fn row(&self, id: SessionId) -> SessionRow {
        SessionRow {
            id,
            client_id: self.client_id.clone(),
            identity: self.identity.clone(),
            version: self.version,
            expiry_secs: self.expiry_secs,
            away_since_ms: self.away_since_ms,
            left_seq: self.left_seq,
            will: self.will.clone(),
            will_due_ms: self.will_due_ms,
        }
    }

    /// When its will is due if it leaves now.
    pub fn will_due(&self, now_ms: i64) -> Option<i64> {
        let will = self.will.as_ref()?;
        let delay_secs = will.properties.delay_secs.unwrap_or(0).min(self.expiry_secs);
        Some(now_ms + i64::from(delay_secs) * 1000)
    }

    /// How long it may stay away.
    pub fn ends_at_ms(&self) -> Option<i64> {
        let secs = self.expiry_secs.min(config::SESSION_EXPIRY_SECS);
        self.away_since_ms.map(|since| since + i64::from(secs) * 1000)
    }
}
