//! The one type that may carry a secret out to a screen.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A secret on its way to the one screen that shows it once. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(type = "string")]
pub struct ShownOnce(String);

impl ShownOnce {
    pub fn new(secret: impl Into<String>) -> ShownOnce {
        ShownOnce(secret.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ShownOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownOnce(…)")
    }
}
