//! Counters that any thread may read.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A reading of all counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Publications accepted and delivered.
    pub messages_in: u64,
    pub messages_out: u64,
    /// Bytes on the wire, inside TLS and WebSocket.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Connected now.
    pub clients: u64,
    /// Connected now or away.
    pub sessions: u64,
    pub subscriptions: u64,
    pub retained: u64,
    /// Deliveries that a full queue or a small client could not hold.
    pub dropped: u64,
    /// Connections since the start, and those that were refused.
    pub accepted: u64,
    pub refused: u64,
    /// Publications that no right allowed.
    pub denied: u64,
    /// Connections that ended by a fault of ours.
    pub panics: u64,
}

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        #[derive(Default)]
        pub(crate) struct Counters { $(pub $name: Counter),* }

        impl Counters {
            pub fn read(&self) -> Stats {
                Stats { $($name: self.$name.get()),* }
            }
        }
    };
}

counters!(
    messages_in,
    messages_out,
    bytes_in,
    bytes_out,
    clients,
    sessions,
    subscriptions,
    retained,
    dropped,
    accepted,
    refused,
    denied,
    panics,
);

#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Relaxed);
    }

    pub fn set(&self, value: usize) {
        self.0.store(value as u64, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
