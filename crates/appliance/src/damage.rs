//! What is damaged is named and kept; the last good copy is put back only when somebody says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use identity::store::SecretStore;
use wire::{Damage, Nothing, Problem, SiteStatus};

use crate::folder::{Folder, read_text, sync_folder_of, write_whole};
use crate::settings::Settings;
use crate::site::{AUTHORITY_CERTIFICATE, Broken};
use crate::{Appliance, Error, Inner, SecretKeeping, State};

const GOOD_SECRETS: &str = "secrets.good";

/// What the settings file says, if there is a site.
pub(crate) fn read_settings(folder: &Folder) -> Result<Option<Settings>, Broken> {
    let path = folder.settings();
    let broken = |error: Error| Broken::new("settings", &path, error);
    match read_text(&path).map_err(broken)? {
        Some(text) => Settings::parse(&text).map(Some).map_err(broken),
        None if folder.good_settings().exists() => Err(Broken::new("settings", path, "the file is missing")),
        None => Ok(None),
    }
}

/// Keeps a copy of a small damaged file beside it; what is large stays where it is, untouched.
pub(crate) fn describe(folder: &Folder, secrets: SecretKeeping, broken: Broken) -> Damage {
    let kept = match broken.what {
        "settings" | "authority" => keep_copy(&broken.path).unwrap_or_else(|| broken.path.clone()),
        _ => broken.path.clone(),
    };
    tracing::error!(what = broken.what, detail = broken.detail, "damaged: nothing is started");
    Damage {
        what: broken.what.to_owned(),
        kept_file: kept.display().to_string(),
        detail: broken.detail,
        last_good: last_good(folder, secrets, broken.what),
    }
}

/// The copy is named by the time of the file, so that each state of it is kept once.
fn keep_copy(path: &Path) -> Option<PathBuf> {
    let modified = fs::metadata(path).and_then(|found| found.modified()).ok()?;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let kept = beside(path, &format!(".damaged-{}", since.as_secs()));
    if !kept.exists() {
        fs::copy(path, &kept).ok()?;
    }
    Some(kept)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn last_good(folder: &Folder, secrets: SecretKeeping, what: &str) -> Option<String> {
    let copy = match what {
        "settings" => {
            let copy = folder.good_settings();
            good_settings(&copy).ok()?;
            copy
        }
        "authority" => {
            good_certificate(folder, secrets).ok()?;
            folder.secrets()
        }
        "secrets" => folder.path(GOOD_SECRETS),
        _ => return None,
    };
    let modified = fs::metadata(copy).and_then(|found| found.modified()).ok()?;
    Some(jiff::Timestamp::try_from(modified).ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn good_settings(path: &Path) -> Result<String, Error> {
    let text = read_text(path)?.ok_or(Error::NoGoodCopy)?;
    Settings::parse(&text).map_err(|_| Error::NoGoodCopy)?;
    Ok(text)
}

fn good_certificate(folder: &Folder, keeping: SecretKeeping) -> Result<String, Error> {
    let dir = folder.secrets();
    let store = match keeping {
        SecretKeeping::Auto => SecretStore::open(&dir)?,
        SecretKeeping::File => SecretStore::open_file(&dir)?,
    };
    let certificate = store.get(AUTHORITY_CERTIFICATE)?.ok_or(Error::NoGoodCopy)?;
    Ok(certificate.expose().to_owned())
}

/// The secrets change only when a site is made or simulated devices come: one copy is enough.
pub(crate) fn keep_good_secrets(folder: &Folder) -> Result<(), Error> {
    replace_folder(&folder.secrets(), &folder.path(GOOD_SECRETS))
}

fn replace_folder(from: &Path, to: &Path) -> Result<(), Error> {
    let fault = |source| Error::File { doing: "copy", path: to.to_owned(), source };
    let fresh = beside(to, ".new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(fault)?;
    }
    fs::create_dir(&fresh).map_err(fault)?;
    for entry in fs::read_dir(from).map_err(fault)?.flatten() {
        let path = entry.path();
        if path.is_file() {
            write_whole(&fresh.join(entry.file_name()), &fs::read(&path).map_err(fault)?)?;
        }
    }
    #[cfg(unix)]
    fs::set_permissions(&fresh, std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(fault)?;
    if to.exists() {
        fs::remove_dir_all(to).map_err(fault)?;
    }
    fs::rename(&fresh, to).map_err(fault)?;
    sync_folder_of(to).map_err(fault)
}

/// Puts the last good copy back, or sets a damaged database aside. Blocks.
fn restore(inner: &Inner, what: &str) -> Result<(), Error> {
    let folder = &inner.folder;
    match what {
        "settings" => write_whole(&folder.settings(), good_settings(&folder.good_settings())?.as_bytes()),
        "authority" => {
            let certificate = good_certificate(folder, inner.options.secret_store)?;
            write_whole(&folder.authority(), certificate.as_bytes())
        }
        "secrets" => {
            let (dir, good) = (folder.secrets(), folder.path(GOOD_SECRETS));
            if !good.is_dir() {
                return Err(Error::NoGoodCopy);
            }
            let aside = beside(&dir, &format!(".damaged-{}", inner.clock.now_ms() / 1000));
            if dir.exists() {
                fs::rename(&dir, &aside).map_err(|source| Error::File { doing: "move", path: aside, source })?;
            }
            replace_folder(&good, &dir)
        }
        "recordings" => Ok(recorder::set_aside(&folder.recordings(), inner.clock.now_us()).map(drop)?),
        _ => Ok(recorder::set_aside(&folder.broker_store(), inner.clock.now_us()).map(drop)?),
    }
}

impl Appliance {
    /// Puts the last good copy of what is damaged back; a damaged database is set aside and a new
    /// one begun. Then the site starts.
    pub async fn rescue_restore(&self, request: Nothing) -> Result<SiteStatus, Problem> {
        let _changing = self.inner.changing.lock().await;
        let State::Damaged(damage) = &*self.inner.state() else { return Err(Error::NothingDamaged.into()) };
        let (inner, what) = (self.inner.clone(), damage.what.clone());
        tokio::task::spawn_blocking(move || restore(&inner, &what)).await.map_err(Error::Thread)??;
        self.inner.load().await;
        self.site_status(request).await
    }
}
