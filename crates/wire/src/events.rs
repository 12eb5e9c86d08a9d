//! What the broker saw, as the doctor tells it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Why a client was refused. Each has a cause and a remedy in `assets/words`, under
/// `refusal_<cause>` and `remedy_<cause>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCause {
    WrongPassword,
    UnknownIdentity,
    NoCredentials,
    Revoked,
    /// The device has not been claimed yet.
    NotClaimed,
    /// The client rejected our certificate: it does not know our authority.
    UntrustedAuthority,
    /// The client rejected our certificate: its clock is before our validity.
    ClientClockWrong,
    /// The client rejected our certificate: it used a name or address that is not in it.
    WrongHostName,
    /// Plain bytes on a TLS port.
    PlainOnTls,
    /// TLS on a plain port.
    TlsOnPlain,
    TlsVersion,
    TlsOther,
    ClientIdTaken,
    ClientIdInvalid,
    ProtocolVersion,
    ProtocolError,
    PublishDenied,
    SubscribeDenied,
    WillDenied,
    ForeignOrigin,
    TooManyConnections,
    TooSlow,
    ServerBusy,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Refusal {
    pub cause: RefusalCause,
    #[ts(type = "number")]
    pub at_ms: i64,
    /// Times in a row.
    pub tries: u32,
    /// Technical evidence: TLS alert, rule, topic, offset. Never a secret.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Connected,
    Disconnected,
    Refused,
    TakenOver,
    Kicked,
    DeviceCreated,
    DeviceRevoked,
    DeviceRestored,
    DeviceRemoved,
    Claimed,
    BrokerStarted,
    BrokerStopped,
    CertificateRenewed,
    RecordingGap,
    DiskLow,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Event {
    #[ts(type = "number")]
    pub seq: u64,
    #[ts(type = "number")]
    pub at_ms: i64,
    pub kind: EventKind,
    /// Which device it concerns, when known.
    pub device: Option<String>,
    pub client_id: Option<String>,
    pub peer: Option<String>,
    pub refusal: Option<Refusal>,
    pub topic: Option<String>,
}

/// Waits up to `wait_ms` (at most 25,000) for an event after `since`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ListEvents {
    #[ts(type = "number")]
    pub since: u64,
    pub wait_ms: u32,
    pub device: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EventPage {
    pub events: Vec<Event>,
    /// Ask with this next.
    #[ts(type = "number")]
    pub next: u64,
    /// Events that were dropped before they could be read.
    #[ts(type = "number")]
    pub lost: u64,
}
