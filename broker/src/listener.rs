//! Doors: sockets that accept, each connection in a task of its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::core::Core;
use crate::{ConnectFault, EventKind, TransportKind, Zone, config, handshake};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(pub(crate) u64);

/// Which web pages may open a WebSocket. A client that sends no Origin is no browser and passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginRule {
    Listed(Vec<String>),
}

#[derive(Clone)]
pub enum Transport {
    Tcp,
    Tls(Arc<ServerConfig>),
    Ws(OriginRule),
    Wss(Arc<ServerConfig>, OriginRule),
}

#[derive(Clone)]
pub struct ListenerSpec {
    pub name: String,
    /// Port 0 takes a free one.
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
    #[error("{addr} is already taken")]
    Taken { addr: SocketAddr },
    #[error("cannot listen on {addr}: {source}")]
    Other { addr: SocketAddr, source: std::io::Error },
    #[error("the broker has stopped")]
    Stopped,
}

/// Binds with SO_REUSEADDR where that only means "although an old connection lingers": on Windows
/// it would let two programs share a port.
pub(crate) fn bind(addr: SocketAddr) -> Result<std::net::TcpListener, ListenError> {
    let bound = || -> std::io::Result<std::net::TcpListener> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(1024)?;
        Ok(socket.into())
    };
    bound().map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => ListenError::Taken { addr },
        _ => ListenError::Other { addr, source },
    })
}

/// The security of a door, as it is now: a certificate is renewed without closing it.
pub(crate) struct Door {
    pub kind: TransportKind,
    pub zone: Zone,
    pub tls: Option<SharedTls>,
    pub origins: Option<OriginRule>,
}

impl Door {
    pub fn new(spec: &ListenerSpec) -> Door {
        let shared = |config: &Arc<ServerConfig>| Some(Arc::new(ArcSwap::new(config.clone())));
        let (kind, tls, origins) = match &spec.transport {
            Transport::Tcp => (TransportKind::Tcp, None, None),
            Transport::Tls(config) => (TransportKind::Tls, shared(config), None),
            Transport::Ws(origins) => (TransportKind::Ws, None, Some(origins.clone())),
            Transport::Wss(config, origins) => (TransportKind::Wss, shared(config), Some(origins.clone())),
        };
        Door { kind, zone: spec.zone, tls, origins }
    }
}

/// A certificate that can be renewed while the door is open.
type SharedTls = Arc<ArcSwap<ServerConfig>>;

/// The open doors, and how many handshakes run for each address.
#[derive(Default)]
pub(crate) struct Doors {
    open: HashMap<ListenerId, (AbortHandle, Option<SharedTls>)>,
    half_open: Rc<RefCell<HashMap<IpAddr, usize>>>,
    /// Ends the shard.
    pub end: Rc<Notify>,
}

impl Doors {
    /// Starts accepting; must be called on the shard.
    pub fn open(&mut self, id: ListenerId, socket: std::net::TcpListener, door: Door, shard: handshake::Shard) {
        let tls = door.tls.clone();
        let task = tokio::task::spawn_local(accept(socket, Rc::new(door), shard, self.half_open.clone()));
        self.open.insert(id, (task.abort_handle(), tls));
    }

    pub fn close(&mut self, id: ListenerId) {
        if let Some((task, _)) = self.open.remove(&id) {
            task.abort();
        }
    }

    pub fn close_all(&mut self) {
        for (_, (task, _)) in self.open.drain() {
            task.abort();
        }
    }

    pub fn reload_tls(&self, id: ListenerId, config: Arc<ServerConfig>) {
        if let Some((_, Some(tls))) = self.open.get(&id) {
            tls.store(config);
        }
    }
}

async fn accept(
    socket: std::net::TcpListener,
    door: Rc<Door>,
    shard: handshake::Shard,
    half_open: Rc<RefCell<HashMap<IpAddr, usize>>>,
) {
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a listener could not be started"),
    };
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a client that was gone at once: others may fare better.
                tracing::warn!(%error, "accept");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = Place::take(&half_open, peer.ip()) else {
            too_many(&shard.core, peer);
            continue;
        };
        stream.set_nodelay(true).ok();
        tokio::task::spawn_local(handshake::serve(stream, peer, door.clone(), shard.clone(), place));
    }
}

fn too_many(core: &Rc<RefCell<Core>>, peer: SocketAddr) {
    let fault = ConnectFault::TooManyConnections;
    core.borrow().event(Some(peer), None, None, EventKind::ConnectRefused { fault, user_name: None });
}

/// One of the handshakes that an address may have under way; given back when dropped.
pub(crate) struct Place {
    half_open: Rc<RefCell<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Place {
    fn take(half_open: &Rc<RefCell<HashMap<IpAddr, usize>>>, address: IpAddr) -> Option<Place> {
        let mut counts = half_open.borrow_mut();
        let count = counts.entry(address).or_default();
        if *count >= config::HALF_OPEN_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Place { half_open: half_open.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.half_open.borrow_mut();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
