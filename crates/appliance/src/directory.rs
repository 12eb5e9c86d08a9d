//! Who may come in: the broker asks, this knows. Only hashes are here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use broker::{AuthOutcome, AuthRefusal, Authenticator, BoxFuture, ConnectInfo, Identity, Zone};
use hmac::{Hmac, Mac};
use identity::password::PasswordHashes;
use sha2::Sha256;
use tokio::sync::Semaphore;

use crate::doors::Probes;
use crate::limits::{CHECKED_AT_ONCE, CHECKS_WAITING, FREE_TRIES, LONGEST_DELAY_MS};
use crate::settings::Settings;

#[derive(Clone)]
struct Entry {
    zone: Zone,
    revoked: bool,
    hashes: PasswordHashes,
}

/// The devices as the authenticator needs them, swapped whole at each change.
pub(crate) struct Directory {
    entries: ArcSwap<HashMap<String, Entry>>,
    lately: Mutex<HashMap<String, Lately>>,
    /// Keys the digests in `lately`: they are worth nothing outside this process.
    key: [u8; 32],
    checking: Arc<Semaphore>,
    waiting: AtomicUsize,
    probes: Arc<Probes>,
}

/// What is remembered of an identity's last attempts.
#[derive(Default)]
struct Lately {
    /// Keyed digest of the password that was right, with the hash it was right for: a class that
    /// reconnects costs nothing.
    good: Option<([u8; 32], String)>,
    wrong: u32,
}

impl Directory {
    pub fn new(probes: Arc<Probes>) -> Result<Directory, crate::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(crate::Error::Randomness)?;
        Ok(Directory {
            entries: ArcSwap::default(),
            lately: Mutex::default(),
            key,
            checking: Arc::new(Semaphore::new(CHECKED_AT_ONCE)),
            waiting: AtomicUsize::new(0),
            probes,
        })
    }

    pub fn replace(&self, settings: &Settings) {
        let entries: HashMap<String, Entry> = settings
            .devices
            .iter()
            .map(|device| {
                let zone = if device.guest() { Zone::Guests } else { Zone::Main };
                let revoked = device.revoked_ms.is_some();
                (device.id.clone(), Entry { zone, revoked, hashes: device.hashes.clone() })
            })
            .collect();
        self.lately().retain(|id, _| entries.contains_key(id));
        self.entries.store(Arc::new(entries));
    }

    fn lately(&self) -> std::sync::MutexGuard<'_, HashMap<String, Lately>> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry that a name stands for in a zone. A name of another zone is unknown here.
    fn find(&self, name: &str, zone: Zone) -> Result<Entry, AuthRefusal> {
        match self.entries.load().get(name) {
            Some(entry) if entry.zone == zone => Ok(entry.clone()),
            _ => Err(AuthRefusal::UnknownIdentity),
        }
    }

    fn digest(&self, name: &str, password: &[u8]) -> [u8; 32] {
        // Invariant: HMAC takes keys of any length.
        #[allow(clippy::expect_used)]
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.key).expect("any length");
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(password);
        mac.finalize().into_bytes().into()
    }

    /// How long the next check of this identity waits: nobody who mistypes notices, whoever
    /// guesses does. The right password of a device that is known to us never waits.
    fn delay(&self, name: &str) -> Duration {
        let wrong = self.lately().get(name).map_or(0, |lately| lately.wrong);
        match wrong.checked_sub(FREE_TRIES) {
            None => Duration::ZERO,
            Some(over) => Duration::from_millis((250u64 << over.min(8)).min(LONGEST_DELAY_MS)),
        }
    }

    async fn check(&self, name: &str, password: Vec<u8>, entry: &Entry) -> Result<(), AuthRefusal> {
        let digest = self.digest(name, &password);
        let hash = entry.hashes.pbkdf2_sha512.clone();
        if self.lately().get(name).and_then(|lately| lately.good.as_ref()) == Some(&(digest, hash.clone())) {
            return Ok(());
        }
        let place = Waiting::take(&self.waiting)?;
        tokio::time::sleep(self.delay(name)).await;
        let permit = self.checking.clone().acquire_owned().await.map_err(|_| AuthRefusal::Busy)?;
        let hashes = entry.hashes.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hashes.verify(&password)
        });
        let right = checked.await.map_err(|_| AuthRefusal::Busy)?;
        drop(place);
        let mut lately = self.lately();
        let lately = lately.entry(name.to_owned()).or_default();
        if right {
            *lately = Lately { good: Some((digest, hash)), wrong: 0 };
            Ok(())
        } else {
            lately.wrong = lately.wrong.saturating_add(1);
            Err(AuthRefusal::WrongPassword)
        }
    }
}

/// A place among those who wait for their password to be checked.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn take(count: &AtomicUsize) -> Result<Waiting<'_>, AuthRefusal> {
        if count.fetch_add(1, Ordering::Relaxed) >= CHECKS_WAITING {
            count.fetch_sub(1, Ordering::Relaxed);
            return Err(AuthRefusal::Busy);
        }
        Ok(Waiting(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The broker's side of the directory.
pub(crate) struct Porter(pub Arc<Directory>);

impl Authenticator for Porter {
    fn authenticate(&self, info: ConnectInfo<'_>) -> BoxFuture<'static, AuthOutcome> {
        let directory = self.0.clone();
        let zone = info.zone;
        let user = info.user_name.map(str::to_owned);
        let password = info.password.map(<[u8]>::to_vec);
        let named = info.certificate.map(|certificate| certificate.common_name);
        let peer = info.peer;
        Box::pin(async move {
            // TLS has checked the certificate; the record decides whether its name still counts.
            if let Some(name) = named {
                let name = name.unwrap_or_default();
                return match directory.find(&name, zone) {
                    Ok(entry) if entry.revoked => AuthOutcome::Refuse(AuthRefusal::Revoked),
                    Ok(_) => AuthOutcome::Accept(Identity::new(&name)),
                    Err(refusal) => AuthOutcome::Refuse(refusal),
                };
            }
            let (Some(user), Some(password)) = (user, password) else {
                return AuthOutcome::Refuse(AuthRefusal::NoCredentials);
            };
            if let Some(identity) = directory.probes.admits(peer, &user, &password) {
                return AuthOutcome::Accept(identity);
            }
            let checked = match directory.find(&user, zone) {
                Ok(entry) => directory.check(&user, password, &entry).await.map(|()| entry),
                Err(refusal) => Err(refusal),
            };
            match checked {
                Ok(entry) if entry.revoked => AuthOutcome::Refuse(AuthRefusal::Revoked),
                Ok(_) => AuthOutcome::Accept(Identity::new(&user)),
                Err(refusal) => AuthOutcome::Refuse(refusal),
            }
        })
    }
}
