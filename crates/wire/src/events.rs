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
    /// The client hung up when it had seen our certificate, and did not say why.
    LeftAfterTls,
    /// Plain bytes on a TLS port.
    PlainOnTls,
    /// TLS on a plain port.
    TlsOnPlain,
    TlsVersion,
    /// No kind of key, signature or cipher that both know.
    TlsKeyType,
    TlsOther,
    /// The client's own certificate is missing or not of our authority.
    ClientCertificate,
    ClientCertificateDate,
    ClientCertificateRevoked,
    /// MQTT without WebSocket at the WebSocket door.
    MqttOnWebSocket,
    /// A web page or a WebSocket at the MQTT door.
    WebOnMqtt,
    /// A web request that asks for no WebSocket.
    NoWebSocket,
    WebSocketSubprotocol,
    /// A device that may not come in by the plain door, or a guest at the encrypted one.
    WrongZone,
    ClientIdTaken,
    /// Two clients with one client id throw each other out.
    DuplicateClientId,
    ClientIdInvalid,
    ProtocolVersion,
    ProtocolError,
    PacketTooLarge,
    /// It said nothing for longer than it promised: power or network lost.
    KeepAliveTimeout,
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
    /// The same in words: the screen has a sentence for each kind.
    pub facts: Vec<Fact>,
    pub whose: Whose,
}

/// One piece of evidence. What the client said is as it said it: hostile until escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Fact {
    pub kind: FactKind,
    pub value: String,
}

/// Each has a sentence in `assets/words`, under `fact_<kind>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// The user name that it gave.
    User,
    /// The host name that it asked for.
    AskedName,
    /// Names that stand in our certificate.
    RightName,
    /// What its clock reads, RFC 3339.
    Clock,
    /// Since when our certificate is valid, RFC 3339.
    ValidSince,
    Rule,
    NoRule,
    /// The largest packet that is taken, in bytes.
    Largest,
    /// Whose session has this client id.
    Owner,
    /// Where the two clients of one client id are.
    Rivals,
    /// How often they threw each other out.
    Takeovers,
    /// Seconds that it promised to speak in.
    KeepAlive,
    /// The web page that wanted to connect.
    Page,
}

/// How sure it is whose attempt this was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// It gave the name itself.
    Named,
    /// It gave none; this device alone was last seen at that address.
    Address,
    /// It gave none; this device alone is awaited now.
    Awaited,
    Unknown,
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
    /// The network gave this computer another address, or another card was chosen.
    AddressChanged,
    RightsChanged,
    /// The broker decides otherwise than the rights say, or they could not be proven.
    RightsWrong,
    GuestsOpened,
    OnePortOpened,
    OnePortClosed,
    GuestsClosed,
    FeedCreated,
    FeedRevoked,
    CertificateIssued,
    EnrolmentOpened,
    EnrolmentClosed,
    AuthorityChangeStarted,
    AuthorityChanged,
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
