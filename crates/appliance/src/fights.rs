//! Two clients with one client id throw each other out, again and again. A device that comes back
//! after its network was lost takes over from itself once: that is no fight.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

const WATCHED_MS: i64 = 60_000;
/// From one address it may be a board that restarts again and again: only so many, so fast, count.
const FROM_ONE_ADDRESS: usize = 3;
const FAST_MS: i64 = 30_000;
/// Client ids watched at once.
const WATCHED: usize = 1_000;

#[derive(Default)]
pub(crate) struct Fights {
    takeovers: HashMap<String, VecDeque<Takeover>>,
}

struct Takeover {
    at_ms: i64,
    loser: IpAddr,
    winner: IpAddr,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fight {
    pub rivals: [IpAddr; 2],
    pub takeovers: usize,
}

impl Fights {
    /// Notes a take-over; answers with the fight that it is part of.
    pub fn taken_over(&mut self, client_id: &str, at_ms: i64, loser: IpAddr, winner: IpAddr) -> Option<Fight> {
        if self.takeovers.len() >= WATCHED {
            self.takeovers.retain(|_, each| each.back().is_some_and(|last| at_ms - last.at_ms < WATCHED_MS));
        }
        let recent = self.takeovers.entry(client_id.to_owned()).or_default();
        recent.push_back(Takeover { at_ms, loser, winner });
        while recent.front().is_some_and(|first| at_ms - first.at_ms > WATCHED_MS) {
            recent.pop_front();
        }
        let back_and_forth = recent.iter().any(|each| each.loser == winner && each.winner == loser);
        let fast = recent.iter().filter(|each| at_ms - each.at_ms < FAST_MS).count();
        let fight = if loser == winner { fast >= FROM_ONE_ADDRESS } else { back_and_forth };
        fight.then_some(Fight { rivals: [loser, winner], takeovers: recent.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, last])
    }

    #[test]
    fn two_addresses_that_throw_each_other_out_are_both_named() {
        let mut fights = Fights::default();
        assert_eq!(fights.taken_over("c", 0, ip(1), ip(2)), None);
        let fight = fights.taken_over("c", 1_000, ip(2), ip(1));
        assert_eq!(fight, Some(Fight { rivals: [ip(2), ip(1)], takeovers: 2 }));
        assert_eq!(fights.taken_over("other", 1_000, ip(2), ip(1)), None);
    }

    #[test]
    fn coming_back_is_no_fight() {
        let mut fights = Fights::default();
        for minute in 0..10 {
            assert_eq!(fights.taken_over("c", minute * 20_000, ip(1), ip(1)), None);
        }
        // A device that moves to another address, and later back.
        assert_eq!(fights.taken_over("d", 0, ip(1), ip(2)), None);
        assert_eq!(fights.taken_over("d", 120_000, ip(2), ip(1)), None);
    }

    #[test]
    fn two_programs_on_one_computer_are_found() {
        let mut fights = Fights::default();
        let told: Vec<bool> =
            (0..4).map(|second| fights.taken_over("c", second * 1_000, ip(1), ip(1)).is_some()).collect();
        assert_eq!(told, [false, false, true, true]);
    }
}
