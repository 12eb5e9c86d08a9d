//! What a broker is started with, and every limit of the engine in one table.

use std::path::PathBuf;

use mqtt::Limits;

/// One row of the table, which a test reads.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub name: &'static str,
    pub value: u64,
    pub unit: &'static str,
    pub why: &'static str,
}

const fn limit(name: &'static str, value: u64, unit: &'static str, why: &'static str) -> Limit {
    Limit { name, value, unit, why }
}

pub const LIMITS: &[Limit] = &[
    limit("handshake", HANDSHAKE_SECS, "s", "a silent connection must not hold a place"),
    limit("half_open_per_address", HALF_OPEN_PER_ADDRESS as u64, "connections", "a class behind one address fits"),
    limit("client_id", CLIENT_ID_BYTES as u64, "bytes", "it is kept as long as the session"),
    limit("subscriptions", SUBSCRIPTIONS as u64, "filters a session", "the tree must stay small"),
    limit("queued_messages", QUEUED_MESSAGES as u64, "messages a session", "the default; the site may set it"),
    limit("queued_bytes", QUEUED_BYTES as u64, "bytes a session", "the default; the site may set it"),
    limit("queued_qos0", QUEUED_QOS0 as u64, "messages a connection", "QoS 0 is fresh or worthless"),
    limit("output_bytes", OUTPUT_BYTES as u64, "bytes a connection", "a slow reader must not hold memory"),
    limit("receive_maximum", RECEIVE_MAXIMUM as u64, "publications a connection", "received and not acknowledged"),
    limit("topic_aliases", TOPIC_ALIASES as u64, "aliases a connection", "each holds a topic"),
    limit("inflight", INFLIGHT as u64, "messages a connection", "sent and not acknowledged"),
    limit("session_expiry", SESSION_EXPIRY_SECS as u64, "s", "a session that nobody comes back to"),
    limit("retained_messages", RETAINED_MESSAGES as u64, "messages", "they are held in memory"),
    limit("stall", STALL_MS, "ms", "after it a subscriber no longer slows its publishers"),
];

/// TLS, WebSocket and CONNECT together.
pub(crate) const HANDSHAKE_SECS: u64 = 10;
/// A class of 30 behind one address, reconnecting at once, fits three times.
pub(crate) const HALF_OPEN_PER_ADDRESS: usize = 100;
pub(crate) const CLIENT_ID_BYTES: usize = 1024;
pub(crate) const SUBSCRIPTIONS: usize = 20_000;
pub(crate) const QUEUED_MESSAGES: usize = 10_000;
pub(crate) const QUEUED_BYTES: usize = 16 * 1024 * 1024;
pub(crate) const QUEUED_QOS0: usize = 1000;
/// Encoded and not yet taken by the socket; beyond it messages wait in the session's queue.
pub(crate) const OUTPUT_BYTES: usize = 512 * 1024;
/// What the connections together may hold encoded before it is written in mid-turn.
pub(crate) const TURN_BYTES: usize = 512 * 1024;
pub(crate) const RECEIVE_MAXIMUM: u16 = 1024;
pub(crate) const TOPIC_ALIASES: u16 = 64;
/// Unacknowledged towards one client, where it sets no lower receive maximum.
pub(crate) const INFLIGHT: u16 = 512;
/// A session that nobody comes back to is dropped after 7 days.
pub(crate) const SESSION_EXPIRY_SECS: u32 = 7 * 24 * 3600;
pub(crate) const RETAINED_MESSAGES: usize = 500_000;
/// A connected subscriber that took not one byte for this long is stalled, not slow.
pub(crate) const STALL_MS: u64 = 200;
/// How long a stop waits for the last bytes to reach the clients.
pub(crate) const STOP_SECS: u64 = 2;
/// Events that a reader may lag behind.
pub(crate) const EVENTS: usize = 4096;

/// What is held for one session that is away or slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    pub messages: usize,
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> QueueLimits {
        QueueLimits { messages: QUEUED_MESSAGES, bytes: QUEUED_BYTES }
    }
}

#[derive(Clone, Debug)]
pub struct Config {
    /// What the decoder accepts.
    pub limits: Limits,
    pub queue: QueueLimits,
    /// Where what must outlive the process lies; `None` keeps it in memory only.
    pub store_path: Option<PathBuf>,
    /// Publications a viewer may lag behind before it loses some.
    pub tap_capacity: usize,
    /// Whether `$SYS/broker/…` is published.
    pub sys_topics: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            limits: Limits::default(),
            queue: QueueLimits::default(),
            store_path: None,
            tap_capacity: 16_384,
            sys_topics: true,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot start the broker's threads: {0}")]
    Thread(std::io::Error),
    /// The file is left as it is: never emptied, never replaced.
    #[error("the broker's store is damaged: {detail} ({path})", path = path.display())]
    StoreDamaged { detail: String, path: PathBuf },
    #[error("cannot use the broker's store: {source} ({path})", path = path.display())]
    Store { source: rusqlite::Error, path: PathBuf },
}
