//! Which certificates of devices still count. One rule for all that can happen to a device: a
//! certificate counts while its device is there, is not revoked, and got no new password since.

use crate::limits::CERTIFICATES_EACH;
use crate::settings::{DeviceRecord, RevokedRecord, Settings};

/// A device that is new, or got new files, was handed the authorities of now.
pub(crate) fn trust(settings: &mut Settings, before: &Settings, trusts: &[String]) {
    for device in &mut settings.devices {
        let known = before.devices.iter().find(|known| known.id == device.id);
        if known.is_none_or(|known| known.issued_ms != device.issued_ms) {
            // A binary file has room for one.
            let room = if kinds::find(&device.kind).is_some_and(kinds::Kind::reads_der) { 1 } else { trusts.len() };
            device.trusts = trusts.iter().take(room).cloned().collect();
        }
    }
}

/// Moves what no longer counts to the list of revoked certificates, and forgets there what has
/// ended by itself. `before` is what `settings` was changed from.
pub(crate) fn settle(settings: &mut Settings, before: &Settings, now_ms: i64) {
    for device in &mut settings.devices {
        let (revoked, issued_ms) = (device.revoked_ms.is_some(), device.issued_ms);
        device.certificates.retain(|certificate| !revoked && certificate.issued_ms >= issued_ms);
        let over = device.certificates.len().saturating_sub(CERTIFICATES_EACH);
        device.certificates.drain(..over);
    }
    let counts = |device: &DeviceRecord, serial: &str| {
        let now = settings.devices.iter().find(|now| now.id == device.id);
        now.is_some_and(|now| now.certificates.iter().any(|certificate| certificate.serial == serial))
    };
    let gone = before.devices.iter().flat_map(|device| {
        device.certificates.iter().filter(|certificate| !counts(device, &certificate.serial)).map(|certificate| {
            RevokedRecord { serial: certificate.serial.clone(), at_ms: now_ms, until_ms: certificate.until_ms }
        })
    });
    let gone: Vec<RevokedRecord> = gone.collect();
    settings.revoked.extend(gone);
    settings.revoked.retain(|revoked| revoked.until_ms > now_ms);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::settings::{CertificateRecord, tests::sample};

    const DAY: i64 = 86_400_000;

    fn with(serials: &[&str]) -> Settings {
        let mut settings = sample();
        let made = |serial: &&str| CertificateRecord {
            serial: (*serial).to_owned(),
            by: "a1b2".into(),
            issued_ms: 1,
            until_ms: 825 * DAY,
        };
        settings.devices[0].certificates = serials.iter().map(made).collect();
        settings
    }

    fn revoked_by(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let before = with(&["a1"]);
        let mut settings = before.clone();
        change(&mut settings);
        settle(&mut settings, &before, 5 * DAY);
        assert!(settings.revoked.iter().all(|revoked| revoked.at_ms == 5 * DAY && revoked.until_ms == 825 * DAY));
        settings.revoked.into_iter().map(|revoked| revoked.serial).collect()
    }

    #[test]
    fn whatever_ends_a_device_ends_its_certificate() {
        assert!(revoked_by(|_| {}).is_empty());
        assert!(revoked_by(|settings| settings.devices[0].group = "elsewhere".into()).is_empty());
        assert_eq!(revoked_by(|settings| settings.devices[0].revoked_ms = Some(5 * DAY)), ["a1"]);
        assert_eq!(revoked_by(|settings| settings.devices[0].issued_ms = 5 * DAY), ["a1"]);
        assert_eq!(revoked_by(|settings| settings.devices[0].id = "another".into()), ["a1"]);
        assert_eq!(revoked_by(|settings| settings.devices.clear()), ["a1"]);
    }

    #[test]
    fn only_new_files_hold_a_new_authority() {
        let before = with(&[]);
        let both = ["a1b2".to_owned(), "c3d4".to_owned()];
        let after = |change: fn(&mut Settings)| {
            let mut settings = before.clone();
            change(&mut settings);
            trust(&mut settings, &before, &both);
            settings.devices[0].trusts.clone()
        };
        assert!(after(|settings| settings.devices[0].group = "elsewhere".into()).is_empty());
        assert_eq!(after(|settings| settings.devices[0].issued_ms = 9), both);
        assert_eq!(after(|settings| settings.devices[0].id = "new".into()), both);
        let der = |settings: &mut Settings| {
            settings.devices[0].kind = "micropython".into();
            settings.devices[0].issued_ms = 9;
        };
        assert_eq!(after(der), both[..1]);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let before = with(&["a1", "a2", "a3", "a4"]);
        let mut settings = with(&["a1", "a2", "a3", "a4", "a5"]);
        settle(&mut settings, &before, DAY);
        assert_eq!(settings.devices[0].certificates.len(), CERTIFICATES_EACH);
        assert_eq!(settings.revoked[0].serial, "a1");
    }

    #[test]
    fn the_list_forgets_what_has_ended_by_itself() {
        let before = with(&["a1"]);
        let mut settings = before.clone();
        settings.devices.clear();
        settle(&mut settings, &before, DAY);
        let listed = settings.clone();
        settle(&mut settings, &listed, 824 * DAY);
        assert_eq!(settings.revoked.len(), 1);
        settle(&mut settings, &listed, 825 * DAY);
        assert!(settings.revoked.is_empty());
    }
}
