//! An opened site: its settings, authority, secrets and recordings. Brokers come and go in it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use broker::Clock;
use identity::store::SecretStore;
use identity::{Authority, Secret, ServerKey};
use recorder::Recorder;

use crate::engine::Engine;
use crate::folder::{Folder, read_text, write_whole};
use crate::keeping::Keeping;
use crate::settings::Settings;
use crate::{Error, Inner, SecretKeeping, authority_change, damage, device_certificates, rights};

pub(crate) const AUTHORITY_KEY: &str = "authority.key";
/// A copy of the public certificate, from which a damaged file can be restored.
pub(crate) const AUTHORITY_CERTIFICATE: &str = "authority.certificate";
pub(crate) const SERVER_KEY: &str = "server.key";
const RSA_KEY: &str = "server.rsa.key";

pub(crate) struct Site {
    pub settings: ArcSwap<Settings>,
    pub authority: ArcSwap<Authority>,
    /// The one that is being brought in beside it.
    pub next_authority: ArcSwapOption<Authority>,
    pub server_key: ServerKey,
    /// Beside it, once a client came that knows no ECDSA.
    pub rsa_key: ArcSwapOption<ServerKey>,
    /// Set by such a client.
    pub rsa_missed: Arc<AtomicBool>,
    pub secrets: SecretStore,
    pub recorder: Recorder,
    pub keeping: Keeping,
    engine: Mutex<Option<Arc<Engine>>>,
}

/// Something on disk that cannot be trusted: nothing is started.
#[derive(Debug)]
pub(crate) struct Broken {
    pub what: &'static str,
    pub path: PathBuf,
    pub detail: String,
}

impl Broken {
    pub fn new(what: &'static str, path: impl Into<PathBuf>, detail: impl ToString) -> Broken {
        Broken { what, path: path.into(), detail: detail.to_string() }
    }
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Error {
        Error::Damaged { what: broken.what, detail: broken.detail }
    }
}

impl Site {
    /// Opens what a first run made. Blocks.
    pub fn open(folder: &Folder, keeping: SecretKeeping, clock: &Clock, settings: Settings) -> Result<Site, Broken> {
        let secrets = open_secrets(folder, keeping)?;
        let (authority, server_key) = match load_identity(folder, &secrets)? {
            Some(found) => found,
            None => return Err(Broken::new("authority", folder.authority(), "the authority is missing")),
        };
        Site::with(folder, clock, settings, secrets, authority, server_key)
    }

    /// Makes a new site, with the authority of an earlier first run that was cut short. Blocks.
    pub fn create(folder: &Folder, keeping: SecretKeeping, clock: &Clock, settings: Settings) -> Result<Site, Error> {
        let secrets = open_secrets(folder, keeping)?;
        let (authority, server_key) = match load_identity(folder, &secrets)? {
            Some(found) => found,
            None => {
                let authority = Authority::create(clock.now_ms())?;
                let server_key = ServerKey::generate()?;
                write_whole(&folder.authority(), authority.cert_pem().as_bytes())?;
                secrets.set(AUTHORITY_CERTIFICATE, &Secret::new(authority.cert_pem()))?;
                secrets.set(SERVER_KEY, &server_key.key_pem())?;
                // Last: without it, the next attempt starts over.
                secrets.set(AUTHORITY_KEY, &authority.key_pem())?;
                damage::keep_good_secrets(folder)?;
                (authority, server_key)
            }
        };
        Ok(Site::with(folder, clock, settings, secrets, authority, server_key)?)
    }

    fn with(
        folder: &Folder,
        clock: &Clock,
        settings: Settings,
        secrets: SecretStore,
        authority: Authority,
        server_key: ServerKey,
    ) -> Result<Site, Broken> {
        let path = folder.recordings();
        folder.make_private(&path);
        let next_authority =
            authority_change::load_next(&secrets).map_err(|error| Broken::new("secrets", folder.secrets(), error))?;
        let rsa_key = match secrets.get(RSA_KEY).map_err(|error| Broken::new("secrets", folder.secrets(), error))? {
            // It can be made again: one that cannot be read is no damage.
            Some(pem) => ServerKey::from_rsa_pem(&pem).ok(),
            None => None,
        };
        let clock = clock.clone();
        let (recorder, sink, results) = Recorder::open(recorder::Options::new(&path), Arc::new(move || clock.now_us()))
            .map_err(|error| Broken::new("recordings", &path, error))?;
        Ok(Site {
            settings: ArcSwap::from_pointee(settings),
            authority: ArcSwap::from_pointee(authority),
            next_authority: ArcSwapOption::from_pointee(next_authority),
            server_key,
            rsa_key: ArcSwapOption::from_pointee(rsa_key),
            rsa_missed: Arc::default(),
            secrets,
            recorder,
            keeping: Keeping::new(sink, results),
            engine: Mutex::default(),
        })
    }

    pub fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The engine, for a command that needs one.
    pub fn running(&self) -> Result<Arc<Engine>, Error> {
        self.engine().ok_or(Error::BrokerStopped)
    }

    pub fn set_engine(&self, engine: Option<Arc<Engine>>) -> Option<Arc<Engine>> {
        std::mem::replace(&mut *self.engine.lock().unwrap_or_else(PoisonError::into_inner), engine)
    }

    /// Copy, edit, verify, write, apply. The caller holds the lock on changes.
    pub async fn change<T>(
        &self,
        inner: &Inner,
        edit: impl FnOnce(&mut Settings) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut settings = Settings::clone(&self.settings.load());
        let answer = edit(&mut settings)?;
        self.save(inner, settings).await?;
        Ok(answer)
    }

    pub async fn save(&self, inner: &Inner, mut settings: Settings) -> Result<(), Error> {
        rights::forget_strays(&mut settings);
        let before = self.settings.load_full();
        let trusts: Vec<String> = self.authorities().iter().map(|authority| authority.id4()).collect();
        device_certificates::trust(&mut settings, &before, &trusts);
        device_certificates::settle(&mut settings, &before, inner.clock.now_ms());
        let revoked = settings.revoked != before.revoked;
        let text = settings.to_text()?;
        let (path, good) = (inner.folder.settings(), inner.folder.good_settings());
        tokio::task::spawn_blocking(move || {
            write_whole(&path, text.as_bytes())?;
            write_whole(&good, text.as_bytes())
        })
        .await??;
        inner.directory.replace(&settings);
        let rights = inner.rights(&settings);
        self.settings.store(Arc::new(settings));
        if let Some(engine) = self.engine() {
            engine.broker.set_rights(rights).await;
            if revoked {
                engine.secure(inner, self).await?;
            }
        }
        Ok(())
    }

    /// Makes the RSA key that a client was missed for, and keeps it.
    pub async fn make_rsa_key(self: &Arc<Site>) -> Result<(), Error> {
        let site = self.clone();
        tokio::task::spawn_blocking(move || -> Result<(), Error> {
            let key = ServerKey::generate_rsa()?;
            site.secrets.set(RSA_KEY, &key.key_pem())?;
            site.rsa_key.store(Some(Arc::new(key)));
            Ok(())
        })
        .await?
    }

    /// Writes what waits to be recorded. Blocks.
    pub fn close(&self) {
        self.recorder.close();
    }
}

fn open_secrets(folder: &Folder, keeping: SecretKeeping) -> Result<SecretStore, Broken> {
    let dir = folder.secrets();
    let opened = match keeping {
        SecretKeeping::Auto => SecretStore::open(&dir),
        SecretKeeping::File => SecretStore::open_file(&dir),
    };
    opened.map_err(|error| Broken::new("secrets", dir, error))
}

/// The authority and the server's key; `None` if there has been neither yet. A half is damage.
fn load_identity(folder: &Folder, secrets: &SecretStore) -> Result<Option<(Authority, ServerKey)>, Broken> {
    let dir = folder.secrets();
    let secret = |name: &str| secrets.get(name).map_err(|error| Broken::new("secrets", &dir, error));
    let path = folder.authority();
    let certificate = read_text(&path).map_err(|error| Broken::new("authority", &path, error))?;
    let (authority_key, server_key) = (secret(AUTHORITY_KEY)?, secret(SERVER_KEY)?);
    match (certificate, authority_key, server_key) {
        // Keys are written last: without the authority's, nothing was handed out yet.
        (_, None, _) if !started_before(folder) => Ok(None),
        (None, _, _) => Err(Broken::new("authority", path, "the certificate is missing")),
        (Some(certificate), Some(authority_key), Some(server_key)) => {
            let authority = match Authority::load(&certificate, &authority_key) {
                Err(identity::Error::KeyMismatch) => {
                    finish_change(&path, secret(AUTHORITY_CERTIFICATE)?, &authority_key)
                }
                loaded => loaded.map_err(Error::Identity),
            };
            let authority = authority.map_err(|error| Broken::new("authority", &path, error))?;
            let server_key = ServerKey::from_pem(&server_key).map_err(|error| Broken::new("secrets", &dir, error))?;
            Ok(Some((authority, server_key)))
        }
        _ => Err(Broken::new("secrets", dir, "a key is missing")),
    }
}

/// The power was cut between the two steps of a change of authority: the secrets are the newer ones.
fn finish_change(path: &Path, certificate: Option<Secret>, key: &Secret) -> Result<Authority, Error> {
    let certificate = certificate.ok_or(Error::Identity(identity::Error::KeyMismatch))?;
    let authority = Authority::load(certificate.expose(), key)?;
    write_whole(path, authority.cert_pem().as_bytes())?;
    Ok(authority)
}

/// A site that ran once has settings.
fn started_before(folder: &Folder) -> bool {
    let there = |path: &Path| path.exists();
    there(&folder.settings()) || there(&folder.good_settings())
}
