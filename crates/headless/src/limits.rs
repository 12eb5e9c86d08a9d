//! Every limit of the doors in one table.

/// One row of the table, which a test reads.
#[allow(dead_code)]
pub struct Limit {
    pub name: &'static str,
    pub value: u64,
    pub unit: &'static str,
}

#[allow(dead_code)]
pub const TABLE: &[Limit] = &[
    Limit { name: "request body", value: BODY_BYTES as u64, unit: "bytes" },
    Limit { name: "wrong codes", value: WRONG_CODES as u64, unit: "before all open codes die" },
    Limit { name: "code life", value: CODE_SECS, unit: "s" },
    Limit { name: "sessions", value: SESSIONS as u64, unit: "browsers" },
    Limit { name: "session life", value: SESSION_SECS, unit: "s" },
    Limit { name: "guest post", value: POST_BYTES as u64, unit: "bytes" },
    Limit { name: "wrong claims per address", value: WRONG_CLAIMS as u64, unit: "a minute" },
    Limit { name: "enrolling at once", value: ENROLLING as u64, unit: "connections" },
    Limit { name: "an enrolment", value: ENROL_SECS, unit: "s" },
    Limit { name: "enrolment body", value: ENROL_BYTES as u64, unit: "bytes" },
    Limit { name: "wrong claims", value: WRONG_CLAIMS_IN_ALL as u64, unit: "a minute" },
];

pub const ENROLLING: usize = 64;
pub const ENROL_SECS: u64 = 30;
pub const ENROL_BYTES: usize = 16 * 1024;
pub const BODY_BYTES: usize = 1024 * 1024;
pub const WRONG_CODES: u32 = 10;
pub const CODE_SECS: u64 = 15 * 60;
pub const SESSIONS: usize = 32;
pub const SESSION_SECS: u64 = 12 * 3600;
/// More than a guest may post: what is over the limit is told so, what is far over is cut off.
pub const POST_BYTES: usize = 128 * 1024;
pub const WRONG_CLAIMS: u32 = 10;
pub const WRONG_CLAIMS_IN_ALL: u32 = 100;

#[cfg(test)]
mod tests {
    #[test]
    fn every_limit_has_a_name_and_a_value() {
        for limit in super::TABLE {
            assert!(limit.value > 0 && !limit.name.is_empty() && !limit.unit.is_empty(), "{}", limit.name);
        }
    }
}
