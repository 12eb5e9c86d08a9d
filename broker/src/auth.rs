//! Who may come in. The broker asks; somebody else knows.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use crate::Identity;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a listener is for. Credentials of one zone are never valid in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    Main,
    Guests,
    Lab,
    /// The site's own programs on this machine.
    Loopback,
}

/// What a verified client certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    pub common_name: Option<String>,
    /// Hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
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
    /// The answer may take its time: it is awaited in the connection's own task, on the door's
    /// thread. Slow hashes belong into `spawn_blocking`: they would hold up other newcomers.
    fn authenticate(&self, info: ConnectInfo<'_>) -> BoxFuture<'static, AuthOutcome>;
}
