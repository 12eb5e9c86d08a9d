//! What happened, as the doctor wants to know it. Never a payload, never a secret.

use std::net::SocketAddr;
use std::sync::Arc;

use mqtt::{Reason, Version};

use crate::{AuthRefusal, Identity};

#[derive(Clone, Debug)]
pub struct Event {
    pub at_ms: i64,
    pub peer: Option<SocketAddr>,
    /// The name of the listener that it came through.
    pub listener: Option<Arc<str>>,
    pub client_id: Option<String>,
    pub identity: Option<Identity>,
    pub what: EventKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    Tcp,
    Tls,
    Ws,
    Wss,
}

/// What a TLS handshake that failed means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsFault {
    /// Alert 48, unknown_ca: the client does not know our authority.
    UntrustedAuthority,
    /// Alert 45, certificate_expired: by the client's clock we are too old, or not yet born.
    ClientClock,
    /// Alerts 42, 43, 46: the client rejects our certificate and does not say why; often the name.
    CertificateRejected,
    /// Alert 70, or no version in common.
    ProtocolVersion,
    /// MQTT in the clear on a TLS port.
    PlainOnTls,
    /// A TLS hello on a plain port.
    TlsOnPlain,
    /// The client's certificate is missing, unknown or revoked.
    ClientCertificate,
    /// It hung up in the middle of the handshake.
    HungUp,
    Other,
}

/// Why a CONNECT was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    Auth(AuthRefusal),
    /// The client id belongs to a session of another identity.
    ClientIdTaken,
    ClientIdInvalid,
    ProtocolVersion,
    WillDenied {
        topic: String,
        rule: Option<String>,
    },
    /// An authentication method of MQTT 5.0 that is not offered.
    AuthMethod,
    /// Not one whole CONNECT in time.
    TooSlow,
    /// Too many half-open connections from this address.
    TooManyConnections,
    Malformed {
        what: &'static str,
        offset: usize,
    },
    /// The WebSocket upgrade was none, or without the subprotocol "mqtt".
    WebSocket,
    /// The broker is stopping.
    Stopping,
}

#[derive(Clone, Debug)]
pub enum EventKind {
    Accepted {
        transport: TransportKind,
    },
    TlsRefused {
        /// The alert that the client sent, RFC 8446 §6.
        alert: Option<u8>,
        meaning: TlsFault,
    },
    ForeignOrigin {
        origin: String,
    },
    ConnectRefused {
        reason: Reason,
        cause: ConnectFault,
        user_name: Option<String>,
    },
    Connected {
        version: Version,
        transport: TransportKind,
        keep_alive_secs: u16,
    },
    /// `Success`: the client said goodbye; `UnspecifiedError`: it vanished.
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
    /// A will that its owner may no longer publish.
    WillDenied {
        topic: String,
        rule: Option<String>,
    },
    /// Another connection of the same client took the session over.
    TakenOver,
    Kicked {
        reason: Reason,
    },
    ProtocolError {
        reason: Reason,
        what: &'static str,
        offset: usize,
    },
    /// Messages that a full queue could not hold, since the session began.
    Quota {
        dropped: u64,
    },
    /// A keeper could not take or store publications.
    NotStored,
    ListenerError {
        detail: String,
    },
    /// A fault of ours that ended one connection.
    Panicked,
}
