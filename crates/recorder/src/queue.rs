//! Between those who publish and the writer: bounded by bytes, never waiting on the side that
//! publishes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;

use crate::Error;

/// How long QoS 0, for which no acknowledgement waits, may lie in memory to share a commit.
const UNASKED: Duration = Duration::from_millis(20);

/// One publication to keep.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    pub topic: &'a str,
    pub payload: &'a Bytes,
    pub qos: u8,
    pub retain: bool,
    /// Microseconds since the Unix epoch.
    pub at_us: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// QoS 0: it will be written, and nobody waits for it; or it became part of a gap.
    Unticketed,
    Ticket(u64),
    Full,
}

/// Everything above the `up_to` before and up to this one shares the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    pub up_to: u64,
    pub stored: bool,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub topic: String,
    pub payload: Bytes,
    pub qos: u8,
    pub retain: bool,
    pub at_us: i64,
}

/// QoS 0 that a full queue lost, as one span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub from_us: i64,
    pub until_us: i64,
    pub lost: u64,
}

pub(crate) struct Forget {
    pub branch: String,
    pub done: mpsc::SyncSender<Result<(), Error>>,
}

/// All that arrived since the last commit.
#[derive(Default)]
pub(crate) struct Batch {
    pub rows: Vec<Row>,
    pub gap: Option<Gap>,
    pub forget: Vec<Forget>,
    /// The highest ticket among the rows.
    pub ticket: u64,
}

#[derive(Default)]
struct State {
    batch: Batch,
    bytes: usize,
    ticket: u64,
    closed: bool,
    /// The last commit failed: shown, and tried again with the next batch.
    failing: bool,
    dropped: u64,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    max_bytes: usize,
}

impl Queue {
    pub fn new(max_bytes: usize) -> Queue {
        Queue { state: Mutex::default(), arrived: Condvar::new(), max_bytes }
    }

    /// A thread that panicked while it held the lock left nothing half done: every change below is
    /// a few assignments.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&self, sample: &Sample<'_>) -> Offer {
        let cost = sample.topic.len() + sample.payload.len() + 64;
        let mut state = self.lock();
        if state.closed || state.bytes + cost > self.max_bytes {
            if sample.qos > 0 {
                return Offer::Full;
            }
            state.dropped += 1;
            let gap = state.batch.gap.get_or_insert(Gap { from_us: sample.at_us, until_us: sample.at_us, lost: 0 });
            gap.until_us = sample.at_us;
            gap.lost += 1;
            return Offer::Unticketed;
        }
        state.bytes += cost;
        let kept = sample.payload.len().min(crate::value::MAX_PAYLOAD_BYTES + 1);
        state.batch.rows.push(Row {
            topic: sample.topic.to_owned(),
            payload: sample.payload.slice(..kept),
            qos: sample.qos,
            retain: sample.retain,
            at_us: sample.at_us,
        });
        let offer = match sample.qos {
            0 => Offer::Unticketed,
            _ => {
                state.ticket += 1;
                state.batch.ticket = state.ticket;
                Offer::Ticket(state.ticket)
            }
        };
        // The writer is woken for the first row and for what cannot wait, not for each.
        let wake = state.batch.rows.len() == 1 || state.urgent(self.max_bytes);
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        offer
    }

    /// Waits for the next batch, at most until `patience` is over (then it may be empty). `None`
    /// once the queue is closed and empty. Where somebody waits for the commit there is no pause;
    /// where nobody does (QoS 0 alone), what arrives within [`UNASKED`] shares one.
    pub fn next(&self, patience: Duration) -> Option<Batch> {
        let mut state = self.lock();
        if state.batch.is_empty() && !state.closed {
            state = self.wait(state, patience, |state| !state.batch.is_empty());
        }
        if !state.batch.is_empty() && !state.urgent(self.max_bytes) {
            state = self.wait(state, UNASKED, |state| state.urgent(self.max_bytes));
        }
        if state.batch.is_empty() && state.closed {
            return None;
        }
        state.bytes = 0;
        Some(std::mem::take(&mut state.batch))
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        most: Duration,
        enough: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.arrived.wait_timeout_while(state, most, |state| !state.closed && !enough(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub fn tell_failing(&self, failing: bool) {
        self.lock().failing = failing;
    }

    pub fn failing_and_dropped(&self) -> (bool, u64) {
        let state = self.lock();
        (state.failing, state.dropped)
    }

    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// `None` when the queue is closed.
    pub fn forget(&self, branch: &str) -> Option<Result<(), Error>> {
        let (done, answer) = mpsc::sync_channel(1);
        {
            let mut state = self.lock();
            if state.closed {
                return None;
            }
            state.batch.forget.push(Forget { branch: branch.to_owned(), done });
        }
        self.arrived.notify_one();
        answer.recv().ok()
    }
}

impl State {
    /// A publisher waits for this batch, somebody waits for an erasure, or it grows large.
    fn urgent(&self, max_bytes: usize) -> bool {
        self.batch.ticket > 0 || !self.batch.forget.is_empty() || self.batch.gap.is_some() || self.bytes > max_bytes / 4
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.gap.is_none() && self.forget.is_empty()
    }
}

/// Where publications go in. Never blocks.
pub struct Sink {
    queue: Arc<Queue>,
}

impl Sink {
    pub(crate) fn new(queue: Arc<Queue>) -> Sink {
        Sink { queue }
    }

    pub fn offer(&mut self, sample: &Sample<'_>) -> Offer {
        self.queue.offer(sample)
    }
}
