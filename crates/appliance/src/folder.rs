//! The data folder: who holds it, where its files are, and how one is replaced whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::{Error, OpenError};

/// A data folder that only this process may use, until it is released.
pub(crate) struct Folder {
    dir: PathBuf,
    lock: Mutex<Option<File>>,
}

impl Folder {
    /// Makes the folder if needed, closes it to other users, and locks it.
    pub fn take(dir: &Path) -> Result<Folder, OpenError> {
        let fault = |source| OpenError::Folder { path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(fault)?;
        close_to_others(dir, 0o700).map_err(fault)?;
        let path = dir.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(fault)?;
        close_to_others(&dir.join("lock"), 0o600).map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { path: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        Ok(Folder { dir: dir.to_owned(), lock: Mutex::new(Some(lock)) })
    }

    /// Lets another process take the folder.
    pub fn release(&self) {
        if let Some(lock) = self.lock.lock().ok().and_then(|mut lock| lock.take()) {
            lock.unlock().ok();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub fn settings(&self) -> PathBuf {
        self.path("settings.toml")
    }

    pub fn good_settings(&self) -> PathBuf {
        self.path("settings.toml.good")
    }

    pub fn authority(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// Addresses that this computer had lately.
    pub fn sightings(&self) -> PathBuf {
        self.path("addresses.json")
    }

    pub fn server_certificate(&self) -> PathBuf {
        self.path("server.pem")
    }

    pub fn secrets(&self) -> PathBuf {
        self.path("secrets")
    }

    pub fn recordings(&self) -> PathBuf {
        self.path("recordings.db")
    }

    /// Claims of printed cards.
    pub fn claims(&self) -> PathBuf {
        self.path("claims")
    }

    /// Who was refused in the last day.
    pub fn doctor(&self) -> PathBuf {
        self.path("doctor.jsonl")
    }

    /// Exports that wait to be fetched.
    pub fn exports(&self) -> PathBuf {
        self.path("exports")
    }

    pub fn broker_store(&self) -> PathBuf {
        self.path("broker.db")
    }

    /// Makes a database's file before the database does, closed to others. SQLite gives the files
    /// that it puts beside it the same rights.
    pub fn make_private(&self, path: &Path) {
        if OpenOptions::new().create_new(true).write(true).open(path).is_ok() {
            close_to_others(path, 0o600).ok();
        }
    }

    /// A file for what is made and read at once; it goes with its handle.
    pub fn scratch_file(&self) -> Result<tempfile::NamedTempFile, Error> {
        let folder = self.exports();
        make_private_folder(&folder)?;
        tempfile::NamedTempFile::new_in(&folder).map_err(|source| Error::File { doing: "make", path: folder, source })
    }

    pub fn free_bytes(&self) -> u64 {
        fs4::available_space(&self.dir).unwrap_or(0)
    }
}

#[cfg(unix)]
fn close_to_others(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Elsewhere a folder below the user's own is closed by what it inherits.
#[cfg(not(unix))]
fn close_to_others(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

/// A folder that only its owner may enter.
pub(crate) fn make_private_folder(path: &Path) -> Result<(), Error> {
    let fault = |source| Error::File { doing: "make", path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(fault)?;
    close_to_others(path, 0o700).map_err(fault)
}

/// Replaces a file: after a power cut either the old text is there or the new one, whole.
pub(crate) fn write_whole(path: &Path, text: &[u8]) -> Result<(), Error> {
    let fault = |source| Error::File { doing: "write", path: path.to_owned(), source };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = File::create(&fresh).map_err(fault)?;
    close_to_others(&fresh, 0o600).map_err(fault)?;
    file.write_all(text).map_err(fault)?;
    file.sync_all().map_err(fault)?;
    drop(file);
    fs::rename(&fresh, path).map_err(fault)?;
    sync_folder_of(path).map_err(fault)
}

/// A rename is on disk when its folder is.
pub(crate) fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        // Windows has no handle on folders, and keeps renames in its journal.
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::File { doing: "read", path: path.to_owned(), source })
}

/// The text of a file, or `None` if there is none. What is not UTF-8 is an error like any other.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { doing: "read", path: path.to_owned(), source }),
    }
}
