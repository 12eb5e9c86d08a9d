//! Addresses that a spreadsheet on this computer reads again and again. Each shows one filter, can
//! do nothing else, ends by itself, and can be revoked at any time. Only a hash of it is kept.

mod sheet;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use identity::FeedToken;
use mqtt::Filter;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use wire::{CreateFeed, CreatedFeed, EventKind, Feed, FeedRef, FeedShows, Nothing, Problem, ShownOnce};

use crate::limits::{FEED_DAYS, FEEDS, FEEDS_AT_ONCE, SITE_NAME_CHARS};
use crate::settings::Settings;
use crate::site::Site;
use crate::{Appliance, Error, Inner};

/// Where a port is looked for.
const PORTS: std::ops::Range<u16> = 8490..8520;
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// What is kept of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedRecord {
    pub id: u32,
    pub name: String,
    pub filter: String,
    pub shows: FeedShows,
    pub sha256: String,
    pub created_ms: i64,
    pub until_ms: i64,
}

/// What is remembered of them while the site is open.
pub(crate) struct Feeds {
    read: Mutex<HashMap<u32, i64>>,
    door: watch::Sender<Option<SocketAddr>>,
    reading: Arc<Semaphore>,
}

impl Default for Feeds {
    fn default() -> Feeds {
        Feeds { read: Mutex::default(), door: watch::channel(None).0, reading: Arc::new(Semaphore::new(FEEDS_AT_ONCE)) }
    }
}

/// The notation that an address asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedForm {
    /// `;`, decimal comma.
    French,
    Plain,
}

impl Feeds {
    /// Open while there is an address that somebody may ask.
    pub fn follow(&self, settings: Option<&Settings>, now_ms: i64) {
        let asked = |settings: &&Settings| settings.feeds.iter().any(|feed| now_ms < feed.until_ms);
        let open = settings.filter(asked).and_then(|settings| settings.feed_port);
        let address = open.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        self.door.send_if_modified(|current| std::mem::replace(current, address) != address);
    }

    fn read_ms(&self, id: u32) -> Option<i64> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn mark(&self, id: u32, now_ms: i64) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(id, now_ms);
    }

    fn to_wire(&self, record: &FeedRecord) -> Feed {
        Feed {
            id: record.id,
            name: record.name.clone(),
            filter: record.filter.clone(),
            shows: record.shows,
            created_ms: record.created_ms,
            until_ms: record.until_ms,
            read_ms: self.read_ms(record.id),
        }
    }
}

impl Appliance {
    pub async fn feed_list(&self, _: Nothing) -> Result<Vec<Feed>, Problem> {
        let (inner, site) = (&self.inner, self.inner.site()?);
        let now_ms = inner.clock.now_ms();
        let settings = site.settings.load();
        let alive = settings.feeds.iter().filter(|feed| now_ms < feed.until_ms);
        Ok(alive.map(|feed| inner.feeds.to_wire(feed)).collect())
    }

    pub async fn feed_create(&self, request: CreateFeed) -> Result<CreatedFeed, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let name = request.name.trim().to_owned();
        if name.is_empty() {
            return Err(Error::NameEmpty { field: "name" }.into());
        }
        if name.chars().count() > SITE_NAME_CHARS || name.chars().any(char::is_control) {
            return Err(Error::NameInvalid { field: "name", offer: None }.into());
        }
        Filter::parse(request.filter.as_str()).map_err(|_| Error::Filter)?;
        if !(1..=FEED_DAYS).contains(&request.days) {
            return Err(Error::LimitOutside { field: "days", most: u64::from(FEED_DAYS) }.into());
        }
        let token = FeedToken::generate().map_err(Error::Identity)?;
        let now_ms = inner.clock.now_ms();
        let port = match site.settings.load().feed_port {
            Some(port) => port,
            None => free_port().ok_or(Error::FeedPort)?,
        };
        let record = site.change(inner, |settings| {
            settings.feeds.retain(|feed| now_ms < feed.until_ms);
            if settings.feeds.len() >= FEEDS {
                return Err(Error::LimitOutside { field: "name", most: FEEDS as u64 });
            }
            settings.next_feed += 1;
            let record = FeedRecord {
                id: settings.next_feed,
                name,
                filter: request.filter,
                shows: request.shows,
                sha256: token.sha256(),
                created_ms: now_ms,
                until_ms: now_ms + i64::from(request.days) * DAY_MS,
            };
            settings.feed_port = Some(port);
            settings.feeds.push(record.clone());
            Ok(record)
        });
        let record = record.await?;
        inner.feeds.follow(Some(&site.settings.load()), inner.clock.now_ms());
        inner.journal.tell(now_ms, EventKind::FeedCreated, None);
        let url = ShownOnce::new(token.url(Ipv4Addr::LOCALHOST, port).expose());
        Ok(CreatedFeed { feed: inner.feeds.to_wire(&record), url })
    }

    pub async fn feed_revoke(&self, request: FeedRef) -> Result<Nothing, Problem> {
        let inner = &self.inner;
        let _changing = inner.changing.lock().await;
        let site = inner.site()?;
        let changed = site.change(inner, |settings| {
            let before = settings.feeds.len();
            settings.feeds.retain(|feed| feed.id != request.id);
            if settings.feeds.len() == before { Err(Error::FeedUnknown) } else { Ok(()) }
        });
        changed.await?;
        inner.feeds.follow(Some(&site.settings.load()), inner.clock.now_ms());
        inner.journal.tell(inner.clock.now_ms(), EventKind::FeedRevoked, None);
        Ok(Nothing {})
    }

    /// `Some` while spreadsheets may ask: on loopback alone.
    pub fn feed_door(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.inner.feeds.door.subscribe()
    }

    /// The table behind an address, as CSV.
    pub async fn feed_table(&self, token: &str, form: FeedForm) -> Result<Vec<u8>, Problem> {
        let record = self.feed_of(token)?;
        Ok(sheet::table(&self.inner, record, form).await?)
    }

    /// One value behind an address, as a cell shows it: the newest, or that of one topic; its first
    /// number, or that of one field.
    pub async fn feed_value(
        &self,
        token: &str,
        form: FeedForm,
        topic: Option<String>,
        field: Option<String>,
    ) -> Result<String, Problem> {
        let record = self.feed_of(token)?;
        Ok(sheet::value(&self.inner, record, form, topic, field).await?)
    }

    fn feed_of(&self, token: &str) -> Result<FeedRecord, Error> {
        let site = self.inner.site().map_err(|_| Error::FeedUnknown)?;
        let hash = FeedToken::parse(token).ok_or(Error::FeedUnknown)?.sha256();
        let now_ms = self.inner.clock.now_ms();
        let settings = site.settings.load();
        let found = settings.feeds.iter().find(|feed| feed.sha256 == hash && now_ms < feed.until_ms);
        let record = found.cloned().ok_or(Error::FeedUnknown)?;
        self.inner.feeds.mark(record.id, now_ms);
        Ok(record)
    }
}

/// Whoever holds the lock on changes ends them all.
pub(crate) async fn revoke_all(inner: &Inner, site: &Site) -> Result<(), Error> {
    let changed = site.change(inner, |settings| {
        settings.feeds.clear();
        Ok(())
    });
    changed.await?;
    inner.feeds.follow(Some(&site.settings.load()), inner.clock.now_ms());
    Ok(())
}

impl Inner {
    /// A few at a time: a spreadsheet that asks every second must not slow the recorder down.
    pub(crate) async fn feed_turn(&self) -> Option<OwnedSemaphorePermit> {
        self.feeds.reading.clone().acquire_owned().await.ok()
    }
}

fn free_port() -> Option<u16> {
    PORTS.into_iter().find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}
