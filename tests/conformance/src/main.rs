//! An exam for MQTT brokers: it is given an address and knows nothing of who answers there.

mod bytes;
mod cases;
mod client;
mod link;
mod raw;
mod run;
mod statements;

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;

use link::{Kind, Target};

#[derive(Clone, Parser)]
#[command(about = "Holds an MQTT broker to the statements of MQTT 5.0 and 3.1.1")]
struct Arguments {
    /// Address of the plain MQTT port
    #[arg(long)]
    tcp: SocketAddr,
    /// Address of the port with TLS (its certificate is not judged here)
    #[arg(long)]
    tls: Option<SocketAddr>,
    /// Address of the WebSocket port
    #[arg(long)]
    ws: Option<SocketAddr>,
    /// Address of the WebSocket port with TLS
    #[arg(long)]
    wss: Option<SocketAddr>,
    /// A name and its password, as NAME:PASSWORD, that the broker takes by SCRAM-SHA-256
    #[arg(long, value_parser = credential)]
    scram: Option<(String, String)>,
    /// Only tests whose name holds this
    #[arg(long, default_value = "")]
    only: String,
    /// Print the statements that are not covered, and why
    #[arg(long)]
    uncovered: bool,
}

fn credential(text: &str) -> Result<(String, String), String> {
    let (name, password) = text.split_once(':').ok_or("NAME:PASSWORD is meant")?;
    Ok((name.to_owned(), password.to_owned()))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Arguments { tcp, tls, ws, wss, scram, .. } = arguments.clone();
    let target = Target { tcp, tls, ws, wss, scram };
    if target.scram.is_none() {
        println!("enhanced authentication is not asked for: --scram NAME:PASSWORD does");
    }
    let named = run::named(&target, &arguments.only);
    let mut groups = vec![("named tests".to_owned(), named)];
    for kind in target.kinds() {
        let title = match kind {
            Kind::Tcp => "sequences over TCP",
            Kind::Tls => "sequences over TLS",
            Kind::Ws => "sequences over WebSocket",
            Kind::Wss => "sequences over secure WebSocket",
        };
        groups.push((title.to_owned(), run::sequences(&target, kind, &arguments.only)));
    }
    let mut failed = 0;
    for (title, outcome) in &groups {
        for failure in &outcome.failures {
            println!("FAILED {}: {}", failure.name, failure.why);
        }
        failed += outcome.failures.len();
        println!("{title}: {} of {} passed", outcome.ran - outcome.failures.len(), outcome.ran);
    }
    let (covered, uncovered) = statements::coverage();
    println!("statements: {covered} covered, {} not (--uncovered says why)", uncovered.len());
    if arguments.uncovered {
        for (statement, why) in uncovered {
            println!("  {statement}: {why}");
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
