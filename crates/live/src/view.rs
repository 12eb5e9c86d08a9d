//! What a page wants to see.

use std::collections::HashSet;

/// The window of rows of one page.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The version of the last frame the page drew; 0 for none.
    pub since: u64,
    /// The layout number of that frame.
    pub layout: u32,
    /// MQTT filter (if it holds a wildcard) or a part of the topic; empty for all.
    pub search: String,
    /// A part of the payload; empty for all.
    pub payload_search: String,
    /// Open branches; `None` opens the first three levels, and what is small below.
    pub open: Option<HashSet<String>>,
    pub offset: usize,
    pub limit: usize,
    pub selected: Option<String>,
}

impl View {
    /// A window is at most this long.
    pub const MAX_ROWS: usize = 200;

    pub(crate) fn searches(&self) -> bool {
        !self.search.is_empty() || !self.payload_search.is_empty()
    }
}
