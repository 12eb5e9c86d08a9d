//! What the standard forbids is refused, with the reason that a 5.0 server sends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use bytes::{Bytes, BytesMut};
use mqtt::limits::TABLE;
use mqtt::{Filter, Limits, Packet, Reason, Topic, Version, codec};

/// A packet from its first byte and its body.
fn frame(first: u8, body: &[u8]) -> Bytes {
    let mut bytes = vec![first];
    let mut len = body.len();
    loop {
        let low = (len & 0x7f) as u8;
        len >>= 7;
        if len == 0 {
            bytes.push(low);
            break;
        }
        bytes.push(low | 0x80);
    }
    bytes.extend_from_slice(body);
    bytes.into()
}

fn refused(version: Version, first: u8, body: &[u8]) -> Reason {
    let known = if first >> 4 == 1 { None } else { Some(version) };
    match codec::decode(&frame(first, body), known, &Limits::default()) {
        Ok(packet) => unreachable!("{body:?} was read as {packet:?}"),
        Err(error) => error.reason,
    }
}

#[test]
fn connect_is_read_strictly() {
    use Version::{V3_1_1, V5};
    let three = |flags: u8, rest: &[u8]| [b"\0\x04MQTT\x04".as_slice(), &[flags, 0, 60], rest].concat();
    let five = |flags: u8, rest: &[u8]| [b"\0\x04MQTT\x05".as_slice(), &[flags, 0, 60], rest].concat();
    assert_eq!(refused(V3_1_1, 0x10, &three(1, b"\0\x01a")), Reason::MalformedPacket, "reserved flag");
    assert_eq!(refused(V3_1_1, 0x10, &three(0x42, b"\0\x01a\0\x01p")), Reason::MalformedPacket, "password alone");
    assert_eq!(refused(V3_1_1, 0x10, &three(0x1A, b"\0\x01a")), Reason::MalformedPacket, "will QoS without a will");
    assert_eq!(refused(V3_1_1, 0x10, &three(0x1E, b"\0\x01a\0\x01t\0\x01p")), Reason::MalformedPacket, "will QoS 3");
    assert_eq!(refused(V3_1_1, 0x10, &three(2, b"\0\x01ab")), Reason::MalformedPacket, "bytes behind the end");
    assert_eq!(refused(V3_1_1, 0x10, &three(2, b"\0\x02\xc3\x28")), Reason::MalformedPacket, "not UTF-8");
    assert_eq!(refused(V3_1_1, 0x10, &three(2, b"\0\x01\0")), Reason::MalformedPacket, "U+0000");
    assert_eq!(refused(V3_1_1, 0x11, &three(2, b"\0\x01a")), Reason::MalformedPacket, "header flags");
    assert_eq!(refused(V3_1_1, 0x10, b"\0\x04MQTT\x06\x02\0\x3c\0\0\x01a"), Reason::UnsupportedProtocolVersion);
    assert_eq!(refused(V3_1_1, 0x10, b"\0\x04mqtt\x04\x02\0\x3c\0\x01a"), Reason::UnsupportedProtocolVersion);
    assert_eq!(refused(V5, 0x10, &five(2, b"\x03\x21\0\0\0\x01a")), Reason::ProtocolError, "receive maximum 0");
    assert_eq!(refused(V5, 0x10, &five(2, b"\x06\x21\0\x01\x21\0\x01\0\x01a")), Reason::ProtocolError, "twice");
    assert_eq!(refused(V5, 0x10, &five(2, b"\x02\x01\x01\0\x01a")), Reason::MalformedPacket, "foreign property");
    assert_eq!(refused(V5, 0x10, &five(2, b"\x05\x27\0\0\0\0\0\x01a")), Reason::ProtocolError, "packet size 0");
    assert_eq!(refused(V5, 0x10, &five(2, b"\x04\x16\0\x01x\0\x01a")), Reason::ProtocolError, "data without method");
}

#[test]
fn publish_and_subscribe_are_read_strictly() {
    use Version::{V3_1_1, V5};
    assert_eq!(refused(V3_1_1, 0x36, b"\0\x01a\0\x01"), Reason::MalformedPacket, "QoS 3");
    assert_eq!(refused(V3_1_1, 0x38, b"\0\x01a"), Reason::MalformedPacket, "DUP with QoS 0");
    assert_eq!(refused(V3_1_1, 0x32, b"\0\x01a\0\0"), Reason::ProtocolError, "packet identifier 0");
    assert_eq!(refused(V3_1_1, 0x30, b"\0\x03a/+"), Reason::TopicNameInvalid, "wildcard");
    assert_eq!(refused(V3_1_1, 0x30, b"\0\0"), Reason::TopicNameInvalid, "no topic");
    assert_eq!(refused(V5, 0x30, b"\0\0\0"), Reason::ProtocolError, "no topic and no alias");
    assert_eq!(refused(V5, 0x30, b"\0\x01a\x03\x23\0\0"), Reason::TopicAliasInvalid, "alias 0");
    assert_eq!(refused(V5, 0x30, b"\0\x01a\x06\x08\0\x03a/+"), Reason::ProtocolError, "wildcard in a response topic");
    assert_eq!(refused(V3_1_1, 0x80, b"\0\x01\0\x01a\0"), Reason::MalformedPacket, "header flags");
    assert_eq!(refused(V3_1_1, 0x82, b"\0\x01"), Reason::ProtocolError, "no filter");
    assert_eq!(refused(V3_1_1, 0x82, b"\0\x01\0\x05a/#/b\0"), Reason::TopicFilterInvalid);
    assert_eq!(refused(V3_1_1, 0x82, b"\0\x01\0\x01a\x03"), Reason::MalformedPacket, "QoS 3");
    assert_eq!(refused(V3_1_1, 0x82, b"\0\x01\0\x01a\x04"), Reason::MalformedPacket, "5.0 options");
    assert_eq!(refused(V5, 0x82, b"\0\x01\0\0\x01a\x30"), Reason::ProtocolError, "retain handling 3");
    assert_eq!(refused(V5, 0x82, b"\0\x01\x02\x0b\0\0\x01a\0"), Reason::ProtocolError, "subscription identifier 0");
    assert_eq!(refused(V5, 0x82, b"\0\x01\0\0\x0a$share/g/a\x04"), Reason::ProtocolError, "no local on a share");
    assert_eq!(refused(V3_1_1, 0xA2, b"\0\x01"), Reason::ProtocolError, "no filter");
    assert_eq!(refused(V5, 0x40, b"\0\x01\x8f"), Reason::MalformedPacket, "not a reason of PUBACK");
    assert_eq!(refused(V3_1_1, 0xF0, b""), Reason::MalformedPacket, "AUTH before 5.0");
    assert_eq!(refused(V3_1_1, 0xC0, b"x"), Reason::MalformedPacket, "PINGREQ with a body");
    assert_eq!(refused(V5, 0x00, b""), Reason::MalformedPacket, "type 0");
}

#[test]
fn before_connect_only_connect_is_legal() {
    let ping = codec::decode(&frame(0xC0, b""), None, &Limits::default());
    assert_eq!(ping.unwrap_err().reason, Reason::ProtocolError);
}

#[test]
fn a_remaining_length_is_as_short_as_it_can_be_and_within_the_limit() {
    let limits = Limits::default();
    assert_eq!(codec::frame_len(&[0x30, 0x80], &limits), Ok(None));
    assert_eq!(codec::frame_len(&[0x30, 0x80, 0x00], &limits).unwrap_err().reason, Reason::MalformedPacket);
    assert_eq!(codec::frame_len(&[0x30, 0x80, 0x80, 0x80, 0x80], &limits).unwrap_err().reason, Reason::MalformedPacket);
    assert_eq!(codec::frame_len(&[0x30, 0xff, 0xff, 0xff, 0x7f], &limits).unwrap_err().reason, Reason::PacketTooLarge);
}

#[test]
fn a_return_code_of_3_1_1_says_what_it_can() {
    for (reason, code) in [
        (Reason::Success, 0),
        (Reason::UnsupportedProtocolVersion, 1),
        (Reason::ClientIdentifierNotValid, 2),
        (Reason::ServerBusy, 3),
        (Reason::BadUserNameOrPassword, 4),
        (Reason::NotAuthorized, 5),
    ] {
        let properties = mqtt::ConnAckProperties::default();
        let ack = Packet::ConnAck(Box::new(mqtt::ConnAck { session_present: false, reason, properties }));
        let mut out = BytesMut::new();
        codec::encode(&ack, Version::V3_1_1, &mut out).unwrap();
        assert_eq!(out[..], [0x20, 2, 0, code]);
    }
}

/// Each limit of the table, met exactly and exceeded by one.
#[test]
fn every_limit_of_the_table_is_kept() {
    let limits = Limits::default();
    let decode = |first: u8, body: &[u8]| codec::decode(&frame(first, body), Some(Version::V5), &limits).map(|_| ());
    for limit in TABLE {
        let (fits, over) = match limit.name {
            "max_packet_bytes" => {
                let sized = |whole: usize| decode(0x30, &[b"\0\x01a\0".as_slice(), &vec![0; whole - 4 - 4]].concat());
                (sized(limit.value), sized(limit.value + 1))
            }
            "max_user_properties" => {
                let pairs = |count: usize| {
                    let block = b"\x26\0\0\0\0".repeat(count);
                    let len = frame(0, &block)[1..].to_vec();
                    decode(0x30, &[b"\0\x01a".as_slice(), &len].concat())
                };
                (pairs(limit.value), pairs(limit.value + 1))
            }
            "max_filters" => {
                let filters =
                    |count: usize| decode(0x82, &[b"\0\x01\0".as_slice(), &b"\0\x01a\0".repeat(count)].concat());
                (filters(limit.value), filters(limit.value + 1))
            }
            "max_topic_levels" => {
                let levels = |count: usize| {
                    let topic = "/".repeat(count - 1);
                    decode(0x30, &[&[0, topic.len() as u8], topic.as_bytes(), &[0]].concat())
                };
                (levels(limit.value), levels(limit.value + 1))
            }
            other => unreachable!("no check for the limit {other}"),
        };
        assert!(fits.is_ok(), "{}: {fits:?}", limit.name);
        assert!(over.is_err(), "{} is not kept", limit.name);
    }
}

#[test]
fn sixty_thousand_user_properties_are_refused_at_the_thirty_third() {
    let block = b"\x26\0\0\0\0".repeat(60_000);
    let body = [b"\0\x04MQTT\x05\x02\0\x3c".as_slice(), &frame(0, &block)[1..], b"\0\x01a"].concat();
    let error = codec::decode(&frame(0x10, &body), None, &Limits::default()).unwrap_err();
    assert_eq!(error.reason, Reason::QuotaExceeded);
    assert!(error.offset < 400, "stopped only at byte {}", error.offset);
}

/// Every filter of up to three levels over a small alphabet, with and without `#` at its end.
fn filters() -> Vec<Filter> {
    let alphabet = ["a", "b", "+", "", "$x"];
    let mut last: Vec<String> = alphabet.iter().map(ToString::to_string).collect();
    let mut all = last.clone();
    for _ in 0..2 {
        last = last.iter().flat_map(|filter| alphabet.map(|level| format!("{filter}/{level}"))).collect();
        all.extend(last.clone());
    }
    let open = all.iter().map(|filter| format!("{filter}/#")).chain(["#".to_owned()]);
    let open: Vec<String> = open.collect();
    all.into_iter().chain(open).filter_map(|filter| Filter::parse(filter).ok()).collect()
}

/// Every topic of up to four levels over a small alphabet.
fn topics() -> Vec<Topic> {
    let alphabet = ["a", "b", "", "$x", "zz"];
    let mut all: Vec<String> = alphabet.iter().map(ToString::to_string).collect();
    let mut last = all.clone();
    for _ in 0..3 {
        last = last.iter().flat_map(|topic| alphabet.map(|level| format!("{topic}/{level}"))).collect();
        all.extend(last.clone());
    }
    all.into_iter().filter_map(|topic| Topic::parse(topic).ok()).collect()
}

/// Inclusion is exactly "matches every topic that the other matches": brute force is the judge.
#[test]
fn inclusion_of_filters_is_inclusion_of_what_they_match() {
    let topics = topics();
    let filters = filters();
    let matched: Vec<Vec<bool>> =
        filters.iter().map(|filter| topics.iter().map(|topic| filter.matches(topic)).collect()).collect();
    let mut included = 0;
    for (outer, by_outer) in filters.iter().zip(&matched) {
        for (inner, by_inner) in filters.iter().zip(&matched) {
            let covered = by_inner.iter().zip(by_outer).all(|(inner, outer)| !inner || *outer);
            assert_eq!(outer.includes(inner), covered, "{outer} over {inner}");
            included += usize::from(covered);
        }
    }
    assert!(included > filters.len(), "each filter includes itself, and some include others");
}
