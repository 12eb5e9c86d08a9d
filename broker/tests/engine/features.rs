//! The parts of MQTT 5.0 that are not about a single delivery, and what the site itself can do.

use std::sync::Arc;

use broker::{Config, Effect, EventKind, Message, PublishError, Rights};
use bytes::Bytes;
use mqtt::*;

use crate::client::*;
use crate::site::{Site, builder, rule};

#[tokio::test]
async fn a_topic_alias_stands_for_its_topic() {
    let site = Site::open().await;
    let mut subscriber = site.client("subscriber").await;
    subscriber.subscribe("#", QoS::AtMostOnce).await;
    let (mut publisher, answer) = Client::try_connect(site.addr, hello(Version::V5, "publisher")).await;
    let offered = answer.properties.topic_alias_maximum.unwrap();
    let aliased = |name: Option<&str>, alias| {
        let mut publish = publication("x", "value", QoS::AtMostOnce, 0);
        publish.topic = name.map(topic);
        publish.properties.topic_alias = Some(alias);
        publish
    };
    for (name, alias) in [(Some("a"), 1), (Some("b"), offered), (None, 1), (None, offered), (Some("c"), 1), (None, 1)] {
        publisher.publish(aliased(name, alias)).await;
    }
    for expected in ["a", "b", "a", "b", "c", "c"] {
        let message = subscriber.message().await;
        assert_eq!((message.topic, message.properties.topic_alias), (Some(topic(expected)), None));
    }
    publisher.publish(aliased(Some("d"), offered + 1)).await;
    publisher.expect_end(Reason::TopicAliasInvalid).await;
    let mut stranger = site.client("stranger").await;
    stranger.publish(aliased(None, 1)).await;
    assert!(matches!(stranger.receive().await, Packet::Disconnect(_)), "an alias belongs to its connection");
}

#[tokio::test]
async fn overlapping_subscriptions_are_one_delivery_with_all_identifiers() {
    let site = Site::open().await;
    let mut client = site.client("c").await;
    let options = |qos| SubscribeOptions { qos, ..SubscribeOptions::default() };
    client.subscribe_with("a/#", options(QoS::AtMostOnce), Some(3)).await;
    client.subscribe_with("a/+", options(QoS::AtLeastOnce), Some(268_435_455)).await;
    client.subscribe_with("a/b", options(QoS::AtMostOnce), None).await;
    client.tell("a/b", "x").await;
    let message = client.message().await;
    assert_eq!(message.qos, QoS::AtLeastOnce);
    let mut ids = message.properties.subscription_ids;
    ids.sort_unstable();
    assert_eq!(ids, [3, 268_435_455]);
    client.tell("end", "x").await;
    client.ping().await;
}

#[tokio::test]
async fn no_local_keeps_a_clients_own_messages_from_it() {
    let site = Site::open().await;
    let mut client = site.client("c").await;
    let options = SubscribeOptions { no_local: true, ..SubscribeOptions::default() };
    client.subscribe_with("t", options, None).await;
    client.say("t", "own").await;
    site.client("other").await.say("t", "foreign").await;
    assert_eq!(client.text().await, "foreign");
}

#[tokio::test]
async fn the_retain_flag_is_kept_only_for_those_who_ask() {
    let site = Site::open().await;
    for kept in [false, true] {
        let mut client = site.client("c").await;
        let options = SubscribeOptions { retain_as_published: kept, ..SubscribeOptions::default() };
        client.subscribe_with("flag", options, None).await;
        site.client("publisher").await.retain("flag", "x").await;
        assert_eq!(client.message().await.retain, kept);
        site.client("publisher").await.retain("flag", "").await;
    }
}

#[tokio::test]
async fn retain_handling_decides_when_retained_messages_are_sent() {
    let site = Site::open().await;
    let mut client = site.client("c").await;
    client.retain("r", "kept").await;
    let mut subscribe = async |retain_handling| {
        client.subscribe_with("r", SubscribeOptions { retain_handling, ..SubscribeOptions::default() }, None).await;
        client.send(&Packet::PingReq).await;
        let mut sent = 0;
        while client.receive().await != Packet::PingResp {
            sent += 1;
        }
        sent
    };
    assert_eq!(subscribe(RetainHandling::DoNotSend).await, 0);
    assert_eq!(subscribe(RetainHandling::SendIfNew).await, 0, "the subscription is there already");
    assert_eq!(subscribe(RetainHandling::Send).await, 1);
    client.unsubscribe("r").await;
    let options = SubscribeOptions { retain_handling: RetainHandling::SendIfNew, ..SubscribeOptions::default() };
    client.subscribe_with("r", options, None).await;
    assert_eq!(client.text().await, "kept");
}

#[tokio::test]
async fn a_shared_subscription_hands_each_message_to_one_member() {
    let site = Site::open().await;
    let mut members = [site.client("m1").await, site.client("m2").await];
    for member in &mut members {
        assert_eq!(member.subscribe("$share/class/t", QoS::AtLeastOnce).await, Reason::GrantedQoS1);
    }
    let mut alone = site.client("alone").await;
    alone.subscribe("$share/other/t", QoS::AtLeastOnce).await;
    let mut publisher = site.client("publisher").await;
    for n in 1..=20u16 {
        publisher.publish(publication("t", n.to_string(), QoS::AtLeastOnce, n)).await;
        publisher.puback(n).await;
    }
    let mut got: Vec<u32> = Vec::new();
    for member in &mut members {
        for _ in 0..10 {
            got.push(member.text().await.parse().unwrap());
        }
        member.ping().await;
    }
    got.sort_unstable();
    assert_eq!(got, (1..=20).collect::<Vec<u32>>());
    for n in 1..=20 {
        assert_eq!(alone.text().await, n.to_string(), "another group gets its own copy");
    }
}

#[tokio::test]
async fn a_shared_subscription_gets_no_retained_messages() {
    let site = Site::open().await;
    let mut client = site.client("c").await;
    client.retain("r", "kept").await;
    client.subscribe("$share/class/r", QoS::AtMostOnce).await;
    client.ping().await;
    let options = SubscribeOptions { no_local: true, ..SubscribeOptions::default() };
    let subscribe = Subscribe {
        packet_id: packet_id(1),
        filters: vec![(Filter::parse("$share/class/x").unwrap(), options)],
        subscription_id: None,
        user_properties: Vec::new(),
    };
    client.send(&Packet::Subscribe(Box::new(subscribe))).await;
    client.expect_end(Reason::ProtocolError).await;
}

#[tokio::test]
async fn nobody_listening_is_told_to_those_who_can_hear_it() {
    let site = Site::open().await;
    assert_eq!(site.client("new").await.tell("nowhere", "x").await, Reason::NoMatchingSubscribers);
    assert_eq!(site.old_client("old").await.tell("nowhere", "x").await, Reason::Success);
}

#[tokio::test]
async fn the_site_itself_publishes() {
    let site = Site::open().await;
    let mut client = site.client("c").await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    site.handle.publish(Message::from_site(topic("t"), "from the site")).await.unwrap();
    assert_eq!(client.text().await, "from the site");
    let subscribers = site.handle.subscribers(&topic("t")).await;
    assert_eq!(subscribers, ["c"]);
}

#[tokio::test]
async fn the_tap_sees_every_accepted_publication_and_never_waits() {
    let site = Site::open().await;
    let mut tap = site.handle.tap();
    let _never_read = site.handle.tap();
    let mut client = site.client("c").await;
    for n in 1..=100u16 {
        client.publish(publication("t", n.to_string(), QoS::AtLeastOnce, n)).await;
        client.puback(n).await;
    }
    for n in 1..=100 {
        let message: Arc<Message> = tap.try_recv().unwrap();
        assert_eq!(message.payload, n.to_string());
    }
    assert_eq!(site.handle.stats().messages_in, 100);
}

#[tokio::test]
async fn a_kicked_client_is_told_and_its_will_stays_unsaid() {
    let mut site = Site::open().await;
    let mut watcher = site.client("watcher").await;
    watcher.subscribe("#", QoS::AtLeastOnce).await;
    let mut client =
        Client::connect(site.addr, Connect { will: Some(will("w", "kicked")), ..hello(Version::V5, "c") }).await;
    assert!(site.handle.kick("c", Reason::AdministrativeAction, false).await);
    client.expect_end(Reason::AdministrativeAction).await;
    site.event("Kicked", |kind| matches!(kind, EventKind::Kicked).then_some(())).await;
    site.gone().await;
    assert!(!site.handle.kick("c", Reason::AdministrativeAction, false).await);
    watcher.tell("after", "nothing before").await;
    assert_eq!(watcher.text().await, "nothing before");
}

#[tokio::test]
async fn a_kicked_identity_loses_all_its_connections_and_sessions() {
    let site = Site::open().await;
    let named = |id: &str| Connect {
        user_name: Some("serre".into()),
        password: Some(Bytes::from("right")),
        clean_start: false,
        ..hello(Version::V3_1_1, id)
    };
    let mut clients = [Client::connect(site.addr, named("a")).await, Client::connect(site.addr, named("b")).await];
    let mut other = site.client("other").await;
    let identity = broker::Identity::new("serre");
    assert_eq!(site.handle.kick_identity(&identity, Reason::NotAuthorized, true).await, 2);
    for client in &mut clients {
        client.expect_end(Reason::NotAuthorized).await;
    }
    other.ping().await;
    let left: Vec<String> = site.handle.clients().await.into_iter().map(|client| client.client_id).collect();
    assert_eq!(left, ["other"]);
    in_time("count of one", async {
        while site.handle.stats().connected != 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stopped_broker_has_told_its_clients_and_freed_its_port() {
    let site = Site::open().await;
    let mut client = site.client("new").await;
    let mut old = site.old_client("old").await;
    in_time("stop", site.handle.shutdown()).await;
    client.expect_end(Reason::ServerShuttingDown).await;
    old.expect_end(Reason::ServerShuttingDown).await;
    drop(std::net::TcpListener::bind(site.addr).expect("the port is free again"));
    let late = in_time("answer", site.handle.publish(Message::from_site(topic("t"), "late"))).await;
    assert_eq!(late, Err(PublishError::Stopped));
    in_time("second stop", site.handle.shutdown()).await;
}

#[tokio::test]
async fn a_client_that_takes_aliases_is_sent_each_topic_once() {
    let site = Site::open().await;
    let mut connect = hello(Version::V5, "reader");
    connect.properties.topic_alias_maximum = Some(1);
    let mut reader = Client::connect(site.addr, connect).await;
    reader.subscribe("#", QoS::AtMostOnce).await;
    let mut publisher = site.client("publisher").await;
    for topic in ["first", "second", "first", "second"] {
        publisher.say(topic, "x").await;
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        let message = reader.message().await;
        seen.push((message.topic.map(|topic| topic.to_string()), message.properties.topic_alias));
    }
    // One alias is all that it takes: the second topic is always sent in full.
    let full = |topic: &str, alias| (Some(topic.to_owned()), alias);
    assert_eq!(seen, [full("first", Some(1)), full("second", None), (None, Some(1)), full("second", None)]);
}

#[tokio::test]
async fn the_broker_tells_of_itself_to_those_who_may_hear_it() {
    let rights = Rights::default()
        .with_fallback(vec![rule(Effect::Allow, true, true, "#"), rule(Effect::Allow, false, true, "$SYS/#")]);
    let site = Site::of(builder(Config::default()).rights(rights)).await;
    let mut reader = site.client("reader").await;
    reader.subscribe("$SYS/broker/version", QoS::AtMostOnce).await;
    let version = reader.message().await;
    assert!(version.payload.starts_with(b"courtier "), "{version:?}");
    // Nobody but the broker speaks there.
    assert_eq!(reader.tell("$SYS/broker/version", "fake").await, Reason::NotAuthorized);
}

#[tokio::test]
async fn a_keep_alive_is_cut_to_the_limit_and_the_client_is_told() {
    let site = Site::of(builder(Config { max_keep_alive_secs: Some(60), ..Config::default() })).await;
    for (asked, told) in [(0, Some(60)), (61, Some(60)), (60, None), (5, None)] {
        let connect = Connect { keep_alive_secs: asked, ..hello(Version::V5, "c") };
        let (_client, answer) = Client::try_connect(site.addr, connect).await;
        assert_eq!(answer.properties.server_keep_alive_secs, told, "asked for {asked}");
    }
}

#[tokio::test]
async fn a_malformed_connect_of_5_0_is_answered_before_the_end() {
    let site = Site::open().await;
    // The reserved flag is set.
    for (flags, expected) in [(0x01, Some(Reason::MalformedPacket)), (0x02, Some(Reason::Success))] {
        let mut client = Client::open(site.addr, Version::V5).await;
        client.send_bytes(&[0x10, 14, 0, 4, b'M', b'Q', b'T', b'T', 5, flags, 0, 0, 0, 0, 1, b'c']).await;
        let answer = match client.receive().await {
            Packet::ConnAck(answer) => Some(answer.reason),
            _ => None,
        };
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_goodbye_for_a_fault_says_what_was_wrong() {
    let site = Site::open().await;
    let mut client = site.client("c").await;
    client.send_bytes(&[0x30, 4, 0, 1, b'+', 0]).await;
    match client.receive().await {
        Packet::Disconnect(goodbye) => {
            assert_eq!(goodbye.reason, Reason::TopicNameInvalid);
            assert!(goodbye.properties.reason_string.is_some_and(|why| why.contains("topic")));
        }
        other => panic!("{other:?}"),
    }
}
