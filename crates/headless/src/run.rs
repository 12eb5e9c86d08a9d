//! `courtierd run`: the site and its doors, from start to an awaited stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use appliance::Appliance;
use tokio::sync::watch;

use crate::codes::Codes;
use crate::guard::Door;
use crate::router::{Shared, address, router};
use crate::{claim_door, enrol_door, feed_door, one_door, socket, tcp};

pub struct Options {
    pub data: PathBuf,
    /// `None`: no door for browsers.
    pub http_port: Option<u16>,
    /// One line of JSON instead of sentences when ready.
    pub json: bool,
    /// A site with a simulated class, set up by itself where there is none yet.
    pub demo: bool,
}

pub async fn run(options: Options) -> Result<()> {
    let appliance = Appliance::open(site_options(&options.data)).await?;
    let (stop, stopping) = watch::channel(false);
    let served = serve(&options, appliance.clone(), stopping).await;
    stop.send(true).ok();
    appliance.shutdown().await;
    served
}

/// `COURTIER_SECRETS=file` leaves the system's keyring alone, `COURTIER_MDNS=off` announces nothing:
/// for tests, and for machines where neither works.
fn site_options(data: &Path) -> appliance::Options {
    let mut options = appliance::Options::new(data);
    let is = |name: &str, value: &str| std::env::var_os(name).is_some_and(|set| set == value);
    if is("COURTIER_SECRETS", "file") {
        options.secret_store = appliance::SecretKeeping::File;
    }
    options.announce = !is("COURTIER_MDNS", "off");
    options
}

async fn serve(options: &Options, appliance: Appliance, stopping: watch::Receiver<bool>) -> Result<()> {
    let codes = Arc::new(Codes::default());
    let listener = match options.http_port {
        None => None,
        Some(port) => Some(tcp::bind(port).await.with_context(|| format!("no free port from {port} on"))?),
    };
    let loopback_port = match &listener {
        None => None,
        Some(listener) => Some(listener.local_addr()?.port()),
    };
    let shared = Shared { appliance: appliance.clone(), codes: codes.clone(), loopback_port, tries: Arc::default() };
    tokio::spawn(claim_door::run(shared.clone()));
    tokio::spawn(enrol_door::run(shared.clone()));
    tokio::spawn(one_door::run(shared.clone()));
    tokio::spawn(feed_door::run(shared.clone()));
    let ended = |mut stopping: watch::Receiver<bool>| async move {
        stopping.wait_for(|stop| *stop).await.ok();
    };
    let local = router(shared.clone(), Door::Socket);
    // Both doors are open before anybody is told where they are.
    let (socket, stop) = (socket::bind(&options.data)?, ended(stopping.clone()));
    let mut tasks = tokio::task::JoinSet::<Result<()>>::new();
    tasks.spawn(async move { Ok(socket::serve(socket, local, stop).await?) });
    if let (Some(listener), Some(port)) = (listener, loopback_port) {
        let browser = router(shared.clone(), Door::Loopback { port, codes: codes.clone() });
        let stop = ended(stopping);
        tasks.spawn(async move { Ok(axum::serve(listener, browser).with_graceful_shutdown(stop).await?) });
    }
    if options.demo {
        demo(&appliance).await?;
    }
    announce(options, &codes, loopback_port)?;
    tokio::select! {
        () = signal() => Ok(()),
        Some(ended) = tasks.join_next() => ended?.context("a door closed by itself"),
    }
}

fn announce(options: &Options, codes: &Codes, loopback_port: Option<u16>) -> Result<()> {
    let open = match loopback_port {
        None => None,
        Some(port) => Some(address(port, codes.new_code(Instant::now())?.expose())),
    };
    if options.json {
        println!(
            "{}",
            serde_json::json!({ "open": open, "socket": socket::path(&options.data), "pid": std::process::id() })
        );
        return Ok(());
    }
    println!("Courtier runs. Data: {}", options.data.display());
    if let Some(open) = open {
        println!("Open once, within 15 minutes:  {open}");
        println!("A new address:                 courtierd open --data {}", options.data.display());
    }
    Ok(())
}

/// A class to try: set up on loopback where nothing is set up yet.
async fn demo(appliance: &Appliance) -> Result<()> {
    let told = |problem: wire::Problem| anyhow::anyhow!("{}", problem.message);
    let status = appliance.site_status(wire::Nothing {}).await.map_err(told)?;
    if status.phase == wire::Phase::FirstRun {
        let mut request = wire::StartSite {
            name: "Salle 114".into(),
            place: "Lycée des Tilleuls".into(),
            address: "127.0.0.1".into(),
            guests: false,
            ports: None,
        };
        // A taken port comes with another that is free.
        for _ in 0..4 {
            match appliance.site_start(request.clone()).await {
                Ok(_) => break,
                Err(problem) => request.ports = Some(with_offer(&status.ports, request.ports, problem)?),
            }
        }
    }
    for (group, count) in [("groupe-a", 4), ("groupe-b", 4), ("meteo", 2)] {
        let devices = appliance.device_list(wire::Nothing {}).await.map_err(told)?;
        if !devices.iter().any(|device| device.simulated && device.group == group) {
            appliance.simulated_start(wire::StartSimulated { count, group: group.into() }).await.map_err(told)?;
        }
    }
    Ok(())
}

fn with_offer(defaults: &wire::Ports, tried: Option<wire::Ports>, problem: wire::Problem) -> Result<wire::Ports> {
    let mut ports = tried.unwrap_or_else(|| defaults.clone());
    let offer = problem.offer.as_deref().and_then(|offer| offer.parse().ok());
    match (problem.field.as_deref(), offer) {
        (Some("ports.mqtts"), Some(port)) => ports.mqtts = port,
        (Some("ports.wss"), Some(port)) => ports.wss = port,
        (Some("ports.claim"), Some(port)) => ports.claim = port,
        (Some("ports.mtls"), port @ Some(_)) => ports.mtls = port,
        _ => anyhow::bail!("{}", problem.message),
    }
    Ok(ports)
}

/// SIGTERM or Ctrl-C.
pub async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    tokio::signal::ctrl_c().await.ok();
}

/// The default data folder of this user.
pub fn default_data() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "courtier").map(|dirs| dirs.data_dir().to_path_buf())
}

/// One request to the daemon of a data folder, over its socket.
#[cfg(unix)]
pub async fn ask(data: &Path, path: &str) -> Result<(http::StatusCode, Vec<u8>)> {
    use http_body_util::{BodyExt, Full};
    let socket = socket::path(data);
    let stream = tokio::net::UnixStream::connect(&socket)
        .await
        .with_context(|| format!("no courtierd runs on {} (no answer at its socket)", data.display()))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = http::Request::post(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(bytes::Bytes::from_static(b"{}")))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes().to_vec()))
}

#[cfg(not(unix))]
pub async fn ask(_data: &Path, _path: &str) -> Result<(http::StatusCode, Vec<u8>)> {
    anyhow::bail!("named pipes are not built yet")
}
