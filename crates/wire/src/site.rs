//! The site: its name, addresses, doors and state.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing set up yet: the screen shows the first run.
    FirstRun,
    Running,
    Stopped,
    /// Something on disk is damaged: nothing weaker was started. `SiteStatus::damage` says what.
    Damaged,
}

/// What is damaged, what was kept, and whether a last good copy can be put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Damage {
    /// `settings`, `recordings`, `broker_store`, `authority`, `secrets`.
    pub what: String,
    /// The file as it was found, kept beside the original.
    pub kept_file: String,
    pub detail: String,
    /// RFC 3339 time of the last good copy, if there is one.
    pub last_good: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Ports {
    /// MQTT over TLS, default 8883.
    pub mqtts: u16,
    /// MQTT over TLS WebSocket, default 9001.
    pub wss: u16,
    /// Plain MQTT for the guest zone, default 1883; `None` when closed.
    pub mqtt: Option<u16>,
    /// Plain HTTP claim door, default 8480.
    pub claim: u16,
    /// MQTT over TLS for devices that have a certificate, default 8884; `None` when closed.
    #[serde(default)]
    pub mtls: Option<u16>,
    /// HTTPS for the room, default 8443; `None` when it never opens.
    #[serde(default)]
    pub https: Option<u16>,
    /// Everything that speaks TLS on one port, 443 mostly; `None` when closed.
    #[serde(default)]
    pub one: Option<u16>,
}

/// Opens, moves or closes the one port for everything that speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SetOnePort {
    /// `None` closes it.
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct SiteStatus {
    pub phase: Phase,
    pub damage: Option<Damage>,
    pub version: String,
    /// The name people read: "Salle 114". Empty in the first run.
    pub name: String,
    /// The second line of the label: "Lycée des Tilleuls".
    pub place: String,
    /// The first level of every topic: `salle114`.
    pub slug: String,
    /// `salle114.local`
    pub host_name: String,
    /// Primary IPv4 address that devices use.
    pub address: Option<String>,
    pub ports: Ports,
    pub guests: bool,
    /// Milliseconds since the Unix epoch.
    #[ts(type = "number | null")]
    pub running_since_ms: Option<i64>,
    #[ts(type = "number")]
    pub now_ms: i64,
    pub devices_total: u32,
    pub devices_connected: u32,
    pub messages_per_second: f64,
    /// One value per 5 s over the last 10 minutes, oldest first.
    pub rate_history: Vec<f64>,
    #[ts(type = "number")]
    pub messages_total: u64,
    #[ts(type = "number")]
    pub disk_free_bytes: u64,
    /// First 16 hexadecimal digits of the SHA-256 of the authority's public key, in groups of 4.
    pub authority_fingerprint: Option<String>,
    /// RFC 3339 end of the server certificate.
    pub certificate_until: Option<String>,
    /// When enrolment closes again; `None` while it is closed.
    #[ts(type = "number | null")]
    pub enrolment_until_ms: Option<i64>,
    /// `keyring` or `file`: where the secrets lie.
    pub secret_store: String,
    /// Devices that are simulated.
    pub simulated: u32,
    /// The result of trying our own doors after the start.
    pub checks: Vec<DoorCheck>,
    /// Whether the running broker decides as the sentences of the rights say.
    pub proof: Option<crate::RightsProof>,
}

/// One thing the site tried on itself, as a client would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DoorCheck {
    /// `reachable`, `encrypted`, `closed_to_strangers`.
    pub name: String,
    pub passed: bool,
    pub tried: u32,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    Wifi,
    Cable,
    Virtual,
    Loopback,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NetworkAddress {
    /// Interface name as the system gives it: `wlp2s0`.
    pub interface: String,
    pub kind: NetworkKind,
    pub address: String,
    /// The one to choose unless the user knows better.
    pub recommended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StartSite {
    /// "Salle 114", 1 to 40 characters.
    pub name: String,
    /// "Lycée des Tilleuls", 0 to 60 characters.
    pub place: String,
    /// One of the addresses of `network_list`. Only that address and loopback are listened on.
    pub address: String,
    /// Also open the guest zone (plain MQTT, write-only below `<site>/guests/`).
    pub guests: bool,
    /// `None` takes the default ports.
    pub ports: Option<Ports>,
}
