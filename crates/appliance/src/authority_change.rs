//! A planned change of the site's authority. Both are trusted for a while: the server goes on
//! showing what the old one signed, new files hold both, new certificates of devices are signed by
//! the new one. When the last device has it, or is left behind on purpose, the old one ends.

use std::sync::Arc;

use identity::store::SecretStore;
use identity::words::Language;
use identity::{Authority, Secret};
use wire::{AuthorityChange, AuthorityStatus, AuthorityView, EventKind, FinishAuthorityChange, Nothing, Problem};

use crate::folder::write_whole;
use crate::settings::{DeviceRecord, Settings};
use crate::site::{AUTHORITY_CERTIFICATE, AUTHORITY_KEY, Site};
use crate::{Appliance, Error, Inner, damage, simulated};

const NEXT_KEY: &str = "authority.next.key";
const NEXT_CERTIFICATE: &str = "authority.next.certificate";

pub(crate) fn load_next(secrets: &SecretStore) -> Result<Option<Authority>, identity::Error> {
    match (secrets.get(NEXT_CERTIFICATE)?, secrets.get(NEXT_KEY)?) {
        (Some(certificate), Some(key)) => Authority::load(certificate.expose(), &key).map(Some),
        _ => Ok(None),
    }
}

impl Site {
    /// All that are trusted now, the one that signs the server's certificate first.
    pub fn authorities(&self) -> Vec<Arc<Authority>> {
        [Some(self.authority.load_full()), self.next_authority.load_full()].into_iter().flatten().collect()
    }

    /// The one that signs the certificates of devices.
    pub fn signer(&self) -> Arc<Authority> {
        self.next_authority.load_full().unwrap_or_else(|| self.authority.load_full())
    }

    /// What a device must trust, as one PEM text.
    pub fn trust_pem(&self) -> String {
        self.authorities().iter().map(|authority| authority.cert_pem().to_owned()).collect()
    }
}

/// Whether a device will be lost when the authority in use ends.
fn waits(device: &DeviceRecord, next: &str) -> bool {
    let certificates = &device.certificates;
    let certified = certificates.is_empty() || certificates.iter().any(|certificate| certificate.by == next);
    let trusts = device.trusts.iter().any(|trusted| trusted == next);
    // Guests come in by the plain door, and simulated devices are told.
    let active = !device.simulated && !device.guest() && device.revoked_ms.is_none();
    active && !(trusts && certified)
}

fn view(authority: &Authority) -> AuthorityView {
    let words = |language| authority.words(language).into_iter().map(str::to_owned).collect();
    AuthorityView {
        name: format!("Courtier CA {}", authority.id4()),
        fingerprint: authority.fingerprint(),
        cert_sha256: authority.cert_sha256(),
        words_fr: words(Language::Fr),
        words_en: words(Language::En),
        check_code: authority.check_code(),
        cert_pem: authority.cert_pem().to_owned(),
        until_ms: authority.not_after(),
    }
}

fn status(site: &Site) -> AuthorityStatus {
    let settings = site.settings.load_full();
    let change = site.next_authority.load_full().map(|next| {
        let id4 = next.id4();
        let waiting = settings.devices.iter().filter(|device| waits(device, &id4));
        AuthorityChange {
            since_ms: settings.authority_change_ms.unwrap_or_default(),
            next: view(&next),
            waiting: waiting.map(|device| device.id.clone()).collect(),
        }
    });
    let shown = site.engine().map(|engine| engine.security());
    let names = |certificate: &identity::Certificate| -> Vec<String> {
        certificate.names().map(str::to_owned).chain(certificate.ips().map(|ip| ip.to_string())).collect()
    };
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    AuthorityStatus {
        current: view(&site.authority.load()),
        change,
        server_until_ms: shown.as_ref().map(|shown| shown.certificate.not_after),
        server_names: shown.as_ref().map(|shown| names(&shown.certificate)).unwrap_or_default(),
        rsa: site.rsa_key.load().is_some(),
        device_certificates: count(settings.devices.iter().map(|device| device.certificates.len()).sum()),
        revoked: count(settings.revoked.len()),
    }
}

impl Appliance {
    pub async fn authority_status(&self, _: Nothing) -> Result<AuthorityStatus, Problem> {
        Ok(status(&*self.inner.site()?))
    }

    /// Makes the next authority. Asked twice, the first one stays.
    pub async fn authority_change_start(&self, _: Nothing) -> Result<AuthorityStatus, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        if site.next_authority.load().is_some() {
            return Ok(status(&site));
        }
        let now_ms = inner.clock.now_ms();
        let (making, folder) = (site.clone(), inner.clone());
        let made = tokio::task::spawn_blocking(move || -> Result<Authority, Error> {
            // Four digits tell them apart, on screens and in the records of devices.
            let next = loop {
                let next = Authority::create(now_ms)?;
                if next.id4() != making.authority.load().id4() {
                    break next;
                }
            };
            let (certificate, key) = (Secret::new(next.cert_pem()), next.key_pem());
            making.secrets.set_all(&[(NEXT_CERTIFICATE, Some(&certificate)), (NEXT_KEY, Some(&key))])?;
            damage::keep_good_secrets(&folder.folder)?;
            Ok(next)
        });
        let next = made.await.map_err(Error::Thread)??;
        site.next_authority.store(Some(Arc::new(next)));
        site.change(inner, |settings| {
            settings.authority_change_ms = Some(now_ms);
            Ok(())
        })
        .await?;
        if let Some(engine) = site.engine() {
            engine.secure(inner, &site).await?;
        }
        inner.journal.tell(now_ms, EventKind::AuthorityChangeStarted, None);
        Ok(status(&site))
    }

    /// Ends the authority in use. Devices that do not know the next one are lost: that must be said.
    pub async fn authority_change_finish(&self, request: FinishAuthorityChange) -> Result<AuthorityStatus, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let next = site.next_authority.load_full().ok_or(Error::NoAuthorityChange)?;
        let waiting = site.settings.load().devices.iter().filter(|device| waits(device, &next.id4())).count();
        if waiting > 0 && !request.leave_behind {
            return Err(Error::AuthorityInUse { waiting }.into());
        }
        inner.replace_authority(&site, next.clone()).await?;
        site.change(inner, |settings| {
            end_old_certificates(settings, &next.id4());
            Ok(())
        })
        .await?;
        if let Some(engine) = site.engine() {
            engine.secure(inner, &site).await?;
            engine.announce(inner, &site);
            // They trusted the old one.
            engine.troupe.dismiss();
            simulated::resume(inner, &site).await?;
        }
        inner.journal.tell(inner.clock.now_ms(), EventKind::AuthorityChanged, None);
        Ok(status(&site))
    }
}

fn end_old_certificates(settings: &mut Settings, next: &str) {
    settings.authority_change_ms = None;
    for device in &mut settings.devices {
        device.certificates.retain(|certificate| certificate.by == next);
    }
}

impl Inner {
    /// First the secrets, in one write; then the file, which follows from them after a power cut.
    async fn replace_authority(self: &Arc<Inner>, site: &Arc<Site>, next: Arc<Authority>) -> Result<(), Error> {
        let (replacing, inner, authority) = (site.clone(), self.clone(), next.clone());
        tokio::task::spawn_blocking(move || -> Result<(), Error> {
            let (certificate, key) = (Secret::new(authority.cert_pem()), authority.key_pem());
            replacing.secrets.set_all(&[
                (AUTHORITY_CERTIFICATE, Some(&certificate)),
                (AUTHORITY_KEY, Some(&key)),
                (NEXT_CERTIFICATE, None),
                (NEXT_KEY, None),
            ])?;
            write_whole(&inner.folder.authority(), authority.cert_pem().as_bytes())?;
            damage::keep_good_secrets(&inner.folder)
        })
        .await??;
        site.authority.store(next);
        site.next_authority.store(None);
        Ok(())
    }
}
