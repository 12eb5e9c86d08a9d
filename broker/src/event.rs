//! What happened, as the doctor wants to know it. Never a payload, never a secret.

use std::net::{IpAddr, SocketAddr};

use mqtt::{Reason, Version};

use crate::{AuthRefusal, Identity};

#[derive(Clone, Debug)]
pub struct Event {
    pub at_ms: i64,
    pub peer: Option<SocketAddr>,
    pub client_id: Option<String>,
    pub identity: Option<Identity>,
    pub kind: EventKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    Tcp,
    Tls,
    Ws,
    Wss,
}

/// What a client lets be seen before anything is encrypted: evidence, never trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The host name it asked for (SNI); none where it asked for an address.
    pub server_name: Option<String>,
    /// Seconds since 1970 by its own clock. mbedTLS shows it; what others put there is random.
    pub clock_secs: Option<u32>,
    /// The address of ours that it reached.
    pub reached: Option<IpAddr>,
}

/// Why a TLS handshake ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// Alert 48, unknown_ca, or the like: the client does not know our authority.
    UntrustedAuthority,
    /// Alert 45, certificate_expired: by the client's clock we are too old, or not yet born.
    ClientClock,
    /// Alerts 42, 43, 46: the client rejects our certificate and does not say why; often the name.
    CertificateRejected,
    ProtocolVersion,
    /// No kind of key, signature or cipher that both know.
    KeyType,
    PlainOnTls,
    TlsOnPlain,
    /// The client's certificate is missing or unknown.
    ClientCertificate,
    /// The client's certificate is expired or not yet valid, by our clock.
    ClientCertificateDate,
    ClientCertificateRevoked,
    Other,
}

/// Something else than MQTT, or MQTT at the wrong door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtocolFault {
    /// MQTT without WebSocket around it, at a WebSocket door.
    MqttOnWebSocket,
    /// HTTP or a WebSocket, at a door for MQTT alone.
    WebOnMqtt,
    /// A web request that asks for no WebSocket.
    NoUpgrade,
    /// A WebSocket that does not offer the subprotocol `mqtt`.
    Subprotocol,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    Auth(AuthRefusal),
    /// The client id belongs to a session of another identity.
    ClientIdTaken {
        owner: Identity,
    },
    ClientIdInvalid,
    ProtocolVersion,
    WillDenied {
        topic: String,
    },
    AuthMethod,
    TooSlow,
    TooManyConnections,
    Malformed {
        what: String,
        offset: usize,
    },
}

#[derive(Clone, Debug)]
pub enum EventKind {
    TlsRefused {
        fault: TlsFault,
        detail: String,
        hello: Hello,
    },
    /// Saw our certificate and hung up without a word. Clients that check it by themselves do so (Node).
    LeftAfterTls {
        hello: Hello,
    },
    WrongProtocol {
        fault: ProtocolFault,
        detail: String,
    },
    ForeignOrigin {
        origin: String,
    },
    ConnectRefused {
        fault: ConnectFault,
        user_name: Option<String>,
    },
    Connected {
        version: Version,
        transport: TransportKind,
        keep_alive_secs: u16,
    },
    Disconnected {
        reason: Reason,
    },
    PublishDenied {
        topic: String,
        rule: Option<String>,
    },
    SubscribeDenied {
        filter: String,
        rule: Option<String>,
    },
    ProtocolError {
        reason: Reason,
        what: String,
        offset: usize,
    },
    /// A newer connection with the same client id ended this one.
    TakenOver {
        by: SocketAddr,
    },
    Kicked,
    /// Messages that a full queue could not hold.
    Dropped {
        count: u64,
    },
    /// What must be kept cannot be written (a full disk, mostly): nothing is acknowledged that is not
    /// stored; told again when it can.
    StoreFailing {
        failing: bool,
    },
    /// A fault of ours that ended one connection.
    Panicked,
}
