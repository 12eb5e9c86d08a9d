//! Where secrets are kept: one sealed file, whose key is in the desktop's keyring or, where there
//! is none that works, in a second file that only its owner may read.
//!
//! The secrets themselves always stay in the file, so that a keyring with small entries will do,
//! and a change is one atomic rename. What is damaged or missing is named, never replaced by an
//! empty store: a new authority key would lock out every device.

mod keyring;
mod sealed;
mod whole_file;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::{Error, Secret, crockford};

use keyring::{DesktopRing, Ring};
use sealed::{Contents, Header, SealingKey};

const SEALED_FILE: &str = "secrets.sealed";
const KEY_FILE: &str = "secrets.key";

/// A keyring that does not answer a probe in this time is not used.
const PROBE_LIMIT: Duration = Duration::from_secs(3);
/// A keyring in use may first ask its user for a password.
const UNLOCK_LIMIT: Duration = Duration::from_secs(30);

/// Where the key of the sealed file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The desktop's keyring has it.
    Keyring,
    /// A file beside it, closed to all but its owner: that protects against other users only.
    File,
}

/// An open store. Every call reads the file again, so no secret stays in memory.
pub struct SecretStore {
    dir: PathBuf,
    header: Header,
    key: SealingKey,
    /// Held from reading to renaming: two changes at once must not lose one.
    writing: Mutex<()>,
}

impl SecretStore {
    /// Opens the store, or makes one if the folder holds none: locked by the keyring if it keeps,
    /// gives back and forgets what it is handed, else by a file. Blocks for up to 3 s to find out,
    /// and up to 30 s where the keyring asks its user to unlock it.
    pub fn open(dir: &Path) -> Result<SecretStore, Error> {
        SecretStore::open_with(dir, Some(Arc::new(DesktopRing)), PROBE_LIMIT, UNLOCK_LIMIT)
    }

    /// The same, but a new store is locked by a file whatever keyring there is.
    pub fn open_file(dir: &Path) -> Result<SecretStore, Error> {
        SecretStore::open_with(dir, None, PROBE_LIMIT, UNLOCK_LIMIT)
    }

    fn open_with(
        dir: &Path,
        ring: Option<Arc<dyn Ring>>,
        probe_limit: Duration,
        unlock_limit: Duration,
    ) -> Result<SecretStore, Error> {
        whole_file::close_folder(dir)?;
        let present = |name: &str| whole_file::exists(&dir.join(name));
        match (present(SEALED_FILE)?, present(KEY_FILE)?) {
            (false, false) => SecretStore::create(dir, ring, probe_limit),
            (false, true) => Err(damaged("the sealed file is missing", &dir.join(SEALED_FILE))),
            (true, _) => SecretStore::reopen(dir, ring, unlock_limit),
        }
    }

    fn create(dir: &Path, ring: Option<Arc<dyn Ring>>, limit: Duration) -> Result<SecretStore, Error> {
        let id = crockford::random(16)?;
        let key = SealingKey::generate()?;
        let in_ring = ring.is_some_and(|ring| keyring::keep(ring, &id, key.to_text(), limit));
        let kept = if in_ring { Kept::Keyring } else { Kept::File };
        let store = SecretStore { dir: dir.to_owned(), header: Header { kept, id }, key, writing: Mutex::new(()) };

        // Both files appear in one step: a power cut between two steps would look like a loss.
        let fresh = whole_file::fresh_sibling(dir)?;
        if kept == Kept::File {
            whole_file::write(&fresh.join(KEY_FILE), store.key.to_text().expose().as_bytes())?;
        }
        store.write_to(&fresh.join(SEALED_FILE), &Contents::default())?;
        whole_file::take_place(&fresh, dir)?;
        Ok(store)
    }

    fn reopen(dir: &Path, ring: Option<Arc<dyn Ring>>, limit: Duration) -> Result<SecretStore, Error> {
        let sealed_path = dir.join(SEALED_FILE);
        let header = Header::read(&whole_file::read(&sealed_path)?)
            .ok_or_else(|| damaged("its first line cannot be read", &sealed_path))?;
        let key = match header.kept {
            Kept::File => {
                let key_path = dir.join(KEY_FILE);
                if !whole_file::exists(&key_path)? {
                    return Err(damaged("the key file is missing", &key_path));
                }
                let text = whole_file::read(&key_path)?;
                SealingKey::from_text(&text).ok_or_else(|| damaged("the key file cannot be read", &key_path))?
            }
            Kept::Keyring => {
                let ring = ring.unwrap_or_else(|| Arc::new(DesktopRing));
                let text = keyring::recall(ring, &header.id, limit, &sealed_path)?;
                SealingKey::from_text(text.expose().as_bytes())
                    .ok_or_else(|| damaged("the keyring holds something that is no key", &sealed_path))?
            }
        };
        let store = SecretStore { dir: dir.to_owned(), header, key, writing: Mutex::new(()) };
        store.read()?; // A damaged file is told now, not at the first use.
        Ok(store)
    }

    pub fn which(&self) -> Kept {
        self.header.kept
    }

    pub fn get(&self, name: &str) -> Result<Option<Secret>, Error> {
        check_name(name)?;
        Ok(self.read()?.remove(name))
    }

    /// On disk, whole and synchronised, when this returns.
    pub fn set(&self, name: &str, secret: &Secret) -> Result<(), Error> {
        check_name(name)?;
        self.change(|contents| {
            contents.insert(name.to_owned(), secret.clone());
        })
    }

    /// Several changes in one write: after a power cut all of them are there or none. `None` deletes.
    pub fn set_all(&self, changes: &[(&str, Option<&Secret>)]) -> Result<(), Error> {
        changes.iter().try_for_each(|(name, _)| check_name(name))?;
        self.change(|contents| {
            for (name, secret) in changes {
                match secret {
                    Some(secret) => contents.insert((*name).to_owned(), (*secret).clone()),
                    None => contents.remove(*name),
                };
            }
        })
    }

    /// Deleting what is not there is no fault.
    pub fn delete(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        self.change(|contents| {
            contents.remove(name);
        })
    }

    fn change(&self, change: impl FnOnce(&mut Contents)) -> Result<(), Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut contents = self.read()?;
        change(&mut contents);
        self.write_to(&self.dir.join(SEALED_FILE), &contents)
    }

    fn read(&self) -> Result<Contents, Error> {
        let path = self.dir.join(SEALED_FILE);
        let bytes = whole_file::read(&path)?;
        sealed::open(&bytes, &self.header, &self.key)
            .ok_or_else(|| damaged("it was changed, or its key belongs to another store", &path))
    }

    fn write_to(&self, path: &Path, contents: &Contents) -> Result<(), Error> {
        whole_file::write(path, &sealed::seal(contents, &self.header, &self.key)?)
    }
}

impl std::fmt::Debug for SecretStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SecretStore").field(&self.header.kept).finish()
    }
}

fn damaged(what: &'static str, path: &Path) -> Error {
    Error::StoreDamaged { what, path: path.to_owned() }
}

fn check_name(name: &str) -> Result<(), Error> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        Ok(())
    } else {
        Err(Error::SecretName(name.to_owned()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
