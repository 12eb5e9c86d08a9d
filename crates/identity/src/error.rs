use std::path::PathBuf;

/// What this room can refuse or fail at. No variant ever carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the system gives no random bytes: {0}")]
    Randomness(getrandom::Error),
    #[error("the certificate library refused: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("not a certificate in PEM form: {0}")]
    CertificateText(&'static str),
    #[error("not a private key in PEM form")]
    KeyText,
    #[error("an RSA key could not be made")]
    RsaKey,
    #[error("the authority's key does not belong to its certificate")]
    KeyMismatch,
    #[error("not a certificate request: {0}")]
    Request(&'static str),
    #[error("a name for a certificate is not a host name: {0:?}")]
    HostName(String),
    #[error("the time {0} ms is outside what a certificate can hold")]
    Time(i64),
    #[error("the cipher refused")]
    Cipher,
    #[error("TLS refused the certificate or key: {0}")]
    Tls(#[from] rustls::Error),
    #[error("TLS refused the authority or revocation list of clients: {0}")]
    ClientVerifier(#[from] rustls::server::VerifierBuilderError),
    #[error("bcrypt refused the password: {0}")]
    Bcrypt(#[from] bcrypt::BcryptError),
    #[error("a stored password hash is damaged")]
    HashDamaged,
    #[error("not a claim token")]
    ClaimToken,
    #[error("a sealed claim cannot be opened: wrong token, or changed on the way")]
    ClaimSealed,
    #[error("too long for a QR code: {len} bytes")]
    QrTooLong { len: usize },
    #[error("a secret's name must be 1 to 64 of a-z, 0-9, '-', '_' and '.': {0:?}")]
    SecretName(String),
    #[error("the secret store is damaged: {what} ({path})", path = path.display())]
    StoreDamaged { what: &'static str, path: PathBuf },
    #[error("{path} may be read by others: it must be closed to all but its owner", path = path.display())]
    StoreOpenToOthers { path: PathBuf },
    #[error("the desktop's keyring, which holds the key of the secret store, does not answer: {why} ({path})", path = path.display())]
    KeyringUnreachable { why: String, path: PathBuf },
    #[error("the desktop's keyring no longer holds the key of the secret store ({path})", path = path.display())]
    KeyringLost { path: PathBuf },
    #[error("cannot {doing} the secret store: {source} ({path})", path = path.display())]
    StoreFile { doing: &'static str, path: PathBuf, source: std::io::Error },
}
