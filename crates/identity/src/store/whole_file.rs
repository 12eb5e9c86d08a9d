//! Files that are there whole or not at all, and that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// Far above what a site keeps; a larger file is not ours.
const MOST_BYTES: u64 = 1024 * 1024;

fn fault(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::StoreFile { doing, path: path.to_owned(), source }
}

/// Makes the folder if there is none, and closes it to everyone else.
pub fn close_folder(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(fault("make the folder of", dir))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(fault("close the folder of", dir))?;
    }
    Ok(())
}

pub fn exists(path: &Path) -> Result<bool, Error> {
    path.try_exists().map_err(fault("look for", path))
}

/// Reads a file, unless others may read it: then what it holds is no secret any more.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let file = File::open(path).map_err(fault("read", path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(fault("read", path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Error::StoreOpenToOthers { path: path.to_owned() });
        }
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(fault("read", path))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::StoreDamaged { what: "it is far too large", path: path.to_owned() });
    }
    Ok(bytes)
}

/// Puts `bytes` in the place of the file, in one step that a power cut cannot split.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let new = path.with_extension("new");
    let written = write_new(&new, bytes).and_then(|()| fs::rename(&new, path)).and_then(|()| sync_folder(path));
    written.map_err(fault("write", path))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a power cut left of an earlier attempt.
    absent_is_fine(fs::remove_file(path))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// An empty folder beside `dir`, in which something is made ready.
pub fn fresh_sibling(dir: &Path) -> Result<PathBuf, Error> {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = dir.with_file_name(name);
    absent_is_fine(fs::remove_dir_all(&fresh)).map_err(fault("clear the folder of", &fresh))?;
    close_folder(&fresh)?;
    Ok(fresh)
}

/// Renames `fresh` to `dir`, which must be an empty folder.
pub fn take_place(fresh: &Path, dir: &Path) -> Result<(), Error> {
    let moved = fs::remove_dir(dir).and_then(|()| fs::rename(fresh, dir)).and_then(|()| sync_folder(dir));
    moved.map_err(fault("make", dir))
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// A rename is on disk only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
