//! Devices: made, shown, issued anew, revoked, restored, removed.

use std::collections::HashSet;

use broker::{BrokerHandle, ClientInfo, Identity, Message, Reason};
use bytes::Bytes;
use identity::Secret;
use identity::password::PasswordHashes;
use mqtt::Filter;
use wire::{
    CreateDevice, Device, DeviceRef, DeviceState, EventKind, Kind, KindCategory, KindTransport, Nothing, Problem,
    ProvisionedDevice,
};

use crate::doors::is_probe;
use crate::guests::ingest_record;
use crate::limits::DEVICES;
use crate::settings::{DeviceRecord, GUESTS, Made, Settings};
use crate::site::Site;
use crate::{Appliance, Error, Inner, names, rights, simulated};

impl Appliance {
    pub async fn kind_list(&self, _: Nothing) -> Result<Vec<Kind>, Problem> {
        Ok(kinds::all().iter().map(shown).collect())
    }

    pub async fn device_list(&self, _: Nothing) -> Result<Vec<Device>, Problem> {
        Ok(self.inner.devices(&*self.inner.site()?, |_| true).await)
    }

    pub async fn device_create(&self, request: CreateDevice) -> Result<ProvisionedDevice, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let kind = check(&site.settings.load(), &request)?;
        let (password, hashes) = new_password().await?;
        let now_ms = inner.clock.now_ms();
        let made = Made { now_ms, address: site.settings.load().address };
        let record = DeviceRecord {
            simulated: kind.simulated,
            language: request.language,
            ingest: ingest_record(&request.group, &password, now_ms),
            ..DeviceRecord::new(&request.id, &request.group, &request.kind, hashes, made)
        };
        // A name that was used before starts afresh.
        inner.presence.forget(&record.id);
        inner.patients.forget(&record.id);
        inner.journal.remember(&record.id);
        if record.simulated {
            simulated::add(inner, &site, vec![(record.clone(), password.clone())]).await?;
        } else {
            let added = record.clone();
            site.change(inner, |settings| {
                rights::welcome(settings, added);
                Ok(())
            })
            .await?;
        }
        inner.journal.tell(now_ms, EventKind::DeviceCreated, Some(&record.id));
        Ok(inner.provision(&site, &record, &password).await?)
    }

    /// A new password: the one before ends, and so does what it opened.
    pub async fn device_reissue(&self, request: DeviceRef) -> Result<ProvisionedDevice, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        if site.settings.load().device(&request.id)?.simulated {
            return Err(Error::NotForSimulated { id: request.id }.into());
        }
        let (password, hashes) = new_password().await?;
        let now_ms = inner.clock.now_ms();
        let record = edit(inner, &site, &request.id, |device, address| {
            device.hashes = hashes;
            device.ingest = ingest_record(&device.group, &password, now_ms);
            device.next_hashes = None;
            device.next_ingest = None;
            device.awaits_claim = false;
            device.issued_ms = now_ms;
            device.issued_for = address;
        })
        .await?;
        inner.printed.forget(std::slice::from_ref(&request.id));
        inner.presence.pardon(&request.id);
        disconnect(&site, &request.id, false).await;
        Ok(inner.provision(&site, &record, &password).await?)
    }

    pub async fn device_revoke(&self, request: DeviceRef) -> Result<Device, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let now_ms = inner.clock.now_ms();
        edit(inner, &site, &request.id, |device, _| device.revoked_ms = Some(device.revoked_ms.unwrap_or(now_ms)))
            .await?;
        inner.claims.forget(&request.id);
        disconnect(&site, &request.id, true).await;
        inner.journal.tell(now_ms, EventKind::DeviceRevoked, Some(&request.id));
        Ok(inner.device(&site, &request.id).await?)
    }

    pub async fn device_restore(&self, request: DeviceRef) -> Result<Device, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        edit(inner, &site, &request.id, |device, _| device.revoked_ms = None).await?;
        inner.presence.pardon(&request.id);
        inner.journal.tell(inner.clock.now_ms(), EventKind::DeviceRestored, Some(&request.id));
        Ok(inner.device(&site, &request.id).await?)
    }

    /// The device is forgotten; what it recorded stays.
    pub async fn device_remove(&self, request: DeviceRef) -> Result<Nothing, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let record = site.settings.load().device(&request.id)?.clone();
        if record.simulated {
            simulated::remove(inner, &site, |device| device.id == record.id).await?;
            return Ok(Nothing {});
        }
        site.change(inner, |settings| {
            settings.devices.retain(|device| device.id != record.id);
            settings.serial.retain(|each| each.device != record.id);
            Ok(())
        })
        .await?;
        inner.claims.forget(&record.id);
        inner.cables.follow(inner, &site);
        inner.printed.forget(std::slice::from_ref(&record.id));
        disconnect(&site, &record.id, true).await;
        if let Some(engine) = site.engine() {
            clear_retained(&engine.broker, &site.settings.load().branch(&record)).await?;
        }
        inner.presence.forget(&record.id);
        inner.patients.forget(&record.id);
        inner.journal.tell(inner.clock.now_ms(), EventKind::DeviceRemoved, Some(&record.id));
        Ok(Nothing {})
    }
}

fn shown(kind: &kinds::Kind) -> Kind {
    Kind {
        key: kind.key.clone(),
        picture: kind.picture.clone(),
        category: match kind.category {
            kinds::Category::Boards => KindCategory::Boards,
            kinds::Category::Computers => KindCategory::Computers,
            kinds::Category::Home => KindCategory::Home,
            kinds::Category::Phones => KindCategory::Phones,
            kinds::Category::Gateways => KindCategory::Gateways,
            kinds::Category::Other => KindCategory::Other,
        },
        common: kind.common,
        transports: kind.transports.iter().copied().map(transport).collect(),
        name_fr: kind.name_fr.clone(),
        name_en: kind.name_en.clone(),
        blurb_fr: kind.blurb_fr.clone(),
        blurb_en: kind.blurb_en.clone(),
        search: kind.search.clone(),
        simulated: kind.simulated,
        needs_clock: kind.clock,
        resolves_names: kind.mdns,
        guests_only: kind.guests_only,
    }
}

fn transport(transport: kinds::Transport) -> KindTransport {
    match transport {
        kinds::Transport::Tls => KindTransport::Tls,
        kinds::Transport::ClientCertificate => KindTransport::ClientCertificate,
        kinds::Transport::Websocket => KindTransport::Websocket,
        kinds::Transport::Plain => KindTransport::Plain,
        kinds::Transport::Http => KindTransport::Http,
        kinds::Transport::Usb => KindTransport::Usb,
    }
}

/// What a new device must be, and its kind.
fn check(settings: &Settings, request: &CreateDevice) -> Result<&'static kinds::Kind, Error> {
    names::device_id(&request.id)?;
    names::group(&request.group)?;
    let kind = kinds::find(&request.kind).ok_or_else(|| Error::KindUnknown(request.kind.chars().take(64).collect()))?;
    if !matches!(request.language.as_str(), "fr" | "en") {
        return Err(Error::LanguageUnknown(request.language.chars().take(16).collect()));
    }
    if request.group == GUESTS && (!settings.guests || kind.simulated) {
        return Err(Error::GroupInvalid { offer: None });
    }
    if kind.guests_only && request.group != GUESTS {
        return Err(Error::GroupInvalid { offer: Some(GUESTS.to_owned()) });
    }
    let taken = |id: &str| settings.device(id).is_ok();
    if taken(&request.id) {
        return Err(Error::NameTaken { id: request.id.clone(), offer: names::next_free(&request.id, taken) });
    }
    if settings.devices.len() >= DEVICES {
        return Err(Error::TooManyDevices);
    }
    Ok(kind)
}

pub(crate) async fn new_password() -> Result<(Secret, PasswordHashes), Error> {
    tokio::task::spawn_blocking(|| -> Result<_, Error> {
        let password = identity::password::generate()?;
        let hashes = identity::password::hash(&password)?;
        Ok((password, hashes))
    })
    .await?
}

async fn edit(
    inner: &Inner,
    site: &Site,
    id: &str,
    change: impl FnOnce(&mut DeviceRecord, std::net::Ipv4Addr),
) -> Result<DeviceRecord, Error> {
    site.change(inner, |settings| {
        let address = settings.address;
        let device = settings.devices.iter_mut().find(|device| device.id == id);
        let device = device.ok_or_else(|| Error::DeviceUnknown(id.to_owned()))?;
        change(device, address);
        Ok(device.clone())
    })
    .await
}

pub(crate) async fn disconnect(site: &Site, id: &str, forget: bool) {
    if let Some(engine) = site.engine() {
        engine.broker.kick_identity(&Identity::new(id), Reason::AdministrativeAction, forget).await;
    }
}

/// Ends every retained message of a branch, as a client would: with an empty one.
pub(crate) async fn clear_retained(broker: &BrokerHandle, branch: &str) -> Result<(), Error> {
    let Ok(below) = Filter::parse(format!("{branch}/#")) else { return Ok(()) };
    for message in broker.retained(&below, usize::MAX).await {
        let ending = Message { retain: true, ..Message::from_site(message.topic.clone(), Bytes::new()) };
        broker.publish(ending).await?;
    }
    Ok(())
}

/// The identities that are connected now.
pub(crate) async fn connected(broker: &BrokerHandle) -> HashSet<String> {
    let there = |client: &ClientInfo| client.connected_since_ms.is_some() && !is_probe(&client.client_id);
    let clients = broker.clients().await.into_iter().filter(there);
    clients.map(|client| client.identity.as_str().to_owned()).collect()
}

impl Inner {
    /// The devices that `wanted` chooses, as screens see them.
    pub async fn devices(&self, site: &Site, wanted: impl Fn(&DeviceRecord) -> bool) -> Vec<Device> {
        let connected = match site.engine() {
            Some(engine) => connected(&engine.broker).await,
            None => HashSet::new(),
        };
        let settings = site.settings.load_full();
        let chosen = settings.devices.iter().filter(|device| wanted(device));
        chosen
            .map(|device| {
                let there = connected.contains(&device.id) || self.cables.reads(&device.id);
                self.show(&settings, device, there)
            })
            .collect()
    }

    pub async fn device(&self, site: &Site, id: &str) -> Result<Device, Error> {
        let found = self.devices(site, |device| device.id == id).await.pop();
        found.ok_or_else(|| Error::DeviceUnknown(id.to_owned()))
    }

    fn show(&self, settings: &Settings, record: &DeviceRecord, connected: bool) -> Device {
        let now_ms = self.clock.now_ms();
        let branch = settings.branch(record);
        let seen = self.presence.of(&record.id);
        let newest = self.live.tree().newest_of_branch(&branch, now_ms);
        let state = if record.revoked_ms.is_some() { DeviceState::Revoked } else { seen.state(connected, now_ms) };
        Device {
            id: record.id.clone(),
            group: record.group.clone(),
            kind: record.kind.clone(),
            simulated: record.simulated,
            state,
            branch,
            last_seen_ms: if connected { Some(now_ms) } else { seen.last_seen_ms },
            last_value: newest.as_ref().map(|newest| newest.preview.clone()),
            spark: newest.map(|newest| newest.spark.into_iter().map(f64::from).collect()).unwrap_or_default(),
            last_refusal: seen.last_refusal,
            created_ms: record.created_ms,
            awaits_claim: record.awaits_claim,
            certificate_until_ms: record.certificates.iter().map(|certificate| certificate.until_ms).max(),
        }
    }
}
