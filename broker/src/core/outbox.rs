//! What one connection is still to be sent. The core fills it and wakes the connection's writer,
//! which takes everything at once: one write per connection and turn.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mqtt::{Ack, Packet, PacketId, Reason, Version, codec};
use tokio::sync::Notify;

use crate::enhanced::Enhanced;
use crate::{TransportKind, config};

/// An acknowledgement that waits for its keepers.
pub(crate) struct PendingAck {
    pub packet_id: PacketId,
    pub qos2: bool,
    pub reason: Cell<Reason>,
    /// Tickets not yet settled.
    pub waiting: Cell<u8>,
    /// A keeper could not store it.
    pub failed: Cell<bool>,
}

impl PendingAck {
    pub fn new(packet_id: PacketId, qos2: bool) -> PendingAck {
        let (reason, waiting, failed) = (Cell::new(Reason::Success), Cell::new(0), Cell::new(false));
        PendingAck { packet_id, qos2, reason, waiting, failed }
    }
}

pub(crate) struct Outbox {
    pub version: Version,
    pub peer: SocketAddr,
    pub transport: TransportKind,
    pub since_ms: i64,
    /// The client's own limit on what it is sent.
    pub max_packet_bytes: usize,
    pub problem_information: bool,
    /// How many topic aliases the client takes (5.0 §3.1.2.11.5).
    pub alias_maximum: u16,
    /// Those that it was given on this connection.
    aliases: RefCell<HashMap<Box<str>, u16>>,
    /// How it proved who it is, where that was by AUTH.
    pub enhanced: Option<Box<Enhanced>>,
    pub keep_alive_ms: Option<i64>,
    pub heard_ms: Cell<i64>,
    bytes: RefCell<BytesMut>,
    /// Taken by the writer and not yet in the socket.
    writing: Cell<usize>,
    /// When the client last took a byte or acknowledged a message.
    progress: Cell<Instant>,
    /// The reader waits for keepers or subscribers: that the client is not heard is our doing.
    pub paused: Cell<bool>,
    pub wake: Notify,
    /// Set once: the writer ends after the last byte, the reader at once.
    closing: Cell<Option<Reason>>,
    pub closed: Notify,
    /// In the order of the publications (5.0 §4.6).
    pub acks: RefCell<VecDeque<Rc<PendingAck>>>,
    /// Told when acknowledgements or output went out: a paused reader looks again.
    pub drained: Notify,
}

impl Outbox {
    pub fn new(version: Version, peer: SocketAddr, transport: TransportKind, now_ms: i64) -> Outbox {
        Outbox {
            version,
            peer,
            transport,
            since_ms: now_ms,
            max_packet_bytes: usize::MAX,
            problem_information: true,
            alias_maximum: 0,
            aliases: RefCell::default(),
            enhanced: None,
            keep_alive_ms: None,
            heard_ms: Cell::new(now_ms),
            bytes: RefCell::new(BytesMut::new()),
            writing: Cell::new(0),
            progress: Cell::new(Instant::now()),
            paused: Cell::new(false),
            wake: Notify::new(),
            closing: Cell::new(None),
            closed: Notify::new(),
            acks: RefCell::new(VecDeque::new()),
            drained: Notify::new(),
        }
    }

    pub fn send(&self, packet: &Packet) {
        let mut bytes = self.bytes.borrow_mut();
        let start = bytes.len();
        if let Err(error) = codec::encode(packet, self.version, &mut bytes) {
            // Only a text of ours that is too long can end here: the packet is left out.
            tracing::error!(%error, "a packet could not be written");
            bytes.truncate(start);
        }
        drop(bytes);
        self.wake.notify_one();
    }

    /// Appends a packet that is already encoded.
    pub fn send_encoded(&self, packet: &[u8]) {
        self.bytes.borrow_mut().extend_from_slice(packet);
        self.wake.notify_one();
    }

    /// The alias for a topic, and whether the client knows it already; `None` when there is none left.
    pub fn alias(&self, topic: &str) -> Option<(u16, bool)> {
        let aliases = self.aliases.borrow();
        if let Some(alias) = aliases.get(topic) {
            return Some((*alias, true));
        }
        let next = u16::try_from(aliases.len()).ok()?.checked_add(1)?;
        (next <= self.alias_maximum).then_some((next, false))
    }

    /// The client was sent the topic with its alias.
    pub fn alias_told(&self, topic: &str, alias: u16) {
        self.aliases.borrow_mut().insert(topic.into(), alias);
    }

    pub fn has_room(&self) -> bool {
        self.bytes.borrow().len() + self.writing.get() < config::OUTPUT_BYTES
    }

    pub fn take(&self) -> BytesMut {
        let bytes = self.bytes.take();
        self.writing.set(bytes.len());
        bytes
    }

    pub fn written(&self) {
        self.writing.set(0);
        self.drained.notify_waiters();
    }

    pub fn progressed(&self) {
        self.progress.set(Instant::now());
    }

    pub fn makes_progress(&self) -> bool {
        self.progress.get().elapsed() < Duration::from_millis(config::STALL_MS)
    }

    pub fn is_idle(&self) -> bool {
        self.bytes.borrow().is_empty()
    }

    pub fn close(&self, reason: Reason) {
        if self.closing.get().is_none() {
            self.closing.set(Some(reason));
        }
        self.wake.notify_one();
        self.closed.notify_waiters();
        self.drained.notify_waiters();
    }

    pub fn closing(&self) -> Option<Reason> {
        self.closing.get()
    }

    /// Sends the acknowledgements at the front that are settled.
    pub fn flush_acks(&self) {
        loop {
            let ready = self.acks.borrow().front().is_some_and(|ack| ack.waiting.get() == 0);
            let Some(ack) = (if ready { self.acks.borrow_mut().pop_front() } else { None }) else { break };
            let reason = match ack.failed.get() {
                // 3.1.1 has no way to say "not stored": no acknowledgement, the client repeats it.
                true if self.version != Version::V5 => continue,
                true => Reason::QuotaExceeded,
                false => ack.reason.get(),
            };
            let reply = Ack { packet_id: ack.packet_id, reason, properties: None };
            self.send(&if ack.qos2 { Packet::PubRec(reply) } else { Packet::PubAck(reply) });
        }
        self.drained.notify_waiters();
    }
}

impl Outbox {
    /// DISCONNECT with the reason where the version has one, then the end.
    pub fn say_goodbye(&self, reason: Reason) {
        self.say_goodbye_because(reason, None);
    }

    /// The same, with words for the person who looks for the fault.
    pub fn say_goodbye_because(&self, reason: Reason, why: Option<&str>) {
        if self.version == Version::V5 && self.closing.get().is_none() {
            // The longest goodbye must fit in what the client accepts (5.0 §3.14.2.2.3).
            let fits = |why: &&str| why.len() + 16 <= self.max_packet_bytes;
            let reason_string = why.filter(fits).map(str::to_owned);
            let properties = mqtt::DisconnectProperties { reason_string, ..mqtt::DisconnectProperties::default() };
            self.send(&Packet::Disconnect(Box::new(mqtt::Disconnect { reason, properties })));
        }
        self.close(reason);
    }
}
