//! What happened, as the doctor wants to know it. Never a payload, never a secret.

use std::net::SocketAddr;

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
    PlainOnTls,
    TlsOnPlain,
    /// The client's certificate is missing, unknown or revoked.
    ClientCertificate,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    Auth(AuthRefusal),
    /// The client id belongs to a session of another identity.
    ClientIdTaken,
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
    TakenOver,
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
