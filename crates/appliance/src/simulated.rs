//! Simulated devices: real MQTT clients over TLS, through the real doors, that leave no trace.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::Clock;
use identity::Secret;
use rumqttc::mqttbytes::QoS;
use rumqttc::{AsyncClient, MqttOptions, PublishOptions, TlsConfiguration, Transport};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use wire::{Device, EventKind, Nothing, Problem, StartSimulated};

use crate::limits::{DEVICES, SIMULATED};
use crate::provision::measures_topic;
use crate::settings::{DeviceRecord, GUESTS, Made, Settings};
use crate::shapes::Values;
use crate::site::Site;
use crate::{Appliance, Error, Inner, damage, devices, names};

/// Their passwords, all in one secret: they must connect again after a restart.
const PASSWORDS: &str = "simulated";
const KIND: &str = "simulated";
const BEAT: Duration = Duration::from_secs(2);
const IN_FLIGHT: u16 = 8;
const RETRY: Duration = Duration::from_secs(1);

/// Those that play now.
#[derive(Default)]
pub(crate) struct Troupe {
    players: Mutex<HashMap<String, Player>>,
}

struct Player([tokio::task::AbortHandle; 2]);

impl Drop for Player {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

impl Troupe {
    fn add(&self, id: &str, player: Player) {
        self.players.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), player);
    }

    fn remove(&self, id: &str) {
        self.players.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub fn dismiss(&self) {
        self.players.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// What every player of a site shares.
struct Stage {
    tls: Arc<ClientConfig>,
    port: u16,
    clock: Clock,
}

impl Stage {
    fn new(inner: &Inner, site: &Site) -> Result<Stage, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(site.authority.load().cert_der().to_vec())).map_err(identity::Error::Tls)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(identity::Error::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let port = site.settings.load().ports.mqtts;
        Ok(Stage { tls: Arc::new(tls), port, clock: inner.clock.clone() })
    }

    fn play(&self, id: &str, password: &Secret, topic: String, index: usize) -> Player {
        let mut options = MqttOptions::new(id, (Ipv4Addr::LOCALHOST.to_string(), self.port));
        options.set_keep_alive(30);
        // The library makes room for 65,535 messages at once otherwise: 20 MB a device.
        options.set_outgoing_inflight_upper_limit(IN_FLIGHT);
        options.set_credentials(id, password.expose().to_owned());
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(self.tls.clone())));
        let (client, mut connection) = AsyncClient::builder(options).capacity(usize::from(IN_FLIGHT)).build();
        let line = tokio::spawn(async move {
            loop {
                if let Err(error) = connection.poll().await {
                    tracing::debug!(%error, "a simulated device tries again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        });
        let clock = self.clock.clone();
        let mut values = Values::new(index);
        let voice = tokio::spawn(async move {
            let mut beat = tokio::time::interval(BEAT);
            beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                beat.tick().await;
                let payload = values.next(clock.now_ms());
                // Without a connection it says nothing, as a board would.
                client.try_publish(topic.clone(), payload, PublishOptions::new(QoS::AtLeastOnce)).ok();
            }
        });
        Player([line.abort_handle(), voice.abort_handle()])
    }
}

/// Lets the simulated devices of the settings play.
pub(crate) async fn resume(inner: &Arc<Inner>, site: &Arc<Site>) -> Result<(), Error> {
    let settings = site.settings.load_full();
    if !settings.devices.iter().any(|device| device.simulated) {
        return Ok(());
    }
    let passwords = read_passwords(site).await?;
    let Some(engine) = site.engine() else { return Ok(()) };
    let stage = Stage::new(inner, site)?;
    for (index, device) in settings.devices.iter().filter(|device| device.simulated).enumerate() {
        if let Some(password) = passwords.get(&device.id) {
            let player = stage.play(&device.id, &Secret::new(password), measures_topic(&settings, device), index);
            engine.troupe.add(&device.id, player);
        }
    }
    Ok(())
}

/// Keeps new simulated devices and lets them play. The caller holds the lock on changes.
pub(crate) async fn add(inner: &Arc<Inner>, site: &Arc<Site>, fresh: Vec<(DeviceRecord, Secret)>) -> Result<(), Error> {
    fresh.iter().for_each(|(record, _)| inner.journal.remember(&record.id));
    let mut passwords = read_passwords(site).await?;
    passwords.extend(fresh.iter().map(|(record, password)| (record.id.clone(), password.expose().to_owned())));
    write_passwords(inner, site, passwords).await?;
    site.change(inner, |settings| {
        settings.devices.extend(fresh.into_iter().map(|(record, _)| record));
        Ok(())
    })
    .await?;
    if let Some(engine) = site.engine() {
        engine.troupe.dismiss();
    }
    resume(inner, site).await
}

/// Removes simulated devices and every trace of them. The caller holds the lock on changes.
pub(crate) async fn remove(
    inner: &Arc<Inner>,
    site: &Arc<Site>,
    chosen: impl Fn(&DeviceRecord) -> bool,
) -> Result<(), Error> {
    let settings = site.settings.load_full();
    let gone: Vec<DeviceRecord> =
        settings.devices.iter().filter(|device| device.simulated && chosen(device)).cloned().collect();
    if gone.is_empty() {
        return Ok(());
    }
    let is_gone = |id: &str| gone.iter().any(|device| device.id == id);
    if let Some(engine) = site.engine() {
        gone.iter().for_each(|device| engine.troupe.remove(&device.id));
    }
    site.change(inner, |settings| {
        settings.devices.retain(|device| !is_gone(&device.id));
        Ok(())
    })
    .await?;
    let mut passwords = read_passwords(site).await?;
    passwords.retain(|id, _| !is_gone(id));
    write_passwords(inner, site, passwords).await?;
    for device in &gone {
        devices::disconnect(site, &device.id, true).await;
        let branch = settings.branch(device);
        if let Some(engine) = site.engine() {
            devices::clear_retained(&engine.broker, &branch).await?;
        }
        // The recorder and the live view forget after all that was said before.
        let (recorder, forgotten) = (site.recorder.clone(), branch.clone());
        tokio::task::spawn_blocking(move || recorder.forget_branch(&forgotten)).await??;
        match site.engine() {
            Some(engine) => engine.feed.forget(branch).await,
            None => inner.live.forget(&branch),
        }
        inner.presence.forget(&device.id);
        inner.patients.forget(&device.id);
    }
    inner.journal.forget(gone.iter().map(|device| device.id.as_str()));
    Ok(())
}

async fn read_passwords(site: &Arc<Site>) -> Result<BTreeMap<String, String>, Error> {
    let site = site.clone();
    let kept = tokio::task::spawn_blocking(move || site.secrets.get(PASSWORDS)).await??;
    let Some(kept) = kept else { return Ok(BTreeMap::new()) };
    let damaged = |_| Error::Damaged { what: "secrets", detail: "the passwords of simulated devices".to_owned() };
    serde_json::from_str(kept.expose()).map_err(damaged)
}

async fn write_passwords(
    inner: &Arc<Inner>,
    site: &Arc<Site>,
    passwords: BTreeMap<String, String>,
) -> Result<(), Error> {
    let (inner, site) = (inner.clone(), site.clone());
    tokio::task::spawn_blocking(move || {
        if passwords.is_empty() {
            site.secrets.delete(PASSWORDS)?;
        } else {
            let text = serde_json::to_string(&passwords).map_err(Error::Answer)?;
            site.secrets.set(PASSWORDS, &Secret::new(text))?;
        }
        damage::keep_good_secrets(&inner.folder)
    })
    .await?
}

impl Appliance {
    pub async fn simulated_start(&self, request: StartSimulated) -> Result<Vec<Device>, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        site.running()?;
        let settings = site.settings.load_full();
        let ids = new_ids(&settings, &request)?;
        let hashed: Vec<_> = ids.iter().map(|_| tokio::spawn(devices::new_password())).collect();
        let now_ms = inner.clock.now_ms();
        let made = Made { now_ms, address: settings.address };
        let mut fresh = Vec::new();
        for (id, hashed) in ids.iter().zip(hashed) {
            let (password, hashes) = hashed.await.map_err(Error::Thread)??;
            let record = DeviceRecord {
                simulated: true,
                language: "en".to_owned(),
                ..DeviceRecord::new(id, &request.group, KIND, hashes, made)
            };
            fresh.push((record, password));
        }
        add(inner, &site, fresh).await?;
        ids.iter().for_each(|id| inner.journal.tell(now_ms, EventKind::DeviceCreated, Some(id)));
        Ok(inner.devices(&site, |device| ids.contains(&device.id)).await)
    }

    pub async fn simulated_remove(&self, _: Nothing) -> Result<Nothing, Problem> {
        let _changing = self.inner.changing.lock().await;
        let site = self.inner.site()?;
        remove(&self.inner, &site, |_| true).await?;
        Ok(Nothing {})
    }
}

fn new_ids(settings: &Settings, request: &StartSimulated) -> Result<Vec<String>, Error> {
    names::group(&request.group)?;
    if request.group == GUESTS {
        return Err(Error::GroupInvalid { offer: None });
    }
    let there = settings.devices.iter().filter(|device| device.simulated).count();
    let room = SIMULATED.saturating_sub(u32::try_from(there).unwrap_or(SIMULATED));
    if request.count == 0 || request.count > room {
        return Err(Error::LimitOutside { field: "count", most: u64::from(SIMULATED) });
    }
    if settings.devices.len() + request.count as usize > DEVICES {
        return Err(Error::TooManyDevices);
    }
    let free = (1..=DEVICES * 2).map(|number| format!("sim-{number:02}")).filter(|id| settings.device(id).is_err());
    Ok(free.take(request.count as usize).collect())
}
