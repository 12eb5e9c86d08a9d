//! Claims on printed cards: they live for days, so they outlive the daemon. One file a claim,
//! closed to others, under a name from which not even its public id can be found.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::folder::{make_private_folder, sync_folder_of, write_whole};

const ENDING: &str = "claim";

/// The first line of a claim's file; the sealed bundle follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    v: u8,
    pub device: String,
    pub expires_ms: i64,
}

/// A claim to print: its id, its device, and what the token opens.
pub(crate) struct NewCard {
    pub id: String,
    pub device: String,
    pub sealed: Vec<u8>,
}

pub(crate) struct Printed {
    dir: PathBuf,
    /// By the digest that names the file.
    open: Mutex<HashMap<String, Card>>,
}

impl Printed {
    /// Reads what is there. A file that cannot be read is left alone and told. Blocks.
    pub fn load(dir: PathBuf) -> Printed {
        let mut open = HashMap::new();
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let Some(digest) = digest_of(&path) else { continue };
            match fs::read(&path).ok().and_then(|bytes| Some(split(&bytes)?.0)) {
                Some(card) => drop(open.insert(digest, card)),
                None => tracing::warn!(path = %path.display(), "the claim of a printed card cannot be read"),
            }
        }
        Printed { dir, open: Mutex::new(open) }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Card>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}.{ENDING}"))
    }

    /// Keeps all of them or none; a device has one card at a time. Blocks.
    pub fn add(&self, cards: Vec<NewCard>, expires_ms: i64) -> Result<(), Error> {
        make_private_folder(&self.dir)?;
        let mut added: Vec<(String, Card)> = Vec::new();
        for NewCard { id, device, sealed } in cards {
            let (digest, card) = (digest(&id), Card { v: 1, device, expires_ms });
            let mut bytes = serde_json::to_vec(&card).map_err(Error::Answer)?;
            bytes.push(b'\n');
            bytes.extend(sealed);
            if let Err(error) = write_whole(&self.path(&digest), &bytes) {
                added.iter().for_each(|(digest, _)| drop(fs::remove_file(self.path(digest))));
                return Err(error);
            }
            added.push((digest, card));
        }
        let devices: Vec<String> = added.iter().map(|(_, card)| card.device.clone()).collect();
        self.forget(&devices);
        self.open().extend(added);
        Ok(())
    }

    /// The open card of a claim's id.
    pub fn find(&self, id: &str, now_ms: i64) -> Result<Card, Error> {
        if !identity::claim::is_id(id) {
            return Err(Error::ClaimUnknown);
        }
        let card = self.open().get(&digest(id)).cloned().ok_or(Error::ClaimUnknown)?;
        if card.expires_ms <= now_ms { Err(Error::ClaimExpired) } else { Ok(card) }
    }

    /// What the token of this id opens. Blocks.
    pub fn sealed(&self, id: &str) -> Result<Vec<u8>, Error> {
        let path = self.path(&digest(id));
        let bytes = fs::read(&path).map_err(|source| Error::File { doing: "read", path: path.clone(), source })?;
        split(&bytes).map(|(_, sealed)| sealed.to_vec()).ok_or(Error::ClaimUnknown)
    }

    /// Used: when this returns, no crash brings it back. Blocks.
    pub fn burn(&self, id: &str) -> Result<(), Error> {
        let (digest, path) = (digest(id), self.path(&digest(id)));
        let fault = |source| Error::File { doing: "remove", path: path.clone(), source };
        fs::remove_file(&path).map_err(fault)?;
        sync_folder_of(&path).map_err(fault)?;
        self.open().remove(&digest);
        Ok(())
    }

    /// The cards of these devices open nothing any more.
    pub fn forget(&self, devices: &[String]) {
        let mut open = self.open();
        let gone: Vec<String> =
            open.iter().filter(|(_, card)| devices.contains(&card.device)).map(|(digest, _)| digest.clone()).collect();
        for digest in gone {
            open.remove(&digest);
            fs::remove_file(self.path(&digest)).ok();
        }
    }

    /// Removes what has expired. Blocks.
    pub fn tidy(&self, now_ms: i64) {
        let late = |card: &Card| card.expires_ms <= now_ms;
        let devices: Vec<String> = self.open().values().filter(|card| late(card)).map(|c| c.device.clone()).collect();
        self.forget(&devices);
    }

    /// Devices with a card that can be scanned.
    pub fn devices(&self, now_ms: i64) -> Vec<String> {
        self.open().values().filter(|card| card.expires_ms > now_ms).map(|card| card.device.clone()).collect()
    }
}

fn digest(id: &str) -> String {
    Sha256::digest(id.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest_of(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    (path.extension()? == ENDING && stem.len() == 64).then(|| stem.to_owned())
}

fn split(bytes: &[u8]) -> Option<(Card, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let card: Card = serde_json::from_slice(bytes.get(..end)?).ok()?;
    (card.v == 1).then_some((card, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ID: &str = "0123456789ABCDEF";
    const OTHER: &str = "ZZZZZZZZZZZZZZZZ";

    fn card(id: &str, device: &str) -> NewCard {
        NewCard { id: id.into(), device: device.into(), sealed: b"sealed\nbundle".to_vec() }
    }

    #[test]
    fn a_card_outlives_the_daemon_and_opens_once() {
        let dir = tempfile::tempdir().unwrap();
        let claims = dir.path().join("claims");
        Printed::load(claims.clone()).add(vec![card(ID, "a"), card(OTHER, "b")], 100).unwrap();

        let printed = Printed::load(claims.clone());
        assert_eq!(printed.find(ID, 99).unwrap().device, "a");
        assert_eq!(printed.sealed(ID).unwrap(), b"sealed\nbundle");
        assert!(matches!(printed.find(ID, 100), Err(Error::ClaimExpired)));
        printed.burn(ID).unwrap();
        assert!(matches!(printed.find(ID, 1), Err(Error::ClaimUnknown)));
        assert!(printed.burn(ID).is_err());

        let again = Printed::load(claims);
        assert!(matches!(again.find(ID, 1), Err(Error::ClaimUnknown)));
        assert_eq!(again.devices(1), ["b"]);
    }

    #[test]
    fn no_file_shows_an_id_and_others_cannot_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let printed = Printed::load(dir.path().join("claims"));
        printed.add(vec![card(ID, "a")], 100).unwrap();
        let files: Vec<_> = fs::read_dir(dir.path().join("claims")).unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(files.len(), 1);
        for file in files {
            assert!(!file.file_name().to_string_lossy().contains(ID));
            assert!(!String::from_utf8_lossy(&fs::read(file.path()).unwrap()).contains(ID));
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
    }

    #[test]
    fn a_new_card_ends_the_one_before_and_a_damaged_one_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let printed = Printed::load(dir.path().to_owned());
        printed.add(vec![card(ID, "a")], 100).unwrap();
        printed.add(vec![card(OTHER, "a")], 200).unwrap();
        assert!(matches!(printed.find(ID, 1), Err(Error::ClaimUnknown)));
        fs::write(printed.path(&digest(OTHER)), b"{\"v\":9").unwrap();
        let again = Printed::load(dir.path().to_owned());
        assert!(again.devices(1).is_empty());
        assert!(printed.path(&digest(OTHER)).exists());
        printed.tidy(200);
        assert!(!printed.path(&digest(OTHER)).exists());
        assert!(matches!(printed.find("../../settings", 1), Err(Error::ClaimUnknown)));
    }
}
