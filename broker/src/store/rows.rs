//! The tables, and how words of MQTT become their columns.

use bytes::{Bytes, BytesMut};
use mqtt::{
    Limits, Packet, PublishProperties, QoS, RetainHandling, SubscribeOptions, Version, Will, WillProperties, codec,
};

use crate::{Message, Origin};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS retained(
  topic TEXT PRIMARY KEY, qos INTEGER NOT NULL, at_us INTEGER NOT NULL,
  packet BLOB NOT NULL /* the whole PUBLISH as MQTT 5.0 writes it */) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session(
  id INTEGER PRIMARY KEY, client_id TEXT NOT NULL UNIQUE, identity TEXT NOT NULL,
  version INTEGER NOT NULL /* protocol level: 3, 4, 5 */,
  expiry_secs INTEGER NOT NULL, away_since_ms INTEGER, left_seq INTEGER NOT NULL,
  will BLOB /* PUBLISH as MQTT 5.0 writes it */, will_delay_secs INTEGER, will_due_ms INTEGER);
CREATE TABLE IF NOT EXISTS subscription(
  session INTEGER NOT NULL, filter TEXT NOT NULL,
  options INTEGER NOT NULL /* as in SUBSCRIBE, MQTT 5.0 §3.8.3.1 */, subscription_id INTEGER,
  PRIMARY KEY(session, filter)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message(
  id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, packet BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS queue(
  session INTEGER NOT NULL, seq INTEGER NOT NULL, message INTEGER NOT NULL, qos INTEGER NOT NULL,
  retain INTEGER NOT NULL, released INTEGER NOT NULL,
  subscription_ids BLOB NOT NULL /* four bytes each, big-endian */,
  PRIMARY KEY(session, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS received(
  session INTEGER NOT NULL, packet_id INTEGER NOT NULL, PRIMARY KEY(session, packet_id)) WITHOUT ROWID;
PRAGMA user_version = 2;";

/// A message as the PUBLISH that carries it.
pub(super) fn packet_of(message: &Message) -> Option<BytesMut> {
    encoded(message.topic.as_str(), &message.payload, message.qos, message.retain, &message.properties)
}

fn encoded(topic: &str, payload: &[u8], qos: QoS, retain: bool, properties: &PublishProperties) -> Option<BytesMut> {
    let mut out = BytesMut::new();
    let packet_id = if qos == QoS::AtMostOnce { None } else { mqtt::PacketId::new(1) };
    let head = codec::PublishHead { dup: false, qos, retain, packet_id };
    codec::encode_publish(head, topic, payload, properties, Version::V5, &mut out).ok()?;
    Some(out)
}

pub(super) fn message_of(packet: Vec<u8>, at_us: i64) -> Result<Message, String> {
    match codec::decode(&Bytes::from(packet), Some(Version::V5), &Limits::NONE) {
        Ok(Packet::Publish(publish)) => {
            let topic = publish.topic.ok_or("a stored message without a topic")?;
            let (payload, qos, retain, properties) = (publish.payload, publish.qos, publish.retain, publish.properties);
            Ok(Message { topic, payload, qos, retain, properties, origin: Origin::Site, at_us })
        }
        Ok(_) => Err("a stored message is no PUBLISH".into()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn packet_of_will(will: &Will) -> Option<BytesMut> {
    let properties = will_as_publish(will.properties.clone());
    encoded(will.topic.as_str(), &will.payload, will.qos, will.retain, &properties)
}

pub(super) fn will_of(packet: Vec<u8>, delay_secs: Option<u32>) -> Result<Will, String> {
    let Message { topic, payload, qos, retain, properties, .. } = message_of(packet, 0)?;
    let properties = WillProperties {
        delay_secs,
        payload_is_utf8: properties.payload_is_utf8,
        message_expiry_secs: properties.message_expiry_secs,
        content_type: properties.content_type,
        response_topic: properties.response_topic,
        correlation_data: properties.correlation_data,
        user_properties: properties.user_properties,
    };
    Ok(Will { topic, payload, qos, retain, properties })
}

/// The properties that a will is published with (5.0 §3.1.3.2).
pub(crate) fn will_as_publish(will: WillProperties) -> PublishProperties {
    PublishProperties {
        payload_is_utf8: will.payload_is_utf8,
        message_expiry_secs: will.message_expiry_secs,
        response_topic: will.response_topic,
        correlation_data: will.correlation_data,
        content_type: will.content_type,
        user_properties: will.user_properties,
        ..PublishProperties::default()
    }
}

pub(super) fn qos_of(number: u8) -> Result<QoS, String> {
    match number {
        0 => Ok(QoS::AtMostOnce),
        1 => Ok(QoS::AtLeastOnce),
        2 => Ok(QoS::ExactlyOnce),
        other => Err(format!("QoS {other}")),
    }
}

pub(super) fn options_byte(options: SubscribeOptions) -> u8 {
    options.qos as u8
        | u8::from(options.no_local) << 2
        | u8::from(options.retain_as_published) << 3
        | (options.retain_handling as u8) << 4
}

pub(super) fn options_of(byte: u8) -> Result<SubscribeOptions, String> {
    let retain_handling = match byte >> 4 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        other => return Err(format!("retain handling {other}")),
    };
    let qos = qos_of(byte & 3)?;
    Ok(SubscribeOptions { qos, no_local: byte & 4 != 0, retain_as_published: byte & 8 != 0, retain_handling })
}

pub(super) fn ids_blob(ids: &[u32]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_be_bytes()).collect()
}

pub(super) fn ids_of(blob: &[u8]) -> Vec<u32> {
    blob.chunks_exact(4).filter_map(|four| Some(u32::from_be_bytes(four.try_into().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use mqtt::Topic;

    #[test]
    fn subscription_options_come_back_from_their_byte() {
        for byte in 0..=0x2f_u8 {
            match options_of(byte) {
                Ok(options) => assert_eq!(options_byte(options), byte),
                Err(_) => assert_eq!(byte & 3, 3),
            }
        }
    }

    #[test]
    fn a_will_comes_back_whole() {
        let properties = WillProperties {
            delay_secs: Some(30),
            payload_is_utf8: Some(true),
            message_expiry_secs: Some(7),
            content_type: Some("text/plain".into()),
            response_topic: Some(Topic::parse("a/b").unwrap()),
            correlation_data: Some(Bytes::from_static(b"\x00\x01")),
            user_properties: vec![("k".into(), "v".into()), ("k".into(), "w".into())],
        };
        let topic = Topic::parse("last/word").unwrap();
        let will = Will { topic, payload: Bytes::from_static(b"x"), qos: QoS::ExactlyOnce, retain: true, properties };
        let packet = packet_of_will(&will).unwrap().to_vec();
        assert_eq!(will_of(packet, Some(30)).unwrap(), will);
    }

    #[test]
    fn subscription_identifiers_come_back_in_order() {
        assert_eq!(ids_of(&ids_blob(&[1, 268_435_455, 7])), [1, 268_435_455, 7]);
    }
}
