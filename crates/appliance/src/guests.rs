//! The guest zone: boards and phones that can neither encrypt nor keep a password. They write below
//! their own name and nothing else, by plain MQTT or by a post of JSON.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use broker::{Bucket, Identity, Message, Origin, Rate};
use bytes::Bytes;
use identity::{IngestToken, Secret};
use mqtt::Topic;
use wire::{EventKind, Problem, Refusal, RefusalCause, SiteStatus, SwitchGuests, Whose};

use crate::limits::{GUEST_MESSAGES_A_SECOND, GUEST_MESSAGES_AT_ONCE, INGEST_BYTES, INGEST_MS};
use crate::provision::measures_topic;
use crate::rights::may_write;
use crate::settings::{DeviceRecord, GUESTS, IngestRecord, Ports, Settings};
use crate::{Appliance, Error};

/// What is kept of the address that a new guest posts to.
pub(crate) fn ingest_record(group: &str, password: &Secret, now_ms: i64) -> Option<IngestRecord> {
    let record = || IngestRecord { sha256: IngestToken::of(password).sha256(), expires_ms: now_ms + INGEST_MS };
    (group == GUESTS).then(record)
}

/// How many messages each guest may send now.
#[derive(Default)]
pub(crate) struct GuestRates(Mutex<HashMap<String, Bucket>>);

impl GuestRates {
    pub fn take(&self, guest: &str, now_ms: i64) -> Result<(), Error> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = Rate { per_sec: GUEST_MESSAGES_A_SECOND, burst: GUEST_MESSAGES_AT_ONCE };
        let now_us = now_ms.saturating_mul(1_000);
        let bucket = buckets.entry(guest.to_owned()).or_insert_with(|| Bucket::full(rate, now_us));
        bucket.try_take(now_us).then_some(()).ok_or(Error::TooFast(GUEST_MESSAGES_A_SECOND))
    }

    fn keep(&self, settings: &Settings) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|guest, _| settings.device(guest).is_ok_and(DeviceRecord::guest));
    }
}

impl Appliance {
    /// Opens or closes the guest zone while everything else goes on.
    pub async fn guests_switch(&self, request: SwitchGuests) -> Result<SiteStatus, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let before = site.settings.load_full();
        let port = request.port.or(before.ports.mqtt).unwrap_or(Ports::GUEST_PORT);
        let mqtt = request.open.then_some(port);
        if before.ports.mqtt == mqtt {
            return Ok(inner.status().await);
        }
        let ports = Ports { mqtt, ..before.ports };
        ports.check()?;
        let engine = site.engine();
        if let Some(engine) = &engine {
            engine.close_guest_doors().await;
            if request.open {
                engine.open_guest_doors(port).await?;
            }
        }
        let saved = site.change(inner, |settings| {
            settings.guests = request.open;
            settings.ports = ports;
            Ok(())
        });
        if let Err(error) = saved.await {
            // As it was: the settings say so.
            if let Some(engine) = &engine {
                engine.close_guest_doors().await;
                if let Some(port) = before.ports.mqtt {
                    engine.open_guest_doors(port).await?;
                }
            }
            return Err(error.into());
        }
        inner.guest_rates.keep(&site.settings.load());
        let kind = if request.open { EventKind::GuestsOpened } else { EventKind::GuestsClosed };
        inner.journal.tell(inner.clock.now_ms(), kind, None);
        inner.prove_rights(&site).await;
        Ok(inner.status().await)
    }

    /// Whether anyone may post now.
    pub fn ingest_open(&self) -> bool {
        self.inner.site().is_ok_and(|site| site.settings.load().guests && site.engine().is_some())
    }

    /// The file that an app of a guest fetches, by the last part of the address it scanned.
    pub fn app_file(&self, last: &str) -> Result<Vec<u8>, Problem> {
        let inner = &self.inner;
        let site = inner.site().map_err(|_| Error::ClaimUnknown)?;
        let settings = site.settings.load_full();
        let token = kinds::all().iter().find_map(|kind| kind.app_fetch.as_ref()?.token(last));
        let (device, file) = inner.claims.file(token.ok_or(Error::ClaimUnknown)?, inner.clock.now_ms())?;
        if !settings.device(&device).is_ok_and(|device| settings.admitted(device)) {
            return Err(Error::ClaimUnknown.into());
        }
        Ok(file)
    }

    /// Publishes what a guest posted, as one message; when this returns, it is stored.
    pub async fn ingest(&self, token: &str, from: IpAddr, body: Bytes) -> Result<(), Problem> {
        Ok(self.take_in(token, from, body).await?)
    }

    async fn take_in(&self, token: &str, from: IpAddr, body: Bytes) -> Result<(), Error> {
        let inner = &self.inner;
        let site = inner.site().map_err(|_| Error::IngestUnknown)?;
        let settings = site.settings.load_full();
        let now_ms = inner.clock.now_ms();
        let hash = IngestToken::parse(token).ok_or(Error::IngestUnknown)?.sha256();
        let device = settings.devices.iter().find(|device| {
            let known = device.ingest.as_ref().is_some_and(|kept| kept.sha256 == hash && now_ms < kept.expires_ms);
            known && device.guest() && settings.admitted(device)
        });
        let device = device.ok_or(Error::IngestUnknown)?;
        inner.guest_rates.take(&device.id, now_ms)?;
        if body.len() > INGEST_BYTES {
            return Err(Error::TooLarge { field: "", limit: INGEST_BYTES });
        }
        serde_json::from_slice::<serde::de::IgnoredAny>(&body).map_err(Error::Malformed)?;
        let engine = site.running()?;
        let topic = Topic::parse(measures_topic(&settings, device))?;
        let who = Identity::new(&device.id);
        if !may_write(&settings, device, &topic, now_ms) {
            let (cause, whose) = (RefusalCause::PublishDenied, Whose::Named);
            let detail = topic.as_str().to_owned();
            let refusal = Refusal { cause, at_ms: now_ms, tries: 1, detail, facts: Vec::new(), whose };
            inner.presence.refused(&device.id, refusal);
            return Err(Error::RightsDenied(topic.as_str().to_owned()));
        }
        let origin = Origin::Client { client_id: device.id.as_str().into(), identity: who };
        engine.broker.publish(Message { origin, ..Message::from_site(topic, body) }).await?;
        inner.presence.posted(&device.id, from, now_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_floods_is_slowed_and_the_others_are_not() {
        let rates = GuestRates::default();
        for _ in 0..GUEST_MESSAGES_AT_ONCE {
            assert!(rates.take("lea", 0).is_ok());
        }
        assert!(matches!(rates.take("lea", 0), Err(Error::TooFast(_))));
        assert!(rates.take("tom", 0).is_ok());
        let second = (0..100).filter(|_| rates.take("lea", 1_000).is_ok()).count();
        assert_eq!(second, GUEST_MESSAGES_A_SECOND as usize);
        // A clock that went back gives nothing away.
        assert!(rates.take("lea", -5_000).is_err());
    }
}
