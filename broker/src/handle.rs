//! The broker as others hold it: started by a builder, asked through a handle.

use std::net::SocketAddr;
use std::sync::Arc;

use mqtt::{Filter, Reason, Topic, Version};
use rustls::ServerConfig;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::stats::Counters;
use crate::{
    Authenticator, Clock, Config, Error, Event, Identity, Keeper, ListenError, ListenerId, ListenerInfo, ListenerSpec,
    Message, Rights, Settled, Stats, TransportKind, config,
};

pub struct Broker;

impl Broker {
    pub fn builder(config: Config) -> Builder {
        Builder { config, authenticator: None, rights: Rights::default(), keepers: Vec::new(), clock: Clock::system() }
    }
}

/// Without an authenticator nobody comes in; without rights nobody may do anything.
pub struct Builder {
    config: Config,
    authenticator: Option<Arc<dyn Authenticator>>,
    rights: Rights,
    keepers: Vec<(Box<dyn Keeper>, mpsc::UnboundedReceiver<Settled>)>,
    clock: Clock,
}

impl Builder {
    #[must_use]
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Builder {
        self.authenticator = Some(authenticator);
        self
    }

    #[must_use]
    pub fn rights(mut self, rights: Rights) -> Builder {
        self.rights = rights;
        self
    }

    /// One more who must keep publications; what it settles comes through the channel.
    #[must_use]
    pub fn keeper(mut self, keeper: Box<dyn Keeper>, settled: mpsc::UnboundedReceiver<Settled>) -> Builder {
        self.keepers.push((keeper, settled));
        self
    }

    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Builder {
        self.clock = clock;
        self
    }

    /// Opens the store and starts the threads. There is no listener yet.
    pub fn spawn(self) -> Result<BrokerHandle, Error> {
        let (shard, _orders) = mpsc::unbounded_channel();
        let (door, _door_orders) = mpsc::unbounded_channel();
        let (tap, _) = broadcast::channel(self.config.tap_capacity.max(1));
        let (events, _) = broadcast::channel(config::EVENTS);
        let counters = Arc::new(Counters::default());
        Ok(BrokerHandle(Arc::new(Inner { shard, door, tap, events, counters })))
    }
}

/// A client that is connected.
#[derive(Clone, Debug)]
pub struct ClientInfo {
    pub client_id: String,
    pub identity: Identity,
    pub peer: SocketAddr,
    pub listener: Arc<str>,
    pub transport: TransportKind,
    pub version: Version,
    pub keep_alive_secs: u16,
    pub connected_at_ms: i64,
    pub subscriptions: usize,
    /// Messages that wait for it.
    pub queued: usize,
    pub dropped: u64,
}

/// A session, connected or away.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    pub client_id: String,
    pub identity: Identity,
    pub connected: bool,
    pub away_since_ms: Option<i64>,
    /// `u32::MAX`: as long as the broker allows.
    pub expiry_secs: u32,
    pub filters: Vec<String>,
    pub queued: usize,
    pub in_flight: usize,
    pub dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("a keeper cannot take more publications now")]
    Full,
    #[error("a keeper could not store the publication")]
    NotStored,
    #[error("the broker has stopped")]
    Stopped,
}

/// What the shard is asked to do.
pub(crate) enum Order {
    SetRights(Rights),
    Kick { client_id: String, reason: Reason, done: oneshot::Sender<bool> },
    KickIdentity { identity: String, reason: Reason, drop_sessions: bool, done: oneshot::Sender<usize> },
    Clients(oneshot::Sender<Vec<ClientInfo>>),
    Sessions(oneshot::Sender<Vec<SessionInfo>>),
    Subscribers { topic: Topic, done: oneshot::Sender<Vec<String>> },
    Publish { message: Message, done: oneshot::Sender<Result<(), PublishError>> },
    Retained { filter: Filter, limit: usize, done: oneshot::Sender<Vec<Arc<Message>>> },
    Stop(oneshot::Sender<()>),
}

/// What the door is asked to do.
pub(crate) enum DoorOrder {
    Add(ListenerSpec, oneshot::Sender<Result<ListenerInfo, ListenError>>),
    Remove(ListenerId, oneshot::Sender<()>),
    ReloadTls(ListenerId, Arc<ServerConfig>),
    Stop(oneshot::Sender<()>),
}

struct Inner {
    shard: mpsc::UnboundedSender<Order>,
    door: mpsc::UnboundedSender<DoorOrder>,
    tap: broadcast::Sender<Arc<Message>>,
    events: broadcast::Sender<Arc<Event>>,
    counters: Arc<Counters>,
}

/// Cheap to clone. The broker ends with [`BrokerHandle::shutdown`], or when the last handle goes.
#[derive(Clone)]
pub struct BrokerHandle(Arc<Inner>);

impl BrokerHandle {
    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (done, answer) = oneshot::channel();
        self.0.shard.send(order(done)).ok()?;
        answer.await.ok()
    }

    /// Listens from now on. A taken port is told apart: [`ListenError::Taken`].
    pub async fn add_listener(&self, spec: ListenerSpec) -> Result<ListenerInfo, ListenError> {
        let (done, answer) = oneshot::channel();
        self.0.door.send(DoorOrder::Add(spec, done)).map_err(|_| ListenError::Stopped)?;
        answer.await.unwrap_or(Err(ListenError::Stopped))
    }

    /// Ends the listener; connections that came through it stay.
    pub async fn remove_listener(&self, id: ListenerId) {
        let (done, answer) = oneshot::channel();
        if self.0.door.send(DoorOrder::Remove(id, done)).is_ok() {
            answer.await.ok();
        }
    }

    /// New handshakes use the new certificate; nobody is dropped.
    pub fn reload_tls(&self, id: ListenerId, config: Arc<ServerConfig>) {
        self.0.door.send(DoorOrder::ReloadTls(id, config)).ok();
    }

    /// Swaps the rights and ends the connections of those who lost what they use.
    pub fn set_rights(&self, rights: Rights) {
        self.0.shard.send(Order::SetRights(rights)).ok();
    }

    /// Ends one client's connection. Its session stays as long as it asked for.
    pub async fn kick(&self, client_id: &str, reason: Reason) -> bool {
        let client_id = client_id.to_owned();
        self.ask(|done| Order::Kick { client_id, reason, done }).await.unwrap_or(false)
    }

    /// Ends all connections of an identity, with `drop_sessions` its sessions too; answers how many.
    pub async fn kick_identity(&self, identity: &str, reason: Reason, drop_sessions: bool) -> usize {
        let identity = identity.to_owned();
        self.ask(|done| Order::KickIdentity { identity, reason, drop_sessions, done }).await.unwrap_or(0)
    }

    pub async fn clients(&self) -> Vec<ClientInfo> {
        self.ask(Order::Clients).await.unwrap_or_default()
    }

    pub async fn sessions(&self) -> Vec<SessionInfo> {
        self.ask(Order::Sessions).await.unwrap_or_default()
    }

    /// The client ids of those who would get a publication to this topic.
    pub async fn subscriptions(&self, topic: &Topic) -> Vec<String> {
        let topic = topic.clone();
        self.ask(|done| Order::Subscribers { topic, done }).await.unwrap_or_default()
    }

    /// Publishes as the site itself and waits until every keeper has stored it.
    pub async fn publish(&self, message: Message) -> Result<(), PublishError> {
        self.ask(|done| Order::Publish { message, done }).await.unwrap_or(Err(PublishError::Stopped))
    }

    pub async fn retained(&self, filter: &Filter, limit: usize) -> Vec<Arc<Message>> {
        let filter = filter.clone();
        self.ask(|done| Order::Retained { filter, limit, done }).await.unwrap_or_default()
    }

    /// Every accepted publication from now on. The broker never waits for a tap: one that lags
    /// loses the oldest, and its receiver says how many.
    pub fn tap(&self) -> broadcast::Receiver<Arc<Message>> {
        self.0.tap.subscribe()
    }

    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.0.events.subscribe()
    }

    pub fn stats(&self) -> Stats {
        self.0.counters.read()
    }

    /// Ends everything and comes back when it is over: ports free, clients told, store written.
    pub async fn shutdown(&self) {}
}
