//! What the broker saw becomes what the doctor tells: which device, and why it was refused.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::{BrokerHandle, Event as Seen, EventKind as What};
use tokio::sync::broadcast::error::RecvError;
use wire::{Event, EventKind, Fact, FactKind, Refusal, RefusalCause, Whose};

use crate::Inner;
use crate::causes::{Finding, Known, diagnose};
use crate::certificate::wanted_names;
use crate::fights::{Fight, Fights};
use crate::limits::CLAIM_MS;
use crate::patients::Who;
use crate::site::Site;

/// A client that tries again and again is told once in this time; every try is counted.
const TELL_EVERY: Duration = Duration::from_secs(1);
const REMEMBERED: usize = 1_000;
/// Topics that one client is told to have been denied in that time: whoever tries more would fill
/// the list of all.
const TOPICS_TOLD: usize = 8;

/// Events are looked at in bundles: a person cannot tell.
pub(crate) const BUNDLE_PAUSE: Duration = Duration::from_millis(10);

/// Follows the broker's events until it stops.
pub(crate) fn follow(broker: &BrokerHandle, inner: Arc<Inner>, site: Arc<Site>) -> tokio::task::JoinHandle<()> {
    let mut events = broker.events();
    tokio::spawn(async move {
        let mut doctor = Doctor { inner, site, told: HashMap::new(), fights: Fights::default() };
        loop {
            match events.recv().await {
                Ok(seen) => doctor.examine(&seen),
                Err(RecvError::Lagged(lost)) => tracing::warn!(lost, "events of the broker were lost"),
                Err(RecvError::Closed) => return,
            }
            while let Ok(seen) = events.try_recv() {
                doctor.examine(&seen);
            }
            // In bundles: to be woken for each event would cost the broker more than the event does.
            tokio::time::sleep(BUNDLE_PAUSE).await;
        }
    })
}

struct Doctor {
    inner: Arc<Inner>,
    site: Arc<Site>,
    told: HashMap<(String, RefusalCause, Option<String>), Instant>,
    fights: Fights,
}

impl Doctor {
    fn examine(&mut self, seen: &Seen) {
        if seen.peer.is_some_and(|peer| self.inner.probes.ours(peer)) {
            return;
        }
        let address = seen.peer.map(|peer| peer.ip());
        match &seen.kind {
            What::Connected { .. } => {
                let device = self.named(seen);
                if let Some(device) = &device {
                    self.inner.presence.connected(device, address, seen.at_ms);
                    self.inner.patients.connected(device, address, seen.at_ms);
                }
                self.tell(seen, EventKind::Connected, device);
            }
            What::Disconnected { .. } => {
                let device = self.named(seen);
                if let Some(device) = &device {
                    self.inner.presence.left(device, seen.at_ms);
                }
                self.tell(seen, EventKind::Disconnected, device);
            }
            What::TakenOver { by } => {
                self.tell(seen, EventKind::TakenOver, self.named(seen));
                self.fight(seen, *by);
            }
            What::Kicked => self.tell(seen, EventKind::Kicked, self.named(seen)),
            What::StoreFailing { failing: true } => self.tell(seen, EventKind::DiskLow, None),
            What::Panicked => tracing::error!(peer = ?seen.peer, "a fault of ours ended a connection"),
            _ => {}
        }
        let settings = self.site.settings.load_full();
        if let Some(finding) = diagnose(&seen.kind, &self.known(), |name| settings.device(name).is_ok()) {
            self.refuse(seen, finding);
        }
    }

    /// By what clients may know us now.
    fn known(&self) -> Known {
        let settings = self.site.settings.load();
        let (host_name, address) = (settings.host_name(), settings.address.to_string());
        match self.site.engine().map(|engine| engine.certificate()) {
            Some(certificate) => Known {
                host_name,
                address,
                names: certificate.names().map(str::to_owned).collect(),
                ips: certificate.ips().collect(),
                valid_since_ms: certificate.not_before,
            },
            None => {
                let (names, ips) = wanted_names(&settings);
                Known { host_name, address, names, ips, valid_since_ms: 0 }
            }
        }
    }

    fn fight(&mut self, seen: &Seen, by: SocketAddr) {
        let (Some(client_id), Some(loser)) = (&seen.client_id, seen.peer) else { return };
        let Some(fight) = self.fights.taken_over(client_id, seen.at_ms, loser.ip(), by.ip()) else { return };
        let Fight { rivals: [a, b], takeovers } = fight;
        let rivals = if a == b { a.to_string() } else { format!("{a}, {b}") };
        let detail = format!("{rivals}: {takeovers} take-overs in a minute");
        let fact = |kind, value| Fact { kind, value };
        let facts = vec![fact(FactKind::Rivals, rivals), fact(FactKind::Takeovers, takeovers.to_string())];
        let finding = Finding { cause: RefusalCause::DuplicateClientId, detail, topic: None, facts };
        self.refuse(seen, finding);
    }

    fn tell(&self, seen: &Seen, kind: EventKind, device: Option<String>) {
        self.inner.journal.add(Event {
            seq: 0,
            at_ms: seen.at_ms,
            kind,
            device,
            client_id: seen.client_id.clone(),
            peer: seen.peer.map(|peer| peer.to_string()),
            refusal: None,
            topic: None,
        });
    }

    fn refuse(&mut self, seen: &Seen, finding: Finding) {
        let Finding { cause, detail, topic, facts } = finding;
        let (device, whose) = match self.named(seen) {
            Some(device) => (Some(device), Whose::Named),
            None => self.guessed(seen),
        };
        let who = Who {
            device: device.clone(),
            user: user_name(&seen.kind).map(str::to_owned),
            client_id: seen.client_id.clone(),
            address: seen.peer.map(|peer| peer.ip()),
        };
        let key = (who.key(), cause);
        let mut refusal = Refusal { cause, at_ms: seen.at_ms, tries: 1, detail, facts, whose };
        let tries = self.inner.patients.add(who, refusal.clone(), topic.clone());
        match &device {
            // A silence and a fight are no refusals: their device was let in.
            Some(device) if !matches!(cause, RefusalCause::KeepAliveTimeout | RefusalCause::DuplicateClientId) => {
                refusal = self.inner.presence.refused(device, refusal);
            }
            _ => refusal.tries = tries,
        }
        if self.told.len() > REMEMBERED {
            self.told.retain(|_, told| told.elapsed() < TELL_EVERY);
        }
        let lately = |told: &Instant| told.elapsed() < TELL_EVERY;
        let same = self.told.iter().filter(|((by, of, _), told)| (by, *of) == (&key.0, key.1) && lately(told)).count();
        let key = (key.0, key.1, topic.clone());
        let told_lately = same >= TOPICS_TOLD || self.told.get(&key).is_some_and(lately);
        if told_lately || cause == RefusalCause::KeepAliveTimeout {
            return;
        }
        self.told.insert(key, Instant::now());
        self.inner.journal.add(Event {
            seq: 0,
            at_ms: seen.at_ms,
            kind: EventKind::Refused,
            device,
            client_id: seen.client_id.clone(),
            peer: seen.peer.map(|peer| peer.to_string()),
            refusal: Some(refusal),
            topic,
        });
    }

    /// The device that the event itself names.
    fn named(&self, seen: &Seen) -> Option<String> {
        let settings = self.site.settings.load();
        [seen.identity.as_ref().map(|identity| identity.as_str()), user_name(&seen.kind), seen.client_id.as_deref()]
            .into_iter()
            .flatten()
            .find(|name| settings.device(name).is_ok())
            .map(str::to_owned)
    }

    /// A refusal before any name was said is laid at the door of the one device that was last seen at
    /// that address, or of the one that is awaited now; and it is said that this is a guess.
    fn guessed(&self, seen: &Seen) -> (Option<String>, Whose) {
        if seen.client_id.is_some() {
            // It gave a name, and it is none of ours: a stranger.
            return (None, Whose::Unknown);
        }
        let settings = self.site.settings.load();
        let ours = |id: &String| settings.device(id).is_ok_and(|device| !device.simulated);
        if let Some(device) = seen.peer.and_then(|peer| self.inner.presence.at(peer.ip())).filter(ours) {
            return (Some(device), Whose::Address);
        }
        let now_ms = self.inner.clock.now_ms();
        let mut awaited = settings.devices.iter().filter(|device| {
            let unseen = self.inner.presence.of(&device.id).last_seen_ms.is_none_or(|last| last < device.issued_ms);
            !device.simulated && device.revoked_ms.is_none() && unseen && now_ms - device.issued_ms < CLAIM_MS
        });
        match (awaited.next(), awaited.next()) {
            (Some(only), None) => (Some(only.id.clone()), Whose::Awaited),
            _ => (None, Whose::Unknown),
        }
    }
}

fn user_name(kind: &What) -> Option<&str> {
    match kind {
        What::ConnectRefused { user_name, .. } => user_name.as_deref(),
        _ => None,
    }
}
