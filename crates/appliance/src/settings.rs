//! What is kept of a site: one versioned TOML file without secrets.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use identity::password::PasswordHashes;
use serde::{Deserialize, Serialize};

use crate::feeds::FeedRecord;
use crate::limits::{DEVICES, QUEUED_MEGABYTES_MOST, QUEUED_MESSAGES_MOST};
use crate::rights::{self, RightsBefore, sentence};
use crate::serial::SerialRecord;
use crate::{Error, names};

pub(crate) const VERSION: i64 = 2;
/// The last line. A file that was cut between two devices is still TOML: only this tells.
const END: &str = "# end";
/// The group whose members come in by the plain door, and only there.
pub(crate) const GUESTS: &str = "guests";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub version: i64,
    /// As people read it.
    pub name: String,
    pub place: String,
    /// The first level of every topic.
    pub slug: String,
    /// The one address, besides loopback, that is listened on.
    pub address: Ipv4Addr,
    /// Where that address was found: it is followed when the network gives out another.
    pub interface: String,
    pub guests: bool,
    /// None at all deny everything: what was lost must not open a door.
    #[serde(with = "sentence::kept")]
    pub rights: Vec<wire::RightsSentence>,
    /// The number of the next sentence: none is given twice.
    pub next_right: u32,
    /// Since when another authority is being brought in beside the one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_change_ms: Option<i64>,
    /// The UDP port at which boards may ask for the time; closed by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sntp_port: Option<u16>,
    /// Where spreadsheets on this computer ask, once there was an address for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed_port: Option<u16>,
    /// The number of the last address: none is given twice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub next_feed: u32,
    pub ports: Ports,
    /// What is held for one device that is away; `None`: the broker's own limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueSetting>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceRecord>,
    /// Ports whose boards speak for a device.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serial: Vec<SerialRecord>,
    /// The sentences before each of the last changes, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rights_before: Vec<RightsBefore>,
    /// Certificates that must no longer be accepted, until they would have ended anyway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<RevokedRecord>,
    /// Addresses that spreadsheets may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<FeedRecord>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Beyond these the messages for a device that is away are dropped, counted and told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueSetting {
    pub messages: u32,
    pub megabytes: u32,
}

impl QueueSetting {
    pub fn limits(self) -> broker::QueueLimits {
        broker::QueueLimits { messages: self.messages as usize, bytes: self.megabytes as usize * 1024 * 1024 }
    }

    fn is_sane(self) -> bool {
        (1..=QUEUED_MESSAGES_MOST).contains(&self.messages) && (1..=QUEUED_MEGABYTES_MOST).contains(&self.megabytes)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ports {
    pub mqtts: u16,
    pub wss: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<u16>,
    pub claim: u16,
    /// For devices with a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<u16>,
    /// The HTTPS door of the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<u16>,
    /// Everything that speaks TLS on one port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one: Option<u16>,
}

impl Ports {
    pub const DEFAULT: Ports =
        Ports { mqtts: 8883, wss: 9001, mqtt: None, claim: 8480, mtls: Some(8884), https: Some(8443), one: None };
    pub const GUEST_PORT: u16 = 1883;

    /// None is 0, and no two are the same.
    pub fn check(&self) -> Result<(), Error> {
        let mut seen = HashSet::new();
        for (field, port) in self.named() {
            if port == 0 || !seen.insert(port) {
                return Err(Error::PortInvalid { field, port });
            }
        }
        Ok(())
    }

    /// With the names that requests give them.
    pub fn named(&self) -> Vec<(&'static str, u16)> {
        let mut named = vec![("ports.mqtts", self.mqtts), ("ports.wss", self.wss), ("ports.claim", self.claim)];
        named.extend(self.mqtt.map(|port| ("ports.mqtt", port)));
        named.extend(self.mtls.map(|port| ("ports.mtls", port)));
        named.extend(self.https.map(|port| ("ports.https", port)));
        named.extend(self.one.map(|port| ("ports.one", port)));
        named
    }

    pub fn to_wire(self) -> wire::Ports {
        let Ports { mqtts, wss, mqtt, claim, mtls, https, one } = self;
        wire::Ports { mqtts, wss, mqtt, claim, mtls, https, one }
    }

    pub fn from_wire(ports: &wire::Ports) -> Ports {
        let wire::Ports { mqtts, wss, mqtt, claim, mtls, https, one } = *ports;
        Ports { mqtts, wss, mqtt, claim, mtls, https, one }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceRecord {
    pub id: String,
    pub group: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// `fr` or `en`: the language of its files.
    pub language: String,
    pub created_ms: i64,
    /// When its password was last made.
    pub issued_ms: i64,
    /// The address that stands in its files: it must be told when that changes.
    pub issued_for: Ipv4Addr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<i64>,
    /// Shut out until its printed card is scanned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_claim: bool,
    pub hashes: PasswordHashes,
    /// A guest's address to post to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingest: Option<IngestRecord>,
    /// Of the password that its open card brings: it counts from the scan on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_hashes: Option<PasswordHashes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_ingest: Option<IngestRecord>,
    /// The authorities that its files hold, by their four digits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusts: Vec<String>,
    /// The certificates by which it may come in, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateRecord>,
}

/// When a device is made, and for which address of the site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    pub now_ms: i64,
    pub address: Ipv4Addr,
}

/// What is kept of the token in a guest's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IngestRecord {
    pub sha256: String,
    pub expires_ms: i64,
}

/// A certificate of a device. The certificate itself is the device's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateRecord {
    /// Hexadecimal.
    pub serial: String,
    /// Which authority signed it, by its four digits.
    pub by: String,
    pub issued_ms: i64,
    pub until_ms: i64,
}

/// A certificate of the list of revoked ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokedRecord {
    pub serial: String,
    pub at_ms: i64,
    pub until_ms: i64,
}

impl DeviceRecord {
    /// A device that was just made, and is handed its files in French.
    pub fn new(id: &str, group: &str, kind: &str, hashes: PasswordHashes, made: Made) -> DeviceRecord {
        DeviceRecord {
            id: id.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            simulated: false,
            language: "fr".to_owned(),
            created_ms: made.now_ms,
            issued_ms: made.now_ms,
            issued_for: made.address,
            revoked_ms: None,
            awaits_claim: false,
            hashes,
            ingest: None,
            next_hashes: None,
            next_ingest: None,
            trusts: Vec::new(),
            certificates: Vec::new(),
        }
    }

    pub fn guest(&self) -> bool {
        self.group == GUESTS
    }
}

impl Settings {
    pub fn host_name(&self) -> String {
        format!("{}.local", self.slug)
    }

    pub fn branch(&self, device: &DeviceRecord) -> String {
        format!("{}/{}/{}", self.slug, device.group, device.id)
    }

    /// Whether this one may come in at all.
    pub fn admitted(&self, device: &DeviceRecord) -> bool {
        device.revoked_ms.is_none() && !device.awaits_claim && (self.guests || !device.guest())
    }

    pub fn device(&self, id: &str) -> Result<&DeviceRecord, Error> {
        self.devices.iter().find(|device| device.id == id).ok_or_else(|| Error::DeviceUnknown(id.to_owned()))
    }

    /// Reads a settings file of any released version; whatever cannot be right is refused.
    pub fn parse(text: &str) -> Result<Settings, Error> {
        if text.trim_end().lines().next_back() != Some(END) {
            return Err(Error::SettingsText("the end is missing".to_owned()));
        }
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| Error::SettingsText(error.to_string()))?;
        let settings: Settings =
            migrate(table)?.try_into().map_err(|error: toml::de::Error| Error::SettingsText(error.to_string()))?;
        settings.verify()?;
        Ok(settings)
    }

    pub fn to_text(&self) -> Result<String, Error> {
        self.verify()?;
        let text = toml::to_string(self).map_err(|error| Error::SettingsText(error.to_string()))?;
        Ok(format!("{text}\n{END}\n"))
    }

    /// What every change must keep true, and every file must be.
    fn verify(&self) -> Result<(), Error> {
        let wrong = |what: &'static str, value: &str| Err(Error::SettingsValue { what, value: value.to_owned() });
        if names::site_name(&self.name).is_err() || names::place(&self.place).is_err() {
            return wrong("name", &self.name);
        }
        if !names::is_id(&self.slug) {
            return wrong("slug", &self.slug);
        }
        if self.ports.check().is_err() {
            return wrong("ports", &format!("{:?}", self.ports));
        }
        if self.guests != self.ports.mqtt.is_some() {
            return wrong("guests", "a guest zone has a port, and only it");
        }
        if let Some(queue) = self.queue.filter(|queue| !queue.is_sane()) {
            return wrong("queue", &format!("{} messages, {} megabytes", queue.messages, queue.megabytes));
        }
        if self.devices.len() > DEVICES {
            return Err(Error::TooManyDevices);
        }
        self.verify_rights()?;
        let mut seen = HashSet::new();
        for device in &self.devices {
            if !names::is_id(&device.id) || !seen.insert(&device.id) {
                return wrong("device", &device.id);
            }
            if !names::is_id(&device.group) {
                return wrong("group", &device.group);
            }
            if kinds::find(&device.kind).is_none() {
                return wrong("kind", &device.kind);
            }
            if [Some(&device.hashes), device.next_hashes.as_ref()].into_iter().flatten().any(|h| h.check().is_err()) {
                return wrong("password hash of", &device.id);
            }
        }
        Ok(())
    }

    fn verify_rights(&self) -> Result<(), Error> {
        rights::verify(&self.rights)?;
        self.rights_before.iter().try_for_each(|before| rights::verify(&before.rights))?;
        let all = self.rights.iter().chain(self.rights_before.iter().flat_map(|before| &before.rights));
        match all.map(|sentence| sentence.number).max() {
            Some(highest) if highest >= self.next_right => {
                Err(Error::SettingsValue { what: "number of a right", value: highest.to_string() })
            }
            _ => Ok(()),
        }
    }
}

/// Brings the table of an older version up to today's, one step a version.
fn migrate(mut table: toml::Table) -> Result<toml::Table, Error> {
    if table.get("version").and_then(toml::Value::as_integer) == Some(1) {
        add_rights(&mut table)?;
    }
    match table.get("version").and_then(toml::Value::as_integer) {
        Some(VERSION) => Ok(table),
        Some(version) => Err(Error::SettingsVersion(version)),
        None => Err(Error::SettingsText("no version".to_owned())),
    }
}

/// Version 1 had no sentences: its devices wrote their own branch and read their own commands.
fn add_rights(table: &mut toml::Table) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Added {
        #[serde(with = "sentence::kept")]
        rights: Vec<wire::RightsSentence>,
        next_right: u32,
    }
    let rights = sentence::defaults();
    let added = Added { next_right: next_after(&rights), rights };
    if table.contains_key("rights") || table.contains_key("next_right") {
        return Err(Error::SettingsText("rights in a version that had none".to_owned()));
    }
    table.extend(toml::Table::try_from(added).map_err(|error| Error::SettingsText(error.to_string()))?);
    table.insert("version".to_owned(), toml::Value::Integer(2));
    Ok(())
}

pub(crate) fn next_after(rights: &[wire::RightsSentence]) -> u32 {
    rights.iter().map(|sentence| sentence.number).max().unwrap_or(0).saturating_add(1)
}

#[cfg(test)]
pub(crate) use tests::sample;

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use identity::Secret;

    pub(crate) fn sample() -> Settings {
        let hashes = identity::password::hash(&Secret::new("K7QH-2M9D-XW4T-PB8R")).unwrap();
        Settings {
            version: VERSION,
            name: "Salle 114".into(),
            place: String::new(),
            slug: "salle114".into(),
            address: Ipv4Addr::LOCALHOST,
            interface: "lo".into(),
            guests: false,
            rights: sentence::defaults(),
            next_right: 4,
            ports: Ports::DEFAULT,
            queue: Some(QueueSetting { messages: 500, megabytes: 4 }),
            devices: vec![DeviceRecord::new(
                "serre-04",
                "serre",
                "other",
                hashes,
                Made { now_ms: 1, address: Ipv4Addr::LOCALHOST },
            )],
            serial: Vec::new(),
            rights_before: Vec::new(),
            authority_change_ms: None,
            sntp_port: None,
            revoked: Vec::new(),
            feed_port: None,
            next_feed: 0,
            feeds: Vec::new(),
        }
    }

    #[test]
    fn settings_come_back_as_they_were_written() {
        let text = sample().to_text().unwrap();
        assert_eq!(Settings::parse(&text).unwrap(), sample_with_hashes_of(&text));
        assert!(!text.contains("K7QH"), "no secret");
    }

    #[test]
    fn a_file_of_version_1_gets_the_rights_it_had() {
        let text = sample().to_text().unwrap();
        let old: Vec<&str> = text.lines().filter(|line| !line.starts_with("next_right")).collect();
        let old = old.join("\n").replace("version = 2", "version = 1");
        let (head, tail) = old.split_once("[[rights]]").unwrap();
        let devices = tail.find("[[devices]]").unwrap();
        let ports = tail.find("[ports]").unwrap_or(devices).min(devices);
        let old = format!("{head}{}\n", tail.get(ports..).unwrap());
        assert!(!old.contains("says"), "{old}");
        assert_eq!(Settings::parse(&old).unwrap(), sample_with_hashes_of(&text));
        let none = old.replace("version = 1", "version = 2");
        assert!(Settings::parse(&none).is_err(), "rights that were lost are not the usual ones");
    }

    /// Hashes are salted: two samples differ in them.
    fn sample_with_hashes_of(text: &str) -> Settings {
        let mut settings = sample();
        let read = Settings::parse(text).unwrap();
        settings.devices.first_mut().unwrap().hashes = read.devices.first().unwrap().hashes.clone();
        settings
    }

    #[test]
    fn whatever_cannot_be_right_is_refused() {
        let text = sample().to_text().unwrap();
        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            assert!(Settings::parse(&text.replace(from, to)).is_err(), "{to}");
        };
        refused("version = 2", "version = 3");
        refused("version = 2", "version = 1");
        refused("version = 2", "");
        refused("everybody writes own_branch", "everybody owns own_branch");
        refused("number = 2", "number = 1");
        refused("number = 2", "number = 4");
        refused("next_right = 4\n", "");
        refused("slug = \"salle114\"", "slug = \"#\"");
        refused("guests = false", "guests = true");
        refused("mqtts = 8883", "mqtts = 9001");
        refused("messages = 500", "messages = 0");
        refused("megabytes = 4", "megabytes = 4000000000");
        refused("id = \"serre-04\"", "id = \"../x\"");
        refused("kind = \"other\"", "kind = \"toaster\"");
        refused("$7$", "$8$");
        refused("place = \"\"", "place = \"\"\nsurprise = 1");
        for cut in 0..text.trim_end().len() {
            assert!(Settings::parse(text.get(..cut).unwrap()).is_err(), "cut at {cut}");
        }
    }
}
