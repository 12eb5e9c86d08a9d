//! What the doors show and ask for: the server's certificates, the list of revoked ones, and the TLS
//! of each door. It is made anew whenever one of them changes, and swapped in whole.

use std::sync::Arc;

use identity::tls::{self, ClientAuth, Clients, Leaves};
use identity::{Certificate, RevocationList, Revoked};
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;

use crate::certificate::{current_certificate, wanted_names};
use crate::limits::CRL_DAYS;
use crate::settings::Settings;
use crate::site::Site;
use crate::{Error, Inner};

const DAY_MS: i64 = 86_400_000;

pub(crate) struct Security {
    pub certificate: Certificate,
    /// For those who come with a password.
    pub server: Arc<ServerConfig>,
    /// For those who come with a certificate.
    pub mutual: Arc<ServerConfig>,
    /// The HTTPS door of the room.
    pub room: Arc<ServerConfig>,
    /// The one port for everything.
    pub one: Arc<ServerConfig>,
    pub revocation_list: RevocationList,
    made_ms: i64,
}

impl Security {
    pub async fn make(inner: &Inner, site: &Site, settings: &Settings) -> Result<Security, Error> {
        let now_ms = inner.clock.now_ms();
        let certificate = current_certificate(inner, site, settings).await?;
        let mut leaves = Leaves::new(&certificate, &site.server_key, site.rsa_missed.clone())?;
        let authority = site.authority.load_full();
        if let Some(key) = &*site.rsa_key.load() {
            let (names, ips): (Vec<_>, Vec<_>) =
                (certificate.names().map(str::to_owned).collect(), certificate.ips().collect());
            leaves = leaves.with_rsa(&authority.issue_server(key, &names, &ips, now_ms)?, key)?;
        }
        let revoked =
            |record: &crate::settings::RevokedRecord| Revoked { serial: record.serial.clone(), at_ms: record.at_ms };
        let revoked: Vec<Revoked> = settings.revoked.iter().map(revoked).collect();
        // Milliseconds grow, and need not be kept anywhere.
        let number = u64::try_from(now_ms).unwrap_or(0);
        let revocation_list = authority.revocation_list(&revoked, number, now_ms)?;
        let mut auth = ClientAuth { roots: Vec::new(), revocation_lists: Vec::new() };
        for authority in site.authorities() {
            // Serial numbers are random: one list of them serves both authorities.
            let list = authority.revocation_list(&revoked, number, now_ms)?;
            auth.roots.push(CertificateDer::from(authority.cert_der().to_vec()));
            auth.revocation_lists.push(list.der);
        }
        let leaves = Arc::new(leaves);
        Ok(Security {
            server: tls::server(leaves.clone(), Clients::Unasked, &[])?,
            mutual: tls::server(leaves.clone(), Clients::Required(auth.clone()), &[])?,
            room: tls::server(leaves.clone(), Clients::Welcome(auth.clone()), &[b"http/1.1"])?,
            one: tls::server(leaves, Clients::Welcome(auth), &[b"mqtt", b"http/1.1"])?,
            certificate,
            revocation_list,
            made_ms: now_ms,
        })
    }

    /// Whether a name or address is missing, or something will end soon.
    pub fn due(&self, settings: &Settings, now_ms: i64) -> bool {
        let (names, ips) = wanted_names(settings);
        let list_is_old = now_ms - self.made_ms >= CRL_DAYS * DAY_MS || now_ms < self.made_ms;
        list_is_old || self.certificate.renewal_due(now_ms) || !self.certificate.covers(&names, &ips)
    }
}
