//! `config.json`: all settings of a device in one file that a program reads, format 1.

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{Handout, Kind};

/// Fields are only ever added, and stand in this order.
#[derive(Serialize)]
struct Config<'a> {
    v: u8,
    id: &'a str,
    site: &'a str,
    host: &'a str,
    /// In the order in which to try.
    hosts: [&'a str; 2],
    port: u16,
    /// The plain port is closed.
    port_plain: Option<u16>,
    ws: String,
    user: &'a str,
    password: &'a str,
    client_id: &'a str,
    topic: &'a str,
    commands: &'a str,
    /// `GET /time` there, plain HTTP, tells the seconds since 1970.
    time_port: u16,
    /// Of `ca.der`.
    ca_sha256: &'a str,
    /// The authority's last moment.
    not_after: String,
}

pub fn json(kind: &Kind, handout: &Handout<'_>) -> Vec<u8> {
    let hosts = handout.hosts(kind);
    let [host, _] = hosts;
    let config = Config {
        v: 1,
        id: handout.device_id,
        site: handout.site,
        host,
        hosts,
        port: handout.port_mqtts,
        port_plain: None,
        ws: format!("wss://{host}:{}/mqtt", handout.port_wss),
        user: handout.device_id,
        password: handout.password,
        client_id: handout.device_id,
        topic: handout.topic,
        commands: handout.command_filter,
        time_port: handout.claim_port,
        ca_sha256: handout.ca_sha256,
        not_after: date(handout.not_after),
    };
    // Invariant: texts and numbers alone are always JSON.
    #[allow(clippy::expect_used)]
    let json = serde_json::to_string_pretty(&config).expect("texts and numbers");
    // Harmless in a page as well: outside its strings JSON has none of these.
    let json = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    (json + "\n").into_bytes()
}

/// RFC 3339 in seconds; the last day that can be written where the time is beyond it.
pub fn date(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000))
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| "9999-12-31T23:59:59Z".to_owned())
}
