//! The live view: the tap flows into the tree in a task of its own, and pages ask for frames.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::{BrokerHandle, Clock, Message, Origin};
use live::{Bounds, Seen, Tree, View};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;
use wire::{LiveView, Problem};

use crate::limits::{LIVE_OPEN, LIVE_PAUSE_MS, LIVE_ROWS, LIVE_WAIT_MS, SEARCH_CHARS};
use crate::presence::Presence;
use crate::rights::proof::is_trial;
use crate::{Appliance, Error};

/// Publications are taken in bundles: a viewer cannot tell, and the broker keeps the processor.
const BUNDLE_PAUSE: Duration = Duration::from_millis(20);
const BUNDLE: usize = 4096;
/// Messages that the tree takes before it lets whoever waits for the processor pass: about 20 µs.
const STRIDE: usize = 16;
/// Rows of other branches moved, those of the view did not: its totals still show.
const TOTALS_PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Live {
    tree: Mutex<Tree>,
    version: watch::Sender<u64>,
    clock: Clock,
}

/// Asks the task that feeds the tree to forget a branch, after all that was said before.
struct Forget {
    branch: String,
    done: oneshot::Sender<()>,
}

/// The way to the task that feeds the tree.
#[derive(Clone)]
pub(crate) struct Feed(mpsc::UnboundedSender<Forget>);

impl Feed {
    pub async fn forget(&self, branch: String) {
        let (done, forgotten) = oneshot::channel();
        if self.0.send(Forget { branch, done }).is_ok() {
            forgotten.await.ok();
        }
    }
}

impl Live {
    pub fn new(clock: Clock) -> Live {
        Live { tree: Mutex::new(Tree::new(Bounds::default())), version: watch::channel(0).0, clock }
    }

    pub fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies what was said before this process began, or what is retained.
    pub fn recall<'a>(&self, values: impl IntoIterator<Item = Seen<'a>>) {
        let mut tree = self.tree();
        for seen in values {
            tree.apply(&seen);
        }
        self.version.send_replace(tree.version());
    }

    pub fn tick(&self) {
        let mut tree = self.tree();
        tree.tick(self.clock.now_ms());
        self.version.send_replace(tree.version());
    }

    /// Feeds the tree until the broker stops.
    pub fn follow(self: &Arc<Live>, broker: &BrokerHandle, presence: Arc<Presence>) -> Feed {
        let (feed, mut asked) = mpsc::unbounded_channel::<Forget>();
        let mut tap = broker.tap();
        let live = self.clone();
        let feeding = async move {
            let mut bundle = Vec::new();
            loop {
                tokio::select! {
                    first = tap.recv() => match first {
                        Ok(message) => bundle.push(message),
                        Err(RecvError::Lagged(lost)) => tracing::info!(lost, "the live view lost publications"),
                        Err(RecvError::Closed) => break,
                    },
                    forget = asked.recv() => match forget {
                        Some(Forget { branch, done }) => {
                            while take(&mut tap, &mut bundle) {
                                live.apply(&mut bundle, &presence);
                            }
                            live.apply(&mut bundle, &presence);
                            live.forget(&branch);
                            done.send(()).ok();
                            continue;
                        }
                        None => break,
                    },
                }
                take(&mut tap, &mut bundle);
                live.apply(&mut bundle, &presence);
                tokio::time::sleep(BUNDLE_PAUSE).await;
            }
        };
        in_the_background(feeding);
        Feed(feed)
    }

    pub fn forget(&self, branch: &str) {
        let mut tree = self.tree();
        tree.forget_branch(branch);
        self.version.send_replace(tree.version());
    }

    fn apply(&self, bundle: &mut Vec<Arc<Message>>, presence: &Presence) {
        let mut tree = self.tree();
        for (at, message) in bundle.drain(..).enumerate() {
            if at % STRIDE == STRIDE - 1 {
                std::thread::yield_now();
            }
            let at_ms = message.at_us / 1000;
            if is_trial(&message) {
                continue;
            }
            let publisher = match &message.origin {
                Origin::Client { identity, .. } => {
                    presence.said(identity.as_str(), at_ms);
                    Some(identity.as_str())
                }
                Origin::Site => None,
            };
            tree.apply(&Seen {
                topic: message.topic.as_str(),
                payload: &message.payload,
                qos: message.qos as u8,
                retain: message.retain,
                at_ms,
                publisher,
            });
        }
        self.version.send_replace(tree.version());
    }

    /// The frame of a view, as soon as something in it changed.
    async fn frame(&self, mut view: View) -> Vec<u8> {
        // Another topic selected is another picture, even where nothing was said: the number of the
        // layout tells the one that the page drew.
        let selection = fingerprint(view.selected.as_deref());
        view.layout ^= selection;
        let view = &view;
        let asked = Instant::now();
        let deadline = asked + Duration::from_millis(LIVE_WAIT_MS);
        let mut version = self.version.subscribe();
        if view.since > 0 {
            tokio::time::sleep_until(asked + Duration::from_millis(LIVE_PAUSE_MS)).await;
        }
        loop {
            version.mark_unchanged();
            let mut frame = self.tree().frame(view, self.clock.now_ms());
            frame.layout ^= selection;
            let moved = frame.version != view.since;
            let shown = frame.whole || !frame.rows.is_empty();
            if shown || moved && asked.elapsed() >= TOTALS_PAUSE || Instant::now() >= deadline {
                return frame.encode();
            }
            let until = if moved { asked + TOTALS_PAUSE } else { deadline };
            if let Ok(Ok(())) = tokio::time::timeout_at(until, version.changed()).await {
                // Many small changes make one frame.
                tokio::time::sleep(Duration::from_millis(LIVE_PAUSE_MS / 2)).await;
            }
        }
    }
}

/// Runs on a thread of its own that gives way: where there is one processor for all, a bundle of
/// the tree must not make the broker's next message wait.
fn in_the_background(work: impl Future<Output = ()> + Send + 'static) {
    let started = tokio::runtime::Builder::new_current_thread().enable_time().build().and_then(|runtime| {
        std::thread::Builder::new().name("live".into()).spawn(move || {
            // On Linux alone this is a matter of one thread.
            #[cfg(target_os = "linux")]
            rustix::process::setpriority_process(None, 10).ok();
            runtime.block_on(work);
        })
    });
    if let Err(error) = started {
        tracing::error!(%error, "the live view has no thread");
    }
}

/// FNV-1a, as the layout itself is numbered.
fn fingerprint(text: Option<&str>) -> u32 {
    let hash = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    text.map_or(0, |text| text.as_bytes().iter().fold(0x811c_9dc5, hash))
}

/// Takes what the tap holds now; answers whether there may be more.
fn take(tap: &mut broadcast::Receiver<Arc<Message>>, bundle: &mut Vec<Arc<Message>>) -> bool {
    while bundle.len() < BUNDLE {
        match tap.try_recv() {
            Ok(message) => bundle.push(message),
            Err(TryRecvError::Lagged(lost)) => tracing::info!(lost, "the live view lost publications"),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return false,
        }
    }
    true
}

impl Appliance {
    /// One binary frame of what a page shows, when something in it changed: at most ten a second,
    /// and one after 25 s in any case.
    pub async fn live_frame(&self, view: LiveView) -> Result<Vec<u8>, Problem> {
        let view = parse(view)?;
        Ok(self.inner.live.frame(view).await)
    }
}

fn parse(view: LiveView) -> Result<View, Error> {
    let outside = |field, most: usize| Error::LimitOutside { field, most: most as u64 };
    if view.limit > LIVE_ROWS {
        return Err(outside("limit", LIVE_ROWS as usize));
    }
    if view.open.as_ref().is_some_and(|open| open.len() > LIVE_OPEN) {
        return Err(outside("open", LIVE_OPEN));
    }
    if view.search.chars().count() > SEARCH_CHARS {
        return Err(outside("search", SEARCH_CHARS));
    }
    if view.payload_search.chars().count() > SEARCH_CHARS {
        return Err(outside("payload_search", SEARCH_CHARS));
    }
    Ok(View {
        since: view.since,
        layout: view.layout,
        search: view.search,
        payload_search: view.payload_search,
        open: view.open.map(|open| open.into_iter().collect()),
        offset: view.offset as usize,
        limit: view.limit as usize,
        selected: view.selected,
    })
}
