//! The desktop's keyring, asked in a thread of its own: a bus that never answers must not hold
//! the daemon.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use zeroize::Zeroize;

use crate::{Error, Secret};

const SERVICE: &str = "courtier";

/// Why a keyring did not give what was asked of it.
pub enum RingFault {
    Absent,
    /// In the keyring's words. It never holds what was stored.
    Refused(String),
}

/// What a keyring must be able to do.
pub trait Ring: Send + Sync + 'static {
    fn set(&self, name: &str, text: &Secret) -> Result<(), RingFault>;
    fn get(&self, name: &str) -> Result<Secret, RingFault>;
    fn delete(&self, name: &str) -> Result<(), RingFault>;
}

/// Secret Service, macOS Keychain or Windows Credential Manager.
pub struct DesktopRing;

impl DesktopRing {
    fn entry(name: &str) -> Result<keyring::Entry, RingFault> {
        // Its own error says only "no store": the first connection knows the reason.
        if let Err(error) = keyring::Entry::store_status() {
            return Err(RingFault::Refused(error.to_string()));
        }
        keyring::Entry::new(SERVICE, name).map_err(RingFault::from)
    }
}

impl Ring for DesktopRing {
    fn set(&self, name: &str, text: &Secret) -> Result<(), RingFault> {
        Ok(Self::entry(name)?.set_password(text.expose())?)
    }

    fn get(&self, name: &str) -> Result<Secret, RingFault> {
        Ok(Secret::new(Self::entry(name)?.get_password()?))
    }

    fn delete(&self, name: &str) -> Result<(), RingFault> {
        Ok(Self::entry(name)?.delete_credential()?)
    }
}

impl From<keyring::Error> for RingFault {
    fn from(error: keyring::Error) -> RingFault {
        match error {
            keyring::Error::NoEntry => RingFault::Absent,
            // These carry what was stored: only their words may go on.
            keyring::Error::BadEncoding(mut bytes) => {
                bytes.zeroize();
                RingFault::Refused("what it holds is not text".to_owned())
            }
            keyring::Error::BadDataFormat(mut bytes, _) => {
                bytes.zeroize();
                RingFault::Refused("what it holds is malformed".to_owned())
            }
            error => RingFault::Refused(error.to_string()),
        }
    }
}

/// Whether the keyring really keeps, gives back and forgets, and now holds `key`. A connection
/// that succeeds proves nothing: a keyring that was never unlocked accepts one.
pub fn keep(ring: Arc<dyn Ring>, store_id: &str, key: Secret, limit: Duration) -> bool {
    let (probe, name) = (format!("probe-{store_id}"), key_name(store_id));
    let gives_back = |ring: &dyn Ring, name: &str, text: &Secret| -> Result<bool, RingFault> {
        ring.set(name, text)?;
        Ok(ring.get(name)?.matches(text.expose().as_bytes()))
    };
    let kept = bounded(limit, move || {
        let forgets = gives_back(&*ring, &probe, &Secret::new("courtier"))?
            && ring.delete(&probe).is_ok()
            && matches!(ring.get(&probe), Err(RingFault::Absent));
        Ok::<bool, RingFault>(forgets && gives_back(&*ring, &name, &key)?)
    });
    matches!(kept, Some(Ok(true)))
}

/// The key that [`keep`] left there.
pub fn recall(ring: Arc<dyn Ring>, store_id: &str, limit: Duration, store: &Path) -> Result<Secret, Error> {
    let name = key_name(store_id);
    let path = || store.to_owned();
    match bounded(limit, move || ring.get(&name)) {
        Some(Ok(key)) => Ok(key),
        Some(Err(RingFault::Absent)) => Err(Error::KeyringLost { path: path() }),
        Some(Err(RingFault::Refused(why))) => Err(Error::KeyringUnreachable { why, path: path() }),
        None => {
            let why = format!("silent for {} s", limit.as_secs());
            Err(Error::KeyringUnreachable { why, path: path() })
        }
    }
}

fn key_name(store_id: &str) -> String {
    format!("secrets-{store_id}")
}

/// Runs `ask` in a thread and leaves it behind if it takes longer than `limit`.
fn bounded<T: Send + 'static>(limit: Duration, ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, answered) = mpsc::channel();
    thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(move || {
            let _nobody_waits_any_more = answer.send(ask());
        })
        .ok()?;
    answered.recv_timeout(limit).ok()
}
