//! The address of the site: which card is used, what follows when it changes, and who cannot follow.

use std::net::Ipv4Addr;
use std::sync::Arc;

use wire::{AddressChange, AddressReport, ChooseAddress, EventKind, Nothing, Problem, SiteStatus};

use crate::engine::Engine;
use crate::settings::DeviceRecord;
use crate::site::Site;
use crate::{Appliance, Error, Inner, network};

impl Appliance {
    /// Listens on another card from now on. Devices that are connected by the old address are cut
    /// off with it; the certificate, the name and the doors follow at once.
    pub async fn network_choose(&self, request: ChooseAddress) -> Result<SiteStatus, Problem> {
        let inner = &self.inner;
        let site = inner.site()?;
        let unknown = || Error::AddressUnknown(request.address.chars().take(64).collect());
        let listed = network::addresses().into_iter().find(|listed| listed.address == request.address);
        let listed = listed.ok_or_else(unknown)?;
        let address: Ipv4Addr = listed.address.parse().map_err(|_| unknown())?;
        {
            let _changing = inner.changing.lock().await;
            settle(inner, &site, address, Some(listed.interface)).await?;
        }
        inner.check_doors(&site).await;
        Ok(inner.status().await)
    }

    pub async fn address_report(&self, _: Nothing) -> Result<AddressReport, Problem> {
        let inner = &self.inner;
        let site = inner.site()?;
        let settings = site.settings.load_full();
        let changed = inner.moved();
        // Whoever came in since the change has found the way.
        let lost = |device: &&DeviceRecord| {
            let found = changed
                .as_ref()
                .is_some_and(|change| inner.presence.of(&device.id).came_ms.is_some_and(|came| came > change.at_ms));
            !device.simulated && device.revoked_ms.is_none() && device.issued_for != settings.address && !found
        };
        let by_name = |device: &DeviceRecord| kinds::find(&device.kind).is_some_and(|kind| kind.mdns);
        let (following, to_touch): (Vec<_>, Vec<_>) =
            settings.devices.iter().filter(lost).partition(|device| by_name(device));
        let ids = |devices: Vec<&DeviceRecord>| devices.into_iter().map(|device| device.id.clone()).collect();
        Ok(AddressReport {
            address: settings.address.to_string(),
            host_name: settings.host_name(),
            changed,
            to_touch: ids(to_touch),
            following: ids(following),
        })
    }
}

/// Keeps the new address and moves a running site there. The caller holds the lock on changes.
pub(crate) async fn settle(
    inner: &Arc<Inner>,
    site: &Arc<Site>,
    address: Ipv4Addr,
    interface: Option<String>,
) -> Result<(), Error> {
    let from = site.settings.load().address;
    site.change(inner, |settings| {
        settings.address = address;
        if let Some(interface) = interface {
            settings.interface = interface;
        }
        Ok(())
    })
    .await?;
    if let Some(engine) = site.engine()
        && engine.address() != address
    {
        Engine::move_to(&engine, inner, site, address).await?;
    }
    if from != address {
        let at_ms = inner.clock.now_ms();
        inner.set_moved(AddressChange { from: from.to_string(), to: address.to_string(), at_ms });
        inner.journal.tell(at_ms, EventKind::AddressChanged, None);
    }
    Ok(())
}
