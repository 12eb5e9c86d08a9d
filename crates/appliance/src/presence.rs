//! Which device was last seen when, from where, and why it was last refused.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wire::{DeviceState, Refusal};

/// Silent for this many of its usual pauses, a connected device is late.
const LATE_AFTER_PAUSES: f64 = 5.0;
/// And never before this: a device that sleeps for a while is not late.
const LATE_AFTER_MS: i64 = 60_000;

#[derive(Default)]
pub(crate) struct Presence {
    devices: Mutex<HashMap<String, Seen>>,
}

#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub last_seen_ms: Option<i64>,
    /// When it last found the way here. That a connection ended is no sign of that.
    pub came_ms: Option<i64>,
    pub last_refusal: Option<Refusal>,
    last_said_ms: Option<i64>,
    last_posted_ms: Option<i64>,
    usual_pause_ms: Option<f64>,
    address: Option<IpAddr>,
}

impl Seen {
    /// What a screen calls the state of a device that is not revoked.
    pub fn state(&self, connected: bool, now_ms: i64) -> DeviceState {
        if connected {
            let silent_ms = self.last_said_ms.map_or(0, |said| now_ms - said);
            let usual = self.usual_pause_ms.unwrap_or(f64::INFINITY) * LATE_AFTER_PAUSES;
            let late = silent_ms > LATE_AFTER_MS && silent_ms as f64 > usual;
            return if late { DeviceState::Late } else { DeviceState::Online };
        }
        if self.last_posted_ms.is_some_and(|posted| (0..LATE_AFTER_MS).contains(&(now_ms - posted))) {
            return DeviceState::Online;
        }
        match (&self.last_refusal, self.last_seen_ms) {
            (Some(refusal), seen) if seen.is_none_or(|seen| refusal.at_ms >= seen) => DeviceState::Refused,
            (_, Some(_)) => DeviceState::Absent,
            (_, None) => DeviceState::Expected,
        }
    }
}

impl Presence {
    fn devices(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn of(&self, device: &str) -> Seen {
        self.devices().get(device).cloned().unwrap_or_default()
    }

    pub fn connected(&self, device: &str, address: Option<IpAddr>, at_ms: i64) {
        let mut devices = self.devices();
        let seen = devices.entry(device.to_owned()).or_default();
        (seen.last_seen_ms, seen.came_ms) = (Some(at_ms), Some(at_ms));
        seen.last_refusal = None;
        seen.address = address.or(seen.address);
    }

    /// It posted something by HTTP: it has no connection to be seen by.
    pub fn posted(&self, device: &str, address: IpAddr, at_ms: i64) {
        let mut devices = self.devices();
        let seen = devices.entry(device.to_owned()).or_default();
        (seen.last_seen_ms, seen.came_ms) = (Some(at_ms), Some(at_ms));
        seen.last_posted_ms = Some(at_ms);
        seen.last_refusal = None;
        seen.address = Some(address);
    }

    pub fn left(&self, device: &str, at_ms: i64) {
        self.devices().entry(device.to_owned()).or_default().last_seen_ms = Some(at_ms);
    }

    /// It published something.
    pub fn said(&self, device: &str, at_ms: i64) {
        let mut devices = self.devices();
        let Some(seen) = devices.get_mut(device) else {
            let seen = Seen { last_seen_ms: Some(at_ms), last_said_ms: Some(at_ms), ..Seen::default() };
            devices.insert(device.to_owned(), seen);
            return;
        };
        if let Some(before) = seen.last_said_ms.filter(|before| at_ms > *before) {
            let pause = (at_ms - before) as f64;
            seen.usual_pause_ms = Some(seen.usual_pause_ms.map_or(pause, |usual| usual * 0.8 + pause * 0.2));
        }
        seen.last_said_ms = Some(at_ms);
        seen.last_seen_ms = Some(at_ms);
    }

    /// Counts the refusals of one cause in a row.
    pub fn refused(&self, device: &str, refusal: Refusal) -> Refusal {
        let mut devices = self.devices();
        let seen = devices.entry(device.to_owned()).or_default();
        let before = seen.last_refusal.as_ref().filter(|last| last.cause == refusal.cause).map_or(0, |last| last.tries);
        let refusal = Refusal { tries: before.saturating_add(1), ..refusal };
        seen.last_refusal = Some(refusal.clone());
        refusal
    }

    /// The one device that was last seen at this address.
    pub fn at(&self, address: IpAddr) -> Option<String> {
        let devices = self.devices();
        let mut there = devices.iter().filter(|(_, seen)| seen.address == Some(address)).map(|(id, _)| id);
        let only = there.next()?;
        there.next().is_none().then(|| only.clone())
    }

    pub fn forget(&self, device: &str) {
        self.devices().remove(device);
    }

    /// A device that gets a new password starts with a clean sheet.
    pub fn pardon(&self, device: &str) {
        if let Some(seen) = self.devices().get_mut(device) {
            seen.last_refusal = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_follows_what_was_seen() {
        let presence = Presence::default();
        let state = |connected, now_ms| presence.of("d").state(connected, now_ms);
        assert_eq!(state(false, 0), DeviceState::Expected);
        let refused = |at_ms| {
            let (cause, whose) = (wire::RefusalCause::WrongPassword, wire::Whose::Named);
            let (detail, facts) = (String::new(), Vec::new());
            presence.refused("d", Refusal { cause, at_ms, tries: 1, detail, facts, whose })
        };
        let (first, second) = (refused(1), refused(2));
        assert_eq!((first.tries, second.tries), (1, 2));
        assert_eq!(state(false, 2), DeviceState::Refused);
        presence.connected("d", None, 3);
        assert_eq!(state(true, 3), DeviceState::Online);
        presence.left("d", 4);
        assert_eq!(state(false, 5), DeviceState::Absent);
    }

    #[test]
    fn a_device_is_late_by_its_own_rhythm() {
        let presence = Presence::default();
        presence.connected("d", None, 0);
        for at_ms in (0..200_000).step_by(20_000) {
            presence.said("d", at_ms);
        }
        assert_eq!(presence.of("d").state(true, 180_000 + 90_000), DeviceState::Online);
        assert_eq!(presence.of("d").state(true, 180_000 + 110_000), DeviceState::Late);
    }

    #[test]
    fn an_address_names_a_device_only_if_it_is_the_only_one_there() {
        let presence = Presence::default();
        let here = IpAddr::from([192, 168, 1, 20]);
        assert_eq!(presence.at(here), None);
        presence.connected("a", Some(here), 0);
        assert_eq!(presence.at(here).as_deref(), Some("a"));
        presence.connected("b", Some(here), 0);
        assert_eq!(presence.at(here), None);
    }
}
