//! A class is made whole or not at all; its cards can be printed again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use wire::{CreateClass, EventKind, HandedOut, PrintCards, Problem};

use super::hand_out::{self, Fresh};
use super::{paper, plan};
use crate::guests::ingest_record;
use crate::limits::{CARD_MS, CLASS_DEVICES};
use crate::settings::{DeviceRecord, Made, Settings};
use crate::site::Site;
use crate::{Appliance, Error, Inner, devices, rights};

impl Appliance {
    pub async fn class_create(&self, request: CreateClass) -> Result<HandedOut, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let settings = site.settings.load_full();
        let fresh = new_devices(inner, &settings, &request).await?;
        let records: Vec<DeviceRecord> = fresh.iter().map(|fresh| fresh.record.clone()).collect();
        let ids: HashSet<String> = records.iter().map(|record| record.id.clone()).collect();
        let now_ms = inner.clock.now_ms();
        let mut made =
            hand_out::make(&site, settings, fresh, &request.sheet, request.bundles, now_ms + CARD_MS).await?;
        inner.keep_cards(std::mem::take(&mut made.claims), made.expires_ms).await?;
        let added = site.change(inner, |settings| {
            records.into_iter().for_each(|record| rights::welcome(settings, record));
            Ok(())
        });
        if let Err(error) = added.await {
            inner.printed.forget(&ids.iter().cloned().collect::<Vec<_>>());
            return Err(error.into());
        }
        for id in &ids {
            // A name that was used before starts afresh.
            inner.presence.forget(id);
            inner.journal.remember(id);
        }
        let made = inner.handed_out(&site, &ids, made, &request.sheet, Vec::new()).await;
        for device in &made.devices {
            inner.journal.tell(now_ms, EventKind::DeviceCreated, Some(&device.id));
        }
        Ok(made)
    }

    /// New cards. Where somebody can know the new password before the card is scanned, it counts at
    /// once; elsewhere the one before goes on until the scan.
    pub async fn class_sheet(&self, request: PrintCards) -> Result<HandedOut, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        paper::check(&request.sheet)?;
        let chosen = chosen(&site.settings.load(), &request.ids)?;
        Ok(again(inner, &site, chosen, &request).await?)
    }
}

async fn new_devices(inner: &Inner, settings: &Settings, request: &CreateClass) -> Result<Vec<Fresh>, Error> {
    paper::check(&request.sheet)?;
    let plan = plan::judge(settings, plan::listed(&request.rows)?, &request.kind);
    let faulty = plan.rows.iter().find_map(|row| Some((row.line, row.faults.first()?.clone())));
    if let Some((line, fault)) = faulty.or_else(|| Some((0, plan.faults.first()?.clone()))) {
        return Err(Error::Row { line, field: fault.field, code: fault.code, offer: fault.offer });
    }
    let now_ms = inner.clock.now_ms();
    let made = Made { now_ms, address: settings.address };
    let secrets = hand_out::passwords(plan.rows.len()).await?;
    let fresh = |(row, (password, hashes)): (wire::PreviewedRow, _)| Fresh {
        record: DeviceRecord {
            language: request.sheet.language.clone(),
            // Nobody holds the password before the card is scanned.
            awaits_claim: !request.bundles && !request.sheet.passwords,
            ingest: ingest_record(&row.row.group, &password, now_ms),
            ..DeviceRecord::new(&row.row.id, &row.row.group, &row.row.kind, hashes, made)
        },
        password,
    };
    Ok(plan.rows.into_iter().zip(secrets).map(fresh).collect())
}

/// The records of a list of names, in its order. Simulated devices have no card.
pub(super) fn chosen(settings: &Settings, ids: &[String]) -> Result<Vec<DeviceRecord>, Error> {
    if ids.is_empty() {
        return Err(Error::ListEmpty);
    }
    if ids.len() > CLASS_DEVICES {
        return Err(Error::LimitOutside { field: "ids", most: CLASS_DEVICES as u64 });
    }
    let known: HashMap<&str, &DeviceRecord> =
        settings.devices.iter().map(|device| (device.id.as_str(), device)).collect();
    let mut seen = HashSet::new();
    let mut records = Vec::new();
    for id in ids.iter().filter(|id| seen.insert(id.as_str())) {
        let record = known.get(id.as_str()).ok_or_else(|| Error::DeviceUnknown(id.chars().take(64).collect()))?;
        if record.simulated {
            return Err(Error::NotForSimulated { id: id.clone() });
        }
        records.push((*record).clone());
    }
    Ok(records)
}

/// The caller holds the lock on changes.
pub(super) async fn again(
    inner: &Inner,
    site: &Arc<Site>,
    chosen: Vec<DeviceRecord>,
    request: &PrintCards,
) -> Result<HandedOut, Error> {
    let at_once = request.sheet.passwords || request.bundles;
    let (settings, now_ms) = (site.settings.load_full(), inner.clock.now_ms());
    let reissued: Vec<String> =
        chosen.iter().filter(|record| at_once && !record.awaits_claim).map(|record| record.id.clone()).collect();
    let secrets = hand_out::passwords(chosen.len()).await?;
    let mut changed: HashMap<String, DeviceRecord> = HashMap::new();
    let mut fresh = Vec::new();
    for (mut record, (password, hashes)) in chosen.into_iter().zip(secrets) {
        record.issued_for = settings.address;
        let ingest = ingest_record(&record.group, &password, now_ms);
        if at_once || record.awaits_claim {
            (record.hashes, record.next_hashes, record.issued_ms) = (hashes, None, now_ms);
            record.awaits_claim &= !at_once;
            (record.ingest, record.next_ingest) = (ingest, None);
        } else {
            (record.next_hashes, record.next_ingest) = (Some(hashes), ingest);
        }
        changed.insert(record.id.clone(), record.clone());
        fresh.push(Fresh { record, password });
    }
    let mut made = hand_out::make(site, settings, fresh, &request.sheet, request.bundles, now_ms + CARD_MS).await?;
    // The settings first: a card whose password nobody checks would be worse than one that is void.
    let ids: HashSet<String> = changed.keys().cloned().collect();
    site.change(inner, |settings| {
        for device in &mut settings.devices {
            if let Some(record) = changed.remove(&device.id) {
                *device = record;
            }
        }
        Ok(())
    })
    .await?;
    inner.keep_cards(std::mem::take(&mut made.claims), made.expires_ms).await?;
    for id in &ids {
        inner.claims.forget(id);
        inner.presence.pardon(id);
    }
    for id in &reissued {
        devices::disconnect(site, id, false).await;
    }
    Ok(inner.handed_out(site, &ids, made, &request.sheet, reissued).await)
}
