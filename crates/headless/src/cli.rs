//! What can be said on the command line.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

use crate::{one_door, run};

#[derive(Parser)]
#[command(name = "courtierd", version, about = "Courtier's daemon: the broker, its recordings and its interface")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a site
    Run {
        /// Where the site lives
        #[arg(long, env = "COURTIER_DATA")]
        data: Option<PathBuf>,
        /// Port of the interface on loopback; the next free one is taken if it is not
        #[arg(long, default_value_t = 8443)]
        http_port: u16,
        /// No door for browsers
        #[arg(long)]
        no_http: bool,
        /// Say where it can be reached as one line of JSON
        #[arg(long)]
        json: bool,
        /// Add a simulated class (and set the site up on this computer alone where there is none)
        #[arg(long)]
        demo: bool,
    },
    /// Print a new one-time address for a site that runs
    Open {
        #[arg(long, env = "COURTIER_DATA")]
        data: Option<PathBuf>,
    },
    /// Print the state of a site that runs, as JSON
    Status {
        #[arg(long, env = "COURTIER_DATA")]
        data: Option<PathBuf>,
    },
    /// Run a throw-away broker on loopback: anonymous, nothing kept unless --data is given
    Lab {
        /// MQTT port; 0 takes a free one
        #[arg(long, default_value_t = 1883)]
        port: u16,
        /// WebSocket port; 0 takes a free one
        #[arg(long, default_value_t = 9001)]
        ws_port: u16,
        /// TLS as well: the PEM file of the certificate chain
        #[arg(long, requires = "key")]
        cert: Option<PathBuf>,
        /// The PEM file of its key
        #[arg(long, requires = "cert")]
        key: Option<PathBuf>,
        /// MQTT port with TLS; 0 takes a free one
        #[arg(long, default_value_t = 8883)]
        tls_port: u16,
        /// WebSocket port with TLS; 0 takes a free one
        #[arg(long, default_value_t = 9002)]
        wss_port: u16,
        /// One port for all of it, and for HTTPS; 0 takes a free one
        #[arg(long, requires = "cert")]
        one_port: Option<u16>,
        /// Keep sessions and retained messages here
        #[arg(long)]
        data: Option<PathBuf>,
        /// Refuse publications and subscriptions below this filter; may be repeated
        #[arg(long = "deny", value_name = "FILTER")]
        deny: Vec<String>,
        /// Record everything below --data, as a site does
        #[arg(long, requires = "data")]
        record: bool,
        /// Follow everything as the live view of a site does
        #[arg(long)]
        watch: bool,
    },
    /// Print what can still be read of a damaged broker store, one JSON object a line; the file is left alone
    Rescue {
        /// The store: broker.db of a data folder, or the copy that was set aside
        store: PathBuf,
    },
}

pub async fn main(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Run { data, http_port, no_http, json, demo } => {
            let http_port = (!no_http).then_some(http_port);
            run::run(run::Options { data: folder(data)?, http_port, json, demo }).await
        }
        Command::Open { data } => {
            let answer: serde_json::Value = serde_json::from_slice(&asked(data, "/door/new").await?)?;
            println!("{}", answer.get("url").and_then(|url| url.as_str()).context("no address came back")?);
            Ok(())
        }
        Command::Status { data } => {
            println!("{}", String::from_utf8_lossy(&asked(data, "/api/site_status").await?));
            Ok(())
        }
        Command::Rescue { store } => {
            for line in tokio::task::spawn_blocking(move || appliance::rescue(&store)).await?? {
                println!("{line}");
            }
            Ok(())
        }
        Command::Lab { port, ws_port, cert, key, tls_port, wss_port, one_port, data, deny, record, watch } => {
            let tls = cert.zip(key).map(|(certificate, key)| appliance::lab::LabTls {
                certificate,
                key,
                port: tls_port,
                ws_port: wss_port,
                one_port,
            });
            lab(appliance::lab::Options { port, ws_port, tls, data, deny, record, watch }).await
        }
    }
}

async fn asked(data: Option<PathBuf>, path: &str) -> Result<Vec<u8>> {
    let (status, body) = run::ask(&folder(data)?, path).await?;
    if !status.is_success() {
        bail!("courtierd answered {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(body)
}

async fn lab(options: appliance::lab::Options) -> Result<()> {
    let mut lab = appliance::lab::Lab::start(options).await?;
    println!(
        "lab broker: mqtt://127.0.0.1:{}  ws://127.0.0.1:{}/mqtt  (anonymous, or SCRAM-SHA-256 with lab and lab; this computer only)",
        lab.port, lab.ws_port
    );
    if let Some((tls, wss)) = lab.tls_ports {
        println!("with TLS: mqtts://127.0.0.1:{tls}  wss://127.0.0.1:{wss}/mqtt");
    }
    if let Some((port, streams)) = lab.one_port.take() {
        println!(
            "all on one port: mqtts://127.0.0.1:{port}  wss://127.0.0.1:{port}/mqtt  https://127.0.0.1:{port}/time"
        );
        tokio::spawn(one_door::run_lab(streams));
    }
    run::signal().await;
    lab.stop().await;
    Ok(())
}

fn folder(data: Option<PathBuf>) -> Result<PathBuf> {
    let folder = data.or_else(run::default_data).context("no home folder: give --data DIR")?;
    std::path::absolute(&folder).with_context(|| format!("{} is no folder", folder.display()))
}
