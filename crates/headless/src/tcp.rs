//! The loopback door: for a browser on this computer.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

/// Ports tried after the wanted one.
const NEXT_PORTS: u16 = 20;

/// Listens on loopback at the wanted port, or at the next free one.
pub(crate) async fn bind(port: u16) -> std::io::Result<TcpListener> {
    let mut last = None;
    for port in port..=port.saturating_add(NEXT_PORTS) {
        match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()))
}
