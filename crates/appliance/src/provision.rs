//! What a device is handed, once: its password, its files, and the claim that a phone fetches.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::claim::{self, ClaimToken};
use identity::{IngestToken, Secret, qr};
use kinds::{Handout, Language};
use serde_json::json;
use wire::{AppLink, Claim, DeviceFile, ProvisionedDevice, ShownOnce};

use crate::settings::{DeviceRecord, Settings};
use crate::site::Site;
use crate::{Error, Inner, devices};

/// The level below its branch that a device's programs publish to.
const MEASURES: &str = "measures";

pub(crate) fn measures_topic(settings: &Settings, device: &DeviceRecord) -> String {
    format!("{}/{MEASURES}", settings.branch(device))
}

/// All that one device is handed, before it is shown, sealed or packed.
pub(crate) struct Handed {
    pub address: String,
    pub port: u16,
    pub topic: String,
    pub files: Vec<kinds::File>,
    /// The address that sets up the app of a phone.
    pub app_link: Option<Secret>,
    /// Where a guest posts to.
    pub ingest: Option<Secret>,
    pub bundle: Vec<u8>,
    pub bundle_name: String,
}

/// The address that stands in the files of devices now.
pub(crate) fn address(site: &Site, settings: &Settings) -> String {
    site.engine().map_or(settings.address, |engine| engine.address()).to_string()
}

/// Takes processor time where a device has many files.
pub(crate) fn handed(
    site: &Site,
    settings: &Settings,
    record: &DeviceRecord,
    password: &Secret,
) -> Result<Handed, Error> {
    let address = address(site, settings);
    let topic = measures_topic(settings, record);
    let port = match settings.ports.mqtt {
        Some(port) if record.guest() => port,
        _ => settings.ports.mqtts,
    };
    let ingest = record.guest().then(|| IngestToken::of(password).url(&address, settings.ports.claim));
    let (files, app_link) =
        made(site, settings, record, password, &address, &topic, ingest.as_ref().map(Secret::expose))?;
    let bundle = if files.is_empty() { Vec::new() } else { kinds::bundle(&files)? };
    Ok(Handed { address, port, topic, files, app_link, ingest, bundle, bundle_name: format!("{}.zip", record.id) })
}

/// Seals all of it for whoever scans the code: only its token opens it.
pub(crate) fn sealed(
    site: &Site,
    settings: &Settings,
    record: &DeviceRecord,
    password: &Secret,
    handed: &Handed,
    token: &ClaimToken,
) -> Result<Vec<u8>, Error> {
    let content = json!({
        "v": 1,
        "device": record.id,
        "site": settings.name,
        "host": handed.address,
        "hosts": [&handed.address, &settings.host_name()],
        "port": handed.port,
        "user": record.id,
        "password": password.expose(),
        "topic": handed.topic,
        "ca_pem": site.trust_pem(),
        "check_code": site.authority.load().check_code(),
        "bundle_name": handed.bundle_name,
        "bundle_base64": STANDARD.encode(&handed.bundle),
        "files": handed.files.iter().map(|file| match std::str::from_utf8(&file.bytes) {
            Ok(text) if file.syntax != "binary" => json!({"name": file.name, "syntax": file.syntax, "text": text}),
            _ => json!({"name": file.name, "syntax": file.syntax, "base64": STANDARD.encode(&file.bytes)}),
        }).collect::<Vec<_>>(),
    });
    Ok(claim::seal(token, content.to_string().as_bytes())?)
}

/// Burns the claim of a printed card: its device works from now on, with the password that the
/// card brings.
pub(crate) async fn redeem_card(inner: &Inner, id: &str, now_ms: i64) -> Result<(String, Vec<u8>), Error> {
    // Whoever guesses does not get as far as the lock.
    inner.printed.find(id, now_ms)?;
    let _changing = inner.changing.lock().await;
    let card = inner.printed.find(id, now_ms)?;
    let site = inner.site()?;
    let record = site.settings.load().device(&card.device).cloned().map_err(|_| Error::ClaimUnknown)?;
    if record.revoked_ms.is_some() {
        return Err(Error::ClaimUnknown);
    }
    let (printed, claim) = (inner.printed.clone(), id.to_owned());
    let sealed = tokio::task::spawn_blocking(move || printed.sealed(&claim)).await??;
    // First the device, then the card: after a crash in between the card can be scanned again.
    site.change(inner, |settings| {
        let device = settings.devices.iter_mut().find(|device| device.id == card.device);
        let device = device.ok_or(Error::ClaimUnknown)?;
        device.awaits_claim = false;
        if let Some(next) = device.next_hashes.take() {
            device.hashes = next;
            device.ingest = device.next_ingest.take();
            device.issued_ms = now_ms;
        }
        Ok(())
    })
    .await?;
    inner.presence.pardon(&card.device);
    if record.next_hashes.is_some() {
        devices::disconnect(&site, &card.device, false).await;
    }
    let (printed, claim) = (inner.printed.clone(), id.to_owned());
    tokio::task::spawn_blocking(move || printed.burn(&claim)).await??;
    Ok((card.device, sealed))
}

impl Inner {
    pub async fn provision(
        &self,
        site: &Site,
        record: &DeviceRecord,
        password: &Secret,
    ) -> Result<ProvisionedDevice, Error> {
        let settings = site.settings.load_full();
        let handed = handed(site, &settings, record, password)?;
        let claim = match site.engine() {
            Some(_) if !record.simulated => Some(self.open_claim(site, &settings, record, password, &handed)?),
            _ => None,
        };
        let app_link = match &handed.app_link {
            Some(link) => Some(shown_link(link, None)?),
            None => self.offer_file(site, &settings, record, &handed)?,
        };
        let ingest_url = handed.ingest.as_ref().map(|url| ShownOnce::new(url.expose()));
        Ok(ProvisionedDevice {
            device: self.device(site, &record.id).await?,
            password: ShownOnce::new(if record.simulated { "" } else { password.expose() }),
            host_name: settings.host_name(),
            address: handed.address,
            port: handed.port,
            topic: handed.topic,
            files: handed.files.iter().filter_map(shown).collect(),
            bundle_base64: ShownOnce::new(STANDARD.encode(handed.bundle)),
            bundle_name: handed.bundle_name,
            claim,
            app_link,
            ingest_url,
        })
    }

    /// Where the app of a phone fetches its file, while the code is on the screen.
    fn offer_file(
        &self,
        site: &Site,
        settings: &Settings,
        record: &DeviceRecord,
        handed: &Handed,
    ) -> Result<Option<AppLink>, Error> {
        let fetch = kinds::find(&record.kind).and_then(|kind| kind.app_fetch.as_ref());
        let (Some(fetch), Some(_)) = (fetch, site.engine()) else { return Ok(None) };
        let Some(file) = handed.files.iter().find(|file| file.name == fetch.file) else { return Ok(None) };
        let token = ClaimToken::generate()?.id();
        let url = Secret::new(fetch.link(&handed.address, settings.ports.claim, &token));
        let until_ms = self.claims.add_file(token, &record.id, file.bytes.clone(), self.clock.now_ms());
        shown_link(&url, Some(until_ms)).map(Some)
    }

    /// Only the id of the token stays here.
    fn open_claim(
        &self,
        site: &Site,
        settings: &Settings,
        record: &DeviceRecord,
        password: &Secret,
        handed: &Handed,
    ) -> Result<Claim, Error> {
        let token = ClaimToken::generate()?;
        let sealed = sealed(site, settings, record, password, handed, &token)?;
        let url = token.url(&handed.address, settings.ports.claim);
        let svg = picture(&url)?;
        let expires_ms = self.claims.add(token.id(), &record.id, sealed, self.clock.now_ms());
        Ok(Claim {
            url: ShownOnce::new(url.expose()),
            qr_svg: ShownOnce::new(svg),
            check_code: site.authority.load().check_code(),
            expires_ms,
        })
    }
}

/// The code of an address. A page puts the picture into its own text, where no XML declaration may
/// stand.
fn picture(url: &Secret) -> Result<String, Error> {
    let svg = qr::svg(url.expose())?;
    Ok(svg.find("<svg").and_then(|start| svg.get(start..)).unwrap_or(&svg).to_owned())
}

fn shown_link(url: &Secret, until_ms: Option<i64>) -> Result<AppLink, Error> {
    Ok(AppLink { url: ShownOnce::new(url.expose()), qr_svg: ShownOnce::new(picture(url)?), until_ms })
}

/// The files of a device and the address that sets its app up.
fn made(
    site: &Site,
    settings: &Settings,
    record: &DeviceRecord,
    password: &Secret,
    address: &str,
    topic: &str,
    ingest: Option<&str>,
) -> Result<(Vec<kinds::File>, Option<Secret>), Error> {
    let kind = kinds::find(&record.kind).ok_or_else(|| Error::KindUnknown(record.kind.clone()))?;
    let (branch, authority) = (settings.branch(record), site.authority.load());
    let handout = Handout {
        device_id: &record.id,
        group: &record.group,
        site: &settings.name,
        site_slug: &settings.slug,
        host_name: &settings.host_name(),
        ip: address,
        port_mqtts: settings.ports.mqtts,
        port_wss: settings.ports.wss,
        claim_port: settings.ports.claim,
        port_mqtt: settings.ports.mqtt,
        ingest_url: ingest,
        password: password.expose(),
        branch: &branch,
        topic,
        command_filter: &format!("{branch}/commands/#"),
        ca_pem: &site.trust_pem(),
        ca_der: authority.cert_der(),
        ca_sha256: &authority.cert_sha256(),
        not_after: authority.not_after(),
        language: if record.language == "en" { Language::En } else { Language::Fr },
    };
    if !record.guest() {
        return Ok((kinds::files(kind, &handout), kinds::app_link(kind, &handout).map(Secret::new)));
    }
    let mut files = kinds::guest_files(kind, &handout);
    let main = files.is_empty();
    files.push(kinds::File { main, ..guest_file(settings, record, password, address, topic) });
    Ok((files, None))
}

/// A guest comes in by the plain door: it is told that one alone, whatever its kind.
fn guest_file(
    settings: &Settings,
    record: &DeviceRecord,
    password: &Secret,
    address: &str,
    topic: &str,
) -> kinds::File {
    let config = json!({
        "v": 1,
        "id": record.id,
        "site": settings.name,
        "host": address,
        "hosts": [address, settings.host_name()],
        "port_plain": settings.ports.mqtt,
        "user": record.id,
        "password": password.expose(),
        "client_id": record.id,
        "topic": topic,
        "ingest_url": IngestToken::of(password).url(address, settings.ports.claim).expose(),
    });
    kinds::File {
        name: "config.json".to_owned(),
        syntax: "json".to_owned(),
        bytes: format!("{config:#}\n").into_bytes(),
        blanks: Vec::new(),
        main: true,
    }
}

/// Bytes that are no text are in the bundle alone.
fn shown(file: &kinds::File) -> Option<DeviceFile> {
    if file.syntax == "binary" {
        return None;
    }
    Some(DeviceFile {
        name: file.name.clone(),
        syntax: file.syntax.clone(),
        text: ShownOnce::new(std::str::from_utf8(&file.bytes).ok()?),
        blanks: file.blanks.clone(),
        main: file.main,
    })
}
