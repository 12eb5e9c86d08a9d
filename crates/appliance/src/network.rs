//! The addresses of this computer, and which one devices should use.

use std::net::{IpAddr, Ipv4Addr};

use wire::{NetworkAddress, NetworkKind, Nothing, Problem};

use crate::Appliance;

impl Appliance {
    pub async fn network_list(&self, _: Nothing) -> Result<Vec<NetworkAddress>, Problem> {
        Ok(addresses())
    }
}

/// Every IPv4 address, the recommended one first.
pub(crate) fn addresses() -> Vec<NetworkAddress> {
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    let mut list: Vec<NetworkAddress> = found
        .iter()
        .filter_map(|interface| {
            let IpAddr::V4(address) = interface.ip() else { return None };
            let kind = if interface.is_loopback() { NetworkKind::Loopback } else { kind_of(&interface.name) };
            Some(NetworkAddress {
                interface: interface.name.clone(),
                kind,
                address: address.to_string(),
                recommended: false,
            })
        })
        .collect();
    list.sort_by_key(|entry| rank(entry.kind));
    let way_out = default_interface();
    let usable = |entry: &NetworkAddress| {
        matches!(entry.kind, NetworkKind::Wifi | NetworkKind::Cable)
            && entry.address.parse().is_ok_and(|address: Ipv4Addr| address.is_private())
    };
    let best = list
        .iter()
        .position(|entry| usable(entry) && Some(&entry.interface) == way_out.as_ref())
        .or_else(|| list.iter().position(usable));
    if let Some(best) = best {
        if let Some(entry) = list.get_mut(best) {
            entry.recommended = true;
        }
        list.swap(0, best);
    }
    list
}

fn rank(kind: NetworkKind) -> u8 {
    match kind {
        NetworkKind::Wifi => 0,
        NetworkKind::Cable => 1,
        NetworkKind::Virtual => 2,
        NetworkKind::Loopback => 3,
    }
}

/// By the names that Linux, Windows and macOS give.
fn kind_of(interface: &str) -> NetworkKind {
    let name = interface.to_ascii_lowercase();
    let starts = |heads: &[&str]| heads.iter().any(|head| name.starts_with(head));
    if starts(&["docker", "veth", "br-", "virbr", "tun", "tap", "wg", "vmnet", "vbox", "utun", "vethernet", "zt"]) {
        NetworkKind::Virtual
    } else if starts(&["wl", "wi-fi", "wifi"]) {
        NetworkKind::Wifi
    } else if starts(&["en", "eth"]) {
        NetworkKind::Cable
    } else {
        NetworkKind::Virtual
    }
}

/// The interface that leads out of the house, where the system tells.
fn default_interface() -> Option<String> {
    let routes = std::fs::read_to_string("/proc/net/route").ok()?;
    routes.lines().skip(1).find_map(|line| {
        let mut columns = line.split_whitespace();
        let interface = columns.next()?;
        (columns.next()? == "00000000").then(|| interface.to_owned())
    })
}

/// Whether the address belongs to this computer now; else the one that its interface has instead:
/// the network may have given out another since.
pub(crate) fn present(address: Ipv4Addr, interface: &str) -> Option<Ipv4Addr> {
    let list = addresses();
    let parsed = |entry: &NetworkAddress| entry.address.parse::<Ipv4Addr>().ok();
    if list.iter().any(|entry| parsed(entry) == Some(address)) {
        return Some(address);
    }
    list.iter().filter(|entry| entry.interface == interface).find_map(parsed)
}

/// Addresses that a client in the same house may use: private ones of both families.
pub(crate) fn private_addresses() -> Vec<IpAddr> {
    let found = if_addrs::get_if_addrs().unwrap_or_default();
    found
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|ip| match ip {
            IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback(),
        })
        .collect()
}

/// The name of this computer, if it can stand in a certificate.
pub(crate) fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .or_else(|| std::env::var("HOSTNAME").ok())?;
    let name = name.trim().to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let sound = name.len() <= 253 && name.split('.').all(label) && name.parse::<IpAddr>().is_err();
    sound.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_told_apart_by_name() {
        for (name, kind) in [
            ("wlp2s0", NetworkKind::Wifi),
            ("Wi-Fi", NetworkKind::Wifi),
            ("enp3s0", NetworkKind::Cable),
            ("eth0", NetworkKind::Cable),
            ("docker0", NetworkKind::Virtual),
            ("br-1a2b", NetworkKind::Virtual),
            ("wg0", NetworkKind::Virtual),
            ("vethernet (WSL)", NetworkKind::Virtual),
        ] {
            assert_eq!(kind_of(name), kind, "{name}");
        }
    }

    #[test]
    fn loopback_is_listed_and_never_recommended() {
        let list = addresses();
        assert!(list.iter().any(|entry| entry.kind == NetworkKind::Loopback && entry.address == "127.0.0.1"));
        assert!(!list.iter().any(|entry| entry.kind == NetworkKind::Loopback && entry.recommended));
        assert!(list.iter().filter(|entry| entry.recommended).count() <= 1);
    }

    #[test]
    fn an_address_is_followed_on_its_interface() {
        assert_eq!(present(Ipv4Addr::LOCALHOST, ""), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(present(Ipv4Addr::new(203, 0, 113, 9), "lo"), Some(Ipv4Addr::LOCALHOST));
        assert_eq!(present(Ipv4Addr::new(203, 0, 113, 9), "none"), None);
    }
}
