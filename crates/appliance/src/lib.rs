//! The application service: one method per command, and the wiring of broker, identity, recorder,
//! live view and kinds behind them. It has no idea who asks: neither HTTP nor a window is known here.

mod announce;
mod authority_change;
mod causes;
mod certificate;
mod claims;
mod class;
mod damage;
mod device_certificates;
mod devices;
mod directory;
mod dispatch;
mod doctor;
mod doors;
mod engine;
mod enrol;
mod enrolment;
mod error;
mod exports;
mod feeds;
mod fights;
mod firewall;
mod first_picture;
mod folder;
mod guests;
mod journal;
mod keeping;
pub mod lab;
mod limits;
mod messages;
mod moving;
mod names;
mod network;
mod one_door;
mod patients;
mod ports;
mod presence;
mod printed;
mod problem;
mod proving;
mod provision;
mod rates;
mod reach;
mod records;
mod rescue;
mod rights;
mod security;
mod selftest;
mod serial;
mod serial_line;
mod settings;
mod shapes;
mod sightings;
mod simulated;
mod site;
mod sntp;
mod status;
mod watching;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use broker::Clock;
pub use enrol::Enrol;
pub use enrolment::EnrolDoor;
pub(crate) use error::Error;
pub use error::OpenError;
pub use exports::ExportFile;
pub use feeds::FeedForm;
pub use limits::{LIMITS, Limit};
pub use one_door::RoomStream;
pub use rescue::rescue;
use tokio::sync::{Mutex as AsyncMutex, watch};
use wire::{AddressChange, Damage, DoorCheck, RightsProof};

use crate::claims::Claims;
use crate::directory::Directory;
use crate::doors::Probes;
use crate::engine::Engine;
use crate::enrolment::Window;
use crate::exports::jobs::Exports;
use crate::feeds::Feeds;
use crate::folder::Folder;
use crate::guests::GuestRates;
use crate::journal::Journal;
use crate::one_door::RoomStreams;
use crate::patients::Patients;
use crate::presence::Presence;
use crate::printed::Printed;
use crate::rates::Rates;
use crate::reach::Reach;
use crate::serial::Cables;
use crate::site::{Broken, Site};
use crate::watching::Live;

/// Where the key of the secrets is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKeeping {
    /// In the desktop's keyring where one works, else in a file.
    Auto,
    File,
}

/// How to open a data folder.
#[derive(Clone)]
pub struct Options {
    pub data_dir: PathBuf,
    pub clock: Clock,
    pub secret_store: SecretKeeping,
    /// Tell the local network the name of the site (mDNS).
    pub announce: bool,
    /// For tests of the proof: changes the rules on their way from the sentences to the broker.
    #[doc(hidden)]
    pub tamper: Option<Tamper>,
}

#[doc(hidden)]
pub type Tamper = fn(&mut [(broker::Identity, Vec<broker::Rule>)]);

impl Options {
    /// The real thing: the system's clock, its keyring, and the name on the network.
    pub fn new(data_dir: impl Into<PathBuf>) -> Options {
        Options {
            data_dir: data_dir.into(),
            clock: Clock::system(),
            secret_store: SecretKeeping::Auto,
            announce: true,
            tamper: None,
        }
    }
}

/// The authority's certificate, public, for whoever must trust the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityFiles {
    pub pem: String,
    pub der: Vec<u8>,
}

/// The application. Clones are the same one.
#[derive(Clone)]
pub struct Appliance {
    inner: Arc<Inner>,
}

pub(crate) enum State {
    FirstRun,
    Open(Arc<Site>),
    Damaged(Damage),
}

pub(crate) struct Inner {
    pub options: Options,
    pub folder: Folder,
    pub clock: Clock,
    /// Held by whatever starts, stops or changes something.
    pub changing: AsyncMutex<()>,
    state: Mutex<Arc<State>>,
    pub journal: Journal,
    pub presence: Arc<Presence>,
    pub patients: Arc<Patients>,
    pub claims: Claims,
    pub printed: Arc<Printed>,
    pub enrolment: Window,
    pub directory: Arc<Directory>,
    pub probes: Arc<Probes>,
    pub live: Arc<Live>,
    pub reach: Reach,
    pub cables: Cables,
    moved: Mutex<Option<AddressChange>>,
    checks: Mutex<Vec<DoorCheck>>,
    proof: Mutex<Option<RightsProof>>,
    pub guest_rates: GuestRates,
    rates: Mutex<Rates>,
    recorded: AsyncMutex<Option<records::Known>>,
    claim_door: watch::Sender<Option<SocketAddr>>,
    pub room_streams: RoomStreams,
    pub exports: Exports,
    pub feeds: Feeds,
}

impl Appliance {
    /// Takes the data folder and starts what is set up there. Damage is no error: the status tells.
    pub async fn open(options: Options) -> Result<Appliance, OpenError> {
        let dir = options.data_dir.clone();
        let folder = tokio::task::spawn_blocking(move || Folder::take(&dir));
        let lost = |source: std::io::Error| OpenError::Folder { path: options.data_dir.clone(), source };
        let folder = folder.await.map_err(|error| lost(error.into()))??;
        Exports::sweep_left(&folder);
        let probes = Arc::new(Probes::default());
        let directory = Directory::new(probes.clone()).map_err(|error| lost(std::io::Error::other(error)))?;
        let clock = options.clock.clone();
        let (claims, doctor) = (folder.claims(), folder.doctor());
        let kept = tokio::task::spawn_blocking(move || (Printed::load(claims), Patients::load(&doctor)));
        let (printed, patients) = kept.await.map_err(|error| lost(error.into()))?;
        let inner = Arc::new(Inner {
            printed: Arc::new(printed),
            folder,
            changing: AsyncMutex::default(),
            state: Mutex::new(Arc::new(State::FirstRun)),
            journal: Journal::new(clock.now_ms()),
            presence: Arc::default(),
            patients: Arc::new(patients),
            claims: Claims::default(),
            enrolment: Window::default(),
            directory: Arc::new(directory),
            probes,
            live: Arc::new(Live::new(clock.clone())),
            reach: Reach::default(),
            cables: Cables::default(),
            moved: Mutex::default(),
            checks: Mutex::default(),
            proof: Mutex::default(),
            guest_rates: GuestRates::default(),
            rates: Mutex::default(),
            recorded: AsyncMutex::default(),
            claim_door: watch::channel(None).0,
            room_streams: RoomStreams::default(),
            exports: Exports::default(),
            feeds: Feeds::default(),
            clock,
            options,
        });
        inner.load().await;
        Ok(Appliance { inner })
    }

    /// The certificate that clients must trust, once there is one.
    pub fn authority_files(&self) -> Option<AuthorityFiles> {
        let site = self.inner.site().ok()?;
        let (pem, der) = (site.trust_pem(), site.authority.load().cert_der().to_vec());
        Some(AuthorityFiles { pem, der })
    }

    /// The fingerprint of the authority in words, in French or English.
    pub fn authority_words(&self, french: bool) -> Option<Vec<&'static str>> {
        let language = if french { identity::words::Language::Fr } else { identity::words::Language::En };
        Some(self.inner.site().ok()?.authority.load().words(language))
    }

    /// The signed list of certificates that must no longer be accepted, in DER form.
    pub fn revocation_list(&self) -> Option<Vec<u8>> {
        let engine = self.inner.site().ok()?.engine()?;
        Some(engine.security().revocation_list.der.to_vec())
    }

    /// `Some` while the plain HTTP door of the room must be open: there boards ask for the time,
    /// and phones fetch the authority and claims.
    pub fn claim_door(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.inner.claim_door.subscribe()
    }

    /// Whether anything can be claimed now.
    pub fn claim_open(&self) -> bool {
        let now_ms = self.inner.clock.now_ms();
        self.inner.claims.any(now_ms) || !self.inner.printed.devices(now_ms).is_empty()
    }

    /// Burns a claim and answers its sealed bundle, which only the token opens.
    pub async fn claim_redeem(&self, id: &str) -> Result<Vec<u8>, wire::Problem> {
        let now_ms = self.inner.clock.now_ms();
        let (device, sealed) = match self.inner.claims.redeem(id, now_ms) {
            Err(Error::ClaimUnknown) => provision::redeem_card(&self.inner, id, now_ms).await?,
            other => other?,
        };
        self.inner.journal.tell(now_ms, wire::EventKind::Claimed, Some(&device));
        Ok(sealed)
    }

    /// What the site does every minute: follow the network, renew the certificate, look at the disk.
    pub async fn upkeep(&self) -> Result<(), wire::Problem> {
        let site = self.inner.site()?;
        Ok(site.running()?.upkeep(&self.inner, &site).await?)
    }

    /// Stops everything; when this returns, all that was acknowledged is on disk and the data
    /// folder is free.
    pub async fn shutdown(&self) {
        self.inner.exports.cancel_all();
        let _changing = self.inner.changing.lock().await;
        if let Ok(site) = self.inner.site() {
            self.inner.stop(&site).await;
            tokio::task::spawn_blocking(move || site.close()).await.ok();
        }
        let (patients, now_ms) = (self.inner.patients.clone(), self.inner.clock.now_ms());
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || patients.save(now_ms)).await {
            tracing::warn!(%error, "what the doctor knows cannot be kept");
        }
        self.inner.folder.release();
    }
}

impl Inner {
    pub fn state(&self) -> Arc<State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_state(&self, state: State) {
        match &state {
            State::Open(site) => self.feeds.follow(Some(&site.settings.load()), self.clock.now_ms()),
            State::FirstRun | State::Damaged(_) => self.feeds.follow(None, self.clock.now_ms()),
        }
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }

    pub fn site(&self) -> Result<Arc<Site>, Error> {
        match &*self.state() {
            State::Open(site) => Ok(site.clone()),
            State::FirstRun => Err(Error::SiteNotStarted),
            State::Damaged(damage) => Err(Error::Damaged { what: "data", detail: damage.detail.clone() }),
        }
    }

    pub fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last change of address since the start.
    pub fn moved(&self) -> Option<AddressChange> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_moved(&self, change: AddressChange) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
    }

    pub fn checks(&self) -> MutexGuard<'_, Vec<DoorCheck>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the running broker was last found to decide.
    pub fn proof(&self) -> Option<RightsProof> {
        self.proof.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it decides as the sentences say: then the room may come in.
    pub fn proven(&self) -> bool {
        self.proof().is_some_and(|proof| proof.holds())
    }

    pub fn set_proof(&self, proof: Option<RightsProof>) {
        *self.proof.lock().unwrap_or_else(PoisonError::into_inner) = proof;
    }

    pub fn open_claim_door(&self, address: Option<SocketAddr>) {
        self.claim_door.send_if_modified(|current| std::mem::replace(current, address) != address);
    }

    /// Reads the folder and starts the site that is in it.
    pub async fn load(self: &Arc<Inner>) {
        let inner = self.clone();
        let opened = tokio::task::spawn_blocking(move || -> Result<Option<Site>, Broken> {
            let Some(settings) = damage::read_settings(&inner.folder)? else { return Ok(None) };
            Site::open(&inner.folder, inner.options.secret_store, &inner.clock, settings).map(Some)
        });
        let opened = opened.await.unwrap_or_else(|error| Err(Broken::new("settings", self.folder.settings(), error)));
        match opened {
            Ok(None) => self.set_state(State::FirstRun),
            Ok(Some(site)) => {
                let site = Arc::new(site);
                self.set_state(State::Open(site.clone()));
                match self.start(&site).await {
                    // Clients are let in before this is done.
                    Ok(()) => drop(tokio::spawn({
                        let inner = self.clone();
                        async move { inner.check_doors(&site).await }
                    })),
                    // The screen shows a stopped site; its start button tells the reason again.
                    Err(error) => tracing::error!(%error, "the site cannot start"),
                }
            }
            Err(broken) => self.break_off(broken).await,
        }
    }

    pub async fn break_off(self: &Arc<Inner>, broken: Broken) {
        let inner = self.clone();
        let bare = Damage {
            what: broken.what.to_owned(),
            kept_file: broken.path.display().to_string(),
            detail: broken.detail.clone(),
            last_good: None,
        };
        // Looking for a good copy may ask the keyring.
        let described =
            tokio::task::spawn_blocking(move || damage::describe(&inner.folder, inner.options.secret_store, broken));
        self.set_state(State::Damaged(described.await.unwrap_or(bare)));
    }

    /// Starts the broker of a site. A damaged store of it stops everything.
    pub async fn start(self: &Arc<Inner>, site: &Arc<Site>) -> Result<(), Error> {
        let engine = match Engine::start(self, site).await {
            Ok(engine) => engine,
            Err(Error::Broker(error @ (broker::Error::StoreDamaged { .. } | broker::Error::Store { .. }))) => {
                let closing = site.clone();
                tokio::task::spawn_blocking(move || closing.close()).await?;
                let broken = Broken::new("broker_store", self.folder.broker_store(), &error);
                self.break_off(broken).await;
                return Err(Error::Broker(error));
            }
            Err(error) => return Err(error),
        };
        site.set_engine(Some(engine.clone()));
        self.open_claim_door(engine.claim_door(self, site));
        self.cables.follow(self, site);
        if let Err(error) = simulated::resume(self, site).await {
            tracing::warn!(%error, "the simulated devices stay away");
        }
        Ok(())
    }

    pub async fn stop(&self, site: &Site) {
        self.open_claim_door(None);
        self.cables.pull_all();
        self.enrolment.close();
        if let Some(engine) = site.set_engine(None) {
            engine.stop().await;
            self.rates().pause();
            self.set_proof(None);
            self.journal.tell(self.clock.now_ms(), wire::EventKind::BrokerStopped, None);
        }
    }
}
