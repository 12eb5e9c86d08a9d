//! The server's certificate: for which names, and when another is made.

use identity::Certificate;
use std::net::IpAddr;

use crate::folder::{read_text, write_whole};
use crate::settings::Settings;
use crate::site::Site;
use crate::{Error, Inner, network, sightings};

/// Every name and address by which a client may know this computer.
pub(crate) fn wanted_names(settings: &Settings) -> (Vec<String>, Vec<IpAddr>) {
    let mut names = vec![settings.host_name()];
    if let Some(host) = network::host_name() {
        let local = if host.contains('.') { None } else { Some(format!("{host}.local")) };
        names.extend(local);
        names.push(host);
    }
    let mut ips = network::private_addresses();
    ips.push(settings.address.into());
    (names, ips)
}

pub(crate) async fn current_certificate(inner: &Inner, site: &Site, settings: &Settings) -> Result<Certificate, Error> {
    let (names, ips) = wanted_names(settings);
    let kept = read_text(&inner.folder.server_certificate()).ok().flatten();
    // The authority can always make another: a certificate that cannot be read is no damage.
    match kept.and_then(|pem| Certificate::from_pem(&pem).ok()) {
        Some(kept)
            if kept.covers(&names, &ips)
                && !kept.renewal_due(inner.clock.now_ms())
                && kept.belongs_to(&site.server_key)
                && site.authority.load().signed(&kept) =>
        {
            Ok(kept)
        }
        _ => issue(inner, site, settings).await,
    }
}

/// Notes where this computer is; answers the addresses it had lately.
pub(crate) async fn look_around(inner: &Inner, here: Vec<IpAddr>) -> Result<Vec<IpAddr>, Error> {
    let (path, now_ms) = (inner.folder.sightings(), inner.clock.now_ms());
    tokio::task::spawn_blocking(move || sightings::note(&path, &here, now_ms)).await?
}

async fn issue(inner: &Inner, site: &Site, settings: &Settings) -> Result<Certificate, Error> {
    let (names, mut ips) = wanted_names(settings);
    // Those of lately too; without them the certificate is good for here all the same.
    match look_around(inner, ips.clone()).await {
        Ok(lately) => ips.extend(lately),
        Err(error) => tracing::warn!(%error, "the addresses of lately are not known"),
    }
    ips.sort_unstable();
    ips.dedup();
    let certificate = site.authority.load().issue_server(&site.server_key, &names, &ips, inner.clock.now_ms())?;
    let (path, pem) = (inner.folder.server_certificate(), certificate.pem.clone());
    tokio::task::spawn_blocking(move || write_whole(&path, pem.as_bytes())).await??;
    Ok(certificate)
}
