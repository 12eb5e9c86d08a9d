//! A broker with one plain listener, for one test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use broker::*;
use mqtt::{Filter, Version};
use tokio::sync::broadcast;

use crate::client::{Client, hello, in_time};

/// Names come in with the password "right", certificates by their common name, and whoever shows
/// neither is "anyone".
pub struct Names {
    pub scram: bool,
}

impl Authenticator for Names {
    fn authenticate(&self, info: ConnectInfo<'_>) -> BoxFuture<'static, AuthOutcome> {
        let outcome = match (info.certificate, info.user_name) {
            (Some(certificate), _) => AuthOutcome::Accept(Identity::new(certificate.common_name.unwrap())),
            (None, None) => AuthOutcome::Accept(Identity::new("anyone")),
            (None, Some("nobody")) => AuthOutcome::Refuse(AuthRefusal::UnknownIdentity),
            (None, Some("revoked")) => AuthOutcome::Refuse(AuthRefusal::Revoked),
            (None, Some(_)) if info.password != Some(b"right") => AuthOutcome::Refuse(AuthRefusal::WrongPassword),
            (None, Some(name)) => AuthOutcome::Accept(Identity::new(name)),
        };
        Box::pin(async move { outcome })
    }

    fn knows_scram(&self) -> bool {
        self.scram
    }

    fn scram(&self, name: &str, _: Zone) -> Option<ScramCredential> {
        (name == "scram").then(|| crate::scram::credential(b"right"))
    }

    fn scram_outcome(&self, name: &str, _: Zone, right: bool) -> AuthOutcome {
        match (name, right) {
            ("scram", true) => AuthOutcome::Accept(Identity::new(name)),
            ("scram", false) => AuthOutcome::Refuse(AuthRefusal::WrongPassword),
            _ => AuthOutcome::Refuse(AuthRefusal::UnknownIdentity),
        }
    }
}

pub fn rule(effect: Effect, publish: bool, read: bool, filter: &str) -> Rule {
    Rule { id: filter.into(), effect, publish, read, filter: filter.into() }
}

pub fn everything() -> Rights {
    let all = ["#", "$SYS/#"].map(|filter| rule(Effect::Allow, true, true, filter));
    Rights::default().with_fallback(all.into())
}

pub struct Site {
    pub handle: BrokerHandle,
    pub addr: SocketAddr,
    pub listener: ListenerId,
    events: broadcast::Receiver<Arc<Event>>,
}

pub fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

pub fn spec(transport: Transport) -> ListenerSpec {
    ListenerSpec { name: "test".into(), addr: loopback(), transport, zone: Zone::Main }
}

pub fn builder(config: Config) -> Builder {
    Broker::builder(config, Arc::new(Names { scram: true })).rights(everything())
}

impl Site {
    pub async fn open() -> Site {
        Site::of(builder(Config::default())).await
    }

    pub async fn with_store(path: PathBuf) -> Site {
        Site::of(builder(Config { store_path: Some(path), ..Config::default() })).await
    }

    pub async fn of(builder: Builder) -> Site {
        let handle = builder.spawn().unwrap();
        let events = handle.events();
        let ListenerInfo { id: listener, local_addr: addr } = handle.add_listener(spec(Transport::Tcp)).await.unwrap();
        Site { handle, addr, listener, events }
    }

    pub async fn client(&self, client_id: &str) -> Client {
        Client::connect(self.addr, hello(Version::V5, client_id)).await
    }

    pub async fn old_client(&self, client_id: &str) -> Client {
        Client::connect(self.addr, hello(Version::V3_1_1, client_id)).await
    }

    /// The next event that `wanted` picks.
    pub async fn event<T>(&mut self, what: &str, wanted: impl Fn(&EventKind) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = wanted(&self.events.recv().await.unwrap().kind) {
                    return found;
                }
            }
        };
        in_time(what, found).await
    }

    /// Comes back when the broker knows that a client is away.
    pub async fn gone(&mut self) {
        self.event("Disconnected", |kind| matches!(kind, EventKind::Disconnected { .. }).then_some(())).await;
    }

    pub async fn retained_topics(&self) -> Vec<String> {
        let filter = Filter::parse("#").unwrap();
        self.handle.retained(&filter, 1000).await.iter().map(|message| message.topic.to_string()).collect()
    }
}

/// A clock that a test moves.
#[derive(Clone, Default)]
pub struct Hands(Arc<AtomicI64>);

impl Hands {
    pub fn clock(&self) -> Clock {
        let hands = self.0.clone();
        Clock::new(move || 1_800_000_000_000_000 + hands.load(Ordering::SeqCst))
    }

    pub fn forward_secs(&self, secs: i64) {
        self.0.fetch_add(secs * 1_000_000, Ordering::SeqCst);
    }
}
