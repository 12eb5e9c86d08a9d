//! What happens at the HTTPS door of the room: a device trades a one-time token, the join code of a
//! class, or the certificate it has, for what it connects with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::claim::{self, ClaimToken};
use identity::{Certificate, Secret, SigningRequest, pkcs7, pkcs12};
use serde::{Deserialize, Serialize};
use wire::{DeviceRef, EventKind, IssuedCertificate, Problem, ShownOnce};

use crate::devices::new_password;
use crate::provision::measures_topic;
use crate::settings::{CertificateRecord, DeviceRecord, Made, Settings};
use crate::site::Site;
use crate::{Appliance, Error, Inner, names, rights};

/// The body of `POST /d/enroll`. No Debug: it holds the token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// Of the QR code or the card of one device.
    #[serde(default)]
    token: Option<String>,
    /// Or six digits for a class.
    #[serde(default)]
    code: Option<String>,
    /// With a code: the name that the board wants; else it gets the next of the class.
    #[serde(default)]
    name: Option<String>,
    /// PKCS#10 in PEM form: then it gets a certificate instead of a password.
    #[serde(default)]
    csr: Option<String>,
}

/// What a device is answered, once.
#[derive(Serialize)]
struct Enrolled<'a> {
    v: u8,
    id: &'a str,
    host: &'a str,
    hosts: [&'a str; 2],
    port: u16,
    user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert: Option<&'a str>,
    ca: &'a str,
    ca_sha256: &'a str,
    topic: &'a str,
    /// Seconds since 1970, for boards without a clock.
    time: i64,
}

impl Appliance {
    /// Answers the JSON that a device connects with.
    pub async fn enrol(&self, request: Enrol) -> Result<Vec<u8>, Problem> {
        let Enrol { token, code, name, csr } = request;
        let inner = &self.inner;
        let csr = csr.map(|csr| SigningRequest::parse(csr.as_bytes())).transpose().map_err(Error::Identity)?;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let (id, password) = match (token, code) {
            (Some(token), None) => inner.redeem(&site, &token, None, csr.is_some())?,
            (None, Some(code)) => inner.join(&site, &code, name, csr.is_some()).await?,
            _ => return Err(Error::EnrolWith.into()),
        };
        let certificate = match &csr {
            Some(csr) => Some(inner.certify(&site, &id, csr).await?),
            None => None,
        };
        Ok(inner.enrolled(&site, &id, &password, certificate.as_ref())?)
    }

    /// EST: the authorities that a device must trust, as base64 of PKCS#7.
    pub fn est_authorities(&self) -> Result<String, Problem> {
        let site = self.inner.site()?;
        let authorities = site.authorities();
        Ok(packed(authorities.iter().map(|authority| authority.cert_der())))
    }

    /// EST: a token and a request for a certificate.
    pub async fn est_enrol(&self, user: &str, token: &str, csr: &[u8]) -> Result<String, Problem> {
        let inner = &self.inner;
        let csr = SigningRequest::parse(csr).map_err(Error::Identity)?;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let (id, _) = inner.redeem(&site, token, Some(user), true)?;
        let certificate = inner.certify(&site, &id, &csr).await?;
        Ok(packed(certificate.chain.iter().map(AsRef::as_ref)))
    }

    /// EST: the next certificate of a device that showed the one it has in its handshake.
    pub async fn est_renew(&self, shown: &[u8], csr: &[u8]) -> Result<String, Problem> {
        let inner = &self.inner;
        let csr = SigningRequest::parse(csr).map_err(Error::Identity)?;
        let shown = Certificate::from_handshake(shown).map_err(Error::Identity)?;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        inner.enrolment.until(inner.clock.now_ms()).ok_or(Error::EnrolmentClosed)?;
        let id = {
            let settings = site.settings.load();
            let device = settings.device(shown.common_name().unwrap_or_default()).map_err(|_| Error::ClaimUnknown)?;
            // TLS let it in; a revocation of this very moment counts too.
            let counts = device.certificates.iter().any(|certificate| certificate.serial == shown.serial);
            if !counts || device.revoked_ms.is_some() {
                return Err(Error::ClaimUnknown.into());
            }
            device.id.clone()
        };
        let certificate = inner.certify(&site, &id, &csr).await?;
        Ok(packed(certificate.chain.iter().map(AsRef::as_ref)))
    }

    /// A certificate and its key for a device that cannot ask for one: shown once, kept nowhere.
    pub async fn device_certify(&self, request: DeviceRef) -> Result<IssuedCertificate, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        {
            let settings = site.settings.load();
            may_have_certificate(&settings, settings.device(&request.id)?)?;
        }
        let (certificate, key) =
            site.signer().issue_device(&request.id, inner.clock.now_ms()).map_err(Error::Identity)?;
        inner.note(&site, &request.id, &certificate).await?;
        let p12_password = identity::password::generate().map_err(Error::Identity)?;
        let (id, trust) = (request.id.clone(), site.trust_pem());
        let (of, under, with) = (certificate.clone(), p12_password.clone(), key.clone());
        // Three hundred thousand rounds: on a thread for such work.
        let p12 = tokio::task::spawn_blocking(move || pkcs12::pack(&id, &with, &of, &trust, &under));
        let p12 = STANDARD.encode(p12.await.map_err(Error::Thread)?.map_err(Error::Identity)?);
        Ok(IssuedCertificate {
            device: inner.device(&site, &request.id).await?,
            port: site.settings.load().ports.mtls,
            certificate_pem: certificate.pem.clone(),
            key_pem: ShownOnce::new(key.expose()),
            authority_pem: site.trust_pem(),
            p12: ShownOnce::new(p12),
            p12_password: ShownOnce::new(p12_password.expose()),
            until_ms: certificate.not_after,
        })
    }
}

fn packed<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> String {
    let text = STANDARD.encode(pkcs7::certificates_only(certificates));
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    lines.join("\n") + "\n"
}

/// Guests come in by the plain door, and simulated devices by themselves.
fn may_have_certificate(settings: &Settings, device: &DeviceRecord) -> Result<(), Error> {
    if device.guest() || device.simulated || device.revoked_ms.is_some() || settings.ports.mtls.is_none() {
        return Err(Error::NoCertificateFor { id: device.id.clone() });
    }
    Ok(())
}

impl Inner {
    /// Burns a token; the device it was for, and its password. What cannot succeed burns nothing.
    fn redeem(
        &self,
        site: &Site,
        token: &str,
        user: Option<&str>,
        certificate: bool,
    ) -> Result<(String, Secret), Error> {
        let now_ms = self.clock.now_ms();
        self.enrolment.until(now_ms).ok_or(Error::EnrolmentClosed)?;
        let token = ClaimToken::parse(token).map_err(|_| Error::ClaimUnknown)?;
        let device = self.claims.device(&token.id(), now_ms).ok_or(Error::ClaimUnknown)?;
        if user.is_some_and(|user| user != device) {
            return Err(Error::ClaimUnknown);
        }
        if certificate {
            let settings = site.settings.load();
            may_have_certificate(&settings, settings.device(&device)?)?;
        }
        let (device, sealed) = self.claims.redeem(&token.id(), now_ms)?;
        let opened = claim::open(&token, &sealed)?;
        let content: serde_json::Value = serde_json::from_slice(&opened).map_err(Error::Answer)?;
        let password = content.get("password").and_then(serde_json::Value::as_str).ok_or(Error::ClaimUnknown)?;
        self.journal.tell(now_ms, EventKind::Claimed, Some(&device));
        Ok((device, Secret::new(password)))
    }

    /// A board that knows the code of its class becomes a device of it, with the rights of any other.
    async fn join(
        &self,
        site: &Site,
        code: &str,
        name: Option<String>,
        certificate: bool,
    ) -> Result<(String, Secret), Error> {
        let now_ms = self.clock.now_ms();
        let settings = site.settings.load_full();
        let taken = |id: &str| settings.device(id).is_ok();
        if certificate && settings.ports.mtls.is_none() {
            return Err(Error::NoCertificateFor { id: name.unwrap_or_default() });
        }
        // A name that cannot be used costs no guess: it is told before the code is looked at.
        if let Some(name) = &name {
            names::device_id(name)?;
        }
        let group = self.enrolment.join(code, now_ms)?;
        let id = match name {
            Some(name) if taken(&name) => {
                return Err(Error::NameTaken { offer: names::next_free(&name, taken), id: name });
            }
            Some(name) => name,
            None => names::pseudonym(&group, taken).ok_or(Error::TooManyDevices)?,
        };
        let (password, hashes) = new_password().await?;
        let record = DeviceRecord::new(&id, &group, "other", hashes, Made { now_ms, address: settings.address });
        self.presence.forget(&id);
        self.journal.remember(&id);
        site.change(self, |settings| {
            rights::welcome(settings, record);
            Ok(())
        })
        .await?;
        self.enrolment.joined();
        self.journal.tell(now_ms, EventKind::DeviceCreated, Some(&id));
        self.journal.tell(now_ms, EventKind::Claimed, Some(&id));
        Ok((id, password))
    }

    async fn certify(&self, site: &Site, id: &str, csr: &SigningRequest) -> Result<Certificate, Error> {
        let certificate = site.signer().certify_device(id, csr, self.clock.now_ms())?;
        self.note(site, id, &certificate).await?;
        Ok(certificate)
    }

    /// From when this returns on, the certificate opens the door.
    async fn note(&self, site: &Site, id: &str, certificate: &Certificate) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        let record = CertificateRecord {
            serial: certificate.serial.clone(),
            by: site.signer().id4(),
            issued_ms: now_ms,
            until_ms: certificate.not_after,
        };
        site.change(self, |settings| {
            let device = settings.devices.iter_mut().find(|device| device.id == id);
            device.ok_or_else(|| Error::DeviceUnknown(id.to_owned()))?.certificates.push(record);
            Ok(())
        })
        .await?;
        self.journal.tell(now_ms, EventKind::CertificateIssued, Some(id));
        Ok(())
    }

    fn enrolled(
        &self,
        site: &Site,
        id: &str,
        password: &Secret,
        certificate: Option<&Certificate>,
    ) -> Result<Vec<u8>, Error> {
        let settings = site.settings.load_full();
        let device = settings.device(id)?;
        let address = site.engine().map_or(settings.address, |engine| engine.address()).to_string();
        let authority = site.authority.load();
        let port = match (certificate, settings.ports.mqtt) {
            (Some(_), _) => settings.ports.mtls.unwrap_or_default(),
            (None, Some(port)) if device.guest() => port,
            _ => settings.ports.mqtts,
        };
        let answer = Enrolled {
            v: 1,
            id,
            host: &address,
            hosts: [&address, &settings.host_name()],
            port,
            user: id,
            password: certificate.is_none().then(|| password.expose()),
            cert: certificate.map(|certificate| certificate.pem.as_str()),
            ca: &site.trust_pem(),
            ca_sha256: &authority.cert_sha256(),
            topic: &measures_topic(&settings, device),
            time: self.clock.now_ms() / 1_000,
        };
        serde_json::to_vec(&answer).map_err(Error::Answer)
    }
}
