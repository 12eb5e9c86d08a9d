//! The name of the site on the local network (mDNS). It is a comfort: without it devices use the
//! address.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};

use crate::settings::Ports;

/// Registered names of services (RFC 6763): MQTT in TLS, MQTT in plain, and the claim door.
const SECURE: &str = "_secure-mqtt._tcp.local.";
const PLAIN: &str = "_mqtt._tcp.local.";
const CLAIM: &str = "_courtier._tcp.local.";

/// A farewell takes some milliseconds.
const FAREWELL: Duration = Duration::from_millis(500);

/// Withdraws the name when it is dropped.
pub(crate) struct Announcement {
    daemon: ServiceDaemon,
}

/// What the network is told.
pub(crate) struct Announced<'a> {
    pub site: &'a str,
    pub host_name: &'a str,
    pub address: Ipv4Addr,
    pub ports: Ports,
    pub id4: &'a str,
    pub fingerprint: &'a str,
}

impl Announcement {
    /// `None` where the network or the system does not let us.
    pub fn start(announced: &Announced<'_>) -> Option<Announcement> {
        match Announcement::try_start(announced) {
            Ok(announcement) => Some(announcement),
            Err(error) => {
                tracing::warn!(%error, "the name of the site is not announced on the network");
                None
            }
        }
    }

    fn try_start(announced: &Announced<'_>) -> Result<Announcement, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        // Only the network that was chosen hears of the site.
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(IfKind::Addr(IpAddr::V4(announced.address)))?;
        let print = announced.fingerprint.get(..16).unwrap_or_default();
        let Ports { mqtts, mqtt, claim, .. } = announced.ports;
        let mut services = vec![(SECURE, mqtts, None), (CLAIM, claim, Some(("path", "/")))];
        services.extend(mqtt.map(|port| (PLAIN, port, None)));
        for (kind, port, more) in services {
            let mut said = vec![("v", "1"), ("id", announced.id4), ("fp", print)];
            said.extend(more);
            daemon.register(ServiceInfo::new(
                kind,
                announced.site,
                &format!("{}.", announced.host_name),
                IpAddr::V4(announced.address),
                port,
                said.as_slice(),
            )?)?;
        }
        Ok(Announcement { daemon })
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // Waited for: one that is still there answers the next one's probe, which then believes that
        // the name is another's.
        if let Ok(ended) = self.daemon.shutdown() {
            ended.recv_timeout(FAREWELL).ok();
        }
    }
}
