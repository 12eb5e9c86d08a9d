//! A running broker with its doors, its certificate and what follows it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use broker::{
    Broker, BrokerHandle, Clock, Config, ListenError, ListenerId, ListenerSpec, OriginRule, Rate, Rates, Reason,
    Transport, Zone,
};
use wire::EventKind;

use crate::announce::{Announced, Announcement};
use crate::certificate::{look_around, wanted_names};
use crate::directory::Porter;
use crate::first_picture::recall;
use crate::limits::{
    CONNECTS_A_SECOND, CONNECTS_AT_ONCE, DISK_LOW_BYTES, GUEST_MESSAGES_A_SECOND, GUEST_MESSAGES_AT_ONCE,
};
use crate::one_door::{self, RoomStreams};
use crate::security::Security;
use crate::settings::{Ports, Settings};
use crate::simulated::Troupe;
use crate::site::Site;
use crate::sntp::ClockServer;
use crate::watching::Feed;
use crate::{Error, Inner, doctor, moving, network, ports, rights};

const UPKEEP_EVERY: Duration = Duration::from_secs(60);
const NETWORK_EVERY: Duration = Duration::from_secs(1);
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct Engine {
    pub broker: BrokerHandle,
    pub since_ms: i64,
    pub feed: Feed,
    pub troupe: Troupe,
    /// The address in use now, which may have changed since the site was set up.
    address: Mutex<Ipv4Addr>,
    doors: Mutex<Vec<Door>>,
    security: ArcSwap<Security>,
    /// Held from reading the settings to swapping: the newest must win.
    securing: tokio::sync::Mutex<()>,
    announcement: Mutex<Option<Announcement>>,
    tasks: Mutex<Vec<tokio::task::AbortHandle>>,
    wall: Clock,
    clock: Mutex<Option<ClockServer>>,
    dropped: Mutex<u64>,
    disk_low: Mutex<bool>,
    /// Takes what speaks HTTP on the one port.
    room_streams: RoomStreams,
}

/// A door to open: by which field of a request it is named, its port, and what it speaks.
type Spec = (&'static str, u16, Transport, Shows);

#[derive(Clone, Copy)]
struct Door {
    id: ListenerId,
    address: Ipv4Addr,
    shows: Shows,
}

/// What a door lets its clients see and show.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// No TLS.
    Nothing,
    Certificate,
    /// And asks for theirs.
    Mutual,
    /// Theirs is welcome: the one port for everything.
    Either,
}

fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Opens every door or none.
    pub async fn start(inner: &Arc<Inner>, site: &Arc<Site>) -> Result<Arc<Engine>, Error> {
        let settings = site.settings.load_full();
        let address = network::present(settings.address, &settings.interface).unwrap_or(Ipv4Addr::LOCALHOST);
        let security = Security::make(inner, site, &settings).await?;
        inner.directory.replace(&settings);
        let broker = spawn(inner, site, &settings).await?;
        recall(inner, site, &broker).await;
        let feed = inner.live.follow(&broker, inner.presence.clone());
        let doctor = doctor::follow(&broker, inner.clone(), site.clone());
        let engine = Arc::new(Engine {
            since_ms: inner.clock.now_ms(),
            feed,
            troupe: Troupe::default(),
            address: Mutex::new(address),
            doors: Mutex::default(),
            security: ArcSwap::from_pointee(security),
            securing: tokio::sync::Mutex::default(),
            announcement: Mutex::default(),
            tasks: Mutex::new(vec![doctor.abort_handle()]),
            wall: inner.clock.clone(),
            clock: Mutex::default(),
            dropped: Mutex::new(0),
            disk_low: Mutex::new(false),
            room_streams: inner.room_streams.clone(),
            broker,
        });
        let mut addresses = vec![Ipv4Addr::LOCALHOST];
        if address != Ipv4Addr::LOCALHOST {
            addresses.insert(0, address);
        }
        // This computer first: its clients prove the rights before the room comes in.
        addresses.reverse();
        for address in &addresses {
            if !address.is_loopback() && !inner.proven() {
                break;
            }
            if let Err(error) = engine.open_doors(&settings, *address, &addresses).await {
                engine.stop().await;
                return Err(error);
            }
            if *address == Ipv4Addr::LOCALHOST {
                inner.prove_with(&engine, site).await;
            }
        }
        engine.announce(inner, site);
        // The wish stays; the status tells that it does not answer.
        if let Err(error) = engine.serve_clock(&settings, address) {
            tracing::warn!(%error, "boards cannot ask for the time");
        }
        engine.watch(inner, site);
        inner.journal.tell(inner.clock.now_ms(), EventKind::BrokerStarted, None);
        Ok(engine)
    }

    async fn open_doors(&self, settings: &Settings, address: Ipv4Addr, all: &[Ipv4Addr]) -> Result<(), Error> {
        let Ports { mqtts, wss, mqtt, mtls, one, .. } = settings.ports;
        let pages = OriginRule::Listed(own_pages(settings, address));
        let security = self.security.load_full();
        let tls = &security.server;
        let mut specs = vec![
            ("ports.mqtts", mqtts, Transport::Tls(tls.clone()), Shows::Certificate),
            ("ports.wss", wss, Transport::Wss(tls.clone(), pages), Shows::Certificate),
        ];
        specs.extend(mqtt.map(|port| ("ports.mqtt", port, Transport::Tcp, Shows::Nothing)));
        specs.extend(mtls.map(|port| ("ports.mtls", port, Transport::Tls(security.mutual.clone()), Shows::Mutual)));
        self.open_each(specs, address, all).await?;
        // A convenience: where it cannot be had (again), the boards at the other doors are served.
        if let Some(port) = one {
            let spec = vec![self.one_port(settings, address, port)];
            if let Err(error) = self.open_each(spec, address, all).await {
                tracing::warn!(port, %error, "the one port stays closed");
            }
        }
        Ok(())
    }

    fn one_port(&self, settings: &Settings, address: Ipv4Addr, port: u16) -> Spec {
        let hosts = one_door::hosts(settings, address, port);
        let pages = OriginRule::Listed(own_pages(settings, address));
        let handoff = self.room_streams.handoff(hosts);
        let transport = Transport::OnePort(self.security.load().one.clone(), pages, handoff);
        ("ports.one", port, transport, Shows::Either)
    }

    async fn open_each(&self, specs: Vec<Spec>, address: Ipv4Addr, all: &[Ipv4Addr]) -> Result<(), Error> {
        for (field, port, transport, shows) in specs {
            let zone = if shows == Shows::Nothing { Zone::Guests } else { Zone::Main };
            let addr = SocketAddr::from((address, port));
            let spec = ListenerSpec { name: field.to_owned(), addr, transport, zone };
            match self.broker.add_listener(spec).await {
                Ok(opened) => hold(&self.doors).push(Door { id: opened.id, address, shows }),
                Err(ListenError::Taken { .. }) => return Err(ports::taken(field, port, all)),
                Err(ListenError::Other { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied => {
                    return Err(ports::forbidden(field, port, all));
                }
                Err(error) => return Err(Error::Listen(error)),
            }
        }
        Ok(())
    }

    /// Plain MQTT for guests, wherever the other doors are open. All of them or none.
    pub async fn open_guest_doors(&self, port: u16) -> Result<(), Error> {
        self.open_everywhere(|_| ("ports.mqtt", port, Transport::Tcp, Shows::Nothing)).await
    }

    pub async fn close_guest_doors(&self) {
        self.close(|door| door.shows == Shows::Nothing).await;
    }

    /// The one port for everything that speaks TLS, likewise.
    pub async fn open_one_port(&self, settings: &Settings, port: u16) -> Result<(), Error> {
        self.open_everywhere(|address| self.one_port(settings, address, port)).await
    }

    pub async fn close_one_port(&self) {
        self.close(|door| door.shows == Shows::Either).await;
    }

    async fn open_everywhere(&self, spec: impl Fn(Ipv4Addr) -> Spec) -> Result<(), Error> {
        let mut addresses: Vec<Ipv4Addr> = hold(&self.doors).iter().map(|door| door.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let shows = spec(Ipv4Addr::LOCALHOST).3;
        for address in &addresses {
            if let Err(error) = self.open_each(vec![spec(*address)], *address, &addresses).await {
                self.close(|door| door.shows == shows).await;
                return Err(error);
            }
        }
        Ok(())
    }

    async fn close(&self, which: impl Fn(&Door) -> bool) {
        let closed: Vec<Door> = hold(&self.doors).extract_if(.., |door| which(door)).collect();
        for door in closed {
            self.broker.remove_listener(door.id).await;
        }
    }

    /// Opens the doors to the room, if they are not. Only a broker whose rights are proven gets here.
    pub async fn open_room(&self, inner: &Inner, site: &Site) -> Result<(), Error> {
        let address = self.address();
        if address.is_loopback() || hold(&self.doors).iter().any(|door| !door.address.is_loopback()) {
            return Ok(());
        }
        let settings = site.settings.load_full();
        if let Err(error) = self.open_doors(&settings, address, &[address]).await {
            self.close_room().await;
            return Err(error);
        }
        self.announce(inner, site);
        Ok(())
    }

    /// Closes every door to the room, and ends what came through them.
    pub async fn close_room(&self) {
        hold(&self.announcement).take();
        self.close(|door| !door.address.is_loopback()).await;
        for client in self.broker.clients().await {
            if client.peer.is_some_and(|peer| !peer.ip().is_loopback()) {
                self.broker.kick(&client.client_id, Reason::AdministrativeAction, false).await;
            }
        }
    }

    /// Where the plain HTTP door may be open.
    pub fn claim_door(&self, inner: &Inner, site: &Site) -> Option<SocketAddr> {
        let address = self.address();
        let may = inner.proven() || address.is_loopback();
        may.then(|| SocketAddr::from((address, site.settings.load().ports.claim)))
    }

    pub fn address(&self) -> Ipv4Addr {
        *hold(&self.address)
    }

    pub fn security(&self) -> Arc<Security> {
        self.security.load_full()
    }

    pub fn certificate(&self) -> identity::Certificate {
        self.security().certificate.clone()
    }

    /// Makes the TLS of all doors anew from what the settings say now. Open connections stay.
    pub async fn secure(&self, inner: &Inner, site: &Site) -> Result<(), Error> {
        let _securing = self.securing.lock().await;
        let security = Security::make(inner, site, &site.settings.load_full()).await?;
        let doors: Vec<Door> = hold(&self.doors).clone();
        for door in doors {
            match door.shows {
                Shows::Nothing => {}
                Shows::Certificate => self.broker.reload_tls(door.id, security.server.clone()).await,
                Shows::Mutual => self.broker.reload_tls(door.id, security.mutual.clone()).await,
                Shows::Either => self.broker.reload_tls(door.id, security.one.clone()).await,
            }
        }
        inner.enrolment.secure(&security.room);
        let before = self.security.swap(Arc::new(security));
        if before.certificate.serial != self.security.load().certificate.serial {
            inner.journal.tell(inner.clock.now_ms(), EventKind::CertificateRenewed, None);
        }
        Ok(())
    }

    pub fn announce(&self, inner: &Inner, site: &Site) {
        let settings = site.settings.load();
        let address = self.address();
        if !inner.options.announce || address.is_loopback() || !inner.proven() {
            return;
        }
        let mut announcement = hold(&self.announcement);
        // The one before first: two at once would dispute the name.
        drop(announcement.take());
        *announcement = Announcement::start(&Announced {
            site: &settings.name,
            host_name: &settings.host_name(),
            address,
            ports: settings.ports,
            id4: &site.authority.load().id4(),
            fingerprint: &site.authority.load().fingerprint(),
        });
    }

    /// Opens or closes the door at which boards ask for the time.
    pub fn serve_clock(&self, settings: &Settings, address: Ipv4Addr) -> Result<(), Error> {
        let wanted = settings.sntp_port.map(|port| SocketAddr::from((address, port)));
        let mut clock = hold(&self.clock);
        if clock.as_ref().map(|server| server.address) == wanted {
            return Ok(());
        }
        // The new one stands before the old one goes: where it cannot, nothing changes.
        *clock = match wanted {
            None => None,
            Some(wanted) => {
                let server = ClockServer::start(wanted, self.wall.clone());
                Some(server.map_err(|source| Error::ClockPort { port: wanted.port(), source })?)
            }
        };
        Ok(())
    }

    pub fn serves_clock(&self) -> bool {
        hold(&self.clock).is_some()
    }

    /// The beats of a running site: rates and addresses every second, upkeep every minute.
    fn watch(self: &Arc<Engine>, inner: &Arc<Inner>, site: &Arc<Site>) {
        let (engine, inner_, site_) = (Arc::downgrade(self), inner.clone(), site.clone());
        let beating = site.clone();
        let sample = tokio::spawn(async move {
            let mut beat = tokio::time::interval(SAMPLE_EVERY);
            loop {
                beat.tick().await;
                let Some(engine) = engine.upgrade() else { return };
                inner_.rates().sample(engine.broker.stats().messages_in);
                inner_.live.tick();
                inner_.expire_enrolment();
                let (patients, now_ms) = (inner_.patients.clone(), inner_.clock.now_ms());
                if let Ok(Err(error)) = tokio::task::spawn_blocking(move || patients.save_sometimes(now_ms)).await {
                    tracing::warn!(%error, "what the doctor knows cannot be kept");
                }
                if !engine.address().is_loopback() {
                    inner_.reach.look(&site_.settings.load().interface, inner_.clock.now_ms());
                }
                if let Err(error) = rights::expire(&inner_, &beating).await {
                    tracing::warn!(%error, "a right that has ended");
                }
            }
        });
        let (engine, inner_, site_) = (Arc::downgrade(self), inner.clone(), site.clone());
        let network = tokio::spawn(async move {
            let mut beat = tokio::time::interval(NETWORK_EVERY);
            beat.tick().await;
            loop {
                beat.tick().await;
                let Some(engine) = engine.upgrade() else { return };
                if let Err(error) = engine.follow_network(&inner_, &site_).await {
                    tracing::warn!(%error, "the network cannot be followed");
                }
            }
        });
        let (engine, inner, site_) = (Arc::downgrade(self), inner.clone(), site.clone());
        let upkeep = tokio::spawn(async move {
            let mut beat = tokio::time::interval(UPKEEP_EVERY);
            beat.tick().await;
            loop {
                beat.tick().await;
                let Some(engine) = engine.upgrade() else { return };
                if let Err(error) = engine.upkeep(&inner, &site_).await {
                    tracing::warn!(%error, "upkeep");
                }
            }
        });
        hold(&self.tasks).extend([sample.abort_handle(), network.abort_handle(), upkeep.abort_handle()]);
    }

    /// Follows the network, renews the certificate, looks at the disk.
    pub async fn upkeep(&self, inner: &Arc<Inner>, site: &Arc<Site>) -> Result<(), Error> {
        self.follow_network(inner, site).await?;
        let (_, here) = wanted_names(&site.settings.load());
        // None of what follows waits for a file of addresses.
        if let Err(error) = look_around(inner, here).await {
            tracing::warn!(%error, "the addresses of this computer are not noted");
        }
        inner.exports.sweep(inner.clock.now_ms());
        inner.feeds.follow(Some(&site.settings.load()), inner.clock.now_ms());
        let low = inner.folder.free_bytes() < DISK_LOW_BYTES;
        if low && !std::mem::replace(&mut *hold(&self.disk_low), low) {
            inner.journal.tell(inner.clock.now_ms(), EventKind::DiskLow, None);
        }
        let (printed, now_ms) = (inner.printed.clone(), inner.clock.now_ms());
        tokio::task::spawn_blocking(move || printed.tidy(now_ms)).await?;
        let dropped = inner.recorder_status(site).await?.dropped;
        if dropped > std::mem::replace(&mut *hold(&self.dropped), dropped) {
            inner.journal.tell(inner.clock.now_ms(), EventKind::RecordingGap, None);
        }
        Ok(())
    }

    /// The address, and what the certificate must say. Looked at every few seconds: whoever waits for
    /// a board to come back waits for this.
    async fn follow_network(&self, inner: &Arc<Inner>, site: &Arc<Site>) -> Result<(), Error> {
        self.follow_address(inner, site).await?;
        let missed = site.rsa_missed.swap(false, Ordering::Relaxed) && site.rsa_key.load().is_none();
        if missed {
            site.make_rsa_key().await?;
        }
        if missed || self.security().due(&site.settings.load_full(), inner.clock.now_ms()) {
            self.secure(inner, site).await?;
        }
        Ok(())
    }

    /// The network gave this computer another address: the doors move there.
    async fn follow_address(&self, inner: &Arc<Inner>, site: &Arc<Site>) -> Result<(), Error> {
        let settings = site.settings.load_full();
        let before = self.address();
        let Some(now) = network::present(settings.address, &settings.interface) else { return Ok(()) };
        if now == before {
            return Ok(());
        }
        let _changing = inner.changing.lock().await;
        let stopped = !site.engine().is_some_and(|current| std::ptr::eq(&*current, self));
        if stopped || self.address() == now {
            // The site was stopped, or the doors were moved, while this waited.
            return Ok(());
        }
        moving::settle(inner, site, now, None).await
    }

    /// Opens the doors on another address with a certificate for it, and tells the network.
    pub async fn move_to(&self, inner: &Arc<Inner>, site: &Arc<Site>, now: Ipv4Addr) -> Result<(), Error> {
        let settings = site.settings.load_full();
        self.secure(inner, site).await?;
        let old: Vec<Door> = hold(&self.doors).iter().filter(|door| !door.address.is_loopback()).copied().collect();
        if !now.is_loopback() && inner.proven() {
            self.open_doors(&settings, now, &[now]).await?;
        }
        hold(&self.doors).retain(|door| old.iter().all(|old| old.id != door.id));
        for door in old {
            self.broker.remove_listener(door.id).await;
        }
        *hold(&self.address) = now;
        self.announce(inner, site);
        inner.enrolment.close();
        self.serve_clock(&settings, now).ok();
        inner.open_claim_door(self.claim_door(inner, site));
        Ok(())
    }

    /// Returns when clients have been told, and what was acknowledged is on disk.
    pub async fn stop(&self) {
        self.troupe.dismiss();
        hold(&self.announcement).take();
        hold(&self.clock).take();
        self.broker.shutdown().await;
        for task in hold(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

async fn spawn(inner: &Arc<Inner>, site: &Arc<Site>, settings: &Settings) -> Result<BrokerHandle, Error> {
    let (keeper, settled) = site.keeping.keeper();
    inner.folder.make_private(&inner.folder.broker_store());
    let config = Config {
        store_path: Some(inner.folder.broker_store()),
        rates: rates(),
        queue: settings.queue.map(|queue| queue.limits()).unwrap_or_default(),
        ..Config::default()
    };
    let builder = Broker::builder(config, Arc::new(Porter(inner.directory.clone())))
        .clock(inner.clock.clone())
        .rights(inner.rights(settings))
        .keeper(keeper, settled);
    // Opening the store reads all that is retained.
    Ok(tokio::task::spawn_blocking(move || builder.spawn()).await??)
}

/// How often the clients of each zone may connect and publish.
fn rates() -> Vec<(Zone, Rates)> {
    let connects = Some(Rate { per_sec: CONNECTS_A_SECOND, burst: CONNECTS_AT_ONCE });
    let messages = Some(Rate { per_sec: GUEST_MESSAGES_A_SECOND, burst: GUEST_MESSAGES_AT_ONCE });
    vec![(Zone::Main, Rates { connects, messages: None }), (Zone::Guests, Rates { connects, messages })]
}

/// Pages of this site may open a WebSocket; those of others may not.
fn own_pages(settings: &Settings, address: Ipv4Addr) -> Vec<String> {
    let hosts = [settings.host_name(), address.to_string(), "localhost".to_owned()];
    // The page of a device, served on the computer of whoever writes it: no website has that origin.
    hosts.iter().map(|host| format!("https://{host}:8443")).chain([kinds::page_origin()]).collect()
}
