//! The server side of TLS, as every listener of the broker uses it.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use crate::{Error, ServerKey};

/// Whose certificates a listener demands of its clients. A client without one is refused.
pub struct ClientAuth {
    pub roots: Vec<CertificateDer<'static>>,
    /// One list per authority: a certificate whose state is unknown is refused.
    pub revocation_lists: Vec<CertificateRevocationListDer<'static>>,
}

/// TLS 1.2 and 1.3 (MicroPython speaks only 1.2), session tickets, and no request for a client
/// certificate unless `client_auth` is given: some boards fail on being asked.
pub fn server_config(
    chain: &[CertificateDer<'static>],
    key: &ServerKey,
    client_auth: Option<ClientAuth>,
) -> Result<Arc<ServerConfig>, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
    let builder = match client_auth {
        None => builder.with_no_client_auth(),
        Some(auth) => {
            let mut roots = RootCertStore::empty();
            for root in auth.roots {
                roots.add(root)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .with_crls(auth.revocation_lists)
                .build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain.to_vec(), key.tls_key())?;
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config))
}
