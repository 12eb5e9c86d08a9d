//! What a broker is started with, and every limit of the engine in one table.

use std::path::PathBuf;

use mqtt::Limits;

use crate::{Rates, Zone};

/// One row of the table, which a test reads.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub name: &'static str,
    pub value: u64,
    pub unit: &'static str,
}

pub const LIMITS: &[Limit] = &[
    Limit { name: "handshake", value: HANDSHAKE_SECS, unit: "s" },
    Limit { name: "half_open_per_address", value: HALF_OPEN_PER_ADDRESS as u64, unit: "connections" },
    Limit { name: "client_id", value: CLIENT_ID_BYTES as u64, unit: "bytes" },
    Limit { name: "queued_messages", value: QUEUED_MESSAGES as u64, unit: "messages a session" },
    Limit { name: "queued_bytes", value: QUEUED_BYTES as u64, unit: "bytes a session" },
    Limit { name: "output_bytes", value: OUTPUT_BYTES as u64, unit: "bytes a connection" },
    Limit { name: "unsettled_acks", value: UNSETTLED_ACKS as u64, unit: "messages a connection" },
    Limit { name: "stall", value: STALL_MS, unit: "ms" },
    Limit { name: "topic_aliases", value: TOPIC_ALIASES as u64, unit: "aliases a connection" },
    Limit { name: "inflight", value: INFLIGHT as u64, unit: "messages a connection" },
    Limit { name: "session_expiry", value: SESSION_EXPIRY_SECS as u64, unit: "s" },
];

/// TLS, WebSocket and CONNECT together.
pub(crate) const HANDSHAKE_SECS: u64 = 10;
/// A class of 30 behind one address, reconnecting at once, fits three times.
pub(crate) const HALF_OPEN_PER_ADDRESS: usize = 100;
pub(crate) const CLIENT_ID_BYTES: usize = 1024;
/// Held for a session that is away or slow.
pub(crate) const QUEUED_MESSAGES: usize = 10_000;
pub(crate) const QUEUED_BYTES: usize = 16 * 1024 * 1024;
/// Encoded and not yet taken by the socket; beyond it messages wait in the session's queue.
pub(crate) const OUTPUT_BYTES: usize = 512 * 1024;
/// Received and not yet committed; beyond it the publisher's socket is not read.
pub(crate) const UNSETTLED_ACKS: usize = 2048;
/// A subscriber that took nothing for so long is stalled, and no longer slows its publishers.
pub(crate) const STALL_MS: u64 = 500;
pub(crate) const TOPIC_ALIASES: u16 = 64;
/// Unacknowledged towards one client, where it sets no lower receive maximum.
pub(crate) const INFLIGHT: u16 = 512;
/// A session that nobody comes back to is dropped after 7 days.
pub(crate) const SESSION_EXPIRY_SECS: u32 = 7 * 24 * 3600;

/// What is held for one session that is away or slow. Beyond it messages are dropped, counted and told.
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

pub struct Config {
    pub limits: Limits,
    pub queue: QueueLimits,
    /// How often clients of a zone may connect and publish; a zone that is not listed: as they like.
    pub rates: Vec<(Zone, Rates)>,
    /// A payload that says it is UTF-8 and is not is refused with 0x99 (5.0 §3.3.2.3.2).
    pub check_payload_format: bool,
    /// Where sessions and retained messages lie; `None` keeps them in memory only.
    pub store_path: Option<PathBuf>,
    /// How often `$SYS/broker/…` is told anew; `None`: never.
    pub sys_interval_secs: Option<u32>,
    /// Longer keep-alives, and none at all, are cut to this (5.0 §3.2.2.3.14).
    pub max_keep_alive_secs: Option<u16>,
    /// Publications a viewer may lag behind before it loses some.
    pub tap_capacity: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            limits: Limits::default(),
            queue: QueueLimits::default(),
            rates: Vec::new(),
            check_payload_format: false,
            store_path: None,
            sys_interval_secs: Some(10),
            max_keep_alive_secs: None,
            tap_capacity: 16_384,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot start the broker's thread: {0}")]
    Thread(std::io::Error),
    #[error("the broker's store is damaged: {detail} ({path})", path = path.display())]
    StoreDamaged { detail: String, path: PathBuf },
    #[error("the damaged store cannot be copied to be read: {source} ({path})", path = path.display())]
    Rescue { source: std::io::Error, path: PathBuf },
    #[error("cannot use the broker's store: {source} ({path})", path = path.display())]
    Store { source: rusqlite::Error, path: PathBuf },
}
