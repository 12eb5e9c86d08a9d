//! Ports that are taken: by whom, where the system tells, and which one is free instead.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::Error;

/// From 443 this leads to 8443 and its neighbours, which anyone may open.
const UNPRIVILEGED: u16 = 8_000;

/// The refusal for a port that could not be opened.
pub(crate) fn taken(field: &'static str, port: u16, addresses: &[Ipv4Addr]) -> Error {
    Error::PortTaken { field, port, holder: holder(port), offer: next_free(port, addresses) }
}

/// The refusal for a port that only a program with a right of its own may open.
pub(crate) fn forbidden(field: &'static str, port: u16, addresses: &[Ipv4Addr]) -> Error {
    Error::PortForbidden { field, port, offer: next_free(port.saturating_add(UNPRIVILEGED), addresses) }
}

/// Whether the port can be opened on all these addresses now.
pub(crate) fn is_free(port: u16, addresses: &[Ipv4Addr]) -> bool {
    addresses.iter().all(|address| TcpListener::bind(SocketAddr::from((*address, port))).is_ok())
}

/// Whether somebody has the port; else it could not be opened for another reason.
pub(crate) fn is_taken(port: u16, addresses: &[Ipv4Addr]) -> bool {
    addresses.iter().any(|address| {
        let opened = TcpListener::bind(SocketAddr::from((*address, port)));
        opened.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
    })
}

fn next_free(port: u16, addresses: &[Ipv4Addr]) -> Option<u16> {
    (1..=200).filter_map(|step| port.checked_add(step)).find(|port| is_free(*port, addresses))
}

/// The program that listens on a port: "mosquitto (process 812)".
#[cfg(target_os = "linux")]
fn holder(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| table.lines().filter_map(|line| listening_inode(line, port)).collect::<Vec<_>>())
        .collect();
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    std::fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let holds = std::fs::read_dir(process.path().join("fd")).ok()?.flatten().any(|fd| {
            std::fs::read_link(fd.path())
                .is_ok_and(|link| links.iter().any(|wanted| link.as_os_str() == wanted.as_str()))
        });
        let name = holds.then(|| std::fs::read_to_string(process.path().join("comm")).ok())??;
        Some(format!("{} (process {pid})", name.trim()))
    })
}

#[cfg(not(target_os = "linux"))]
fn holder(_port: u16) -> Option<String> {
    None
}

/// The inode of a listening socket in a line of `/proc/net/tcp`.
#[cfg(target_os = "linux")]
fn listening_inode(line: &str, port: u16) -> Option<String> {
    const LISTEN: &str = "0A";
    let columns: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
    let local_port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
    (*state == LISTEN && local_port == port).then(|| (*inode).to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_taken_port_is_named_and_another_offered() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port, &[Ipv4Addr::LOCALHOST]));
        let Error::PortTaken { holder, offer, .. } = taken("ports.mqtts", port, &[Ipv4Addr::LOCALHOST]) else {
            panic!("another error");
        };
        assert!(is_free(offer.unwrap(), &[Ipv4Addr::LOCALHOST]));
        if cfg!(target_os = "linux") {
            assert!(holder.unwrap().ends_with(&format!("(process {})", std::process::id())));
        }
    }
}
