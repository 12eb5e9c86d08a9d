//! The end of a school year: what was is archived, every secret is made anew, names go.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt::Filter;
use wire::{DeviceName, EndYear, HandedOut, PrintCards, Problem, YearEnded, YearLeft, YearNames, YearPlan};

use super::pattern::letters;
use super::{archive, bulk, make, paper};
use crate::settings::{DeviceRecord, GUESTS, Settings};
use crate::site::Site;
use crate::words::{day, say};
use crate::{Appliance, Error, Inner, devices, feeds, simulated};

impl Appliance {
    /// What `year_end` would do; nothing is changed.
    pub async fn year_preview(&self, request: EndYear) -> Result<YearPlan, Problem> {
        paper::check(&request.sheet)?;
        let site = self.inner.site()?;
        Ok(plan(&self.inner, &site, &request).await?)
    }

    pub async fn year_end(&self, request: EndYear) -> Result<YearEnded, Problem> {
        paper::check(&request.sheet)?;
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let plan = plan(inner, &site, &request).await?;
        let archive = archived(inner, &site, &request, &plan).await?;
        let before = site.settings.load_full();
        simulated::remove(inner, &site, |_| true).await?;
        if request.names != YearNames::Keep
            && let Some(engine) = site.engine()
        {
            // Before the names change: what is retained would follow them.
            for record in real(&before) {
                devices::clear_retained(&engine.broker, &before.branch(record)).await?;
            }
        }
        let handed = match request.names {
            YearNames::Remove => {
                let ids = before.devices.iter().filter(|d| !d.simulated).map(|d| d.id.clone()).collect();
                bulk::remove(inner, &site, &ids).await?;
                None
            }
            _ => renewed(inner, &site, &request).await?,
        };
        wipe(inner, &site, &request, &before).await?;
        feeds::revoke_all(inner, &site).await?;
        inner.exports.drop_all();
        let language = &request.sheet.language;
        let name = say(
            language,
            "archive_file",
            &[("slug", &before.slug), ("day", &day("fr", inner.clock.now_ms()).replace('/', "-"))],
        );
        let left = left(inner, &site, &request, &before).await?;
        Ok(YearEnded { plan, archive_base64: STANDARD.encode(archive), archive_name: name, handed, left })
    }
}

fn real(settings: &Settings) -> impl Iterator<Item = &DeviceRecord> {
    settings.devices.iter().filter(|device| !device.simulated)
}

async fn plan(inner: &Inner, site: &Site, request: &EndYear) -> Result<YearPlan, Error> {
    let settings = site.settings.load_full();
    let connected = match site.engine() {
        Some(engine) => devices::connected(&engine.broker).await,
        None => HashSet::new(),
    };
    let recorded = recorded(inner, site).await?;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let groups: HashSet<&str> = real(&settings).map(|device| device.group.as_str()).collect();
    Ok(YearPlan {
        devices: count(real(&settings).count()),
        groups: count(groups.len()),
        connected: count(real(&settings).filter(|device| connected.contains(&device.id)).count()),
        retained: retained(site, &settings).await,
        recorded,
        records_in_archive: archive::holds_records(recorded),
        new_names: match request.names {
            YearNames::Neutral => neutral(&settings, &request.sheet.language)
                .into_iter()
                .map(|(old, new)| DeviceName { id: old.id, name: new.id })
                .collect(),
            _ => Vec::new(),
        },
    })
}

/// Each device with a name that says nothing: numbers in the order of groups and names. Guests stay
/// guests.
fn neutral(settings: &Settings, language: &str) -> Vec<(DeviceRecord, DeviceRecord)> {
    let mut old: Vec<DeviceRecord> = real(settings).cloned().collect();
    old.sort_by(|a, b| (&a.group, &a.id).cmp(&(&b.group, &b.id)));
    let mut groups: BTreeMap<String, String> = BTreeMap::new();
    let width = old.len().to_string().len().max(2);
    let mut pairs = Vec::new();
    for (number, device) in (1..).zip(old) {
        let next = letters(u32::try_from(groups.len() + 1).unwrap_or(u32::MAX));
        let group = if device.group == GUESTS {
            GUESTS.to_owned()
        } else {
            let name = say(language, "neutral_group", &[("letter", &next)]);
            groups.entry(device.group.clone()).or_insert(name).clone()
        };
        let id = say(language, "neutral_device", &[("number", &format!("{number:0width$}"))]);
        pairs.push((device.clone(), DeviceRecord { id, group, ..device }));
    }
    pairs
}

/// New names where asked for, then new passwords and cards for all.
async fn renewed(inner: &Arc<Inner>, site: &Arc<Site>, request: &EndYear) -> Result<Option<HandedOut>, Error> {
    if request.names == YearNames::Neutral {
        let pairs = neutral(&site.settings.load(), &request.sheet.language);
        let (before, after) = pairs.into_iter().unzip();
        bulk::relocate(inner, site, before, after).await?;
    }
    let chosen: Vec<DeviceRecord> = real(&site.settings.load()).cloned().collect();
    if chosen.is_empty() {
        return Ok(None);
    }
    let print = PrintCards {
        ids: chosen.iter().map(|record| record.id.clone()).collect(),
        sheet: request.sheet.clone(),
        bundles: false,
    };
    // Shut out from here on: the passwords of the year end now, not when the cards are scanned.
    site.change(inner, |settings| {
        settings.devices.iter_mut().filter(|device| !device.simulated).for_each(|device| device.awaits_claim = true);
        if request.names == YearNames::Neutral {
            // What could be undone is told by the names of before.
            settings.rights_before.clear();
        }
        Ok(())
    })
    .await?;
    for record in &chosen {
        devices::disconnect(site, &record.id, true).await;
    }
    let chosen = real(&site.settings.load()).cloned().collect();
    make::again(inner, site, chosen, &print).await.map(Some)
}

async fn archived(inner: &Arc<Inner>, site: &Arc<Site>, request: &EndYear, plan: &YearPlan) -> Result<Vec<u8>, Error> {
    let (site, settings, now_ms) = (site.clone(), site.settings.load_full(), inner.clock.now_ms());
    let (language, with_records) = (request.sheet.language.clone(), plan.records_in_archive);
    let inner = inner.clone();
    let packed = move || archive::pack(&inner, &site, &settings, &language, now_ms, with_records);
    tokio::task::spawn_blocking(packed).await?
}

/// What is said, kept and remembered under the names of before.
async fn wipe(inner: &Inner, site: &Site, request: &EndYear, before: &Settings) -> Result<(), Error> {
    let now = site.settings.load_full();
    for record in real(before) {
        let branch = before.branch(record);
        let stays = now.devices.iter().any(|device| now.branch(device) == branch);
        if request.erase_recordings {
            let (recorder, branch) = (site.recorder.clone(), branch.clone());
            tokio::task::spawn_blocking(move || recorder.forget_branch(&branch)).await??;
        }
        if request.erase_recordings || !stays {
            match site.engine() {
                Some(engine) => engine.feed.forget(branch).await,
                None => inner.live.forget(&branch),
            }
        }
    }
    if request.names != YearNames::Keep {
        let gone: Vec<&str> =
            real(before).map(|record| record.id.as_str()).filter(|id| now.device(id).is_err()).collect();
        gone.iter().for_each(|id| inner.patients.forget(id));
        inner.journal.forget(gone);
    }
    Ok(())
}

async fn left(inner: &Inner, site: &Site, request: &EndYear, before: &Settings) -> Result<YearLeft, Error> {
    let now = site.settings.load_full();
    let recorded = recorded(inner, site).await?;
    let old = real(before).filter(|record| now.device(&record.id).is_err()).map(|record| record.id.clone());
    Ok(YearLeft {
        devices: u32::try_from(real(&now).count()).unwrap_or(u32::MAX),
        retained: retained(site, &now).await,
        recorded,
        record_days: inner.recorder_status(site).await?.limit_days,
        old_names: if request.erase_recordings || recorded == 0 { Vec::new() } else { old.collect() },
    })
}

async fn retained(site: &Site, settings: &Settings) -> u64 {
    let (Some(engine), Ok(all)) = (site.engine(), Filter::parse(format!("{}/#", settings.slug))) else { return 0 };
    engine.broker.retained(&all, usize::MAX).await.len() as u64
}

/// Counted now: what was just erased must not be in it.
async fn recorded(inner: &Inner, site: &Site) -> Result<u64, Error> {
    inner.forget_recorder_status().await;
    Ok(inner.recorder_status(site).await?.messages)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::settings::sample;

    #[test]
    fn neutral_names_follow_groups_and_leave_guests_where_they_are() {
        let mut settings = sample();
        let one = settings.devices.pop().unwrap();
        for (id, group) in [("zoe", "tp-lundi"), ("ali", "tp-mardi"), ("bea", "tp-lundi"), ("visiteur", GUESTS)] {
            settings.devices.push(DeviceRecord { id: id.into(), group: group.into(), ..one.clone() });
        }
        let names: Vec<String> = neutral(&settings, "fr")
            .into_iter()
            .map(|(old, new)| format!("{}={}/{}", old.id, new.group, new.id))
            .collect();
        assert_eq!(
            names,
            [
                "visiteur=guests/appareil-01",
                "bea=groupe-a/appareil-02",
                "zoe=groupe-a/appareil-03",
                "ali=groupe-b/appareil-04"
            ]
        );
    }
}
