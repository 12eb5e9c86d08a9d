//! How far an export is, seen and stopped from another thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::Error;

#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// Messages read so far. The wide form reads each twice.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn step(&self) -> Result<(), Error> {
        self.read.fetch_add(1, Ordering::Relaxed);
        if self.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}
