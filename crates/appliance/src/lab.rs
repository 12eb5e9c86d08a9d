//! A throw-away broker for a lesson or a test: loopback only, anonymous, nothing kept unless asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use broker::{
    AuthOutcome, AuthRefusal, Authenticator, BoxFuture, Broker, BrokerHandle, Clock, Config, ConnectInfo, Effect,
    Identity, ListenerSpec, OriginRule, Rights, Rule, ScramCredential, Transport, Zone,
};
use identity::Secret;
use identity::password::PasswordHashes;
use mqtt::Filter;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::mpsc;

use crate::doctor;
use crate::keeping::Keeping;
use crate::one_door::{RoomStream, RoomStreams};
use crate::watching::{Feed, Live};

pub struct Options {
    /// 0 takes a free one.
    pub port: u16,
    pub ws_port: u16,
    /// Doors with TLS beside the plain ones.
    pub tls: Option<LabTls>,
    /// Where sessions and retained messages are kept; `None` keeps nothing.
    pub data: Option<PathBuf>,
    /// Nothing below these filters may be published or read.
    pub deny: Vec<String>,
    /// Record everything, as a site does: QoS 1 and 2 are acknowledged when it is on disk.
    pub record: bool,
    /// Follow everything in a live tree and read the events, as a site does.
    pub watch: bool,
}

/// A certificate of the user's own, and the ports that show it.
pub struct LabTls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub port: u16,
    pub ws_port: u16,
    /// And one for both, and HTTPS.
    pub one_port: Option<u16>,
}

#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("{what} cannot be read: {detail} ({path})", path = path.display())]
    Certificate { what: &'static str, detail: String, path: PathBuf },
    #[error("--deny {0:?} is not a topic filter: '#' stands at the end only, alone")]
    Filter(String),
    #[error("{source}; choose another with --port, --ws-port or --one-port, or 0 for a free one")]
    Listen { source: broker::ListenError },
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Broker(#[from] broker::Error),
    #[error("--record needs --data: a folder for the recordings")]
    RecordWhere,
    #[error(transparent)]
    Recorder(#[from] recorder::Error),
    #[error("the folder cannot be made: {source} ({path})", path = path.display())]
    Folder { path: PathBuf, source: std::io::Error },
}

pub struct Lab {
    pub port: u16,
    pub ws_port: u16,
    /// MQTT and WebSocket over TLS.
    pub tls_ports: Option<(u16, u16)>,
    /// The one for everything, and what speaks HTTP there.
    pub one_port: Option<(u16, mpsc::Receiver<RoomStream>)>,
    broker: BrokerHandle,
    recorder: Option<recorder::Recorder>,
    /// Held, or nobody feeds the tree.
    _feed: Option<Feed>,
}

/// Everybody is the same stranger, and whoever proves a password (5.0, SCRAM-SHA-256) proves that
/// of the lab: `lab`.
struct Anyone(PasswordHashes);

const NAME: &str = "lab";

impl Authenticator for Anyone {
    fn authenticate(&self, _: ConnectInfo<'_>) -> BoxFuture<'static, AuthOutcome> {
        Box::pin(std::future::ready(AuthOutcome::Accept(Identity::new(NAME))))
    }

    fn knows_scram(&self) -> bool {
        true
    }

    fn scram(&self, name: &str, _: Zone) -> Option<ScramCredential> {
        let keys = self.0.scram().filter(|_| name == NAME)?;
        Some(ScramCredential {
            salt: keys.salt,
            iterations: keys.rounds,
            stored_key: keys.stored_key,
            server_key: keys.server_key,
        })
    }

    fn scram_outcome(&self, name: &str, _: Zone, right: bool) -> AuthOutcome {
        match right && name == NAME {
            true => AuthOutcome::Accept(Identity::new(NAME)),
            false => AuthOutcome::Refuse(AuthRefusal::WrongPassword),
        }
    }
}

impl Lab {
    pub async fn start(options: Options) -> Result<Lab, LabError> {
        let rights = rights(&options.deny)?;
        if let Some(path) = &options.data {
            std::fs::create_dir_all(path).map_err(|source| LabError::Folder { path: path.clone(), source })?;
        }
        let store_path = options.data.as_ref().map(|path| path.join("lab.db"));
        let config = Config { store_path, ..Config::default() };
        let password = identity::password::scram_only(&Secret::new(NAME))?;
        let mut builder = Broker::builder(config, Arc::new(Anyone(password))).rights(rights);
        let mut recorder = None;
        if options.record {
            let path = options.data.as_ref().ok_or(LabError::RecordWhere)?.join("recordings.db");
            let clock = Clock::system();
            let now_us: recorder::NowUs = Arc::new(move || clock.now_us());
            let (opened, sink, results) = recorder::Recorder::open(recorder::Options::new(path), now_us)?;
            let (keeper, settled) = Keeping::new(sink, results).keeper();
            builder = builder.keeper(keeper, settled);
            recorder = Some(opened);
        }
        let broker = builder.spawn()?;
        let feed = options.watch.then(|| watch(&broker));
        let open = async |name: &str, port: u16, transport: Transport| {
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let spec = ListenerSpec { name: name.to_owned(), addr, transport, zone: Zone::Lab };
            broker.add_listener(spec).await.map_err(|source| LabError::Listen { source })
        };
        let port = open("mqtt", options.port, Transport::Tcp).await?.local_addr.port();
        // No web page is listed: a page of a stranger must not reach a broker without passwords.
        let ws = Transport::Ws(OriginRule::Listed(Vec::new()));
        let ws_port = open("ws", options.ws_port, ws.clone()).await?.local_addr.port();
        let (mut tls_ports, mut one_port) = (None, None);
        if let Some(tls) = options.tls {
            let config = tls_config(&tls)?;
            if let Some(port) = tls.one_port {
                let (streams, mut all) = (RoomStreams::default(), rustls::ServerConfig::clone(&config));
                all.alpn_protocols = vec![b"mqtt".to_vec(), b"http/1.1".to_vec()];
                let pages = OriginRule::Listed(Vec::new());
                let transport = Transport::OnePort(Arc::new(all), pages, streams.handoff(Arc::default()));
                let opened = open("one", port, transport).await?;
                one_port = streams.take().map(|taken| (opened.local_addr.port(), taken));
            }
            let port = open("mqtts", tls.port, Transport::Tls(config.clone())).await?.local_addr.port();
            let wss = Transport::Wss(config, OriginRule::Listed(Vec::new()));
            tls_ports = Some((port, open("wss", tls.ws_port, wss).await?.local_addr.port()));
        }
        Ok(Lab { port, ws_port, tls_ports, one_port, broker, recorder, _feed: feed })
    }

    pub async fn stop(self) {
        self.broker.shutdown().await;
        if let Some(recorder) = self.recorder {
            tokio::task::spawn_blocking(move || recorder.close()).await.ok();
        }
    }
}

/// What a site does with all that is said and all that happens.
fn watch(broker: &BrokerHandle) -> Feed {
    let mut events = broker.events();
    tokio::spawn(async move {
        use tokio::sync::broadcast::error::RecvError;
        while !matches!(events.recv().await, Err(RecvError::Closed)) {
            while events.try_recv().is_ok() {}
            tokio::time::sleep(doctor::BUNDLE_PAUSE).await;
        }
    });
    Arc::new(Live::new(Clock::system())).follow(broker, Arc::default())
}

fn tls_config(tls: &LabTls) -> Result<Arc<rustls::ServerConfig>, LabError> {
    let failed = |what, path: &PathBuf, detail: String| LabError::Certificate { what, detail, path: path.clone() };
    let chain: Vec<_> = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| failed("the certificate", &tls.certificate, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| failed("the key", &tls.key, error.to_string()))?;
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    config.map(Arc::new).map_err(|error| failed("the certificate", &tls.certificate, error.to_string()))
}

fn rights(deny: &[String]) -> Result<Rights, LabError> {
    let rule = |id: &str, effect, filter: &str| Rule {
        id: id.to_owned(),
        effect,
        publish: true,
        read: true,
        filter: filter.to_owned(),
    };
    let mut rules = vec![rule("lab", Effect::Allow, "#")];
    rules.push(Rule { publish: false, ..rule("lab", Effect::Allow, "$SYS/#") });
    for filter in deny {
        Filter::parse(filter.as_str()).map_err(|_| LabError::Filter(filter.clone()))?;
        rules.push(rule("--deny", Effect::Deny, filter));
    }
    Ok(Rights::default().with_fallback(rules))
}
