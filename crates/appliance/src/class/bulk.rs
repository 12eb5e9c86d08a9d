//! One change of many devices: all of it or nothing, in one writing of the settings.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use wire::{
    DeviceRefs, DevicesChanged, EventKind, MoveDevices, Nothing, Problem, RenameDevices, RightsObject, RightsSubject,
};

use super::make::chosen;
use super::{plan, retained};
use crate::settings::{DeviceRecord, Settings};
use crate::site::Site;
use crate::{Appliance, Error, Inner, devices, names, simulated};

impl Appliance {
    /// The recordings stay under the old names; what is retained follows.
    pub async fn devices_rename(&self, request: RenameDevices) -> Result<DevicesChanged, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let ids: Vec<String> = request.names.iter().map(|name| name.id.clone()).collect();
        let before = chosen(&site.settings.load(), &ids)?;
        let mut names: HashMap<String, String> = request.names.into_iter().map(|n| (n.id, n.name)).collect();
        let renamed = |mut record: DeviceRecord| {
            record.id = names.remove(&record.id).unwrap_or(record.id);
            record
        };
        let after: Vec<DeviceRecord> = before.iter().cloned().map(renamed).collect();
        Ok(relocate(inner, &site, before, after).await?)
    }

    pub async fn devices_move(&self, request: MoveDevices) -> Result<DevicesChanged, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let ids: Vec<String> = request.groups.iter().map(|group| group.id.clone()).collect();
        let before = chosen(&site.settings.load(), &ids)?;
        let mut groups: HashMap<String, String> = request.groups.into_iter().map(|g| (g.id, g.group)).collect();
        let moved = |mut record: DeviceRecord| {
            record.group = groups.remove(&record.id).unwrap_or(record.group);
            record
        };
        let after: Vec<DeviceRecord> = before.iter().cloned().map(moved).collect();
        Ok(relocate(inner, &site, before, after).await?)
    }

    pub async fn devices_revoke(&self, request: DeviceRefs) -> Result<DevicesChanged, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let now_ms = inner.clock.now_ms();
        let ids = set(&site, &request.ids)?;
        mark(inner, &site, &ids, |device| device.revoked_ms = Some(device.revoked_ms.unwrap_or(now_ms))).await?;
        for id in &ids {
            inner.claims.forget(id);
            devices::disconnect(&site, id, true).await;
            inner.journal.tell(now_ms, EventKind::DeviceRevoked, Some(id));
        }
        Ok(changed(inner, &site, &ids).await)
    }

    pub async fn devices_restore(&self, request: DeviceRefs) -> Result<DevicesChanged, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let ids = set(&site, &request.ids)?;
        mark(inner, &site, &ids, |device| device.revoked_ms = None).await?;
        for id in &ids {
            inner.presence.pardon(id);
            inner.journal.tell(inner.clock.now_ms(), EventKind::DeviceRestored, Some(id));
        }
        Ok(changed(inner, &site, &ids).await)
    }

    /// The devices are forgotten; what they recorded stays, but for simulated ones.
    pub async fn devices_remove(&self, request: DeviceRefs) -> Result<Nothing, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let settings = site.settings.load_full();
        let wanted: HashSet<&str> = request.ids.iter().map(String::as_str).collect();
        if let Some(unknown) = wanted.iter().find(|id| settings.device(id).is_err()) {
            return Err(Error::DeviceUnknown(unknown.chars().take(64).collect()).into());
        }
        simulated::remove(inner, &site, |device| wanted.contains(device.id.as_str())).await?;
        let gone: Vec<String> = settings
            .devices
            .iter()
            .filter(|d| !d.simulated && wanted.contains(d.id.as_str()))
            .map(|d| d.id.clone())
            .collect();
        remove(inner, &site, &gone.into_iter().collect()).await?;
        Ok(Nothing {})
    }
}

fn set(site: &Site, ids: &[String]) -> Result<HashSet<String>, Error> {
    Ok(chosen(&site.settings.load(), ids)?.into_iter().map(|record| record.id).collect())
}

async fn mark(
    inner: &Inner,
    site: &Site,
    ids: &HashSet<String>,
    mut change: impl FnMut(&mut DeviceRecord),
) -> Result<(), Error> {
    site.change(inner, |settings| {
        settings.devices.iter_mut().filter(|device| ids.contains(&device.id)).for_each(&mut change);
        Ok(())
    })
    .await
}

async fn changed(inner: &Inner, site: &Site, ids: &HashSet<String>) -> DevicesChanged {
    let devices = inner.devices(site, |device| ids.contains(&device.id)).await;
    DevicesChanged { devices, cards_void: Vec::new(), to_touch: Vec::new() }
}

/// Removes devices that are no simulated ones. The caller holds the lock on changes.
pub(super) async fn remove(inner: &Arc<Inner>, site: &Arc<Site>, ids: &HashSet<String>) -> Result<(), Error> {
    let settings = site.settings.load_full();
    site.change(inner, |settings| {
        settings.devices.retain(|device| !ids.contains(&device.id));
        settings.serial.retain(|each| !ids.contains(&each.device));
        Ok(())
    })
    .await?;
    inner.cables.follow(inner, site);
    inner.printed.forget(&ids.iter().cloned().collect::<Vec<_>>());
    for record in settings.devices.iter().filter(|device| ids.contains(&device.id)) {
        inner.claims.forget(&record.id);
        devices::disconnect(site, &record.id, true).await;
        if let Some(engine) = site.engine() {
            devices::clear_retained(&engine.broker, &settings.branch(record)).await?;
        }
        inner.presence.forget(&record.id);
        inner.patients.forget(&record.id);
        inner.journal.tell(inner.clock.now_ms(), EventKind::DeviceRemoved, Some(&record.id));
    }
    Ok(())
}

/// Gives devices other names or groups: rights and retained messages follow, open cards are void.
pub(super) async fn relocate(
    inner: &Arc<Inner>,
    site: &Arc<Site>,
    before: Vec<DeviceRecord>,
    after: Vec<DeviceRecord>,
) -> Result<DevicesChanged, Error> {
    let settings = site.settings.load_full();
    check(&settings, &before, &after)?;
    let pairs: Vec<(DeviceRecord, DeviceRecord)> =
        before.into_iter().zip(after).filter(|(old, new)| settings.branch(old) != settings.branch(new)).collect();
    site.change(inner, |settings| {
        put(settings, &pairs);
        Ok(())
    })
    .await?;
    inner.cables.follow(inner, site);
    let open = inner.printed.devices(inner.clock.now_ms());
    let (mut cards_void, mut to_touch) = (Vec::new(), Vec::new());
    for (old, new) in &pairs {
        if open.contains(&old.id) {
            cards_void.push(new.id.clone());
        }
        if !old.awaits_claim {
            to_touch.push(new.id.clone());
        }
        inner.claims.forget(&old.id);
        devices::disconnect(site, &old.id, old.id != new.id).await;
        if old.id != new.id {
            inner.presence.forget(&old.id);
            inner.patients.forget(&old.id);
        }
    }
    inner.printed.forget(&pairs.iter().map(|(old, _)| old.id.clone()).collect::<Vec<_>>());
    if let Some(engine) = site.engine() {
        let branches: Vec<(String, String)> =
            pairs.iter().map(|(old, new)| (settings.branch(old), settings.branch(new))).collect();
        retained::follow(&engine.broker, &branches).await?;
    }
    let ids: HashSet<String> = pairs.into_iter().map(|(_, new)| new.id).collect();
    Ok(DevicesChanged { cards_void, to_touch, ..changed(inner, site, &ids).await })
}

/// The new names and groups in the settings, and in what the settings say of cables.
fn put(settings: &mut Settings, pairs: &[(DeviceRecord, DeviceRecord)]) {
    let places: HashMap<&str, &DeviceRecord> = pairs.iter().map(|(old, new)| (old.id.as_str(), new)).collect();
    for each in &mut settings.serial {
        if let Some(new) = places.get(each.device.as_str()) {
            each.device.clone_from(&new.id);
        }
    }
    let groups = whole_groups(settings, &places);
    for sentence in &mut settings.rights {
        match &mut sentence.subject {
            RightsSubject::Device(name) => {
                if let Some(new) = places.get(name.as_str()) {
                    name.clone_from(&new.id);
                }
            }
            RightsSubject::Group(name) => follow(name, &groups),
            _ => {}
        }
        if let RightsObject::Group(name) = &mut sentence.object {
            follow(name, &groups);
        }
    }
    for device in &mut settings.devices {
        if let Some(new) = places.get(device.id.as_str()) {
            (device.next_hashes, device.next_ingest) = (None, None);
            (device.id, device.group) = (new.id.clone(), new.group.clone());
        }
    }
}

/// Groups that move as a whole: what the rights say of them goes along.
fn whole_groups(settings: &Settings, places: &HashMap<&str, &DeviceRecord>) -> HashMap<String, String> {
    let mut groups: HashMap<String, Option<String>> = HashMap::new();
    for device in &settings.devices {
        let to = places.get(device.id.as_str()).map(|new| new.group.clone());
        groups
            .entry(device.group.clone())
            .and_modify(|known| *known = known.take().filter(|known| Some(known) == to.as_ref()))
            .or_insert(to);
    }
    groups.into_iter().filter_map(|(group, to)| Some((group, to?))).collect()
}

fn follow(name: &mut String, groups: &HashMap<String, String>) {
    if let Some(new) = groups.get(name.as_str()) {
        name.clone_from(new);
    }
}

/// Every new name is one, and no two devices share it afterwards.
fn check(settings: &Settings, before: &[DeviceRecord], after: &[DeviceRecord]) -> Result<(), Error> {
    let leaving: HashSet<&str> = before.iter().map(|record| record.id.as_str()).collect();
    let mut taken: HashSet<&str> =
        settings.devices.iter().map(|device| device.id.as_str()).filter(|id| !leaving.contains(id)).collect();
    for record in after {
        names::device_id(&record.id)?;
        plan::group(settings, &record.group)?;
        if !taken.insert(&record.id) {
            let offer = names::next_free(&record.id, |name| taken.contains(name));
            return Err(Error::NameTaken { id: record.id.clone(), offer });
        }
    }
    Ok(())
}
