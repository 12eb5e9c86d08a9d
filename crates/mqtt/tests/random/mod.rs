//! Random packets that the standard allows.
#![allow(dead_code, clippy::unwrap_used)]

use bytes::Bytes;
use mqtt::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Zé€🌱 /+#$]{0,12}"
}

fn level() -> impl Strategy<Value = String> {
    "[a-zé$ ]{0,5}"
}

fn topic() -> impl Strategy<Value = Topic> {
    vec(level(), 1..5).prop_filter_map("no topic", |levels| Topic::parse(levels.join("/")).ok())
}

fn filter() -> impl Strategy<Value = Filter> {
    let level = prop_oneof![4 => level(), 1 => Just("+".to_owned())];
    (vec(level, 1..5), any::<bool>(), any::<bool>()).prop_filter_map("no filter", |(mut levels, all, shared)| {
        if all {
            levels.push("#".into());
        }
        let text = levels.join("/");
        Filter::parse(if shared { format!("$share/group/{text}") } else { text }).ok()
    })
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

fn user() -> impl Strategy<Value = UserProperties> {
    vec((text(), text()), 0..4)
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![Just(QoS::AtMostOnce), Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]
}

fn id() -> impl Strategy<Value = PacketId> {
    (1u16..).prop_map(|id| PacketId::new(id).unwrap())
}

/// Values other than the default that an absent property stands for: no codec can tell those apart.
fn flag_not_default(default: bool) -> impl Strategy<Value = Option<bool>> {
    of(Just(!default))
}

fn will(five: bool) -> impl Strategy<Value = Will> {
    let properties = (of(1u32..), flag_not_default(false), of(1u32..), of(text()), of(topic()), of(bytes()), user())
        .prop_map(
            |(
                delay_secs,
                payload_is_utf8,
                message_expiry_secs,
                content_type,
                response_topic,
                correlation_data,
                user_properties,
            )| {
                WillProperties {
                    delay_secs,
                    payload_is_utf8,
                    message_expiry_secs,
                    content_type,
                    response_topic,
                    correlation_data,
                    user_properties,
                }
            },
        );
    (topic(), bytes(), qos(), any::<bool>(), properties).prop_map(move |(topic, payload, qos, retain, properties)| {
        Will { topic, payload, qos, retain, properties: if five { properties } else { WillProperties::default() } }
    })
}

fn connect(version: Version) -> impl Strategy<Value = Packet> {
    let five = version == Version::V5;
    let properties = (
        of(1u32..),
        of(1u16..65_535),
        of(1u32..),
        of(1u16..),
        flag_not_default(false),
        flag_not_default(true),
        of((text(), of(bytes()))),
        user(),
    )
        .prop_map(|(expiry, receive, size, alias, response, problem, auth, user_properties)| {
            let (authentication_method, authentication_data) = auth.unzip();
            ConnectProperties {
                session_expiry_secs: expiry,
                receive_maximum: receive,
                maximum_packet_size: size,
                topic_alias_maximum: alias,
                request_response_information: response,
                request_problem_information: problem,
                authentication_method,
                authentication_data: authentication_data.flatten(),
                user_properties,
            }
        });
    (any::<bool>(), any::<u16>(), "[a-z0-9]{1,20}", of(text()), of(bytes()), of(will(five)), properties).prop_map(
        move |(clean_start, keep_alive_secs, client_id, user_name, password, will, properties)| {
            // 3.1.1 §3.1.2.9: no password without a user name.
            let password = if five || user_name.is_some() { password } else { None };
            let properties = if five { properties } else { ConnectProperties::default() };
            let connect = Connect {
                version,
                bridge: false,
                clean_start,
                keep_alive_secs,
                client_id,
                user_name,
                password,
                will,
                properties,
            };
            Packet::Connect(Box::new(connect))
        },
    )
}

fn publish(version: Version) -> impl Strategy<Value = Packet> {
    let five = version == Version::V5;
    let properties = (
        flag_not_default(false),
        of(1u32..),
        of(1u16..),
        of(topic()),
        of(bytes()),
        vec(1u32..268_435_455, 0..3),
        of(text()),
        user(),
    )
        .prop_map(
            |(
                payload_is_utf8,
                expiry,
                alias,
                response_topic,
                correlation_data,
                subscription_ids,
                content_type,
                user,
            )| {
                PublishProperties {
                    payload_is_utf8,
                    message_expiry_secs: expiry,
                    topic_alias: alias,
                    response_topic,
                    correlation_data,
                    subscription_ids,
                    content_type,
                    user_properties: user,
                }
            },
        );
    (any::<bool>(), qos(), any::<bool>(), topic(), id(), properties, bytes()).prop_map(
        move |(dup, qos, retain, topic, id, properties, payload)| {
            let acknowledged = qos > QoS::AtMostOnce;
            Packet::Publish(Box::new(Publish {
                dup: dup && acknowledged,
                qos,
                retain,
                topic: Some(topic),
                packet_id: acknowledged.then_some(id),
                properties: if five { properties } else { PublishProperties::default() },
                payload,
            }))
        },
    )
}

fn ack(version: Version, reasons: &'static [Reason]) -> impl Strategy<Value = Ack> {
    let five = version == Version::V5;
    (id(), proptest::sample::select(reasons), of(text()), user()).prop_map(
        move |(packet_id, reason, reason_string, user)| {
            let properties = ReasonProperties { reason_string, user_properties: user };
            let some = five && properties != ReasonProperties::default();
            Ack {
                packet_id,
                reason: if five { reason } else { Reason::Success },
                properties: some.then(|| Box::new(properties)),
            }
        },
    )
}

fn subscribe(version: Version) -> impl Strategy<Value = Packet> {
    let five = version == Version::V5;
    let handling =
        prop_oneof![Just(RetainHandling::Send), Just(RetainHandling::SendIfNew), Just(RetainHandling::DoNotSend)];
    let options = (qos(), any::<bool>(), any::<bool>(), handling);
    (id(), vec((filter(), options), 1..5), of(1u32..268_435_455), user()).prop_map(
        move |(packet_id, filters, subscription, user)| {
            let filters = filters
                .into_iter()
                .map(|(filter, (qos, no_local, retain_as_published, retain_handling))| {
                    let no_local = no_local && filter.share_group().is_none();
                    let all = SubscribeOptions { qos, no_local, retain_as_published, retain_handling };
                    (filter, if five { all } else { SubscribeOptions { qos, ..SubscribeOptions::default() } })
                })
                .collect();
            let user_properties = if five { user } else { Vec::new() };
            let subscription_id = if five { subscription } else { None };
            Packet::Subscribe(Box::new(Subscribe { packet_id, filters, subscription_id, user_properties }))
        },
    )
}

fn suback(version: Version, reasons: &'static [Reason]) -> impl Strategy<Value = SubAck> {
    let five = version == Version::V5;
    (id(), vec(proptest::sample::select(reasons), 1..5), of(text()), user()).prop_map(
        move |(packet_id, reasons, text, user)| {
            let properties = ReasonProperties { reason_string: text, user_properties: user };
            SubAck { packet_id, reasons, properties: if five { properties } else { ReasonProperties::default() } }
        },
    )
}

const GRANTED: &[Reason] = &[Reason::Success, Reason::GrantedQoS1, Reason::GrantedQoS2];

/// Any packet of 3.1.1 or 5.0 that both sides of a connection may send.
pub fn packet(version: Version) -> BoxedStrategy<Packet> {
    let five = version == Version::V5;
    let received: &[Reason] =
        &[Reason::Success, Reason::NoMatchingSubscribers, Reason::NotAuthorized, Reason::QuotaExceeded];
    let released: &[Reason] = &[Reason::Success, Reason::PacketIdentifierNotFound];
    let left: &[Reason] = &[Reason::Success, Reason::NoSubscriptionExisted, Reason::NotAuthorized];
    let unsubscribe = (id(), vec(filter(), 1..5), user()).prop_map(move |(packet_id, filters, user)| {
        let user_properties = if five { user } else { Vec::new() };
        Packet::Unsubscribe(Box::new(Unsubscribe { packet_id, filters, user_properties }))
    });
    let unsuback = suback(version, left).prop_map(move |mut ack| {
        if !five {
            ack.reasons.clear();
        }
        Packet::UnsubAck(Box::new(ack))
    });
    prop_oneof![
        connect(version),
        publish(version),
        ack(version, received).prop_map(Packet::PubAck),
        ack(version, received).prop_map(Packet::PubRec),
        ack(version, released).prop_map(Packet::PubRel),
        ack(version, released).prop_map(Packet::PubComp),
        subscribe(version),
        suback(version, GRANTED).prop_map(|ack| Packet::SubAck(Box::new(ack))),
        unsubscribe,
        unsuback,
        Just(Packet::PingReq),
        Just(Packet::PingResp),
    ]
    .boxed()
}
