//! Writes what passed, survives a power cut, answers about the past.
//!
//! One writer thread commits whatever arrived during the commit before (WAL, `synchronous=FULL`);
//! readers have connections of their own. The recorder knows neither the broker nor a screen.

mod error;
mod open;
mod query;
mod queue;
mod reading;
mod retention;
mod value;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

pub use error::Error;
pub use open::set_aside;
pub use query::{Page, Record, Series, Status};
pub use queue::{Offer, Sample, Settled, Sink};
pub use reading::Reading;
use tokio::sync::mpsc;

/// What is kept, and how much of it.
#[derive(Clone, Debug)]
pub struct Options {
    pub path: PathBuf,
    /// What is older goes.
    pub max_days: u32,
    /// When the file is larger, the oldest goes.
    pub max_bytes: u64,
    /// Waiting for the writer; beyond it QoS 0 becomes a gap and QoS 1 and 2 are refused.
    pub queue_bytes: usize,
}

impl Options {
    pub fn new(path: impl Into<PathBuf>) -> Options {
        Options { path: path.into(), max_days: 30, max_bytes: 5_000_000_000, queue_bytes: 64 * 1024 * 1024 }
    }
}

/// Answers the time in microseconds since the Unix epoch.
pub type NowUs = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The past of a site. Clones read from the same file. Its calls block: an asynchronous caller runs
/// them on a thread for blocking work.
#[derive(Clone)]
pub struct Recorder {
    options: Arc<Options>,
    queue: Arc<queue::Queue>,
    writer: Arc<Mutex<Option<std::thread::JoinHandle<()>>>>,
    /// One connection for all readers: they are few, and each holds a page cache.
    reader: Arc<Mutex<rusqlite::Connection>>,
}

impl Recorder {
    /// Opens or makes the file. A damaged one is an error that names it; it is never emptied.
    pub fn open(options: Options, now_us: NowUs) -> Result<(Recorder, Sink, mpsc::UnboundedReceiver<Settled>), Error> {
        let database = open::writer(&options.path)?;
        let reader = open::reader(&options.path)?;
        let queue = Arc::new(queue::Queue::new(options.queue_bytes));
        let (settled, results) = mpsc::unbounded_channel();
        let writer = writer::start(database, queue.clone(), options.clone(), now_us, settled)?;
        let recorder = Recorder {
            options: Arc::new(options),
            queue: queue.clone(),
            writer: Arc::new(Mutex::new(Some(writer))),
            reader: Arc::new(Mutex::new(reader)),
        };
        Ok((recorder, Sink::new(queue), results))
    }

    /// Writes what waits and ends the writer.
    pub fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
        if let Some(writer) = writer {
            writer.join().ok();
        }
    }

    /// Erases a branch and all below it, without leaving a byte in the file. Returns when it is done.
    pub fn forget_branch(&self, branch: &str) -> Result<(), Error> {
        self.queue.forget(branch).ok_or(Error::Closed)?
    }
}
