//! Enrolment: for ten minutes the HTTPS door of the room takes devices that fetch their own
//! credentials, by a one-time token or by the join code of a class.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use identity::Secret;
use rustls::ServerConfig;
use tokio::sync::watch;
use wire::{Enrolment, EventKind, JoinCode, Nothing, OpenEnrolment, Problem, ShownOnce};

use crate::limits::{ENROLMENT_MS, JOIN_TRIES, JOINS};
use crate::settings::GUESTS;
use crate::{Appliance, Error, Inner, names, ports};

/// Ports tried after the wanted one: the browser door of this very program may have it.
const NEXT_PORTS: u16 = 20;

/// The door, for whoever serves it.
#[derive(Clone)]
pub struct EnrolDoor {
    listener: Arc<TcpListener>,
    tls: Arc<ArcSwap<ServerConfig>>,
    hosts: Arc<[String]>,
}

impl EnrolDoor {
    /// A socket that listens already.
    pub fn listener(&self) -> std::io::Result<TcpListener> {
        self.listener.try_clone()
    }

    /// The certificate as it is now.
    pub fn tls(&self) -> Arc<ServerConfig> {
        self.tls.load_full()
    }

    /// What a client may write into `Host`.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }
}

/// The window, while there is one.
pub(crate) struct Window {
    open: Mutex<Option<Open>>,
    door: watch::Sender<Option<EnrolDoor>>,
}

struct Open {
    until_ms: i64,
    url: String,
    join: Option<Join>,
}

struct Join {
    code: Secret,
    group: String,
    joined: u32,
    wrong: u32,
}

impl Default for Window {
    fn default() -> Window {
        Window { open: Mutex::default(), door: watch::channel(None).0 }
    }
}

impl Window {
    fn hold(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it closes; `None` while it is closed.
    pub fn until(&self, now_ms: i64) -> Option<i64> {
        self.hold().as_ref().map(|open| open.until_ms).filter(|until_ms| *until_ms > now_ms)
    }

    /// The door shows another certificate from now on.
    pub fn secure(&self, tls: &Arc<ServerConfig>) {
        if let Some(door) = &*self.door.borrow() {
            door.tls.store(tls.clone());
        }
    }

    /// Answers whether it was open.
    pub fn close(&self) -> bool {
        self.door.send_if_modified(|door| door.take().is_some());
        self.hold().take().is_some()
    }

    /// The class that a code lets join. Every wrong one counts, whoever tried.
    pub fn join(&self, code: &str, now_ms: i64) -> Result<String, Error> {
        let mut held = self.hold();
        let open = held.as_mut().filter(|open| open.until_ms > now_ms).ok_or(Error::EnrolmentClosed)?;
        let join = open.join.as_mut().ok_or(Error::ClaimUnknown)?;
        if !join.code.matches(code.trim().as_bytes()) {
            join.wrong += 1;
            if join.wrong >= JOIN_TRIES {
                open.join = None;
            }
            return Err(Error::ClaimUnknown);
        }
        if join.joined >= JOINS {
            return Err(Error::TooManyDevices);
        }
        Ok(join.group.clone())
    }

    /// A board became a device of the class.
    pub fn joined(&self) {
        if let Some(join) = self.hold().as_mut().and_then(|open| open.join.as_mut()) {
            join.joined += 1;
        }
    }

    fn show(&self, now_ms: i64) -> Enrolment {
        let held = self.hold();
        let Some(open) = held.as_ref().filter(|open| open.until_ms > now_ms) else {
            return Enrolment { until_ms: None, url: None, join: None };
        };
        let join = open.join.as_ref().map(|join| JoinCode {
            code: ShownOnce::new(join.code.expose()),
            group: join.group.clone(),
            joined: join.joined,
            tries_left: JOIN_TRIES.saturating_sub(join.wrong),
        });
        Enrolment { until_ms: Some(open.until_ms), url: Some(open.url.clone()), join }
    }
}

impl Appliance {
    /// `Some` while the HTTPS door of the room must be served.
    pub fn enrol_door(&self) -> watch::Receiver<Option<EnrolDoor>> {
        self.inner.enrolment.door.subscribe()
    }

    pub async fn enrolment_status(&self, _: Nothing) -> Result<Enrolment, Problem> {
        Ok(self.inner.enrolment.show(self.inner.clock.now_ms()))
    }

    /// Opens enrolment for ten minutes, or for ten more. A new join code ends the one before.
    pub async fn enrolment_open(&self, request: OpenEnrolment) -> Result<Enrolment, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let engine = site.running()?;
        // A broker whose rights are not proven opens nothing to the room.
        if !engine.address().is_loopback() && !inner.proven() {
            return Err(Error::EnrolmentClosed.into());
        }
        let settings = site.settings.load_full();
        let join = match request.join_group {
            None => None,
            Some(group) => {
                names::group(&group)?;
                if group == GUESTS {
                    return Err(Error::GroupInvalid { offer: None }.into());
                }
                Some(Join { code: six_digits()?, group, joined: 0, wrong: 0 })
            }
        };
        let now_ms = inner.clock.now_ms();
        let door = match (inner.enrolment.until(now_ms), inner.enrolment.door.borrow().clone()) {
            (Some(_), Some(door)) => door,
            _ => {
                let port = settings.ports.https.ok_or(Error::EnrolmentClosed)?;
                let (listener, port) = listen(engine.address(), port)?;
                let names = [engine.address().to_string(), settings.host_name()];
                EnrolDoor {
                    listener: Arc::new(listener),
                    tls: Arc::new(ArcSwap::new(engine.security().room.clone())),
                    hosts: names.iter().map(|name| format!("{name}:{port}")).collect(),
                }
            }
        };
        let url = format!("https://{}", door.hosts().first().map(String::as_str).unwrap_or_default());
        *inner.enrolment.hold() = Some(Open { until_ms: now_ms + ENROLMENT_MS, url, join });
        inner.enrolment.door.send_replace(Some(door));
        inner.journal.tell(now_ms, EventKind::EnrolmentOpened, None);
        Ok(inner.enrolment.show(now_ms))
    }

    pub async fn enrolment_close(&self, _: Nothing) -> Result<Enrolment, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        if inner.enrolment.close() {
            inner.journal.tell(inner.clock.now_ms(), EventKind::EnrolmentClosed, None);
        }
        Ok(inner.enrolment.show(inner.clock.now_ms()))
    }
}

impl Inner {
    /// Closes what nobody closed.
    pub fn expire_enrolment(&self) {
        let now_ms = self.clock.now_ms();
        let loopback =
            self.site().ok().and_then(|site| site.engine()).is_some_and(|engine| engine.address().is_loopback());
        let over = self.enrolment.until(now_ms).is_none() || !(loopback || self.proven());
        if over && self.enrolment.close() {
            self.journal.tell(now_ms, EventKind::EnrolmentClosed, None);
        }
    }
}

fn listen(address: Ipv4Addr, wanted: u16) -> Result<(TcpListener, u16), Error> {
    for port in wanted..=wanted.saturating_add(NEXT_PORTS) {
        if let Ok(listener) = TcpListener::bind(SocketAddr::from((address, port))) {
            return Ok((listener, port));
        }
    }
    Err(ports::taken("ports.https", wanted, &[address]))
}

/// Every code is as likely as any other.
fn six_digits() -> Result<Secret, Error> {
    loop {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(Error::Randomness)?;
        let number = u32::from_be_bytes(bytes);
        // What is above the last whole million would favour small codes.
        if number < 4_294_000_000 {
            return Ok(Secret::new(format!("{:06}", number % 1_000_000)));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn window() -> (Window, String) {
        let window = Window::default();
        let code = six_digits().unwrap();
        let join = Join { code: code.clone(), group: "groupe-a".into(), joined: 0, wrong: 0 };
        *window.hold() = Some(Open { until_ms: 600, url: String::new(), join: Some(join) });
        (window, code.expose().to_owned())
    }

    #[test]
    fn a_code_lets_a_class_join_until_the_window_closes() {
        let (window, code) = window();
        assert_eq!(code.len(), 6);
        assert_eq!(window.join(&code, 0).unwrap(), "groupe-a");
        assert_eq!(window.join(&format!(" {code} "), 599).unwrap(), "groupe-a");
        assert!(matches!(window.join(&code, 600), Err(Error::EnrolmentClosed)));
        assert_eq!(window.until(600), None);
    }

    #[test]
    fn twenty_wrong_codes_end_the_right_one() {
        let (window, code) = window();
        let wrong = if code == "000000" { "000001" } else { "000000" };
        for _ in 1..JOIN_TRIES {
            assert!(matches!(window.join(wrong, 0), Err(Error::ClaimUnknown)));
        }
        assert!(window.join(&code, 0).is_ok());
        assert!(window.join(wrong, 0).is_err());
        assert!(matches!(window.join(&code, 0), Err(Error::ClaimUnknown)));
        assert!(window.until(0).is_some(), "tokens still work");
    }

    #[test]
    fn a_code_is_for_two_classes_at_most() {
        let (window, code) = window();
        for _ in 0..JOINS {
            window.join(&code, 0).unwrap();
            window.joined();
        }
        assert!(matches!(window.join(&code, 0), Err(Error::TooManyDevices)));
    }
}
