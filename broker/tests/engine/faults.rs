//! A fault of ours ends one connection, is counted, and poisons nothing.

use std::sync::Arc;

use broker::*;
use mqtt::{QoS, Reason, Version};
use tokio::sync::mpsc;

use crate::client::*;
use crate::site::{Site, everything};

/// A door-keeper that breaks down at a name.
struct Fragile;

impl Authenticator for Fragile {
    fn authenticate(&self, info: ConnectInfo<'_>) -> BoxFuture<'static, AuthOutcome> {
        let breaks = info.user_name == Some("breaks");
        Box::pin(async move {
            assert!(!breaks, "this panic is part of the test");
            AuthOutcome::Accept(Identity::new("anyone"))
        })
    }
}

/// A keeper that breaks down at a topic.
struct Brittle;

impl Keeper for Brittle {
    fn offer(&mut self, message: &Arc<Message>) -> Offer {
        assert!(message.topic.as_str() != "breaks", "this panic is part of the test");
        Offer::NotMine
    }
}

async fn panicked(site: &mut Site) {
    site.event("Panicked", |kind| matches!(kind, EventKind::Panicked).then_some(())).await;
}

#[tokio::test]
async fn a_fault_of_ours_ends_one_connection_and_no_other() {
    // The second end is held: a keeper that is gone settles nothing.
    let (_settles, settled) = mpsc::unbounded_channel();
    let builder = Broker::builder(Config::default(), Arc::new(Fragile)).rights(everything());
    let mut site = Site::of(builder.keeper(Box::new(Brittle), settled)).await;
    let mut other = site.client("other").await;
    other.subscribe("#", QoS::AtLeastOnce).await;
    for n in 1..=3 {
        // In the middle of the core's work.
        let mut unlucky = site.client("unlucky").await;
        unlucky.publish(publication("breaks", "x", QoS::AtLeastOnce, 1)).await;
        assert_eq!(unlucky.next().await, None);
        panicked(&mut site).await;
        // At the door.
        let mut stranger = hello(Version::V5, "stranger");
        stranger.user_name = Some("breaks".into());
        let mut knocking = Client::open(site.addr, Version::V5).await;
        knocking.send(&mqtt::Packet::Connect(Box::new(stranger))).await;
        assert_eq!(knocking.next().await, None);
        panicked(&mut site).await;
        assert_eq!(site.handle.stats().panics, n * 2);
        // Everybody else is served, and the unlucky one may come back under its name.
        other.tell("fine", "still").await;
        assert_eq!(other.text().await, "still");
        assert_eq!(site.client("unlucky").await.tell("fine", "again").await, Reason::Success);
        assert_eq!(other.text().await, "again");
    }
    // A publication of the site itself that breaks the keeper must not take the broker with it.
    let broken = Message::from_site(topic("breaks"), "x");
    assert!(site.handle.publish(broken).await.is_err());
    panicked(&mut site).await;
    other.tell("fine", "last").await;
    assert_eq!(other.text().await, "last");
    site.handle.shutdown().await;
}
