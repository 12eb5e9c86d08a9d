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
use crate::rate::Bucket;
use crate::{ConnectFault, EventKind, HttpHandoff, TransportKind, Zone, config, handshake};

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
    /// MQTT, MQTT over WebSocket and HTTPS on one port. The configuration names `mqtt` and
    /// `http/1.1` for ALPN.
    OnePort(Arc<ServerConfig>, OriginRule, HttpHandoff),
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
    #[error("there is no such listener")]
    Unknown,
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
    /// It tells by what is said what a connection speaks, and hands on what speaks HTTP.
    pub http: Option<HttpHandoff>,
}

impl Door {
    pub fn new(spec: &ListenerSpec) -> Door {
        let shared = |config: &Arc<ServerConfig>| Some(Arc::new(ArcSwap::new(config.clone())));
        let mut http = None;
        let (kind, tls, origins) = match &spec.transport {
            Transport::Tcp => (TransportKind::Tcp, None, None),
            Transport::Tls(config) => (TransportKind::Tls, shared(config), None),
            Transport::Ws(origins) => (TransportKind::Ws, None, Some(origins.clone())),
            Transport::Wss(config, origins) => (TransportKind::Wss, shared(config), Some(origins.clone())),
            Transport::OnePort(config, origins, handoff) => {
                http = Some(handoff.clone());
                (TransportKind::Tls, shared(config), Some(origins.clone()))
            }
        };
        Door { kind, zone: spec.zone, tls, origins, http }
    }
}

/// A certificate that can be renewed while the door is open.
type SharedTls = Arc<ArcSwap<ServerConfig>>;

/// The open doors, and who knocks.
#[derive(Default)]
pub(crate) struct Doors {
    open: HashMap<ListenerId, (AbortHandle, Rc<Door>)>,
    callers: Rc<RefCell<Callers>>,
    /// Ends the shard.
    pub end: Rc<Notify>,
}

impl Doors {
    /// Starts accepting; must be called on the shard.
    pub fn open(&mut self, id: ListenerId, socket: std::net::TcpListener, door: Door, shard: handshake::Shard) {
        self.accept_at(id, socket, Rc::new(door), shard);
    }

    fn accept_at(&mut self, id: ListenerId, socket: std::net::TcpListener, door: Rc<Door>, shard: handshake::Shard) {
        let task = tokio::task::spawn_local(accept(socket, door.clone(), shard, self.callers.clone()));
        if let Some((before, _)) = self.open.insert(id, (task.abort_handle(), door)) {
            before.abort();
        }
    }

    /// The same door at another socket; answers whether there is such a door.
    pub fn shift(&mut self, id: ListenerId, socket: std::net::TcpListener, shard: handshake::Shard) -> bool {
        let Some(door) = self.open.get(&id).map(|(_, door)| door.clone()) else { return false };
        self.accept_at(id, socket, door, shard);
        true
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
        if let Some(tls) = self.open.get(&id).and_then(|(_, door)| door.tls.as_ref()) {
            tls.store(config);
        }
    }
}

async fn accept(socket: std::net::TcpListener, door: Rc<Door>, shard: handshake::Shard, callers: Rc<RefCell<Callers>>) {
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
        let (rate, now_us) = {
            let core = shard.core.borrow();
            (core.rates(door.zone).connects, core.clock.now_us())
        };
        let Some(place) = Place::take(&callers, peer.ip(), rate, now_us) else {
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

/// Who knocks, by address: handshakes under way, and how many more may come.
#[derive(Default)]
pub(crate) struct Callers(HashMap<IpAddr, Caller>);

#[derive(Default)]
struct Caller {
    half_open: usize,
    bucket: Option<Bucket>,
}

/// Addresses remembered before those that rested are forgotten.
const CALLERS: usize = 1024;

/// One of the handshakes that an address may have under way; given back when dropped.
pub(crate) struct Place {
    callers: Rc<RefCell<Callers>>,
    address: IpAddr,
}

impl Place {
    fn take(callers: &Rc<RefCell<Callers>>, address: IpAddr, rate: Option<crate::Rate>, now_us: i64) -> Option<Place> {
        let all = &mut callers.borrow_mut().0;
        if all.len() >= CALLERS {
            all.retain(|_, caller| {
                caller.half_open > 0 || caller.bucket.as_mut().is_some_and(|bucket| !bucket.is_full(now_us))
            });
        }
        let caller = all.entry(address).or_default();
        if caller.half_open >= config::HALF_OPEN_PER_ADDRESS {
            return None;
        }
        if let Some(rate) = rate
            && !caller.bucket.get_or_insert_with(|| Bucket::full(rate, now_us)).try_take(now_us)
        {
            return None;
        }
        caller.half_open += 1;
        Some(Place { callers: callers.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let all = &mut self.callers.borrow_mut().0;
        if let Some(caller) = all.get_mut(&self.address) {
            caller.half_open -= 1;
            if caller.half_open == 0 && caller.bucket.is_none() {
                all.remove(&self.address);
            }
        }
    }
}
