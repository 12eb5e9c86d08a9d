//! An opened site: its settings, authority, secrets and recordings. Brokers come and go in it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use broker::Clock;
use identity::store::SecretStore;
use identity::{Authority, Secret, ServerKey};
use recorder::Recorder;

use crate::engine::Engine;
use crate::folder::{Folder, read_text, write_whole};
use crate::keeping::Keeping;
use crate::settings::Settings;
use crate::{Error, Inner, SecretKeeping, damage, rights};

pub(crate) const AUTHORITY_KEY: &str = "authority.key";
/// A copy of the public certificate, from which a damaged file can be restored.
pub(crate) const AUTHORITY_CERTIFICATE: &str = "authority.certificate";
pub(crate) const SERVER_KEY: &str = "server.key";

pub(crate) struct Site {
    pub settings: ArcSwap<Settings>,
    pub authority: Authority,
    pub server_key: ServerKey,
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
        let clock = clock.clone();
        let (recorder, sink, results) = Recorder::open(recorder::Options::new(&path), Arc::new(move || clock.now_us()))
            .map_err(|error| Broken::new("recordings", &path, error))?;
        Ok(Site {
            settings: ArcSwap::from_pointee(settings),
            authority,
            server_key,
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
        }
        Ok(())
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
            let authority = Authority::load(&certificate, &authority_key)
                .map_err(|error| Broken::new("authority", &path, error))?;
            let server_key = ServerKey::from_pem(&server_key).map_err(|error| Broken::new("secrets", &dir, error))?;
            Ok(Some((authority, server_key)))
        }
        _ => Err(Broken::new("secrets", dir, "a key is missing")),
    }
}

/// A site that ran once has settings.
fn started_before(folder: &Folder) -> bool {
    let there = |path: &Path| path.exists();
    there(&folder.settings()) || there(&folder.good_settings())
}
