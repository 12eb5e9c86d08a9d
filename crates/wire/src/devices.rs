//! Devices, what they are handed, and the clients behind them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ShownOnce;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Created, never seen.
    Expected,
    Online,
    /// Connected once, silent for longer than usual.
    Late,
    Absent,
    /// Its last attempt was refused; `last_refusal` says why.
    Refused,
    Revoked,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Device {
    /// `[a-z0-9-]{1,23}`; user name and default client id.
    pub id: String,
    pub group: String,
    /// Key of `kind_list`.
    pub kind: String,
    pub simulated: bool,
    pub state: DeviceState,
    /// `<site>/<group>/<id>`: it may write below this.
    pub branch: String,
    #[ts(type = "number | null")]
    pub last_seen_ms: Option<i64>,
    /// A short text of its last value: `23.4`, `on`.
    pub last_value: Option<String>,
    /// Up to 60 numbers of the last 10 minutes, oldest first.
    pub spark: Vec<f64>,
    pub last_refusal: Option<super::Refusal>,
    #[ts(type = "number")]
    pub created_ms: i64,
    /// Shut out until its card is scanned.
    pub awaits_claim: bool,
    /// When the last of its certificates ends; `None` if it has none.
    #[ts(type = "number | null")]
    pub certificate_until_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceRef {
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CreateDevice {
    pub id: String,
    /// `[a-z0-9-]{1,23}`, made on first use.
    pub group: String,
    pub kind: String,
    /// `fr` or `en`: the language of the files made for it.
    pub language: String,
}

/// What a new device (or one that is issued anew) gets. It exists in this one answer only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ProvisionedDevice {
    pub device: Device,
    /// `XXXX-XXXX-XXXX-XXXX`
    pub password: ShownOnce,
    pub host_name: String,
    pub address: String,
    pub port: u16,
    /// A topic that this device may publish to.
    pub topic: String,
    pub files: Vec<DeviceFile>,
    /// Deterministic zip of all files, base64.
    pub bundle_base64: ShownOnce,
    pub bundle_name: String,
    pub claim: Option<Claim>,
    /// Guests only: where a phone posts JSON by plain HTTP, `http://<ip>:8480/in/<16 base32>`.
    pub ingest_url: Option<ShownOnce>,
    /// For a kind whose app is set up by one address.
    pub app_link: Option<AppLink>,
}

/// What an app opens or scans to be set up. It holds the password, or where the app fetches its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AppLink {
    pub url: ShownOnce,
    /// SVG of its QR code.
    pub qr_svg: ShownOnce,
    /// Until when the file can be fetched; `None` where all settings stand in the address.
    #[ts(type = "number | null")]
    pub until_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceFile {
    pub name: String,
    /// For the highlighter: `cpp`, `python`, `json`, `ini`, `text`, `pem`.
    pub syntax: String,
    pub text: ShownOnce,
    /// What the user must still fill in, exactly as it stands in `text`.
    pub blanks: Vec<String>,
    /// The file to show first.
    pub main: bool,
}

/// The one-time door of a device, as the QR code holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Claim {
    /// `http://<ip>:8480/c#<26 base32>`
    pub url: ShownOnce,
    /// SVG of the QR code, black on white with its quiet zone.
    pub qr_svg: ShownOnce,
    /// Six symbols that the phone shows too.
    pub check_code: String,
    #[ts(type = "number")]
    pub expires_ms: i64,
}

/// Where a person looks for a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum KindCategory {
    Boards,
    Computers,
    Home,
    Phones,
    Gateways,
    Other,
}

/// How a kind can reach the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum KindTransport {
    Tls,
    ClientCertificate,
    Websocket,
    /// MQTT that anyone on the network can read: guests only.
    Plain,
    /// A `POST` of its values: guests only.
    Http,
    Usb,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Kind {
    pub key: String,
    /// Name of the drawing: `esp32`, `pico`, `phone`…
    pub picture: String,
    pub category: KindCategory,
    /// One of the few that most people look for.
    pub common: bool,
    /// The first is what its files use.
    pub transports: Vec<KindTransport>,
    pub name_fr: String,
    pub name_en: String,
    pub blurb_fr: String,
    pub blurb_en: String,
    /// Other words under which a person may look for it.
    pub search: Vec<String>,
    pub simulated: bool,
    /// It must know the time before it can check a certificate.
    pub needs_clock: bool,
    /// It finds the broker by its `.local` name, even when the address changes.
    pub resolves_names: bool,
    /// It comes in as a guest or not at all.
    pub guests_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StartSimulated {
    /// 1 to 30.
    pub count: u32,
    pub group: String,
}

/// A connected client or a kept session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Client {
    pub client_id: String,
    pub identity: Option<String>,
    pub connected: bool,
    pub peer: Option<String>,
    /// `3.1.1` or `5.0`
    pub protocol: String,
    /// `mqtt`, `mqtts`, `ws`, `wss`
    pub transport: String,
    #[ts(type = "number | null")]
    pub since_ms: Option<i64>,
    pub subscriptions: Vec<String>,
    #[ts(type = "number")]
    pub queued: u64,
    /// Sent with QoS 1 or 2, and not yet acknowledged.
    #[ts(type = "number")]
    pub in_flight: u64,
    /// Messages that its full queue lost.
    #[ts(type = "number")]
    pub dropped: u64,
}

/// Ends the connection of one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct KickClient {
    pub client_id: String,
    /// Its session too: subscriptions, and what waits for it.
    pub forget: bool,
}
