//! Promises about single messages: once, at least once, exactly once.

use mqtt::*;

use crate::client::*;
use crate::site::Site;

#[tokio::test]
async fn qos_2_is_delivered_once_though_it_was_sent_twice() {
    let site = Site::open().await;
    for version in [Version::V3_1_1, Version::V5] {
        let mut subscriber = Client::connect(site.addr, hello(version, "subscriber")).await;
        subscriber.subscribe("t", QoS::ExactlyOnce).await;
        let mut publisher = Client::connect(site.addr, hello(version, "publisher")).await;
        let first = publication("t", "once", QoS::ExactlyOnce, 5);
        publisher.publish(first.clone()).await;
        assert_eq!(publisher.receive().await, Packet::PubRec(ack(5)));
        publisher.publish(Publish { dup: true, ..first.clone() }).await;
        assert_eq!(publisher.receive().await, Packet::PubRec(ack(5)));
        publisher.send(&Packet::PubRel(ack(5))).await;
        assert_eq!(publisher.receive().await, Packet::PubComp(ack(5)));
        publisher.publish(Publish { payload: "next".into(), ..first }).await;
        assert_eq!(publisher.receive().await, Packet::PubRec(ack(5)));
        assert_eq!(subscriber.text().await, "once");
        assert_eq!(subscriber.text().await, "next");
    }
}

#[tokio::test]
async fn qos_2_survives_a_lost_connection_of_the_publisher() {
    let mut site = Site::open().await;
    let mut subscriber = site.client("subscriber").await;
    subscriber.subscribe("t", QoS::ExactlyOnce).await;
    let session = Connect { clean_start: false, ..hello(Version::V3_1_1, "publisher") };
    let mut publisher = Client::connect(site.addr, session.clone()).await;
    let first = publication("t", "once", QoS::ExactlyOnce, 5);
    publisher.publish(first.clone()).await;
    assert_eq!(publisher.receive().await, Packet::PubRec(ack(5)));
    drop(publisher);
    site.gone().await;
    let (mut publisher, answer) = Client::try_connect(site.addr, session).await;
    assert!(answer.session_present);
    publisher.publish(Publish { dup: true, ..first }).await;
    assert_eq!(publisher.receive().await, Packet::PubRec(ack(5)));
    publisher.send(&Packet::PubRel(ack(5))).await;
    assert_eq!(publisher.receive().await, Packet::PubComp(ack(5)));
    publisher.tell("t", "after").await;
    assert_eq!(subscriber.text().await, "once");
    assert_eq!(subscriber.text().await, "after");
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_as_a_duplicate() {
    let mut site = Site::open().await;
    let session = Connect { clean_start: false, ..hello(Version::V3_1_1, "subscriber") };
    let mut subscriber = Client::connect(site.addr, session.clone()).await;
    subscriber.subscribe("t", QoS::ExactlyOnce).await;
    let mut publisher = site.client("publisher").await;
    publisher.tell("t", "one").await;
    publisher.publish(publication("t", "two", QoS::ExactlyOnce, 5)).await;
    publisher.publish(publication("t", "three", QoS::ExactlyOnce, 6)).await;
    let sent =
        [subscriber.unacknowledged().await, subscriber.unacknowledged().await, subscriber.unacknowledged().await];
    let ids = sent.each_ref().map(|each| each.packet_id.unwrap());
    subscriber.send(&Packet::PubRec(ack(ids[2].get()))).await;
    assert_eq!(subscriber.receive().await, Packet::PubRel(ack(ids[2].get())));
    drop(subscriber);
    site.gone().await;

    let (mut subscriber, answer) = Client::try_connect(site.addr, session).await;
    assert!(answer.session_present);
    // The third was received: only its release is repeated.
    assert_eq!(subscriber.receive().await, Packet::PubRel(ack(ids[2].get())));
    for original in &sent[..2] {
        let again = subscriber.unacknowledged().await;
        assert_eq!(again, Publish { dup: true, ..original.clone() });
    }
}

#[tokio::test]
async fn a_client_that_asks_for_one_at_a_time_gets_one_at_a_time() {
    let site = Site::open().await;
    let mut connect = hello(Version::V5, "subscriber");
    connect.properties.receive_maximum = Some(1);
    let mut subscriber = Client::connect(site.addr, connect).await;
    subscriber.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = site.client("publisher").await;
    for payload in ["one", "two", "three"] {
        publisher.tell("t", payload).await;
    }
    for payload in ["one", "two", "three"] {
        let message = subscriber.unacknowledged().await;
        assert_eq!(message.payload, payload);
        // Nothing is between the message and the answer to a ping.
        subscriber.ping().await;
        subscriber.send(&Packet::PubAck(ack(message.packet_id.unwrap().get()))).await;
    }
}

#[tokio::test]
async fn a_message_too_large_for_its_subscriber_blocks_no_other() {
    let site = Site::open().await;
    let mut connect = hello(Version::V5, "subscriber");
    connect.properties.receive_maximum = Some(1);
    connect.properties.maximum_packet_size = Some(100);
    let mut subscriber = Client::connect(site.addr, connect).await;
    subscriber.subscribe("t", QoS::AtLeastOnce).await;
    let mut publisher = site.client("publisher").await;
    publisher.publish(publication("t", vec![b'x'; 500], QoS::AtLeastOnce, 5)).await;
    publisher.puback(5).await;
    publisher.tell("t", "small").await;
    assert_eq!(subscriber.text().await, "small");
}

#[tokio::test]
async fn messages_of_one_publisher_keep_their_order() {
    let site = Site::open().await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let mut subscriber = site.client("subscriber").await;
        subscriber.subscribe("t", qos).await;
        let mut publisher = site.client("publisher").await;
        for n in 1..=200u16 {
            publisher.publish(publication("t", n.to_string(), qos, n)).await;
        }
        for n in 1..=200 {
            assert_eq!(subscriber.text().await, n.to_string(), "{qos:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_takes_more_than_it_was_offered_is_told() {
    let site = Site::open().await;
    let (mut client, answer) = Client::try_connect(site.addr, hello(Version::V5, "greedy")).await;
    let offered = answer.properties.receive_maximum.unwrap_or(u16::MAX);
    // QoS 2 without PUBREL stays unacknowledged.
    for id in 1..=offered {
        client.publish(publication("t", "x", QoS::ExactlyOnce, id)).await;
        assert!(matches!(client.receive().await, Packet::PubRec(_)));
    }
    client.publish(publication("t", "x", QoS::ExactlyOnce, offered + 1)).await;
    client.expect_end(Reason::ReceiveMaximumExceeded).await;
}
