//! Guessing at tokens: so many wrong ones a minute, then the doors for claims and enrolment stay
//! shut to that address for a while, and to all after many more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::limits::{WRONG_CLAIMS, WRONG_CLAIMS_IN_ALL};

/// Wrong tokens and codes of the last minute, by address.
#[derive(Default)]
pub(crate) struct Tries(Mutex<HashMap<IpAddr, (u32, Instant)>>);

const MINUTE: Duration = Duration::from_secs(60);

impl Tries {
    pub fn exhausted(&self, address: IpAddr, now: Instant) -> bool {
        let mut tries = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tries.retain(|_, (_, since)| now.duration_since(*since) < MINUTE);
        let all: u32 = tries.values().map(|(count, _)| count).sum();
        all >= WRONG_CLAIMS_IN_ALL || tries.get(&address).is_some_and(|(count, _)| *count >= WRONG_CLAIMS)
    }

    pub fn wrong(&self, address: IpAddr, now: Instant) {
        let mut tries = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tries.entry(address).or_insert((0, now)).0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_claims_close_the_door_to_an_address_for_a_minute() {
        let (tries, now) = (Tries::default(), Instant::now());
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..WRONG_CLAIMS {
            assert!(!tries.exhausted(here, now));
            tries.wrong(here, now);
        }
        assert!(tries.exhausted(here, now) && !tries.exhausted(there, now));
        assert!(!tries.exhausted(here, now + MINUTE));
    }
}
