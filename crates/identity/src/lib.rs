//! Who is who: the site's authority and the certificates it signs, device passwords and their
//! hashes, claim tokens, QR codes, and the place where secrets are kept.
//!
//! This room must never know the broker, the network or a screen. Time is handed in as
//! milliseconds since the Unix epoch. What costs processor time ([`password::hash`]) or may wait
//! for the desktop's keyring ([`store::SecretStore`]) is a plain blocking call: an asynchronous
//! caller runs it on a thread for blocking work.

mod authority;
mod certificate;
pub mod claim;
mod crockford;
mod der;
mod error;
mod feed;
mod ingest;
pub mod password;
pub mod pkcs12;
pub mod pkcs7;
pub mod qr;
mod request;
mod secret;
mod server_key;
pub mod store;
pub mod tls;
pub mod words;

pub use authority::{Authority, Revoked};
pub use certificate::{Certificate, RevocationList};
pub use error::Error;
pub use feed::FeedToken;
pub use ingest::IngestToken;
pub use request::SigningRequest;
pub use secret::Secret;
pub use server_key::ServerKey;
