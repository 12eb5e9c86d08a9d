//! What is remembered of a client, for how long, and who may take it up again.

use broker::{ConnectFault, EventKind, Identity};
use bytes::Bytes;
use mqtt::*;

use crate::client::*;
use crate::site::{Hands, Site, builder};

fn lasting(version: Version, client_id: &str, secs: u32) -> Connect {
    let mut connect = Connect { clean_start: false, ..hello(version, client_id) };
    if version == Version::V5 {
        connect.properties.session_expiry_secs = Some(secs);
    }
    connect
}

fn named(name: &str, connect: Connect) -> Connect {
    Connect { user_name: Some(name.into()), password: Some(Bytes::from("right")), ..connect }
}

#[tokio::test]
async fn a_lasting_session_gets_what_came_while_it_was_away() {
    let mut site = Site::open().await;
    for version in [Version::V3_1_1, Version::V5] {
        let mut client = Client::connect(site.addr, lasting(version, "away", 60)).await;
        client.subscribe("t", QoS::AtLeastOnce).await;
        client.leave(Reason::Success).await;
        site.gone().await;
        let mut publisher = site.client("publisher").await;
        for n in 1..=20u16 {
            publisher.publish(publication("t", n.to_string(), QoS::AtLeastOnce, n)).await;
            assert!(!publisher.puback(n).await.is_error());
        }
        let (mut client, answer) = Client::try_connect(site.addr, lasting(version, "away", 60)).await;
        assert!(answer.session_present);
        for n in 1..=20 {
            assert_eq!(client.text().await, n.to_string());
        }
        drop((client, publisher));
        site.gone().await;
        let (_, answer) = Client::try_connect(site.addr, hello(version, "away")).await;
        assert!(!answer.session_present, "a clean start forgets");
        site.gone().await;
    }
}

#[tokio::test]
async fn a_session_ends_with_its_connection_unless_it_asked_to_stay() {
    let mut site = Site::open().await;
    for connect in [lasting(Version::V5, "c", 0), hello(Version::V3_1_1, "c")] {
        Client::connect(site.addr, connect).await.leave(Reason::Success).await;
        site.gone().await;
        assert!(site.handle.clients().await.is_empty());
    }
}

#[tokio::test]
async fn a_session_expires_when_its_time_is_over() {
    let hands = Hands::default();
    let mut site = Site::of(builder(Default::default()).clock(hands.clock())).await;
    Client::connect(site.addr, lasting(Version::V5, "away", 60)).await.leave(Reason::Success).await;
    site.gone().await;
    hands.forward_secs(59);
    let (client, answer) = Client::try_connect(site.addr, lasting(Version::V5, "away", 60)).await;
    assert!(answer.session_present);
    client.leave(Reason::Success).await;
    site.gone().await;
    hands.forward_secs(61);
    in_time("end of the session", async { while !site.handle.clients().await.is_empty() {} }).await;
}

#[tokio::test]
async fn a_goodbye_may_change_how_long_the_session_stays() {
    let mut site = Site::open().await;
    let mut client = Client::connect(site.addr, lasting(Version::V5, "c", 60)).await;
    let properties = DisconnectProperties { session_expiry_secs: Some(0), ..DisconnectProperties::default() };
    client.send(&Packet::Disconnect(Box::new(Disconnect { reason: Reason::Success, properties }))).await;
    assert_eq!(client.next().await, None);
    site.gone().await;
    assert!(site.handle.clients().await.is_empty());

    let mut client = Client::connect(site.addr, lasting(Version::V5, "c", 0)).await;
    let properties = DisconnectProperties { session_expiry_secs: Some(60), ..DisconnectProperties::default() };
    client.send(&Packet::Disconnect(Box::new(Disconnect { reason: Reason::Success, properties }))).await;
    client.expect_end(Reason::ProtocolError).await;
}

#[tokio::test]
async fn a_message_that_waited_too_long_is_not_delivered() {
    let hands = Hands::default();
    let mut site = Site::of(builder(Default::default()).clock(hands.clock())).await;
    let mut client = Client::connect(site.addr, lasting(Version::V5, "away", 600)).await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    client.leave(Reason::Success).await;
    site.gone().await;
    let mut publisher = site.client("publisher").await;
    for (id, secs) in [(1, 10), (2, 100)] {
        let mut publish = publication("t", secs.to_string(), QoS::AtLeastOnce, id);
        publish.properties.message_expiry_secs = Some(secs);
        publisher.publish(publish).await;
        publisher.puback(id).await;
    }
    hands.forward_secs(30);
    let mut client = Client::connect(site.addr, lasting(Version::V5, "away", 600)).await;
    let message = client.message().await;
    assert_eq!(message.payload, "100");
    assert_eq!(message.properties.message_expiry_secs, Some(70), "what is left is told");
}

#[tokio::test]
async fn the_newer_connection_takes_the_session_over() {
    let mut site = Site::open().await;
    for version in [Version::V3_1_1, Version::V5] {
        let mut old = Client::connect(site.addr, lasting(version, "twin", 60)).await;
        old.subscribe("t", QoS::AtLeastOnce).await;
        let (mut new, answer) = Client::try_connect(site.addr, lasting(version, "twin", 60)).await;
        assert!(answer.session_present);
        old.expect_end(Reason::SessionTakenOver).await;
        site.event("TakenOver", |kind| matches!(kind, EventKind::TakenOver { .. }).then_some(())).await;
        new.tell("t", "mine").await;
        assert_eq!(new.text().await, "mine");
        let (_, _) = Client::try_connect(site.addr, hello(version, "twin")).await;
    }
}

#[tokio::test]
async fn another_identity_cannot_take_a_session_over() {
    let mut site = Site::open().await;
    for version in [Version::V3_1_1, Version::V5] {
        let mut owner = Client::connect(site.addr, named("owner", hello(version, "id"))).await;
        owner.subscribe("t", QoS::AtMostOnce).await;
        for connect in [named("thief", hello(version, "id")), named("thief", lasting(version, "id", 60))] {
            let (mut thief, answer) = Client::try_connect(site.addr, connect).await;
            assert_eq!(answer.reason, Reason::ClientIdentifierNotValid);
            assert_eq!(thief.next().await, None);
            let cause = site.event("ConnectRefused", |kind| match kind {
                EventKind::ConnectRefused { fault, .. } => Some(fault.clone()),
                _ => None,
            });
            assert_eq!(cause.await, ConnectFault::ClientIdTaken { owner: Identity::new("owner") });
        }
        owner.say("t", "undisturbed").await;
        assert_eq!(owner.text().await, "undisturbed");
        owner.leave(Reason::Success).await;
        site.gone().await;
    }
}

#[tokio::test]
async fn a_client_without_an_id_is_given_one() {
    let site = Site::open().await;
    let (_first, one) = Client::try_connect(site.addr, hello(Version::V5, "")).await;
    let (_second, two) = Client::try_connect(site.addr, hello(Version::V5, "")).await;
    let (one, two) = (one.properties.assigned_client_id.unwrap(), two.properties.assigned_client_id.unwrap());
    assert!(!one.is_empty() && one != two);
    let (_third, answer) = Client::try_connect(site.addr, hello(Version::V3_1_1, "")).await;
    assert_eq!(answer.reason, Reason::Success);
    let (mut keeps, answer) = Client::try_connect(site.addr, lasting(Version::V3_1_1, "", 0)).await;
    assert_eq!(answer.reason, Reason::ClientIdentifierNotValid);
    assert_eq!(keeps.next().await, None);
}

#[tokio::test]
async fn a_silent_client_is_dropped_after_one_and_a_half_keep_alives() {
    let hands = Hands::default();
    let mut site = Site::of(builder(Default::default()).clock(hands.clock())).await;
    let mut forever = site.client("forever").await;
    let kept = Connect { keep_alive_secs: 10, will: Some(will("gone", "silent")), ..hello(Version::V5, "kept") };
    let mut client = Client::connect(site.addr, kept).await;
    forever.subscribe("gone", QoS::AtLeastOnce).await;
    hands.forward_secs(14);
    client.ping().await;
    hands.forward_secs(14);
    client.ping().await;
    hands.forward_secs(16);
    client.expect_end(Reason::KeepAliveTimeout).await;
    site.gone().await;
    assert_eq!(forever.text().await, "silent");
    hands.forward_secs(1_000_000);
    forever.ping().await;
}

#[tokio::test]
async fn a_will_is_sent_for_those_who_vanish_and_not_for_those_who_leave() {
    let mut site = Site::open().await;
    let mut watcher = site.client("watcher").await;
    watcher.subscribe("wills/#", QoS::AtLeastOnce).await;
    for version in [Version::V3_1_1, Version::V5] {
        let mortal = Connect { will: Some(will("wills/c", "vanished")), ..hello(version, "c") };
        Client::connect(site.addr, mortal.clone()).await.leave(Reason::Success).await;
        site.gone().await;
        drop(Client::connect(site.addr, mortal.clone()).await);
        assert_eq!(watcher.text().await, "vanished");
        site.gone().await;
        let mut broken = Client::connect(site.addr, mortal).await;
        broken.send_bytes(&[0xD0, 0]).await;
        assert_eq!(watcher.text().await, "vanished");
        site.gone().await;
    }
    let mortal = Connect { will: Some(will("wills/c", "asked for")), ..hello(Version::V5, "c") };
    Client::connect(site.addr, mortal).await.leave(Reason::DisconnectWithWill).await;
    assert_eq!(watcher.text().await, "asked for");
}

#[tokio::test]
async fn a_delayed_will_waits_and_is_called_off_by_a_return() {
    let hands = Hands::default();
    let mut site = Site::of(builder(Default::default()).clock(hands.clock())).await;
    let mut watcher = site.client("watcher").await;
    watcher.subscribe("wills/#", QoS::AtLeastOnce).await;
    let mut mortal = lasting(Version::V5, "c", 600);
    let mut last = will("wills/c", "gone for long");
    last.properties.delay_secs = Some(60);
    mortal.will = Some(last);
    drop(Client::connect(site.addr, mortal.clone()).await);
    site.gone().await;
    hands.forward_secs(30);
    drop(Client::connect(site.addr, mortal).await);
    site.gone().await;
    hands.forward_secs(59);
    watcher.tell("wills/mark", "not yet").await;
    assert_eq!(watcher.text().await, "not yet");
    hands.forward_secs(2);
    assert_eq!(watcher.text().await, "gone for long");
}

#[tokio::test]
async fn a_delayed_will_is_sent_when_the_session_ends_early() {
    let mut site = Site::open().await;
    let mut watcher = site.client("watcher").await;
    watcher.subscribe("wills/#", QoS::AtLeastOnce).await;
    let mut mortal = lasting(Version::V5, "c", 600);
    let mut last = will("wills/c", "session over");
    last.properties.delay_secs = Some(300);
    mortal.will = Some(last);
    drop(Client::connect(site.addr, mortal).await);
    site.gone().await;
    // 5.0 §3.1.2.5: a clean start ends the old session, and with it the wait.
    let _fresh = site.client("c").await;
    watcher.tell("wills/mark", "after").await;
    assert_eq!(watcher.text().await, "session over");
}
