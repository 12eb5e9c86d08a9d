//! Nobody knocks: what can be known of the way to this computer. Whoever wants to reach it first asks
//! for its hardware address, below every firewall; that is what tells a firewall here from a network
//! that lets nobody through.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wire::{CheckNetwork, EventKind, NetworkCause, NetworkReport, Problem};

use crate::Appliance;
use crate::firewall::Wanted;
use crate::limits::PINGS;

/// How long what was seen is kept.
const KEPT_MS: i64 = 60 * 60 * 1_000;

#[derive(Default)]
pub(crate) struct Reach(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// Machines whose hardware address this computer knows, and since when. Those of the first look
    /// were there before.
    neighbours: Option<HashMap<Ipv4Addr, i64>>,
    /// When this computer refused a connection to a closed port, and the counter behind that.
    refused_ms: VecDeque<i64>,
    resets: Option<u64>,
    pings: VecDeque<(IpAddr, i64)>,
}

impl Reach {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the tables of the system, once a second.
    pub fn look(&self, interface: &str, now_ms: i64) {
        let (neighbours, resets) = (system::neighbours(interface), system::resets());
        self.note(neighbours, resets, now_ms);
    }

    fn note(&self, now_there: Option<Vec<Ipv4Addr>>, resets: Option<u64>, now_ms: i64) {
        let mut seen = self.seen();
        if let Some(now_there) = now_there {
            let before = seen.neighbours.take();
            let since = |ip: &Ipv4Addr| match &before {
                None => i64::MIN,
                Some(before) => before.get(ip).copied().unwrap_or(now_ms),
            };
            seen.neighbours = Some(now_there.iter().map(|ip| (*ip, since(ip))).collect());
        }
        if let (Some(before), Some(now)) = (seen.resets, resets)
            && now > before
        {
            seen.refused_ms.push_back(now_ms);
        }
        seen.resets = resets;
        while seen.refused_ms.front().is_some_and(|at| now_ms - at > KEPT_MS) {
            seen.refused_ms.pop_front();
        }
    }

    /// Somebody opened the page behind the code.
    pub fn pinged(&self, from: IpAddr, now_ms: i64) {
        let mut seen = self.seen();
        seen.pings.retain(|(ip, at)| *ip != from && now_ms - at < KEPT_MS);
        seen.pings.push_back((from, now_ms));
        if seen.pings.len() > PINGS {
            seen.pings.pop_front();
        }
    }
}

/// What happened since a page began to wait.
#[derive(Debug, Default)]
struct Signs {
    knocked: bool,
    looking: Vec<Ipv4Addr>,
    refused: bool,
    pings: Vec<IpAddr>,
}

impl Signs {
    /// Those that came through are not looking any more; nor is the router, which always is there.
    fn since(seen: &Seen, since_ms: i64, through: &[IpAddr], router: Option<Ipv4Addr>) -> Signs {
        let pings: Vec<IpAddr> = seen.pings.iter().filter(|(_, at)| *at >= since_ms).map(|(ip, _)| *ip).collect();
        let arrived = |ip: &Ipv4Addr| through.contains(&IpAddr::V4(*ip)) || pings.contains(&IpAddr::V4(*ip));
        let mut looking: Vec<Ipv4Addr> = seen
            .neighbours
            .iter()
            .flatten()
            .filter(|(ip, at)| **at >= since_ms && Some(**ip) != router && !arrived(ip))
            .map(|(ip, _)| *ip)
            .collect();
        looking.sort();
        let refused = seen.refused_ms.iter().any(|at| *at >= since_ms);
        Signs { knocked: !through.is_empty(), looking, refused, pings }
    }

    fn cause(&self) -> NetworkCause {
        match self {
            Signs { knocked: true, .. } => NetworkCause::Reached,
            Signs { looking, refused: true, .. } if !looking.is_empty() => NetworkCause::ClosedPort,
            Signs { looking, .. } if !looking.is_empty() => NetworkCause::Firewall,
            Signs { pings, .. } if !pings.is_empty() => NetworkCause::WrongAddress,
            _ => NetworkCause::Silence,
        }
    }
}

impl Appliance {
    /// Somebody in the room opened the page behind the code.
    pub fn pinged(&self, from: IpAddr) {
        self.inner.reach.pinged(from, self.inner.clock.now_ms());
    }

    pub async fn network_check(&self, request: CheckNetwork) -> Result<NetworkReport, Problem> {
        let inner = &self.inner;
        let site = inner.site()?;
        let settings = site.settings.load_full();
        let engine = site.engine();
        let address = engine.as_ref().map_or(settings.address, |engine| engine.address());
        let through = inner.journal.peers_since(request.since_ms, &[EventKind::Connected, EventKind::Refused]);
        inner.reach.look(&settings.interface, inner.clock.now_ms());
        let seen = inner.reach.seen();
        let signs = Signs::since(&seen, request.since_ms, &through, system::router());
        let neighbours_known = seen.neighbours.is_some();
        drop(seen);
        let cause = match engine {
            None => NetworkCause::Stopped,
            Some(_) if address.is_loopback() && !signs.knocked => NetworkCause::Loopback,
            Some(_) => signs.cause(),
        };
        let ping_url = format!("http://{address}:{}/ping", settings.ports.claim);
        Ok(NetworkReport {
            cause,
            looking: signs.looking.iter().map(Ipv4Addr::to_string).collect(),
            pings: signs.pings.iter().map(IpAddr::to_string).collect(),
            ping_qr_svg: identity::qr::svg(&ping_url).map_err(crate::Error::Identity)?,
            ping_url,
            firewalls: Wanted::of(&settings, address).help(),
            neighbours_known,
        })
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::net::Ipv4Addr;

    /// The entry of a machine that answered, or asked, is complete.
    const COMPLETE: u32 = 0x2;

    pub fn neighbours(interface: &str) -> Option<Vec<Ipv4Addr>> {
        let table = std::fs::read_to_string("/proc/net/arp").ok()?;
        let of_line = |line: &str| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let flags = u32::from_str_radix(columns.get(2)?.trim_start_matches("0x"), 16).ok()?;
            let here = columns.get(5) == Some(&interface) && flags & COMPLETE != 0;
            if here { columns.first()?.parse().ok() } else { None }
        };
        Some(table.lines().skip(1).filter_map(of_line).collect())
    }

    /// How many connections this computer has refused or reset.
    pub fn resets() -> Option<u64> {
        let table = std::fs::read_to_string("/proc/net/snmp").ok()?;
        let mut lines = table.lines().filter(|line| line.starts_with("Tcp:"));
        let at = lines.next()?.split_whitespace().position(|name| name == "OutRsts")?;
        lines.next()?.split_whitespace().nth(at)?.parse().ok()
    }

    pub fn router() -> Option<Ipv4Addr> {
        let routes = std::fs::read_to_string("/proc/net/route").ok()?;
        routes.lines().skip(1).find_map(|line| {
            let mut columns = line.split_whitespace().skip(1);
            let (to, by) = (columns.next()?, columns.next()?);
            let by = u32::from_str_radix(by, 16).ok()?;
            (to == "00000000" && by != 0).then(|| Ipv4Addr::from(by.to_le_bytes()))
        })
    }
}

/// Nothing is known of neighbours on systems whose tables need an administrator.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::net::Ipv4Addr;

    pub fn neighbours(_: &str) -> Option<Vec<Ipv4Addr>> {
        None
    }

    pub fn resets() -> Option<u64> {
        None
    }

    pub fn router() -> Option<Ipv4Addr> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 23);
    const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
    const OLD: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 9);

    fn cause(reach: &Reach, through: &[IpAddr]) -> NetworkCause {
        Signs::since(&reach.seen(), 1_000, through, Some(ROUTER)).cause()
    }

    #[test]
    fn a_firewall_a_wrong_port_and_silence_are_told_apart() {
        let reach = Reach::default();
        reach.note(Some(vec![OLD]), Some(7), 0);
        reach.note(Some(vec![OLD, ROUTER]), Some(7), 2_000);
        assert_eq!(cause(&reach, &[]), NetworkCause::Silence, "who was there before, and the router, say nothing");
        reach.note(Some(vec![OLD, ROUTER, BOARD]), Some(7), 3_000);
        assert_eq!(cause(&reach, &[]), NetworkCause::Firewall);
        reach.note(Some(vec![OLD, ROUTER, BOARD]), Some(8), 4_000);
        assert_eq!(cause(&reach, &[]), NetworkCause::ClosedPort);
        assert_eq!(cause(&reach, &[IpAddr::V4(BOARD)]), NetworkCause::Reached);
    }

    #[test]
    fn a_phone_that_comes_through_proves_the_network() {
        let reach = Reach::default();
        reach.note(Some(vec![]), Some(0), 0);
        reach.note(Some(vec![BOARD]), Some(0), 2_000);
        reach.pinged(IpAddr::V4(BOARD), 2_500);
        assert_eq!(cause(&reach, &[]), NetworkCause::WrongAddress);
    }

    #[test]
    fn pings_are_bounded() {
        let reach = Reach::default();
        for last in 0..=u8::MAX {
            reach.pinged(IpAddr::from([10, 0, 0, last]), 5_000);
            reach.pinged(IpAddr::from([10, 0, 1, last]), 5_000);
        }
        assert_eq!(reach.seen().pings.len(), PINGS);
    }
}
