//! The site as a whole: its status, its first run, its start and stop.

use std::net::Ipv4Addr;
use std::sync::Arc;

use identity::store::Kept;
use wire::{EventKind, Nothing, Phase, Problem, RightsProof, SiteStatus, StartSite};

use crate::doors::{self, Checked, Doors};
use crate::engine::Engine;
use crate::rights::sentence;
use crate::settings::{Ports, Settings, VERSION, next_after};
use crate::site::Site;
use crate::{Appliance, Error, Inner, State, names, network, ports};

impl Appliance {
    pub async fn site_status(&self, _: Nothing) -> Result<SiteStatus, Problem> {
        Ok(self.inner.status().await)
    }

    /// The first run, or new settings for a site that is stopped.
    pub async fn site_start(&self, request: StartSite) -> Result<SiteStatus, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let settings = parse(&request)?;
        let site = match &*inner.state() {
            State::Damaged(_) => return Err(inner.site().err().unwrap_or(Error::SiteNotStarted).into()),
            State::Open(site) if site.engine().is_some() => return Err(Error::SiteAlreadyStarted.into()),
            State::Open(site) => {
                restart(inner, site, settings).await?;
                site.clone()
            }
            State::FirstRun => begin(inner, settings).await?,
        };
        inner.check_doors(&site).await;
        Ok(inner.status().await)
    }

    pub async fn broker_start(&self, _: Nothing) -> Result<SiteStatus, Problem> {
        let _changing = self.inner.changing.lock().await;
        let site = self.inner.site()?;
        if site.engine().is_some() {
            return Err(Error::SiteAlreadyStarted.into());
        }
        self.inner.start(&site).await?;
        self.inner.check_doors(&site).await;
        Ok(self.inner.status().await)
    }

    pub async fn broker_stop(&self, _: Nothing) -> Result<SiteStatus, Problem> {
        let _changing = self.inner.changing.lock().await;
        let site = self.inner.site()?;
        site.running()?;
        self.inner.stop(&site).await;
        Ok(self.inner.status().await)
    }
}

/// What was asked for, as settings that can be right. Nothing is touched yet.
fn parse(request: &StartSite) -> Result<Settings, Error> {
    let name = names::site_name(&request.name)?;
    let place = names::place(&request.place)?;
    let unknown = || Error::AddressUnknown(request.address.chars().take(64).collect());
    let listed = network::addresses().into_iter().find(|listed| listed.address == request.address);
    let listed = listed.ok_or_else(unknown)?;
    let address: Ipv4Addr = listed.address.parse().map_err(|_| unknown())?;
    let mut chosen = match &request.ports {
        Some(ports) => Ports::from_wire(ports),
        None => Ports::DEFAULT,
    };
    chosen.mqtt = if request.guests { chosen.mqtt.or(Some(Ports::GUEST_PORT)) } else { None };
    chosen.check()?;
    let slug = Some(names::slug(&name)).filter(|slug| names::is_id(slug)).unwrap_or_else(|| "site".to_owned());
    let rights = sentence::defaults();
    Ok(Settings {
        version: VERSION,
        name,
        place,
        slug,
        address,
        interface: listed.interface,
        guests: request.guests,
        next_right: next_after(&rights),
        rights,
        rights_before: Vec::new(),
        ports: chosen,
        queue: None,
        devices: Vec::new(),
        serial: Vec::new(),
        authority_change_ms: None,
        sntp_port: None,
        revoked: Vec::new(),
        feed_port: None,
        next_feed: 0,
        feeds: Vec::new(),
    })
}

/// Every port that was asked for, before anything is made: so that a refusal leaves no trace.
fn check_ports(settings: &Settings) -> Result<(), Error> {
    let addresses = match settings.address {
        Ipv4Addr::LOCALHOST => vec![Ipv4Addr::LOCALHOST],
        room => vec![room, Ipv4Addr::LOCALHOST],
    };
    // The claim door is for the room alone; that of enrolment opens later, and where there is room.
    let doors = settings.ports.named().into_iter().filter(|(field, _)| *field != "ports.https");
    let taken = doors.into_iter().find(|(field, port)| {
        let needed = if *field == "ports.claim" { addresses.get(..1).unwrap_or_default() } else { &addresses };
        !ports::is_free(*port, needed)
    });
    match taken {
        Some((field, port)) if port < 1024 && !ports::is_taken(port, &addresses) => {
            Err(ports::forbidden(field, port, &addresses))
        }
        Some((field, port)) => Err(ports::taken(field, port, &addresses)),
        None => Ok(()),
    }
}

/// The first run: nothing of it stays if a door cannot be opened.
async fn begin(inner: &Arc<Inner>, settings: Settings) -> Result<Arc<Site>, Error> {
    check_ports(&settings)?;
    let making = inner.clone();
    let wanted = settings.clone();
    let site = tokio::task::spawn_blocking(move || {
        Site::create(&making.folder, making.options.secret_store, &making.clock, wanted)
    });
    let site = Arc::new(site.await??);
    if let Err(error) = inner.start(&site).await {
        let closing = site.clone();
        tokio::task::spawn_blocking(move || closing.close()).await?;
        return Err(error);
    }
    // From here on the site exists.
    if let Err(error) = site.save(inner, settings).await {
        inner.stop(&site).await;
        let closing = site.clone();
        tokio::task::spawn_blocking(move || closing.close()).await?;
        return Err(error);
    }
    inner.set_state(State::Open(site.clone()));
    Ok(site)
}

/// A stopped site takes new settings. Its slug stays: every device knows it.
async fn restart(inner: &Arc<Inner>, site: &Arc<Site>, asked: Settings) -> Result<(), Error> {
    let before = site.settings.load_full();
    let settings = Settings {
        slug: before.slug.clone(),
        devices: before.devices.clone(),
        serial: before.serial.clone(),
        queue: before.queue,
        rights: before.rights.clone(),
        next_right: before.next_right,
        rights_before: before.rights_before.clone(),
        authority_change_ms: before.authority_change_ms,
        sntp_port: before.sntp_port,
        revoked: before.revoked.clone(),
        feed_port: before.feed_port,
        next_feed: before.next_feed,
        feeds: before.feeds.clone(),
        ..asked
    };
    check_ports(&settings)?;
    site.save(inner, settings).await?;
    inner.start(site).await
}

impl Inner {
    pub async fn status(self: &Arc<Inner>) -> SiteStatus {
        let mut status = SiteStatus {
            phase: Phase::FirstRun,
            damage: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: String::new(),
            place: String::new(),
            slug: String::new(),
            host_name: String::new(),
            address: None,
            ports: Ports::DEFAULT.to_wire(),
            guests: false,
            running_since_ms: None,
            now_ms: self.clock.now_ms(),
            devices_total: 0,
            devices_connected: 0,
            messages_per_second: 0.0,
            rate_history: Vec::new(),
            messages_total: 0,
            disk_free_bytes: self.folder.free_bytes(),
            authority_fingerprint: None,
            certificate_until: None,
            enrolment_until_ms: None,
            secret_store: String::new(),
            simulated: 0,
            checks: Vec::new(),
            proof: None,
        };
        match &*self.state() {
            State::FirstRun => {}
            State::Damaged(damage) => {
                status.phase = Phase::Damaged;
                status.damage = Some(damage.clone());
            }
            State::Open(site) => self.describe(site, &mut status).await,
        }
        status
    }

    async fn describe(&self, site: &Site, status: &mut SiteStatus) {
        let settings = site.settings.load_full();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        status.phase = Phase::Stopped;
        status.name = settings.name.clone();
        status.place = settings.place.clone();
        status.slug = settings.slug.clone();
        status.host_name = settings.host_name();
        status.address = Some(settings.address.to_string());
        status.ports = settings.ports.to_wire();
        status.guests = settings.guests;
        status.devices_total = count(settings.devices.len());
        status.simulated = count(settings.devices.iter().filter(|device| device.simulated).count());
        status.authority_fingerprint = Some(in_fours(&site.authority.load().fingerprint()));
        status.enrolment_until_ms = self.enrolment.until(self.clock.now_ms());
        status.secret_store = match site.secrets.which() {
            Kept::Keyring => "keyring".to_owned(),
            Kept::File => "file".to_owned(),
        };
        let Some(engine) = site.engine() else { return };
        status.phase = Phase::Running;
        status.address = Some(engine.address().to_string());
        status.running_since_ms = Some(engine.since_ms);
        let connected = crate::devices::connected(&engine.broker).await;
        status.devices_connected =
            count(settings.devices.iter().filter(|device| connected.contains(&device.id)).count());
        status.messages_per_second = self.rates().now();
        status.rate_history = self.rates().history();
        status.messages_total = engine.broker.stats().messages_in;
        status.certificate_until = jiff::Timestamp::from_millisecond(engine.security().certificate.not_after)
            .ok()
            .map(|until| until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        status.checks = self.checks().clone();
        status.proof = self.proof();
    }

    /// Where to knock, and whom to trust there.
    pub fn doors(&self, site: &Site, address: Ipv4Addr) -> Doors {
        let settings = site.settings.load();
        let authority = identity::Certificate::from_pem(site.authority.load().cert_pem());
        Doors {
            address,
            mqtts: settings.ports.mqtts,
            wss: settings.ports.wss,
            plain: settings.ports.mqtt,
            mtls: settings.ports.mtls,
            host_name: settings.host_name(),
            slug: settings.slug.clone(),
            authority: site.authority.load().cert_der().to_vec(),
            now_ms: self.clock.now_ms(),
            made_ms: authority.map_or(0, |certificate| certificate.not_before),
        }
    }

    /// Somebody whom nobody knows came in: the room is closed until the site is proven anew.
    async fn shut_out(&self, engine: &Engine, let_in: &[&'static str]) {
        let at_ms = self.clock.now_ms();
        let hindrance = Some(format!("a stranger was let in: {}", let_in.join(", ")));
        self.set_proof(Some(RightsProof { at_ms, tried: 0, wrong: Vec::new(), hindrance }));
        engine.close_room().await;
        self.open_claim_door(None);
        self.journal.tell(at_ms, EventKind::RightsWrong, None);
    }

    /// Tries our own doors, and keeps what was found for the status.
    pub async fn check_doors(&self, site: &Site) {
        let Some(engine) = site.engine() else { return };
        let doors = self.doors(site, engine.address());
        match doors::check(&doors, &self.probes).await {
            Ok(Checked { checks, let_in }) => {
                for check in checks.iter().filter(|check| !check.passed) {
                    tracing::error!(check = check.name, detail = check.detail, "a door is not as it should be");
                }
                *self.checks() = checks;
                if !let_in.is_empty() {
                    self.shut_out(&engine, &let_in).await;
                }
            }
            Err(error) => tracing::error!(%error, "the doors could not be checked"),
        }
    }
}

/// `a1b2 c3d4 e5f6 0718`
fn in_fours(fingerprint: &str) -> String {
    let digits: Vec<char> = fingerprint.chars().take(16).collect();
    digits.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
