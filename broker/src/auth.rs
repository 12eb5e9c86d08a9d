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
}
