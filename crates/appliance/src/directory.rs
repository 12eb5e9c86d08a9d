//! Who may come in: the broker asks, this knows. Only hashes are here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use broker::{AuthOutcome, AuthRefusal, Authenticator, BoxFuture, ConnectInfo, Identity, ScramCredential, Zone};
use hmac::{Hmac, Mac};
use identity::password::PasswordHashes;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::doors::Probes;
use crate::limits::{
    ADDRESSES, CHECKED_AT_ONCE, CHECKS_WAITING, CHECKS_WAITING_FOR_ONE, FREE_TRIES, FREE_TRIES_OF_ADDRESS,
    LONGEST_DELAY_MS,
};
use crate::settings::Settings;

#[derive(Clone)]
struct Entry {
    zone: Zone,
    revoked: bool,
    /// Its card was not scanned yet: nobody can know its password.
    awaits_claim: bool,
    hashes: PasswordHashes,
    /// Of the certificates that count.
    serials: Vec<String>,
}

impl Entry {
    /// Why it may not come in, whatever it knows.
    fn shut_out(&self) -> Option<AuthRefusal> {
        match self {
            Entry { revoked: true, .. } => Some(AuthRefusal::Revoked),
            Entry { awaits_claim: true, .. } => Some(AuthRefusal::NotClaimed),
            _ => None,
        }
    }
}

/// The devices as the authenticator needs them, swapped whole at each change.
pub(crate) struct Directory {
    entries: ArcSwap<HashMap<String, Entry>>,
    lately: Mutex<HashMap<String, Lately>>,
    /// Wrong attempts by address, and when the last one was.
    addresses: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    /// Keys the digests in `lately`: they are worth nothing outside this process.
    key: [u8; 32],
    checking: Arc<Semaphore>,
    probes: Arc<Probes>,
}

/// An address that was quiet for so long starts afresh.
const ADDRESS_REST: Duration = Duration::from_secs(60);

/// What is remembered of an identity's last attempts.
#[derive(Default)]
struct Lately {
    /// Keyed digest of the password that was right, with the hash it was right for: a class that
    /// reconnects costs nothing.
    good: Option<([u8; 32], String)>,
    wrong: u32,
    /// Checks under way: whoever guesses at one device must not fill the queue of all.
    waiting: usize,
}

impl Directory {
    pub fn new(probes: Arc<Probes>) -> Result<Directory, crate::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(crate::Error::Randomness)?;
        Ok(Directory {
            entries: ArcSwap::default(),
            lately: Mutex::default(),
            addresses: Mutex::default(),
            key,
            checking: Arc::new(Semaphore::new(CHECKED_AT_ONCE)),
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
                let awaits_claim = device.awaits_claim;
                let serials = device.certificates.iter().map(|certificate| certificate.serial.clone()).collect();
                (device.id.clone(), Entry { zone, revoked, awaits_claim, hashes: device.hashes.clone(), serials })
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

    /// How long the next attempt of an address waits.
    fn address_delay(&self, address: IpAddr) -> Duration {
        let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong =
            addresses.get(&address).filter(|(_, at)| at.elapsed() < ADDRESS_REST).map_or(0, |(wrong, _)| *wrong);
        match wrong.checked_sub(FREE_TRIES_OF_ADDRESS) {
            None => Duration::ZERO,
            Some(over) => Duration::from_millis((50u64 << (over / 20).min(8)).min(LONGEST_DELAY_MS)),
        }
    }

    fn wrong_from(&self, address: IpAddr) {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.retain(|_, (_, at)| at.elapsed() < ADDRESS_REST);
        if addresses.len() < ADDRESSES {
            let (wrong, at) = addresses.entry(address).or_insert((0, Instant::now()));
            (*wrong, *at) = (wrong.saturating_add(1), Instant::now());
        }
    }

    async fn check(&self, name: &str, password: Vec<u8>, entry: &Entry) -> Result<(), AuthRefusal> {
        let digest = self.digest(name, &password);
        let hash = entry.hashes.pbkdf2_sha512.clone();
        if self.lately().get(name).and_then(|lately| lately.good.as_ref()) == Some(&(digest, hash.clone())) {
            return Ok(());
        }
        let place = Waiting::take(self, name)?;
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
            lately.good = Some((digest, hash));
            lately.wrong = 0;
            Ok(())
        } else {
            lately.wrong = lately.wrong.saturating_add(1);
            Err(AuthRefusal::WrongPassword)
        }
    }
}

/// A place among those who wait for their password to be checked.
struct Waiting<'a> {
    directory: &'a Directory,
    name: &'a str,
}

impl<'a> Waiting<'a> {
    fn take(directory: &'a Directory, name: &'a str) -> Result<Waiting<'a>, AuthRefusal> {
        let mut lately = directory.lately();
        let all: usize = lately.values().map(|lately| lately.waiting).sum();
        let one = lately.entry(name.to_owned()).or_default();
        if all >= CHECKS_WAITING || one.waiting >= CHECKS_WAITING_FOR_ONE {
            return Err(AuthRefusal::Busy);
        }
        one.waiting += 1;
        Ok(Waiting { directory, name })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(lately) = self.directory.lately().get_mut(self.name) {
            lately.waiting = lately.waiting.saturating_sub(1);
        }
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
        let certificate = info.certificate;
        let peer = info.peer;
        Box::pin(async move {
            // TLS has checked the certificate; the record decides whether it still counts.
            if let Some(certificate) = certificate {
                let name = certificate.common_name.unwrap_or_default();
                return match directory.find(&name, zone) {
                    Ok(entry) if !entry.serials.contains(&certificate.serial) => {
                        AuthOutcome::Refuse(AuthRefusal::Revoked)
                    }
                    Ok(entry) => match entry.shut_out() {
                        Some(refusal) => AuthOutcome::Refuse(refusal),
                        None => AuthOutcome::Accept(Identity::new(&name)),
                    },
                    Err(refusal) => AuthOutcome::Refuse(refusal),
                };
            }
            let (Some(user), Some(password)) = (user, password) else {
                return AuthOutcome::Refuse(AuthRefusal::NoCredentials);
            };
            // We may knock as often as we like.
            if let Some(identity) = directory.probes.admits(peer, &user, &password) {
                return AuthOutcome::Accept(identity);
            }
            // Far above what a class behind one address mistypes: somebody tries many names.
            let slowed = directory.address_delay(peer.ip());
            if !slowed.is_zero() {
                tokio::time::sleep(slowed).await;
            }
            let checked = match directory.find(&user, zone) {
                Ok(entry) if entry.awaits_claim && !entry.revoked => Err(AuthRefusal::NotClaimed),
                Ok(entry) => directory.check(&user, password, &entry).await.map(|()| entry),
                Err(refusal) => Err(refusal),
            };
            if matches!(checked, Err(AuthRefusal::WrongPassword | AuthRefusal::UnknownIdentity)) {
                directory.wrong_from(peer.ip());
            }
            match checked.and_then(|entry| entry.shut_out().map_or(Ok(()), Err)) {
                Ok(()) => AuthOutcome::Accept(Identity::new(&user)),
                Err(refusal) => AuthOutcome::Refuse(refusal),
            }
        })
    }

    fn knows_scram(&self) -> bool {
        true
    }

    fn scram(&self, name: &str, zone: Zone) -> Option<ScramCredential> {
        let keys = self.0.find(name, zone).ok()?.hashes.scram()?;
        Some(ScramCredential {
            salt: keys.salt,
            iterations: keys.rounds,
            stored_key: keys.stored_key,
            server_key: keys.server_key,
        })
    }

    fn scram_delay(&self, name: &str) -> Duration {
        self.0.delay(name)
    }

    fn scram_outcome(&self, name: &str, zone: Zone, right: bool) -> AuthOutcome {
        let entry = match self.0.find(name, zone) {
            Ok(entry) => entry,
            Err(refusal) => return AuthOutcome::Refuse(refusal),
        };
        let mut lately = self.0.lately();
        let lately = lately.entry(name.to_owned()).or_default();
        if !right {
            lately.wrong = lately.wrong.saturating_add(1);
            return AuthOutcome::Refuse(AuthRefusal::WrongPassword);
        }
        lately.wrong = 0;
        match entry.shut_out() {
            Some(refusal) => AuthOutcome::Refuse(refusal),
            None => AuthOutcome::Accept(Identity::new(name)),
        }
    }

    fn scram_key(&self) -> [u8; 32] {
        self.0.key
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use identity::Secret;
    use tokio::time::Instant;

    const NAME: &str = "serre-04";
    const RIGHT: &[u8] = b"K7QH-2M9D-XW4T-PB8R";

    fn directory() -> (Directory, Entry) {
        let directory = Directory::new(Arc::default()).unwrap();
        let hashes = identity::password::hash(&Secret::new(std::str::from_utf8(RIGHT).unwrap())).unwrap();
        let entry = Entry { zone: Zone::Main, revoked: false, awaits_claim: false, hashes, serials: Vec::new() };
        directory.entries.store(Arc::new(HashMap::from([(NAME.to_owned(), entry.clone())])));
        (directory, entry)
    }

    #[tokio::test(start_paused = true)]
    async fn guessing_gets_slower_and_the_known_device_does_not() {
        let (directory, entry) = directory();
        directory.check(NAME, RIGHT.to_vec(), &entry).await.unwrap();
        for _ in 0..FREE_TRIES {
            assert_eq!(directory.delay(NAME), Duration::ZERO);
            let wrong = directory.check(NAME, b"wrong".to_vec(), &entry).await;
            assert_eq!(wrong, Err(AuthRefusal::WrongPassword));
        }
        let mut before = Duration::ZERO;
        for _ in 0..4 {
            assert!(directory.delay(NAME) > before);
            before = directory.delay(NAME);
            directory.check(NAME, b"wrong".to_vec(), &entry).await.unwrap_err();
        }
        for _ in 0..8 {
            directory.check(NAME, b"wrong".to_vec(), &entry).await.unwrap_err();
        }
        assert_eq!(directory.delay(NAME), Duration::from_millis(LONGEST_DELAY_MS));
        let asked = Instant::now();
        directory.check(NAME, RIGHT.to_vec(), &entry).await.unwrap();
        assert_eq!(asked.elapsed(), Duration::ZERO, "time stands still: it did not wait");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_tries_many_names_gets_slower_and_a_class_does_not() {
        let (directory, _) = directory();
        let (guesser, class) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..FREE_TRIES_OF_ADDRESS {
            assert_eq!(directory.address_delay(guesser), Duration::ZERO);
            directory.wrong_from(guesser);
        }
        assert!(directory.address_delay(guesser) > Duration::ZERO);
        for _ in 0..200 {
            directory.wrong_from(guesser);
        }
        assert_eq!(directory.address_delay(guesser), Duration::from_millis(LONGEST_DELAY_MS));
        assert_eq!(directory.address_delay(class), Duration::ZERO);
        tokio::time::advance(ADDRESS_REST).await;
        assert_eq!(directory.address_delay(guesser), Duration::ZERO, "it rested");
    }

    #[tokio::test]
    async fn many_guesses_at_one_device_leave_room_for_the_others() {
        let (directory, _) = directory();
        let held: Vec<_> = (0..CHECKS_WAITING_FOR_ONE).map(|_| Waiting::take(&directory, NAME).unwrap()).collect();
        assert_eq!(Waiting::take(&directory, NAME).err(), Some(AuthRefusal::Busy));
        assert!(Waiting::take(&directory, "serre-05").is_ok());
        drop(held);
        assert!(Waiting::take(&directory, NAME).is_ok());
    }

    #[test]
    fn a_name_counts_in_its_own_zone_alone() {
        let (directory, _) = directory();
        assert!(directory.find(NAME, Zone::Main).is_ok());
        for zone in [Zone::Guests, Zone::Lab] {
            assert_eq!(directory.find(NAME, zone).err(), Some(AuthRefusal::UnknownIdentity));
        }
    }
}
