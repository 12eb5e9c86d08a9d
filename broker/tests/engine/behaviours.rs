//! What every MQTT broker must get right, and some did not when they were probed.

use bytes::Bytes;
use mqtt::*;

use crate::client::*;
use crate::site::Site;

const BOTH: [Version; 2] = [Version::V3_1_1, Version::V5];

async fn subscriber(site: &Site, version: Version, filter: &str, qos: QoS) -> Client {
    let mut client = Client::connect(site.addr, hello(version, "subscriber")).await;
    assert!(!client.subscribe(filter, qos).await.is_error());
    client
}

#[tokio::test]
async fn every_version_connects_on_one_port_with_keep_alive_off() {
    let site = Site::open().await;
    for version in [Version::V3_1, Version::V3_1_1, Version::V5] {
        let mut client = Client::connect(site.addr, hello(version, "c")).await;
        client.ping().await;
        client.leave(Reason::Success).await;
    }
}

#[tokio::test]
async fn a_client_id_may_hold_any_character() {
    let site = Site::open().await;
    for id in ["a/b", "a\\b", "+", "#", "$x", "é", "a b"] {
        for version in BOTH {
            Client::connect(site.addr, hello(version, id)).await.ping().await;
        }
    }
}

#[tokio::test]
async fn the_qos_of_a_delivery_is_the_lower_of_both() {
    const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    let site = Site::open().await;
    for version in BOTH {
        for granted in ALL {
            let mut subscriber = subscriber(&site, version, "t", granted).await;
            for published in ALL {
                let mut publisher = site.client("publisher").await;
                publisher.publish(publication("t", "x", published, 5)).await;
                assert_eq!(subscriber.message().await.qos, granted.min(published), "{granted:?} {published:?}");
            }
        }
    }
}

#[tokio::test]
async fn qos_0_data_flows_to_a_qos_1_subscriber_that_acknowledges_nothing() {
    let site = Site::open().await;
    let mut subscriber = subscriber(&site, Version::V3_1_1, "t", QoS::AtLeastOnce).await;
    let mut publisher = site.client("publisher").await;
    for n in 0..200 {
        publisher.publish(publication("t", n.to_string(), QoS::AtMostOnce, 0)).await;
    }
    for n in 0..200 {
        assert_eq!(subscriber.unacknowledged().await.payload, n.to_string());
    }
}

#[tokio::test]
async fn unsubscribe_of_an_unknown_filter_is_answered() {
    let site = Site::open().await;
    assert_eq!(site.client("new").await.unsubscribe("never/was").await, [Reason::NoSubscriptionExisted]);
    assert_eq!(site.old_client("old").await.unsubscribe("never/was").await, []);
}

#[tokio::test]
async fn an_unsubscribed_filter_delivers_nothing_more() {
    let site = Site::open().await;
    let mut client = site.client("c").await;
    client.subscribe("a", QoS::AtMostOnce).await;
    client.subscribe("b", QoS::AtMostOnce).await;
    assert_eq!(client.unsubscribe("a").await, [Reason::Success]);
    client.say("a", "nothing").await;
    client.say("b", "after").await;
    assert_eq!(client.text().await, "after");
}

#[tokio::test]
async fn a_subscription_to_sys_keeps_the_connection() {
    let site = Site::open().await;
    let mut client = subscriber(&site, Version::V3_1_1, "$SYS/#", QoS::AtMostOnce).await;
    client.send(&Packet::PingReq).await;
    while client.receive().await != Packet::PingResp {}
}

#[tokio::test]
async fn a_wildcard_at_the_first_level_matches_no_dollar_topic() {
    let site = Site::open().await;
    let mut client = subscriber(&site, Version::V5, "#", QoS::AtMostOnce).await;
    client.subscribe("+/x", QoS::AtMostOnce).await;
    client.say("$own/x", "hidden").await;
    client.say("end", "after").await;
    assert_eq!(client.text().await, "after");
}

/// SUBSCRIBE to a filter that the types do not allow to exist.
fn subscribe_bytes(version: Version, filter: &str) -> Vec<u8> {
    let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let mut body = vec![0, 1];
    body.extend(properties);
    body.extend([0, u8::try_from(filter.len()).unwrap()]);
    body.extend(filter.as_bytes());
    body.push(0);
    let mut bytes = vec![0x82, u8::try_from(body.len()).unwrap()];
    bytes.extend(body);
    bytes
}

#[tokio::test]
async fn an_illegal_filter_is_never_granted() {
    let site = Site::open().await;
    for version in BOTH {
        for filter in ["a/#/b", "a/b#", "a+/b", "", "$share//a", "$share/g"] {
            let mut client = Client::connect(site.addr, hello(version, "c")).await;
            client.send_bytes(&subscribe_bytes(version, filter)).await;
            match client.next().await {
                Some(Packet::SubAck(answer)) => assert!(answer.reasons[0].is_error(), "{filter}"),
                Some(Packet::Disconnect(goodbye)) => assert!(goodbye.reason.is_error(), "{filter}"),
                None => {}
                other => panic!("{other:?} for {filter}"),
            }
        }
    }
}

#[tokio::test]
async fn a_publication_to_a_wildcard_ends_the_connection() {
    let site = Site::open().await;
    for version in BOTH {
        let mut client = Client::connect(site.addr, hello(version, "c")).await;
        let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
        let mut bytes = vec![0x30, 8 + u8::try_from(properties.len()).unwrap(), 0, 5];
        bytes.extend(b"a/+/b");
        bytes.extend(properties);
        bytes.push(b'x');
        client.send_bytes(&bytes).await;
        client.expect_end(Reason::TopicNameInvalid).await;
    }
}

#[tokio::test]
async fn a_retained_message_is_sent_again_on_each_subscription() {
    let site = Site::open().await;
    for version in BOTH {
        let mut client = Client::connect(site.addr, hello(version, "c")).await;
        client.retain("r", "kept").await;
        for _ in 0..2 {
            client.subscribe("r", QoS::AtLeastOnce).await;
            let message = client.message().await;
            assert!(message.retain);
            assert_eq!(message.payload, "kept");
        }
    }
}

#[tokio::test]
async fn only_an_empty_retained_publication_deletes() {
    let site = Site::open().await;
    let mut client = site.client("c").await;
    client.retain("r", "kept").await;
    client.say("r", "").await;
    client.ping().await;
    assert_eq!(site.retained_topics().await, ["r"]);
    client.retain("r", "").await;
    assert_eq!(site.retained_topics().await, [""; 0]);
}

#[tokio::test]
async fn acknowledgements_may_come_in_any_order() {
    let site = Site::open().await;
    for version in BOTH {
        let mut subscriber = subscriber(&site, version, "t", QoS::AtLeastOnce).await;
        let mut publisher = site.client("publisher").await;
        for _ in 0..3 {
            publisher.tell("t", "x").await;
        }
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.extend(subscriber.unacknowledged().await.packet_id);
        }
        for id in ids.iter().rev() {
            subscriber.send(&Packet::PubAck(ack(id.get()))).await;
        }
        publisher.tell("t", "after").await;
        assert_eq!(subscriber.text().await, "after");
    }
}

#[tokio::test]
async fn user_properties_pass_untouched_and_in_order() {
    let site = Site::open().await;
    let user = Connect {
        user_name: Some("serre-04".into()),
        password: Some(Bytes::from("right")),
        ..hello(Version::V5, "sender")
    };
    let mut subscriber = subscriber(&site, Version::V5, "t", QoS::AtMostOnce).await;
    let mut publisher = Client::connect(site.addr, user).await;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let properties = PublishProperties {
        payload_is_utf8: Some(true),
        response_topic: Some(topic("answer")),
        correlation_data: Some(Bytes::from_static(&[0, 255])),
        content_type: Some("text/plain".into()),
        user_properties: vec![pair("b", "1"), pair("a", "2"), pair("b", ""), pair("", "é")],
        ..PublishProperties::default()
    };
    let publish = Publish { properties: properties.clone(), ..publication("t", "x", QoS::AtMostOnce, 0) };
    publisher.publish(publish).await;
    assert_eq!(subscriber.message().await.properties, properties);
}

#[tokio::test]
async fn a_protocol_error_ends_that_one_connection_only() {
    let mut site = Site::open().await;
    let mut bystander = subscriber(&site, Version::V5, "t", QoS::AtMostOnce).await;
    // A CONNACK, which only a server may send, and then a second CONNECT: this once locked a broker up.
    let mut connack_then_connect = vec![0x20, 2, 0, 0];
    connack_then_connect.extend(connect_bytes());
    let attacks: [&[u8]; 8] = [
        &connack_then_connect,
        &connect_bytes(),
        &[0x90, 4, 0, 1, 0, 0],
        &[0xD0, 0],
        &[0xF0, 0],
        &[0x00, 0],
        &[0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        &[0x36, 5, 0, 1, b'a', 0, 1],
    ];
    for attack in attacks {
        let mut client = site.client("attacker").await;
        client.send_bytes(attack).await;
        let Packet::Disconnect(goodbye) = client.receive().await else { panic!("no DISCONNECT for {attack:?}") };
        assert!(goodbye.reason.is_error());
        assert_eq!(client.next().await, None);
        let told = site.event("ProtocolError", |kind| match kind {
            broker::EventKind::ProtocolError { reason, .. } => Some(*reason),
            _ => None,
        });
        assert_eq!(told.await, goodbye.reason, "{attack:?}");
    }
    site.client("publisher").await.say("t", "still here").await;
    assert_eq!(bystander.text().await, "still here");
    assert_eq!(site.handle.stats().panics, 0);
}

fn connect_bytes() -> Vec<u8> {
    let mut bytes = bytes::BytesMut::new();
    codec::encode(&Packet::Connect(Box::new(hello(Version::V5, "again"))), Version::V5, &mut bytes).unwrap();
    bytes.to_vec()
}

#[tokio::test]
async fn what_is_no_connect_is_no_client() {
    let mut site = Site::open().await;
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x30, 3, 0, 1, b'a'], &[0xC0, 0], &[0x10, 2, 0, 0]] {
        let mut client = Client::open(site.addr, Version::V3_1_1).await;
        client.send_bytes(bytes).await;
        assert_eq!(client.next().await, None);
        let refused = |kind: &broker::EventKind| {
            use broker::EventKind::{ConnectRefused, WrongProtocol};
            matches!(kind, ConnectRefused { .. } | WrongProtocol { .. }).then_some(())
        };
        site.event("a refusal", refused).await;
    }
    site.client("honest").await.ping().await;
}
