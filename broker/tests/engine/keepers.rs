//! Nothing is acknowledged before those who must keep it have it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use broker::*;
use mqtt::{Packet, Publish, QoS, Version};
use tokio::sync::mpsc;

use crate::client::*;
use crate::site::{Site, builder};

/// A keeper that does what the test says, and settles when it says.
#[derive(Clone, Default)]
struct Shelf {
    offered: Arc<AtomicU64>,
    /// 0 keeps all but QoS 0, 1 is full, 2 wants nothing.
    mood: Arc<AtomicU8>,
}

impl Keeper for Shelf {
    fn offer(&mut self, message: &Arc<Message>) -> Offer {
        match self.mood.load(Ordering::SeqCst) {
            1 => Offer::Full,
            2 => Offer::NotMine,
            _ if message.qos == QoS::AtMostOnce => Offer::NotMine,
            _ => Offer::Ticket(self.offered.fetch_add(1, Ordering::SeqCst) + 1),
        }
    }
}

async fn shelved() -> (Site, Shelf, mpsc::UnboundedSender<Settled>) {
    let (shelf, (settled, results)) = (Shelf::default(), mpsc::unbounded_channel());
    let site = Site::of(builder(Config::default()).keeper(Box::new(shelf.clone()), results)).await;
    (site, shelf, settled)
}

#[tokio::test]
async fn no_acknowledgement_comes_before_the_keeper_has_settled() {
    let (site, _, settled) = shelved().await;
    let mut client = site.client("c").await;
    client.publish(publication("t", "one", QoS::AtLeastOnce, 1)).await;
    client.publish(publication("t", "two", QoS::ExactlyOnce, 2)).await;
    client.publish(publication("t", "three", QoS::AtLeastOnce, 3)).await;
    client.ping().await;
    settled.send(Settled { up_to: 1, stored: true }).unwrap();
    assert!(!client.puback(1).await.is_error());
    client.ping().await;
    settled.send(Settled { up_to: 3, stored: true }).unwrap();
    assert!(matches!(client.receive().await, Packet::PubRec(ack) if ack.packet_id == packet_id(2)));
    assert!(!client.puback(3).await.is_error());
}

#[tokio::test]
async fn qos_0_never_waits() {
    let (site, shelf, _settled) = shelved().await;
    let mut client = site.client("c").await;
    client.subscribe("t", QoS::AtMostOnce).await;
    client.say("t", "at once").await;
    assert_eq!(client.text().await, "at once");
    assert_eq!(shelf.offered.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_publication_that_a_full_keeper_refused_is_not_accepted() {
    let (site, shelf, settled) = shelved().await;
    let mut watcher = site.client("watcher").await;
    watcher.subscribe("#", QoS::AtMostOnce).await;
    let mut new = site.client("new").await;
    let mut old = site.old_client("old").await;
    shelf.mood.store(1, Ordering::SeqCst);
    assert_eq!(new.tell("t", "no").await, Reason::QuotaExceeded);
    new.publish(Publish { retain: true, ..publication("r", "no", QoS::AtLeastOnce, 4) }).await;
    assert_eq!(new.puback(4).await, Reason::QuotaExceeded);
    old.publish(publication("t", "no", QoS::AtLeastOnce, 5)).await;
    old.ping().await;
    assert_eq!(site.retained_topics().await, [""; 0], "what was refused is not retained either");
    shelf.mood.store(0, Ordering::SeqCst);
    // 3.1.1 was not answered: it sends the message again, and now it is taken.
    old.publish(Publish { dup: true, ..publication("t", "again", QoS::AtLeastOnce, 5) }).await;
    old.ping().await;
    settled.send(Settled { up_to: 1, stored: true }).unwrap();
    assert_eq!(old.puback(5).await, Reason::Success);
    assert_eq!(watcher.text().await, "again");
}

#[tokio::test]
async fn what_could_not_be_stored_is_not_acknowledged_as_stored() {
    let (site, _, settled) = shelved().await;
    let mut new = site.client("new").await;
    let mut old = Client::connect(site.addr, hello(Version::V3_1_1, "old")).await;
    new.publish(publication("t", "x", QoS::AtLeastOnce, 1)).await;
    new.ping().await;
    old.publish(publication("t", "x", QoS::AtLeastOnce, 2)).await;
    old.ping().await;
    settled.send(Settled { up_to: 2, stored: false }).unwrap();
    assert_eq!(new.puback(1).await, Reason::QuotaExceeded);
    old.publish(publication("t", "x", QoS::AtLeastOnce, 3)).await;
    old.ping().await;
    settled.send(Settled { up_to: 3, stored: true }).unwrap();
    assert_eq!(old.puback(3).await, Reason::Success);
}

#[tokio::test]
async fn an_acknowledgement_never_reaches_a_later_connection() {
    let (mut site, _, settled) = shelved().await;
    let lasting = mqtt::Connect { clean_start: false, ..hello(Version::V3_1_1, "c") };
    let mut client = Client::connect(site.addr, lasting.clone()).await;
    client.publish(publication("t", "x", QoS::AtLeastOnce, 1)).await;
    client.ping().await;
    drop(client);
    site.gone().await;
    let mut client = Client::connect(site.addr, lasting).await;
    settled.send(Settled { up_to: 1, stored: true }).unwrap();
    client.publish(publication("t", "y", QoS::AtLeastOnce, 2)).await;
    client.ping().await;
    settled.send(Settled { up_to: 2, stored: true }).unwrap();
    assert_eq!(client.puback(2).await, Reason::Success);
}

#[tokio::test]
async fn the_site_hears_whether_its_publication_was_stored() {
    let (site, shelf, settled) = shelved().await;
    let publish = || site.handle.publish(Message::from_site(topic("t"), "x"));
    for (ticket, stored, expected) in [(1, true, Ok(())), (2, false, Err(PublishError::NotStored))] {
        settled.send(Settled { up_to: ticket - 1, stored: true }).unwrap();
        let settle = async {
            in_time("offer", async {
                while shelf.offered.load(Ordering::SeqCst) < ticket {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            settled.send(Settled { up_to: ticket, stored }).unwrap();
        };
        let (answer, ()) = in_time("answer", async { tokio::join!(publish(), settle) }).await;
        assert_eq!(answer, expected);
    }
    shelf.mood.store(1, Ordering::SeqCst);
    assert_eq!(in_time("answer", publish()).await, Err(PublishError::NotStored));
    shelf.mood.store(2, Ordering::SeqCst);
    assert_eq!(in_time("answer", publish()).await, Ok(()));
}
