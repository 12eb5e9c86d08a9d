//! A throw-away broker for a lesson or a test: loopback only, anonymous, nothing kept unless asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use broker::{
    AuthOutcome, Authenticator, BoxFuture, Broker, BrokerHandle, Config, ConnectInfo, Effect, Identity, ListenerSpec,
    OriginRule, Rights, Rule, Transport, Zone,
};
use mqtt::Filter;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

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
}

/// A certificate of the user's own, and the ports that show it.
pub struct LabTls {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub port: u16,
    pub ws_port: u16,
}

#[derive(Debug, thiserror::Error)]
pub enum LabError {
    #[error("{what} cannot be read: {detail} ({path})", path = path.display())]
    Certificate { what: &'static str, detail: String, path: PathBuf },
    #[error("--deny {0:?} is not a topic filter: '#' stands at the end only, alone")]
    Filter(String),
    #[error("{source}; choose another with --port or --ws-port, or 0 for a free one")]
    Listen { source: broker::ListenError },
    #[error(transparent)]
    Broker(#[from] broker::Error),
    #[error("the folder cannot be made: {source} ({path})", path = path.display())]
    Folder { path: PathBuf, source: std::io::Error },
}

pub struct Lab {
    pub port: u16,
    pub ws_port: u16,
    /// MQTT and WebSocket over TLS.
    pub tls_ports: Option<(u16, u16)>,
    broker: BrokerHandle,
}

/// Everybody is the same stranger.
struct Anyone;

impl Authenticator for Anyone {
    fn authenticate(&self, _: ConnectInfo<'_>) -> BoxFuture<'static, AuthOutcome> {
        Box::pin(std::future::ready(AuthOutcome::Accept(Identity::new("lab"))))
    }
}

impl Lab {
    pub async fn start(options: Options) -> Result<Lab, LabError> {
        let rights = rights(&options.deny)?;
        let store_path = match options.data {
            None => None,
            Some(path) => {
                std::fs::create_dir_all(&path).map_err(|source| LabError::Folder { path: path.clone(), source })?;
                Some(path.join("lab.db"))
            }
        };
        let config = Config { store_path, ..Config::default() };
        let broker = Broker::builder(config, Arc::new(Anyone)).rights(rights).spawn()?;
        let open = async |name: &str, port: u16, transport: Transport| {
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let spec = ListenerSpec { name: name.to_owned(), addr, transport, zone: Zone::Lab };
            broker.add_listener(spec).await.map_err(|source| LabError::Listen { source })
        };
        let port = open("mqtt", options.port, Transport::Tcp).await?.local_addr.port();
        // No web page is listed: a page of a stranger must not reach a broker without passwords.
        let ws = Transport::Ws(OriginRule::Listed(Vec::new()));
        let ws_port = open("ws", options.ws_port, ws.clone()).await?.local_addr.port();
        let mut tls_ports = None;
        if let Some(tls) = options.tls {
            let config = tls_config(&tls)?;
            let port = open("mqtts", tls.port, Transport::Tls(config.clone())).await?.local_addr.port();
            let wss = Transport::Wss(config, OriginRule::Listed(Vec::new()));
            tls_ports = Some((port, open("wss", tls.ws_port, wss).await?.local_addr.port()));
        }
        Ok(Lab { port, ws_port, tls_ports, broker })
    }

    pub async fn stop(self) {
        self.broker.shutdown().await;
    }
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
