//! What many devices are handed at once: passwords, sealed claims, a sheet of cards, bundles.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::Secret;
use identity::claim::ClaimToken;
use identity::password::{self, PasswordHashes};
use wire::{HandedOut, SheetOptions, ShownOnce};

use super::paper;
use crate::printed::NewCard;
use crate::provision::{self, Handed};
use crate::settings::{DeviceRecord, Settings};
use crate::site::Site;
use crate::words::say;
use crate::{Error, Inner};

/// A device with the password that exists while its card is made.
pub(super) struct Fresh {
    pub record: DeviceRecord,
    pub password: Secret,
}

/// Made, and not yet true: nothing of it opens anything before the settings say so.
pub(super) struct Made {
    pub claims: Vec<NewCard>,
    pub expires_ms: i64,
    pdf: Vec<u8>,
    sheets: usize,
    bundles: Vec<u8>,
}

/// New passwords with their hashes, on as many threads as there are processors: more would only
/// take time from the broker.
pub(super) async fn passwords(count: usize) -> Result<Vec<(Secret, PasswordHashes)>, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(threads).max(1);
    let parts = (0..count).step_by(share).map(|start| share.min(count - start));
    let work: Vec<_> = parts
        .map(|part| {
            tokio::task::spawn_blocking(move || -> Result<Vec<_>, Error> {
                let fresh = || -> Result<_, Error> {
                    let password = password::generate()?;
                    let hashes = password::hash(&password)?;
                    Ok((password, hashes))
                };
                (0..part).map(|_| fresh()).collect()
            })
        })
        .collect();
    let mut all = Vec::with_capacity(count);
    for part in work {
        all.extend(part.await??);
    }
    Ok(all)
}

/// Draws, packs and seals everything for these devices.
pub(super) async fn make(
    site: &Arc<Site>,
    settings: Arc<Settings>,
    fresh: Vec<Fresh>,
    options: &SheetOptions,
    bundles: bool,
    expires_ms: i64,
) -> Result<Made, Error> {
    let (site, options) = (site.clone(), options.clone());
    tokio::task::spawn_blocking(move || {
        let mut made = Made { claims: Vec::new(), expires_ms, pdf: Vec::new(), sheets: 0, bundles: Vec::new() };
        let (mut cards, mut files) = (Vec::new(), Vec::new());
        for Fresh { record, password } in &fresh {
            let handed = provision::handed(&site, &settings, record, password)?;
            let token = ClaimToken::generate()?;
            let sealed = provision::sealed(&site, &settings, record, password, &handed, &token)?;
            made.claims.push(NewCard { id: token.id(), device: record.id.clone(), sealed });
            let url = token.url(&handed.address, settings.ports.claim);
            cards.push(paper::card(&settings, record, &handed, &url, password, &options, expires_ms));
            if bundles {
                files.extend(folder(record, handed));
            }
        }
        let sheet = paper::sheet(&settings, &provision::address(&site, &settings), &options, expires_ms);
        made.sheets = sheet.format.sheets(cards.len());
        made.pdf = sheets::pdf(&sheet, &cards)?;
        if bundles {
            files.push(paper::list(&settings, fresh.iter().map(|fresh| &fresh.record), &options.language));
            made.bundles = kinds::bundle(&files)?;
        }
        Ok(made)
    })
    .await?
}

/// The files of a device in a folder of its name.
fn folder(record: &DeviceRecord, handed: Handed) -> Vec<kinds::File> {
    let within = |file: kinds::File| kinds::File { name: format!("{}/{}", record.id, file.name), ..file };
    handed.files.into_iter().map(within).collect()
}

impl Inner {
    /// Keeps the claims of cards that were made; they open nothing yet.
    pub(super) async fn keep_cards(&self, claims: Vec<NewCard>, expires_ms: i64) -> Result<(), Error> {
        let printed = self.printed.clone();
        tokio::task::spawn_blocking(move || printed.add(claims, expires_ms)).await?
    }

    pub(super) async fn handed_out(
        &self,
        site: &Site,
        ids: &HashSet<String>,
        made: Made,
        options: &SheetOptions,
        reissued: Vec<String>,
    ) -> HandedOut {
        let slug = site.settings.load().slug.clone();
        let name = |key: &str| say(&options.language, key, &[("slug", &slug)]);
        HandedOut {
            devices: self.devices(site, |device| ids.contains(&device.id)).await,
            pdf_base64: ShownOnce::new(STANDARD.encode(made.pdf)),
            pdf_name: name("sheet_file"),
            sheets: u32::try_from(made.sheets).unwrap_or(u32::MAX),
            bundles_base64: ShownOnce::new(STANDARD.encode(made.bundles)),
            bundles_name: name("bundles_file"),
            expires_ms: made.expires_ms,
            reissued,
        }
    }
}
