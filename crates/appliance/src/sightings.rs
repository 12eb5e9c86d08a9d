//! Addresses that this computer had lately. Its certificate keeps them: a laptop that moves between
//! rooms is recognised in each at once, and in a room that it comes back to.

use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::folder::{read_text, write_whole};
use crate::limits::{SIGHTING_DAYS, SIGHTINGS};

const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sighting {
    address: IpAddr,
    seen_ms: i64,
}

/// Notes where this computer is now, and answers all addresses of the last 30 days. A file that
/// cannot be read is begun anew: it is a comfort, and the addresses of now are always in it.
pub(crate) fn note(path: &Path, here: &[IpAddr], now_ms: i64) -> Result<Vec<IpAddr>, Error> {
    let text = read_text(path).ok().flatten();
    let kept: Vec<Sighting> = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let now = remember(&kept, here, now_ms);
    if worth_writing(&kept, &now) {
        write_whole(path, &serde_json::to_vec(&now).map_err(Error::Answer)?)?;
    }
    Ok(now.into_iter().map(|sighting| sighting.address).collect())
}

/// The newest first.
fn remember(kept: &[Sighting], here: &[IpAddr], now_ms: i64) -> Vec<Sighting> {
    let mut all: Vec<Sighting> = Vec::new();
    let seen = here.iter().map(|address| Sighting { address: *address, seen_ms: now_ms });
    // A clock that went back must not forget: what lies ahead was seen now at the latest.
    let before = kept.iter().map(|sighting| Sighting { seen_ms: sighting.seen_ms.min(now_ms), ..sighting.clone() });
    for sighting in seen.chain(before) {
        let recent = now_ms - sighting.seen_ms <= SIGHTING_DAYS * DAY_MS;
        if recent && !all.iter().any(|known| known.address == sighting.address) {
            all.push(sighting);
        }
    }
    all.sort_by_key(|sighting| std::cmp::Reverse(sighting.seen_ms));
    all.truncate(SIGHTINGS);
    all
}

/// Once a day is enough for what stays as it is.
fn worth_writing(kept: &[Sighting], now: &[Sighting]) -> bool {
    let known = |sighting: &Sighting| {
        kept.iter().any(|old| old.address == sighting.address && sighting.seen_ms - old.seen_ms < DAY_MS)
    };
    kept.len() != now.len() || !now.iter().all(known)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 1, last])
    }

    #[test]
    fn a_room_is_remembered_for_thirty_days_from_the_last_time_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("addresses.json");
        let noted = |here: &[IpAddr], day: i64| note(&path, here, day * DAY_MS).unwrap();
        assert_eq!(noted(&[at(1)], 100), [at(1)]);
        assert_eq!(noted(&[at(1)], 110), [at(1)]);
        assert_eq!(noted(&[at(2)], 111), [at(2), at(1)]);
        assert_eq!(noted(&[at(2)], 140), [at(2), at(1)], "30 days after it was there last");
        assert_eq!(noted(&[at(2)], 141), [at(2)]);
    }

    #[test]
    fn a_file_that_is_damaged_or_a_clock_that_went_back_loses_no_address_of_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("addresses.json");
        std::fs::write(&path, "no JSON").unwrap();
        assert_eq!(note(&path, &[at(1)], 50 * DAY_MS).unwrap(), [at(1)]);
        assert_eq!(note(&path, &[at(2)], 10 * DAY_MS).unwrap(), [at(2), at(1)]);
    }

    #[test]
    fn many_networks_do_not_fill_the_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("addresses.json");
        for last in 0..100 {
            note(&path, &[at(last)], i64::from(last) * 1000).unwrap();
        }
        let kept = note(&path, &[at(200)], 200_000).unwrap();
        assert_eq!(kept.len(), SIGHTINGS);
        assert_eq!(kept.first(), Some(&at(200)));
    }
}
