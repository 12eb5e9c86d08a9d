//! Starting a broker, and speaking to it from other threads.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mqtt::{Filter, Reason, Topic, Version};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::LocalSet;

use crate::core::{Core, Parts, Session};
use crate::handshake::{Shard, Shared};
use crate::listener::{self, Door, Doors, ListenError, ListenerId, ListenerInfo, ListenerSpec};
use crate::store::{Loaded, Store};
use crate::{
    Authenticator, Clock, Config, Error, Event, EventKind, Identity, Keeper, Message, Rights, Settled, TransportKind,
};

/// How often sessions, wills and keep-alives are looked at.
const SWEEP: Duration = Duration::from_millis(250);
/// The buffer that all connections read into.
const SCRATCH_BYTES: usize = 64 * 1024;

/// Counters that anyone may read at any time.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    messages_in: AtomicU64,
    bytes_in: AtomicU64,
    messages_out: AtomicU64,
    dropped: AtomicU64,
    connected: AtomicI64,
    panics: AtomicU64,
}

impl Counters {
    pub fn received(&self, count: u64, bytes: usize) {
        self.messages_in.fetch_add(count, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }
    pub fn sent(&self, count: u64) {
        self.messages_out.fetch_add(count, Ordering::Relaxed);
    }
    pub fn dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }
    pub fn connected(&self, change: i64) {
        self.connected.fetch_add(change, Ordering::Relaxed);
    }
    pub fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            messages_in: read(&self.messages_in),
            bytes_in: read(&self.bytes_in),
            messages_out: read(&self.messages_out),
            dropped: read(&self.dropped),
            connected: u64::try_from(self.connected.load(Ordering::Relaxed)).unwrap_or(0),
            panics: read(&self.panics),
        }
    }
    pub fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}

/// Since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Publications accepted.
    pub messages_in: u64,
    pub bytes_in: u64,
    /// Deliveries written.
    pub messages_out: u64,
    /// Deliveries that a full queue or a client's size limit kept back.
    pub dropped: u64,
    pub connected: u64,
    /// Faults of ours, each of which ended one connection.
    pub panics: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    pub client_id: String,
    pub identity: Identity,
    pub peer: Option<std::net::SocketAddr>,
    pub version: Version,
    pub transport: Option<TransportKind>,
    /// Of this connection; `None` while away.
    pub connected_since_ms: Option<i64>,
    pub subscriptions: Vec<String>,
    pub queued: usize,
    /// Sent with QoS 1 or 2, and not yet acknowledged.
    pub in_flight: usize,
    /// Messages that its full queue lost.
    pub dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the broker has stopped")]
    Stopped,
    #[error("the message could not be stored")]
    NotStored,
}

/// Runs on the shard's thread, with its core and its doors.
type Task = Box<dyn FnOnce(&Shard, &mut Doors) + Send>;

pub struct Broker;

impl Broker {
    pub fn builder(config: Config, authenticator: Arc<dyn Authenticator>) -> Builder {
        Builder { config, authenticator, clock: Clock::system(), rights: Rights::default(), keepers: Vec::new() }
    }
}

pub struct Builder {
    config: Config,
    authenticator: Arc<dyn Authenticator>,
    clock: Clock,
    rights: Rights,
    keepers: Vec<(Box<dyn Keeper>, mpsc::UnboundedReceiver<Settled>)>,
}

impl Builder {
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Builder {
        self.clock = clock;
        self
    }

    #[must_use]
    pub fn rights(mut self, rights: Rights) -> Builder {
        self.rights = rights;
        self
    }

    /// One who must keep every message before it is acknowledged, and how it tells that it has.
    #[must_use]
    pub fn keeper(mut self, keeper: Box<dyn Keeper>, settled: mpsc::UnboundedReceiver<Settled>) -> Builder {
        self.keepers.push((keeper, settled));
        self
    }

    /// Opens the store and starts the shard's thread. No door is open yet.
    pub fn spawn(self) -> Result<BrokerHandle, Error> {
        let (store, loaded, store_settled) = match &self.config.store_path {
            None => (None, Loaded::default(), None),
            Some(path) => {
                let (store, loaded, settled) = Store::open(path)?;
                (Some(store), loaded, Some(settled))
            }
        };
        let (tap, _) = broadcast::channel(self.config.tap_capacity);
        let (events, _) = broadcast::channel(4096);
        let counters = Arc::new(Counters::default());
        let (tasks, queue) = mpsc::unbounded_channel();
        let (keepers, settled): (Vec<_>, Vec<_>) = self.keepers.into_iter().unzip();
        let parts = Parts {
            clock: self.clock,
            limits: self.config.limits,
            rights: self.rights,
            store,
            loaded,
            keepers,
            tap: tap.clone(),
            events: events.clone(),
            counters: counters.clone(),
            sys_interval_secs: self.config.sys_interval_secs,
            max_keep_alive_secs: self.config.max_keep_alive_secs,
            queue_limits: self.config.queue,
            rates: self.config.rates,
            check_payload_format: self.config.check_payload_format,
        };
        let mut results: Vec<(Option<usize>, mpsc::UnboundedReceiver<Settled>)> =
            settled.into_iter().enumerate().map(|(index, settled)| (Some(index), settled)).collect();
        results.extend(store_settled.map(|settled| (None, settled)));
        let authenticator = self.authenticator;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        let thread = std::thread::Builder::new()
            .name("broker".into())
            .spawn(move || runtime.block_on(LocalSet::new().run_until(shard(parts, authenticator, queue, results))))
            .map_err(Error::Thread)?;
        let thread = Arc::new(Mutex::new(Some(thread)));
        Ok(BrokerHandle { tasks, tap, events, counters, thread, next_listener: Arc::default() })
    }
}

/// The shard's main task: does what handles ask, until they are gone or ask it to stop.
async fn shard(
    parts: Parts,
    authenticator: Arc<dyn Authenticator>,
    mut queue: mpsc::UnboundedReceiver<Task>,
    results: Vec<(Option<usize>, mpsc::UnboundedReceiver<Settled>)>,
) {
    let changed = parts.store.as_ref().map(|store| store.wake.clone());
    let core = Rc::new(RefCell::new(Core::new(parts)));
    if let Some(changed) = changed {
        // Runs when the turn that changed something is over: its changes are one group.
        let core = core.clone();
        tokio::task::spawn_local(async move {
            loop {
                changed.notified().await;
                guarded(&core, || core.borrow_mut().flush_store());
            }
        });
    }
    let scratch = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
    let shard = Rc::new(Shared { core: core.clone(), authenticator, scratch });
    for (keeper, mut settled) in results {
        let core = core.clone();
        tokio::task::spawn_local(async move {
            while let Some(settled) = settled.recv().await {
                guarded(&core, || core.borrow_mut().settled(keeper, settled));
            }
        });
    }
    let mut doors = Doors::default();
    let ended = doors.end.clone();
    let mut beat = tokio::time::interval(SWEEP);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            task = queue.recv() => match task {
                Some(task) => guarded(&core, || task(&shard, &mut doors)),
                None => break,
            },
            () = ended.notified() => break,
            _ = beat.tick() => guarded(&core, || core.borrow_mut().sweep()),
        }
    }
    core.borrow_mut().close_store();
}

/// A fault of ours outside of any connection ends what was being done, is counted and told; the
/// broker goes on.
fn guarded(core: &Rc<RefCell<Core>>, work: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err()
        && let Ok(core) = core.try_borrow()
    {
        core.counters.panicked();
        core.event(None, None, None, EventKind::Panicked);
    }
}

/// A broker that runs. Clones speak to the same one; it stops when the last is dropped.
#[derive(Clone)]
pub struct BrokerHandle {
    tasks: mpsc::UnboundedSender<Task>,
    tap: broadcast::Sender<Arc<Message>>,
    events: broadcast::Sender<Arc<Event>>,
    counters: Arc<Counters>,
    thread: Arc<Mutex<Option<std::thread::JoinHandle<()>>>>,
    next_listener: Arc<AtomicU64>,
}

impl BrokerHandle {
    /// Asks the shard; `None` once it has stopped.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Shard, &mut Doors) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let task: Task = Box::new(move |shard, doors| {
            answer.send(question(shard, doors)).ok();
        });
        self.tasks.send(task).ok()?;
        answered.await.ok()
    }

    pub async fn add_listener(&self, spec: ListenerSpec) -> Result<ListenerInfo, ListenError> {
        let socket = listener::bind(spec.addr)?;
        let local_addr = socket.local_addr().map_err(|source| ListenError::Other { addr: spec.addr, source })?;
        let id = ListenerId(self.next_listener.fetch_add(1, Ordering::Relaxed));
        let door = Door::new(&spec);
        let opened = self.ask(move |shard, doors| doors.open(id, socket, door, shard.clone())).await;
        opened.map(|()| ListenerInfo { id, local_addr }).ok_or(ListenError::Stopped)
    }

    /// Closes a door; connections that came through it stay.
    pub async fn remove_listener(&self, id: ListenerId) {
        self.ask(move |_, doors| doors.close(id)).await;
    }

    /// Moves a door to another address: the new one is open before the old one closes, and where it
    /// cannot be opened the old one stays. Connections that came through it stay.
    pub async fn move_listener(&self, id: ListenerId, addr: std::net::SocketAddr) -> Result<ListenerInfo, ListenError> {
        let socket = listener::bind(addr)?;
        let local_addr = socket.local_addr().map_err(|source| ListenError::Other { addr, source })?;
        let moved = self.ask(move |shard, doors| doors.shift(id, socket, shard.clone())).await;
        match moved {
            Some(true) => Ok(ListenerInfo { id, local_addr }),
            Some(false) => Err(ListenError::Unknown),
            None => Err(ListenError::Stopped),
        }
    }

    /// New connections get the new certificate; those that are open stay.
    pub async fn reload_tls(&self, id: ListenerId, config: Arc<rustls::ServerConfig>) {
        self.ask(move |_, doors| doors.reload_tls(id, config)).await;
    }

    /// Swaps the rights; who lost is disconnected when this returns.
    pub async fn set_rights(&self, rights: Rights) {
        self.ask(move |shard, _| shard.core.borrow_mut().set_rights(rights)).await;
    }

    /// Ends the connection of a client, and forgets its session if asked to; answers whether there
    /// was one.
    pub async fn kick(&self, client_id: &str, reason: Reason, forget: bool) -> bool {
        let client_id = client_id.to_owned();
        let kicked = self.ask(move |shard, _| {
            let mut core = shard.core.borrow_mut();
            core.session_of(&client_id).inspect(|id| core.expel(*id, reason, forget)).is_some()
        });
        kicked.await.unwrap_or(false)
    }

    /// Ends every connection of an identity, and forgets its sessions if asked to; answers how many.
    pub async fn kick_identity(&self, identity: &Identity, reason: Reason, forget: bool) -> usize {
        let identity = identity.clone();
        let kicked = self.ask(move |shard, _| {
            let mut core = shard.core.borrow_mut();
            let ids: Vec<_> =
                core.sessions().filter(|(_, session)| session.identity == identity).map(|(id, _)| id).collect();
            for id in &ids {
                core.expel(*id, reason, forget);
            }
            ids.len()
        });
        kicked.await.unwrap_or(0)
    }

    /// Connected clients and kept sessions.
    pub async fn clients(&self) -> Vec<ClientInfo> {
        self.ask(|shard, _| shard.core.borrow().sessions().map(|(_, session)| info(session)).collect())
            .await
            .unwrap_or_default()
    }

    /// At most `limit` clients and sessions, in the order of their client ids, behind `after`.
    pub async fn clients_page(&self, after: Option<&str>, limit: usize) -> Vec<ClientInfo> {
        let after = after.map(str::to_owned);
        let page = self.ask(move |shard, _| {
            let core = shard.core.borrow();
            core.page(after.as_deref(), limit).into_iter().map(info).collect()
        });
        page.await.unwrap_or_default()
    }

    /// At most `limit` subscriptions as (client id, filter), in their order, behind `after`.
    pub async fn subscriptions_page(&self, after: Option<(String, String)>, limit: usize) -> Vec<(String, String)> {
        let page = self.ask(move |shard, _| shard.core.borrow().subscriptions_page(after.as_ref(), limit));
        page.await.unwrap_or_default()
    }

    /// The client ids whose subscriptions match the topic.
    pub async fn subscribers(&self, topic: &Topic) -> Vec<String> {
        let topic = topic.clone();
        let found = self.ask(move |shard, _| {
            let core = shard.core.borrow();
            core.sessions()
                .filter(|(_, session)| session.subscriptions.keys().any(|filter| filter.matches(&topic)))
                .map(|(_, session)| session.client_id.to_string())
                .collect()
        });
        found.await.unwrap_or_default()
    }

    /// Publishes as the site itself; returns when every keeper has stored it.
    pub async fn publish(&self, message: Message) -> Result<(), PublishError> {
        let (done, stored) = oneshot::channel();
        let asked = self.ask(move |shard, _| shard.core.borrow_mut().publish_from_site(message, done)).await;
        asked.ok_or(PublishError::Stopped)?;
        match stored.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(PublishError::NotStored),
            Err(_) => Err(PublishError::Stopped),
        }
    }

    /// At most `limit` retained messages, in the order of their topics.
    pub async fn retained(&self, filter: &Filter, limit: usize) -> Vec<Arc<Message>> {
        let filter = filter.clone();
        self.ask(move |shard, _| shard.core.borrow().retained(&filter, limit)).await.unwrap_or_default()
    }

    /// The same behind the topic `after`: a page.
    pub async fn retained_page(&self, filter: &Filter, after: Option<&str>, limit: usize) -> Vec<Arc<Message>> {
        let (filter, after) = (filter.clone(), after.map(str::to_owned));
        let page = self.ask(move |shard, _| shard.core.borrow().retained_after(&filter, after.as_deref(), limit));
        page.await.unwrap_or_default()
    }

    /// Every accepted publication from now on. It never waits: who lags loses, and is told how much.
    pub fn tap(&self) -> broadcast::Receiver<Arc<Message>> {
        self.tap.subscribe()
    }

    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    pub fn stats(&self) -> Stats {
        self.counters.stats()
    }

    /// Closes the doors, writes the store, tells the clients, and comes back when the thread is
    /// over. From then on every call answers that the broker has stopped.
    pub async fn shutdown(&self) {
        // What is on its way to the disk is acknowledged before the goodbye.
        self.ask(|shard, doors| {
            doors.close_all();
            shard.core.borrow_mut().close_store();
        })
        .await;
        self.ask(|shard, _| shard.core.borrow_mut().stop()).await;
        let said = async {
            while self.ask(|shard, _| shard.core.borrow().sessions().any(|(_, each)| each.outbox.is_some())).await
                == Some(true)
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3), said).await.ok();
        self.ask(|_, doors| doors.end.notify_one()).await;
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            tokio::task::spawn_blocking(move || thread.join().ok()).await.ok();
        }
    }

    /// Waits for the shard's thread to end; every other handle must be gone.
    pub fn join(self) {
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        drop(self);
        if let Some(thread) = thread {
            thread.join().ok();
        }
    }
}

fn info(session: &Session) -> ClientInfo {
    let outbox = session.outbox.as_ref();
    ClientInfo {
        client_id: session.client_id.to_string(),
        identity: session.identity.clone(),
        peer: outbox.map(|outbox| outbox.peer),
        version: session.version,
        transport: outbox.map(|outbox| outbox.transport),
        connected_since_ms: outbox.map(|outbox| outbox.since_ms),
        subscriptions: session.subscriptions.keys().map(|filter| filter.as_str().to_owned()).collect(),
        queued: session.queue.len(),
        in_flight: session.inflight.len(),
        dropped: session.dropped,
    }
}
