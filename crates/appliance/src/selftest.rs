//! A walk through the real doors as a device would make it: name, port, TLS, clock, login, publish,
//! receive. What it says leaves no trace.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mdns_sd::{HostnameResolutionEvent, ServiceDaemon};
use mqtt::{Filter, Packet, Publish, QoS, Subscribe, Topic};
use rustls::CertificateError;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use wire::{Nothing, Problem, StepState, TestName, TestStep};

use crate::doors::{Doors, Knocker, Pass, connect, in_time, receive, receive_after, send};
use crate::settings::Settings;
use crate::site::Site;
use crate::{Appliance, Error, Inner};

/// No device can have this name: it is longer than a device's id may be.
const WALKER: &str = "courtier-walks-in-as-a-device";
const NAME_PATIENCE: Duration = Duration::from_secs(3);
/// A board whose clock is that far off still takes our certificate; more is a fault of ours.
const CLOCK_MS: i64 = 5 * 60 * 1_000;

/// What the walker may do: speak to itself.
pub(crate) fn rights(settings: &Settings) -> (broker::Identity, Vec<broker::Rule>) {
    let rule = broker::Rule {
        id: "self_test".to_owned(),
        effect: broker::Effect::Allow,
        publish: true,
        read: true,
        filter: branch(settings),
    };
    (broker::Identity::new(WALKER), vec![rule])
}

fn branch(settings: &Settings) -> String {
    format!("{}/{WALKER}", settings.slug)
}

impl Appliance {
    /// Tries everything a device needs, in its order; never fails for what it finds.
    pub async fn self_test(&self, _: Nothing) -> Result<Vec<TestStep>, Problem> {
        let inner = &self.inner;
        let site = inner.site()?;
        let engine = site.running()?;
        let settings = site.settings.load_full();
        let doors = inner.doors(&site, engine.address());
        let knocker = Knocker::new(&doors, &inner.probes)?;
        let pass = inner.probes.pass(WALKER)?;
        let mut walk = Walk { steps: Vec::new(), knocker, doors: &doors, inner, branch: branch(&settings) };
        walk.name().await;
        walk.in_order(&pass).await;
        let steps = walk.finished();
        forget(&site, &branch(&settings)).await?;
        Ok(steps)
    }
}

/// The recorder and the live view forget what was tried.
async fn forget(site: &Arc<Site>, branch: &str) -> Result<(), Error> {
    let (recorder, forgotten) = (site.recorder.clone(), branch.to_owned());
    tokio::task::spawn_blocking(move || recorder.forget_branch(&forgotten)).await??;
    if let Some(engine) = site.engine() {
        engine.feed.forget(branch.to_owned()).await;
    }
    Ok(())
}

struct Walk<'a> {
    steps: Vec<TestStep>,
    knocker: Knocker<'a>,
    doors: &'a Doors,
    inner: &'a Inner,
    branch: String,
}

const ORDER: [TestName; 7] = [
    TestName::Name,
    TestName::Port,
    TestName::Tls,
    TestName::Clock,
    TestName::Login,
    TestName::Publish,
    TestName::Receive,
];

impl Walk<'_> {
    fn step(&mut self, name: TestName, state: StepState, seen: impl Into<String>, detail: impl Into<String>) {
        self.steps.push(TestStep { name, state, seen: seen.into(), detail: detail.into() });
    }

    /// Steps that were not reached are listed as such.
    fn finished(mut self) -> Vec<TestStep> {
        for name in ORDER.into_iter().skip(self.steps.len()) {
            self.step(name, StepState::Skipped, "", "");
        }
        self.steps
    }

    /// A device without this name still has the address: the walk goes on.
    async fn name(&mut self) {
        let name = self.doors.host_name.clone();
        if !self.inner.options.announce || self.doors.address.is_loopback() {
            return self.step(TestName::Name, StepState::Unknown, name, "the name is not announced here");
        }
        match tokio::time::timeout(NAME_PATIENCE, resolve(&name)).await {
            Ok(Ok(found)) if found.contains(&self.doors.address) => {
                self.step(TestName::Name, StepState::Good, format!("{name}, {}", self.doors.address), "");
            }
            Ok(Ok(found)) => {
                let others: Vec<String> = found.iter().map(Ipv4Addr::to_string).collect();
                self.step(TestName::Name, StepState::Bad, others.join(", "), "the name leads elsewhere");
            }
            Ok(Err(error)) => self.step(TestName::Name, StepState::Unknown, name, error.to_string()),
            Err(_) => self.step(TestName::Name, StepState::Bad, name, "no answer by mDNS"),
        }
    }

    /// Each step needs the one before.
    async fn in_order(&mut self, pass: &Pass) -> Option<()> {
        let stream = self.port().await?;
        let stream = self.tls(stream).await?;
        let mut stream = self.login(stream, pass).await?;
        self.speak(&mut stream).await
    }

    async fn port(&mut self) -> Option<TcpStream> {
        let seen = format!("{}:{}", self.doors.address, self.doors.mqtts);
        match in_time(self.knocker.tcp(self.doors.mqtts)).await {
            Ok(stream) => {
                self.step(TestName::Port, StepState::Good, seen, "");
                Some(stream)
            }
            Err(error) => {
                self.step(TestName::Port, StepState::Bad, seen, error);
                None
            }
        }
    }

    /// The certificate by name; its dates are the clock's step.
    async fn tls(&mut self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let by_address = self.knocker.by_address();
        let name = ServerName::try_from(self.doors.host_name.clone()).unwrap_or(by_address);
        let shaken = in_time(async { Ok(self.knocker.encrypt(stream, name).await) }).await;
        let error = match shaken {
            Ok(Ok(stream)) => {
                let version = stream.get_ref().1.protocol_version();
                let seen = version.and_then(|version| version.as_str()).unwrap_or_default().replace('_', ".");
                self.step(TestName::Tls, StepState::Good, seen, "");
                self.clock().await?;
                return Some(stream);
            }
            Ok(Err(error)) => error,
            Err(error) => std::io::Error::other(error),
        };
        if is_about_dates(&error) {
            self.step(TestName::Tls, StepState::Good, "", "");
            self.step(TestName::Clock, StepState::Bad, now(self.inner), error.to_string());
        } else {
            self.step(TestName::Tls, StepState::Bad, self.doors.host_name.clone(), error.to_string());
        }
        None
    }

    /// Our clock is what boards set theirs by: it cannot stand before our own authority was made.
    async fn clock(&mut self) -> Option<()> {
        let behind_ms = self.doors.made_ms - self.inner.clock.now_ms();
        let seen = now(self.inner);
        if behind_ms > CLOCK_MS {
            self.step(TestName::Clock, StepState::Bad, seen, "the clock stands before the site was made");
            return None;
        }
        self.step(TestName::Clock, StepState::Good, seen, "");
        Some(())
    }

    async fn login(&mut self, mut stream: TlsStream<TcpStream>, pass: &Pass) -> Option<TlsStream<TcpStream>> {
        let asked = async {
            send(&mut stream, &connect(WALKER, Some(pass.credentials()))).await?;
            receive(&mut stream).await
        };
        match in_time(asked).await {
            Ok(Packet::ConnAck(ack)) if !ack.reason.is_error() => {
                self.step(TestName::Login, StepState::Good, "", "");
                Some(stream)
            }
            Ok(Packet::ConnAck(ack)) => {
                self.step(TestName::Login, StepState::Bad, "", format!("{:?}", ack.reason));
                None
            }
            Ok(_) => {
                self.step(TestName::Login, StepState::Bad, "", "no CONNACK");
                None
            }
            Err(error) => {
                self.step(TestName::Login, StepState::Bad, "", error);
                None
            }
        }
    }

    /// Publishes to itself: the acknowledgement and the delivery come in either order.
    async fn speak(&mut self, stream: &mut TlsStream<TcpStream>) -> Option<()> {
        let topic = self.branch.clone();
        let began = Instant::now();
        let (mut stored, mut arrived) = (None, None);
        // Acknowledgement and delivery often come in one piece.
        let mut rest = BytesMut::new();
        let told = async {
            send(stream, &subscribe(&topic)?).await?;
            send(stream, &publish(&topic)?).await?;
            while stored.is_none() || arrived.is_none() {
                match receive_after(stream, &mut rest).await? {
                    Packet::PubAck(ack) if !ack.reason.is_error() => stored = Some(began.elapsed()),
                    Packet::PubAck(_) => return Err("the publication was refused"),
                    Packet::Publish(publish) if publish.payload == WORD => arrived = Some(began.elapsed()),
                    _ => {}
                }
            }
            Ok(())
        };
        let failed = in_time(told).await.err().unwrap_or_default();
        for (name, took) in [(TestName::Publish, stored), (TestName::Receive, arrived)] {
            match took {
                Some(took) => self.step(name, StepState::Good, format!("{} ms", took.as_millis()), ""),
                None => {
                    self.step(name, StepState::Bad, "", failed);
                    return None;
                }
            }
        }
        Some(())
    }
}

const WORD: &[u8] = b"is anybody there?";

fn subscribe(topic: &str) -> Result<Packet, &'static str> {
    let filter = Filter::parse(topic).map_err(|_| "no filter")?;
    Ok(Packet::Subscribe(Box::new(Subscribe {
        packet_id: std::num::NonZeroU16::MIN,
        filters: vec![(filter, Default::default())],
        subscription_id: None,
        user_properties: Default::default(),
    })))
}

/// QoS 1: its acknowledgement proves that it is on disk.
fn publish(topic: &str) -> Result<Packet, &'static str> {
    Ok(Packet::Publish(Box::new(Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: Some(Topic::parse(topic).map_err(|_| "no topic")?),
        packet_id: std::num::NonZeroU16::new(2),
        properties: Default::default(),
        payload: Bytes::from_static(WORD),
    })))
}

fn is_about_dates(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(
        inner,
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        ))
    )
}

fn now(inner: &Inner) -> String {
    let now = jiff::Timestamp::from_millisecond(inner.clock.now_ms());
    now.map(|now| now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

/// As a device asks: by multicast, from a resolver that knows nothing yet.
async fn resolve(name: &str) -> Result<Vec<Ipv4Addr>, mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    let limit = u64::try_from(NAME_PATIENCE.as_millis()).ok();
    let answers = daemon.resolve_hostname(&format!("{name}."), limit)?;
    let mut found = Vec::new();
    while let Ok(event) = answers.recv_async().await {
        match event {
            HostnameResolutionEvent::AddressesFound(_, addresses) => {
                found.extend(addresses.iter().filter_map(|address| match address.to_ip_addr() {
                    IpAddr::V4(ip) => Some(ip),
                    IpAddr::V6(_) => None,
                }));
                if !found.is_empty() {
                    break;
                }
            }
            HostnameResolutionEvent::SearchTimeout(_) | HostnameResolutionEvent::SearchStopped(_) => break,
            _ => {}
        }
    }
    daemon.shutdown().ok();
    Ok(found)
}
