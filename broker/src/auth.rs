//! Who may come in. The broker asks; somebody else knows.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use crate::{Identity, ScramCredential};

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a listener is for. Credentials of one zone are never valid in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    Main,
    Guests,
    Lab,
}

/// What a verified client certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    pub common_name: Option<String>,
    /// Hexadecimal.
    pub serial: String,
}

/// A CONNECT as the authenticator sees it. No Debug: it holds the password.
pub struct ConnectInfo<'a> {
    pub client_id: &'a str,
    pub user_name: Option<&'a str>,
    pub password: Option<&'a [u8]>,
    pub peer: SocketAddr,
    pub zone: Zone,
    pub tls: bool,
    pub certificate: Option<CertificateInfo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthRefusal {
    WrongPassword,
    UnknownIdentity,
    NoCredentials,
    Revoked,
    NotClaimed,
    /// Too many attempts at once, or too many wrong ones lately.
    Busy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthOutcome {
    Accept(Identity),
    Refuse(AuthRefusal),
}

pub trait Authenticator: Send + Sync + 'static {
    /// The answer may take its time (hashes): it runs in the connection's own task.
    fn authenticate(&self, info: ConnectInfo<'_>) -> BoxFuture<'static, AuthOutcome>;

    /// Whether clients of 5.0 may prove their password by SCRAM-SHA-256 (5.0 §4.12).
    fn knows_scram(&self) -> bool {
        false
    }

    /// What is kept for SCRAM under a name; the exchange goes on, to no avail, where nothing is.
    fn scram(&self, _name: &str, _zone: Zone) -> Option<ScramCredential> {
        None
    }

    /// How long the answer to a proof waits: whoever guesses gets slower.
    fn scram_delay(&self, _name: &str) -> Duration {
        Duration::ZERO
    }

    /// Who comes in, now that the proof was right or wrong.
    fn scram_outcome(&self, _name: &str, _zone: Zone, _right: bool) -> AuthOutcome {
        AuthOutcome::Refuse(AuthRefusal::UnknownIdentity)
    }

    /// A secret of this process, from which answers to unknown names are made.
    fn scram_key(&self) -> [u8; 32] {
        [0; 32]
    }
}
