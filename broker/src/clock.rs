//! Time is handed in, so that expiry and keep-alive are tested without waiting.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Answers the time in microseconds since the Unix epoch.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    pub fn new(now_us: impl Fn() -> i64 + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now_us))
    }

    pub fn system() -> Clock {
        Clock::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        })
    }

    pub fn now_us(&self) -> i64 {
        (self.0)()
    }

    pub fn now_ms(&self) -> i64 {
        self.now_us() / 1000
    }
}
