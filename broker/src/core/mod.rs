//! The routing core: sessions, subscriptions, retained messages, rights. It holds no socket: what
//! it wants sent goes into an [`Outbox`], and the connection's writer takes it from there.

mod connect;
mod deliver;
mod keep;
mod outbox;
mod packets;
mod pages;
mod publish;
mod retained;
mod session;
mod settle;
mod subscriptions;
mod sweep;
mod sys;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use mqtt::{Filter, Limits, Packet, Reason, SubAck};
use tokio::sync::{Notify, broadcast};

pub(crate) use connect::Welcome;
pub(crate) use outbox::Outbox;
pub(crate) use packets::{PublishState, Verdict};
pub(crate) use session::Session;
pub(crate) use subscriptions::SessionId;

use crate::handle::Counters;
use crate::store::{Change, Loaded, Store};
use crate::{Clock, Event, EventKind, Identity, Keeper, Message, Offer, QueueLimits, Rates, Rights, Zone};
use outbox::PendingAck;
use retained::Retained;
use subscriptions::{Matches, Subscriptions};

/// Match lists kept by topic; all are forgotten when there are more.
const CACHED_TOPICS: usize = 10_000;

struct KeeperSlot {
    keeper: Box<dyn Keeper>,
    waiting: Waiting,
}

/// Acknowledgements in the order of their tickets.
type Waiting = std::collections::VecDeque<(u64, Waiter)>;

/// Who waits for a ticket: the acknowledgement, and the connection that it belongs to, which may
/// be gone by then (a new connection of the same client is another outbox).
enum Waiter {
    Client {
        ack: Rc<PendingAck>,
        outbox: Weak<Outbox>,
        session: SessionId,
    },
    Site(Rc<SitePublish>),
    /// A packet that may only be sent once the store holds what it says.
    Packet {
        outbox: Weak<Outbox>,
        packet: Packet,
    },
    /// The same for SUBACK, which can tell that it was not stored.
    SubAck {
        outbox: Weak<Outbox>,
        session: SessionId,
        suback: Box<SubAck>,
        filters: Vec<Filter>,
    },
    /// QoS 2 messages that a session may be sent once they are stored.
    Queue {
        session: SessionId,
        seq: u64,
    },
}

/// A publication of the site that waits for its keepers.
struct SitePublish {
    waiting: std::cell::Cell<u8>,
    failed: std::cell::Cell<bool>,
    done: RefCell<Option<tokio::sync::oneshot::Sender<bool>>>,
}

pub(crate) struct Core {
    pub clock: Clock,
    pub limits: Limits,
    pub rights: Arc<Rights>,
    /// Grows when the rights change.
    rights_epoch: u64,
    /// Boxed: a table keeps room for more than it holds.
    sessions: HashMap<SessionId, Box<Session>>,
    next_session: SessionId,
    by_client: HashMap<Arc<str>, SessionId>,
    /// When each session is to be looked at.
    due: BTreeSet<(i64, SessionId)>,
    subscriptions: Subscriptions,
    matches: HashMap<Box<str>, (u64, Rc<Matches>)>,
    /// The subscriber that the last publication found behind: its publisher waits.
    pub behind: Option<SessionId>,
    /// Tells those who wait that a subscriber has caught up.
    pub relief: Rc<Notify>,
    retained: Retained,
    store: Option<Store>,
    store_waiting: Waiting,
    /// The last group of changes that the store has settled.
    store_settled: u64,
    /// The last group could not be stored.
    store_failing: bool,
    keepers: Vec<KeeperSlot>,
    tap: broadcast::Sender<Arc<Message>>,
    events: broadcast::Sender<Arc<Event>>,
    pub counters: Arc<Counters>,
    stopping: bool,
    started_ms: i64,
    sys_interval_ms: Option<i64>,
    sys_due_ms: i64,
    max_keep_alive_secs: Option<u16>,
    queue_limits: QueueLimits,
    rates: Vec<(Zone, Rates)>,
    check_payload_format: bool,
}

/// What a core is made of.
pub(crate) struct Parts {
    pub clock: Clock,
    pub limits: Limits,
    pub rights: Rights,
    pub store: Option<Store>,
    pub loaded: Loaded,
    pub keepers: Vec<Box<dyn Keeper>>,
    pub tap: broadcast::Sender<Arc<Message>>,
    pub events: broadcast::Sender<Arc<Event>>,
    pub counters: Arc<Counters>,
    pub sys_interval_secs: Option<u32>,
    pub max_keep_alive_secs: Option<u16>,
    pub queue_limits: QueueLimits,
    pub rates: Vec<(Zone, Rates)>,
    pub check_payload_format: bool,
}

impl Core {
    pub fn new(parts: Parts) -> Core {
        let mut retained = Retained::default();
        for message in parts.loaded.retained {
            retained.put(Arc::new(message));
        }
        let started_ms = parts.clock.now_ms();
        let mut core = Core {
            clock: parts.clock,
            limits: parts.limits,
            rights: Arc::new(parts.rights),
            rights_epoch: 0,
            sessions: HashMap::new(),
            next_session: 0,
            by_client: HashMap::new(),
            due: BTreeSet::new(),
            subscriptions: Subscriptions::default(),
            matches: HashMap::new(),
            behind: None,
            relief: Rc::default(),
            retained,
            store: parts.store,
            store_waiting: Waiting::new(),
            store_settled: 0,
            store_failing: false,
            keepers: parts.keepers.into_iter().map(|keeper| KeeperSlot { keeper, waiting: Waiting::new() }).collect(),
            tap: parts.tap,
            events: parts.events,
            counters: parts.counters,
            stopping: false,
            started_ms,
            sys_interval_ms: parts.sys_interval_secs.map(|secs| i64::from(secs) * 1000),
            sys_due_ms: started_ms,
            max_keep_alive_secs: parts.max_keep_alive_secs,
            queue_limits: parts.queue_limits,
            rates: parts.rates,
            check_payload_format: parts.check_payload_format,
        };
        core.restore(parts.loaded.sessions);
        core
    }

    /// How often clients of a zone may connect and publish.
    pub fn rates(&self, zone: Zone) -> Rates {
        self.rates.iter().find(|(of, _)| *of == zone).map(|(_, rates)| *rates).unwrap_or_default()
    }

    pub fn event(
        &self,
        peer: Option<SocketAddr>,
        client_id: Option<&str>,
        identity: Option<&Identity>,
        kind: EventKind,
    ) {
        let event = Event {
            at_ms: self.clock.now_ms(),
            peer,
            client_id: client_id.map(str::to_owned),
            identity: identity.cloned(),
            kind,
        };
        // Nobody listening is no fault.
        self.events.send(Arc::new(event)).ok();
    }

    pub fn session_event(&self, id: SessionId, kind: EventKind) {
        if let Some(session) = self.sessions.get(&id) {
            let peer = session.outbox.as_ref().map(|outbox| outbox.peer);
            self.event(peer, Some(&session.client_id), Some(&session.identity), kind);
        }
    }

    /// Swaps the rights and ends the connections of those who lost their identity.
    pub fn set_rights(&mut self, rights: Rights) {
        self.rights = Arc::new(rights);
        self.rights_epoch += 1;
        // Cached targets were filtered by the old rights.
        self.subscriptions.epoch += 1;
        let lost: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| !self.rights.knows(&session.identity))
            .map(|(id, _)| *id)
            .collect();
        for id in lost {
            self.expel(id, Reason::NotAuthorized, true);
        }
        self.drop_lost_subscriptions();
    }

    /// A subscription that the new rights would refuse ends.
    fn drop_lost_subscriptions(&mut self) {
        for (id, session) in &mut self.sessions {
            let (rights, identity, client_id) = (&self.rights, &session.identity, &session.client_id);
            let lost: Vec<_> = session
                .subscriptions
                .keys()
                .filter(|filter| !rights.decide_filter(identity, client_id, filter).allowed)
                .cloned()
                .collect();
            for filter in lost {
                session.subscriptions.remove(&filter);
                self.subscriptions.remove(*id, &filter);
                if session.stored
                    && let Some(store) = &mut self.store
                {
                    store.push(Change::Unsubscribe { session: *id, filter });
                }
            }
        }
    }

    /// Ends a connection with a reason; with `forget` the session goes too. The will is not sent:
    /// the site ended it.
    pub fn expel(&mut self, id: SessionId, reason: Reason, forget: bool) {
        self.session_event(id, EventKind::Kicked);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.will = None;
            session.will_due_ms = None;
            if let Some(outbox) = session.outbox.clone() {
                outbox.say_goodbye(reason);
                self.disconnected(id, &outbox, reason);
            }
            if forget {
                self.forget(id);
            }
        }
    }

    pub fn is_behind(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|session| session.is_behind(self.queue_limits))
    }

    /// Removes a session and all that belongs to it.
    fn forget(&mut self, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else { return };
        self.by_client.remove(&session.client_id);
        if let Some(due) = session.due_ms {
            self.due.remove(&(due, id));
        }
        for filter in session.subscriptions.keys() {
            self.subscriptions.remove(id, filter);
        }
        if session.stored
            && let Some(store) = &mut self.store
        {
            store.push(Change::Forget(id));
        }
    }

    pub fn session_of(&self, client_id: &str) -> Option<SessionId> {
        self.by_client.get(client_id).copied()
    }

    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.iter().map(|(id, session)| (*id, &**session))
    }

    /// Offers a message to all who must keep it; `waiter` is told of each ticket. What will be
    /// refused because one is full must leave no trace: it is not retained either.
    fn offer(&mut self, message: &Arc<Message>, refusable: bool, waiter: impl Fn() -> Waiter) -> Kept {
        let mut kept = Kept { tickets: 0, full: false };
        for slot in &mut self.keepers {
            match slot.keeper.offer(message) {
                Offer::NotMine => {}
                Offer::Ticket(ticket) => {
                    slot.waiting.push_back((ticket, waiter()));
                    kept.tickets += 1;
                }
                Offer::Full => kept.full = true,
            }
        }
        if message.retain && !(kept.full && refusable) {
            if let Some(store) = &mut self.store {
                store.push(Change::Retain(message.clone()));
            }
            self.retained.put(message.clone());
        }
        kept
    }

    /// Ends every connection: 5.0 clients are told.
    pub fn stop(&mut self) {
        self.stopping = true;
        for session in self.sessions.values_mut() {
            session.will = None;
            if let Some(outbox) = &session.outbox {
                outbox.say_goodbye(Reason::ServerShuttingDown);
            }
        }
    }
}

struct Kept {
    tickets: u8,
    full: bool,
}
