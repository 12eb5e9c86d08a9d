//! Every limit of the codec in one table, which a test reads.

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub name: &'static str,
    pub value: usize,
    pub unit: &'static str,
    pub why: &'static str,
}

/// What a decoder accepts. The standard allows more; these keep one packet's cost bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub max_packet_bytes: usize,
    pub max_user_properties: usize,
    pub max_filters: usize,
}

pub const TABLE: &[Limit] = &[
    Limit {
        name: "max_packet_bytes",
        value: 2 * 1024 * 1024,
        unit: "bytes",
        why: "one packet must not hold the memory of a small machine",
    },
    Limit {
        name: "max_user_properties",
        value: 32,
        unit: "pairs a packet",
        why: "thousands of pairs cost time at every copy (CVE-2021-41039)",
    },
    Limit {
        name: "max_filters",
        value: 256,
        unit: "filters a packet",
        why: "each filter of a SUBSCRIBE may replay retained messages",
    },
    Limit {
        name: "max_topic_levels",
        value: crate::Topic::MAX_LEVELS,
        unit: "levels",
        why: "the depth of a matcher is bounded (CVE-2019-11779)",
    },
];

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_packet_bytes: 2 * 1024 * 1024, max_user_properties: 32, max_filters: 256 }
    }
}

impl Limits {
    /// No limits but those of the standard: for clients and for reading back what was stored.
    pub const NONE: Limits =
        Limits { max_packet_bytes: 268_435_460, max_user_properties: usize::MAX, max_filters: usize::MAX };
}
