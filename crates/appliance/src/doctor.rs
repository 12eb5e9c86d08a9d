//! What the broker saw becomes what the doctor tells: which device, and why it was refused.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::{AuthRefusal, BrokerHandle, ConnectFault, Event as Seen, EventKind as What, TlsFault};
use tokio::sync::broadcast::error::RecvError;
use wire::{Event, EventKind, RefusalCause};

use crate::Inner;
use crate::limits::CLAIM_MS;
use crate::site::Site;

/// A client that tries again and again is told once in this time; every try is counted.
const TELL_EVERY: Duration = Duration::from_secs(1);
const REMEMBERED: usize = 1_000;

struct Finding {
    cause: RefusalCause,
    detail: String,
    topic: Option<String>,
}

/// Follows the broker's events until it stops.
pub(crate) fn follow(broker: &BrokerHandle, inner: Arc<Inner>, site: Arc<Site>) -> tokio::task::JoinHandle<()> {
    let mut events = broker.events();
    tokio::spawn(async move {
        let mut doctor = Doctor { inner, site, told: HashMap::new() };
        loop {
            match events.recv().await {
                Ok(seen) => doctor.examine(&seen),
                Err(RecvError::Lagged(lost)) => tracing::warn!(lost, "events of the broker were lost"),
                Err(RecvError::Closed) => return,
            }
        }
    })
}

struct Doctor {
    inner: Arc<Inner>,
    site: Arc<Site>,
    told: HashMap<(String, RefusalCause), Instant>,
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
            What::TakenOver => self.tell(seen, EventKind::TakenOver, self.named(seen)),
            What::Kicked => self.tell(seen, EventKind::Kicked, self.named(seen)),
            What::Dropped { .. } => {}
            What::StoreFailing { failing: true } => self.tell(seen, EventKind::DiskLow, None),
            What::StoreFailing { failing: false } => {}
            What::Panicked => tracing::error!(peer = ?seen.peer, "a fault of ours ended a connection"),
            kind => {
                if let Some(finding) = diagnose(kind) {
                    let device = self.named(seen).or_else(|| self.guessed(seen));
                    self.refuse(seen, device, finding);
                }
            }
        }
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

    fn refuse(&mut self, seen: &Seen, device: Option<String>, finding: Finding) {
        let Finding { cause, detail, topic } = finding;
        let who = device.clone().unwrap_or_else(|| from(seen.peer));
        let refusal = match &device {
            Some(device) => self.inner.presence.refused(device, cause, detail, seen.at_ms),
            None => wire::Refusal { cause, at_ms: seen.at_ms, tries: 1, detail },
        };
        if self.told.len() > REMEMBERED {
            self.told.retain(|_, told| told.elapsed() < TELL_EVERY);
        }
        let key = (who, cause);
        if self.told.get(&key).is_some_and(|told| told.elapsed() < TELL_EVERY) {
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
        let user = match &seen.kind {
            What::ConnectRefused { user_name, .. } => user_name.as_deref(),
            _ => None,
        };
        [seen.identity.as_ref().map(|identity| identity.as_str()), user, seen.client_id.as_deref()]
            .into_iter()
            .flatten()
            .find(|name| settings.device(name).is_ok())
            .map(str::to_owned)
    }

    /// A refusal before any name was said is laid at the door of the one device that is awaited
    /// now, or of the one that was last seen at that address.
    fn guessed(&self, seen: &Seen) -> Option<String> {
        let settings = self.site.settings.load();
        let now_ms = self.inner.clock.now_ms();
        let mut awaited = settings.devices.iter().filter(|device| {
            let unseen = self.inner.presence.of(&device.id).last_seen_ms.is_none_or(|last| last < device.issued_ms);
            !device.simulated && device.revoked_ms.is_none() && unseen && now_ms - device.issued_ms < CLAIM_MS
        });
        match (awaited.next(), awaited.next()) {
            (Some(only), None) => Some(only.id.clone()),
            _ => {
                let device = self.inner.presence.at(seen.peer?.ip())?;
                settings.device(&device).is_ok_and(|device| !device.simulated).then_some(device)
            }
        }
    }
}

fn from(peer: Option<SocketAddr>) -> String {
    peer.map(|peer| peer.ip()).map(|ip: IpAddr| ip.to_string()).unwrap_or_default()
}

fn diagnose(kind: &What) -> Option<Finding> {
    let found = |cause, detail: String| Some(Finding { cause, detail, topic: None });
    let denied = |cause, topic: &String, rule: &Option<String>| {
        let detail = rule.as_ref().map(|rule| format!("rule {rule}")).unwrap_or_else(|| "no rule allows it".to_owned());
        Some(Finding { cause, detail, topic: Some(topic.clone()) })
    };
    match kind {
        What::TlsRefused { fault, detail } => found(tls_cause(fault), detail.clone()),
        What::ForeignOrigin { origin } => found(RefusalCause::ForeignOrigin, origin.chars().take(200).collect()),
        What::ConnectRefused { fault, user_name } => {
            let user = user_name.as_ref().map(|user| format!("user {:?}", user.chars().take(64).collect::<String>()));
            connect_finding(fault, user.unwrap_or_default())
        }
        What::PublishDenied { topic, rule } => denied(RefusalCause::PublishDenied, topic, rule),
        What::SubscribeDenied { filter, rule } => denied(RefusalCause::SubscribeDenied, filter, rule),
        What::ProtocolError { what, offset, .. } => {
            found(RefusalCause::ProtocolError, format!("{what} (byte {offset})"))
        }
        What::Connected { .. }
        | What::Disconnected { .. }
        | What::TakenOver
        | What::Kicked
        | What::Dropped { .. }
        | What::StoreFailing { .. }
        | What::Panicked => None,
    }
}

fn tls_cause(fault: &TlsFault) -> RefusalCause {
    match fault {
        TlsFault::UntrustedAuthority => RefusalCause::UntrustedAuthority,
        TlsFault::ClientClock => RefusalCause::ClientClockWrong,
        // Clients that reject the name seldom say more than "bad certificate".
        TlsFault::CertificateRejected => RefusalCause::WrongHostName,
        TlsFault::ProtocolVersion => RefusalCause::TlsVersion,
        TlsFault::PlainOnTls => RefusalCause::PlainOnTls,
        TlsFault::TlsOnPlain => RefusalCause::TlsOnPlain,
        TlsFault::ClientCertificate | TlsFault::Other => RefusalCause::TlsOther,
    }
}

fn connect_finding(fault: &ConnectFault, user: String) -> Option<Finding> {
    let found = |cause, detail| Some(Finding { cause, detail, topic: None });
    match fault {
        ConnectFault::Auth(refusal) => {
            let cause = match refusal {
                AuthRefusal::WrongPassword => RefusalCause::WrongPassword,
                AuthRefusal::UnknownIdentity => RefusalCause::UnknownIdentity,
                AuthRefusal::NoCredentials => RefusalCause::NoCredentials,
                AuthRefusal::Revoked => RefusalCause::Revoked,
                AuthRefusal::NotClaimed => RefusalCause::NotClaimed,
                AuthRefusal::Busy => RefusalCause::ServerBusy,
            };
            found(cause, user)
        }
        ConnectFault::ClientIdTaken => found(RefusalCause::ClientIdTaken, user),
        ConnectFault::ClientIdInvalid => found(RefusalCause::ClientIdInvalid, user),
        ConnectFault::ProtocolVersion => found(RefusalCause::ProtocolVersion, String::new()),
        ConnectFault::WillDenied { topic } => {
            Some(Finding { cause: RefusalCause::WillDenied, detail: user, topic: Some(topic.clone()) })
        }
        ConnectFault::AuthMethod => found(RefusalCause::ProtocolError, "authentication method".to_owned()),
        ConnectFault::TooSlow => found(RefusalCause::TooSlow, String::new()),
        ConnectFault::TooManyConnections => found(RefusalCause::TooManyConnections, String::new()),
        ConnectFault::Malformed { what, offset } => {
            found(RefusalCause::ProtocolError, format!("{what} (byte {offset})"))
        }
    }
}
