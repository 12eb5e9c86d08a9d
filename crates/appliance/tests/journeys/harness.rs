//! A room for one journey: a data folder, free ports, a clock that can be moved, and clients.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use appliance::{Appliance, Clock, OpenError, Options, SecretKeeping};
use rumqttc::mqttbytes::QoS;
use rumqttc::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, PublishOptions, TlsConfiguration, Transport};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::{EventKind, Problem, ProvisionedDevice, Role, SiteStatus};

/// Everything a journey waits for comes within this time, or the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Room {
    pub dir: TempDir,
    pub ports: wire::Ports,
    /// Microseconds that the clock of the appliance is ahead of the real one.
    ahead_us: Arc<AtomicI64>,
}

/// Holds a port below those that the system gives to outgoing connections: one from among them may be
/// taken by another test's client before the site opens its door.
fn below_outgoing() -> TcpListener {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let place = std::process::id() + NEXT.fetch_add(1, Ordering::Relaxed);
        // Far from the one before: a site that finds its port taken offers the next.
        let port = u16::try_from(20_000 + place.wrapping_mul(7919) % 12_000).unwrap();
        if let Ok(holder) = TcpListener::bind(("127.0.0.1", port)) {
            return holder;
        }
    }
}

impl Room {
    pub fn new() -> Room {
        let holders: Vec<TcpListener> = (0..6).map(|_| below_outgoing()).collect();
        let port = |index: usize| holders[index].local_addr().unwrap().port();
        let ports = wire::Ports {
            mqtts: port(0),
            wss: port(1),
            mqtt: Some(port(2)),
            claim: port(3),
            mtls: Some(port(4)),
            https: Some(port(5)),
            one: None,
        };
        Room { dir: TempDir::new().unwrap(), ports, ahead_us: Arc::default() }
    }

    pub fn move_clock(&self, by: Duration) {
        self.ahead_us.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }

    pub fn move_clock_back(&self, by: Duration) {
        self.ahead_us.fetch_sub(by.as_micros() as i64, Ordering::SeqCst);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// An address of this computer besides loopback, where it has one.
    pub fn other_address() -> Option<std::net::Ipv4Addr> {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
        // Nothing is sent: the system only says by which address it would go.
        socket.connect("192.0.2.1:9").ok()?;
        match socket.local_addr().ok()?.ip() {
            std::net::IpAddr::V4(address) if !address.is_loopback() => Some(address),
            _ => None,
        }
    }

    pub async fn open_tampered(&self, tamper: appliance::Tamper) -> House {
        let mut options = self.options();
        options.tamper = Some(tamper);
        House { appliance: Appliance::open(options).await.unwrap(), ports: self.ports.clone() }
    }

    pub async fn try_open(&self) -> Result<House, OpenError> {
        let appliance = Appliance::open(self.options()).await?;
        Ok(House { appliance, ports: self.ports.clone() })
    }

    fn options(&self) -> Options {
        let ahead = self.ahead_us.clone();
        let clock = Clock::new(move || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
            now + ahead.load(Ordering::SeqCst)
        });
        let mut options = Options::new(self.dir.path());
        options.clock = clock;
        options.secret_store = SecretKeeping::File;
        options.announce = false;
        options
    }

    pub async fn open(&self) -> House {
        self.try_open().await.unwrap()
    }

    /// Opened, and through its first run.
    pub async fn start(&self) -> House {
        let house = self.open().await;
        house.first_run(json!({})).await.unwrap();
        house
    }
}

/// An opened appliance.
pub struct House {
    pub appliance: Appliance,
    pub ports: wire::Ports,
}

impl House {
    /// Asks as the administrator, through the dispatcher.
    pub async fn call<T: DeserializeOwned>(&self, command: &str, request: Value) -> Result<T, Problem> {
        self.call_as(Role::Administrator, command, request).await
    }

    pub async fn call_as<T: DeserializeOwned>(&self, role: Role, command: &str, request: Value) -> Result<T, Problem> {
        let answer = self.appliance.dispatch(command, role, request.to_string().as_bytes()).await?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    pub async fn status(&self) -> SiteStatus {
        self.call("site_status", json!({})).await.unwrap()
    }

    /// The first run with free ports; `changes` replaces fields of the request.
    pub async fn first_run(&self, changes: Value) -> Result<SiteStatus, Problem> {
        let mut ports = self.ports.clone();
        ports.mqtt = None;
        let mut request = json!({
            "name": "Salle 114", "place": "Lycée des Tilleuls", "address": "127.0.0.1", "guests": false, "ports": ports,
        });
        for (key, value) in changes.as_object().unwrap() {
            request[key] = value.clone();
        }
        self.call("site_start", request).await
    }

    pub async fn create(&self, id: &str) -> ProvisionedDevice {
        let request = json!({"id": id, "group": "serre", "kind": "other", "language": "fr"});
        self.call("device_create", request).await.unwrap()
    }

    pub fn client(&self, user: &str, password: &str) -> Client {
        self.client_with(user, user, password)
    }

    /// A foreign client over TLS that trusts the authority alone.
    pub fn client_with(&self, client_id: &str, user: &str, password: &str) -> Client {
        Client::of(self.options_of(client_id, user, password))
    }

    fn options_of(&self, client_id: &str, user: &str, password: &str) -> MqttOptions {
        let ca = self.appliance.authority_files().unwrap().pem.into_bytes();
        let mut options = MqttOptions::new(client_id, ("127.0.0.1".to_owned(), self.ports.mqtts));
        options.set_credentials(user, password.to_owned());
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Simple {
            ca,
            alpn: None,
            client_auth: None,
        }));
        options
    }

    /// One whose session is kept while it is away.
    pub fn durable(&self, user: &str, password: &str) -> Client {
        let mut options = self.options_of(user, user, password);
        options.set_clean_start(false);
        options.set_session_expiry_interval(Some(3600));
        options.set_keep_alive(1);
        options.set_broker_session_resume_policy(rumqttc::BrokerSessionResumePolicy::AllowBrokerOnly);
        Client::of(options)
    }

    /// The first event from now on, or before, that fits.
    pub async fn event(&self, device: Option<&str>, fits: impl Fn(&wire::Event) -> bool) -> wire::Event {
        let search = async {
            let mut since = 0;
            loop {
                let request = json!({"since": since, "wait_ms": 5_000, "device": device});
                let page: wire::EventPage = self.call("event_list", request).await.unwrap();
                if let Some(event) = page.events.into_iter().find(&fits) {
                    return event;
                }
                since = page.next;
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("the event comes")
    }

    pub async fn refusal(&self, device: Option<&str>) -> wire::Event {
        self.event(device, |event| event.kind == EventKind::Refused).await
    }

    pub async fn device(&self, id: &str) -> wire::Device {
        let devices: Vec<wire::Device> = self.call("device_list", json!({})).await.unwrap();
        devices.into_iter().find(|device| device.id == id).expect("the device is listed")
    }

    pub async fn records(&self, topic: &str) -> Vec<wire::RecordedMessage> {
        let request = json!({"topic": topic, "from_ms": null, "until_ms": null, "limit": 100});
        let page: wire::RecordPage = self.call("record_query", request).await.unwrap();
        page.records
    }
}

pub struct Client {
    pub client: AsyncClient,
    pub events: EventLoop,
    /// Payloads that came while something else was waited for.
    pub heard: Vec<String>,
}

impl Client {
    pub fn of(options: MqttOptions) -> Client {
        let (client, events) = AsyncClient::builder(options).capacity(10).build();
        Client { client, events, heard: Vec::new() }
    }

    /// The next event; what is delivered is also kept.
    pub async fn next(&mut self) -> Event {
        let event = self.events.poll().await.unwrap();
        if let Event::Incoming(Incoming::Publish(message)) = &event {
            self.heard.push(String::from_utf8_lossy(&message.payload).into_owned());
        }
        event
    }

    /// Waits for an answer to a ping: whatever was due before it has come.
    pub async fn caught_up(&mut self) {
        let answered = async { while !matches!(self.next().await, Event::Incoming(Incoming::PingResp)) {} };
        tokio::time::timeout(PATIENCE, answered).await.expect("a PINGRESP");
    }

    /// Waits until a payload came, and forgets what came until then.
    pub async fn hears(&mut self, payload: &str) {
        let heard = async {
            while !self.heard.iter().any(|heard| heard == payload) {
                self.next().await;
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("the message comes");
        self.heard.clear();
    }

    /// Waits for the CONNACK: `Err` is what the library says of a refusal.
    pub async fn connect(&mut self) -> Result<(), String> {
        let connected = async {
            loop {
                match self.events.poll().await {
                    Ok(Event::Incoming(Incoming::ConnAck(_))) => return Ok(()),
                    Ok(_) => {}
                    Err(error) => return Err(format!("{error:?}")),
                }
            }
        };
        tokio::time::timeout(PATIENCE, connected).await.expect("an answer to CONNECT")
    }

    /// Publishes with QoS 1 and waits for the PUBACK; answers its reason.
    pub async fn publish(&mut self, topic: &str, payload: &str, retain: bool) -> rumqttc::mqttbytes::v5::PubAckReason {
        let options = PublishOptions::new(QoS::AtLeastOnce);
        let options = if retain { options.retain(true) } else { options };
        self.client.publish(topic, payload.to_owned(), options).await.unwrap();
        let acknowledged = async {
            loop {
                if let Event::Incoming(Incoming::PubAck(ack)) = self.next().await {
                    return ack.reason;
                }
            }
        };
        tokio::time::timeout(PATIENCE, acknowledged).await.expect("a PUBACK")
    }
}

/// The text of a live frame: enough to find a topic and a value in it.
pub fn holds(frame: &[u8], text: &str) -> bool {
    frame.windows(text.len()).any(|window| window == text.as_bytes())
}
