//! Where connections come from: an address, a transport, a zone.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;

use crate::{TransportKind, Zone};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub(crate) u64);

/// Which web pages may open a WebSocket. A client that sends no Origin is no browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginRule {
    Any,
    /// Exact origins: `https://192.168.1.20:8443`. Others get HTTP 403.
    Listed(Vec<String>),
}

#[derive(Clone)]
pub enum Transport {
    Tcp,
    Tls(Arc<ServerConfig>),
    Ws { origins: OriginRule },
    Wss(Arc<ServerConfig>, OriginRule),
}

impl Transport {
    pub fn kind(&self) -> TransportKind {
        match self {
            Transport::Tcp => TransportKind::Tcp,
            Transport::Tls(_) => TransportKind::Tls,
            Transport::Ws { .. } => TransportKind::Ws,
            Transport::Wss(..) => TransportKind::Wss,
        }
    }
}

#[derive(Clone)]
pub struct ListenerSpec {
    /// Named in events.
    pub name: String,
    /// Port 0: a free one.
    pub addr: SocketAddr,
    pub transport: Transport,
    pub zone: Zone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerInfo {
    pub id: ListenerId,
    pub local_addr: SocketAddr,
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("another program listens on {addr}")]
    Taken { addr: SocketAddr },
    #[error("cannot listen on {addr}: {source}")]
    Io { addr: SocketAddr, source: std::io::Error },
    #[error("the broker has stopped")]
    Stopped,
}
