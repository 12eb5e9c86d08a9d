//! PUBLISH (5.0 §3.3).

use bytes::{BufMut, BytesMut};

use super::property::{self, Block, id};
use super::read::{DecodeError, Reader};
use super::write::{EncodeError, put_header, put_string};
use crate::limits::Limits;
use crate::packet::*;
use crate::property::*;
use crate::reason::Reason;
use crate::topic::Topic;

pub(super) fn read_publish(
    r: &mut Reader<'_>,
    flags: u8,
    version: Version,
    limits: &Limits,
) -> Result<Publish, DecodeError> {
    let (dup, retain) = (flags & 8 != 0, flags & 1 != 0);
    let qos = QoS::from_code((flags >> 1) & 3).ok_or_else(|| r.malformed("QoS 3"))?;
    if dup && qos == QoS::AtMostOnce {
        return Err(r.malformed("DUP with QoS 0"));
    }
    let name = r.text()?;
    let topic = match name {
        "" if version == Version::V5 => None,
        name => Some(Topic::parse(name).map_err(|_| r.error(Reason::TopicNameInvalid, "not a topic name"))?),
    };
    let packet_id = if qos == QoS::AtMostOnce { None } else { Some(read_packet_id(r)?) };
    let mut p = PublishProperties::default();
    if version == Version::V5 {
        let mut user = UserProperties::new();
        property::read(r, limits, &mut user, |name, r| match name {
            id::PAYLOAD_FORMAT => property::flag(&mut p.payload_is_utf8, r),
            id::MESSAGE_EXPIRY => property::u32(&mut p.message_expiry_secs, r),
            id::TOPIC_ALIAS => match r.u16()? {
                0 => Err(r.error(Reason::TopicAliasInvalid, "the topic alias is 0")),
                alias => property::once(&mut p.topic_alias, alias, r),
            },
            id::RESPONSE_TOPIC => property::topic(&mut p.response_topic, r),
            id::CORRELATION_DATA => property::binary(&mut p.correlation_data, r),
            id::SUBSCRIPTION_ID => {
                let value = read_subscription_id(r)?;
                p.subscription_ids.push(value);
                Ok(p.subscription_ids.len() <= limits.max_filters)
            }
            id::CONTENT_TYPE => property::string(&mut p.content_type, r),
            _ => Ok(false),
        })?;
        p.user_properties = user;
        if topic.is_none() && p.topic_alias.is_none() {
            return Err(r.protocol("an empty topic name without a topic alias"));
        }
    }
    let payload = r.rest()?;
    Ok(Publish { dup, qos, retain, topic, packet_id, properties: p, payload })
}

pub(super) fn read_packet_id(r: &mut Reader<'_>) -> Result<PacketId, DecodeError> {
    PacketId::new(r.u16()?).ok_or_else(|| r.protocol("the packet identifier is 0"))
}

pub(super) fn read_subscription_id(r: &mut Reader<'_>) -> Result<u32, DecodeError> {
    match r.varint()? {
        0 => Err(r.protocol("the subscription identifier is 0")),
        value => Ok(value),
    }
}

/// The parts of a PUBLISH that differ between the subscribers of one publication.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublishHead {
    pub dup: bool,
    pub qos: QoS,
    pub retain: bool,
    /// Present exactly when `qos` is above 0.
    pub packet_id: Option<PacketId>,
}

/// Writes a PUBLISH from its parts: one encoding serves many subscribers. Returns where the two
/// bytes of the packet identifier stand in `out`, to be patched, when there is one. `topic` is
/// empty when an alias stands for it.
pub fn encode_publish(
    head: PublishHead,
    topic: &str,
    payload: &[u8],
    properties: &PublishProperties,
    version: Version,
    out: &mut BytesMut,
) -> Result<Option<usize>, EncodeError> {
    if head.packet_id.is_some() != (head.qos != QoS::AtMostOnce) {
        return Err(EncodeError::Incomplete("a PUBLISH has a packet identifier exactly when its QoS is above 0"));
    }
    let block = if version == Version::V5 { Some(block(properties)?) } else { None };
    let identifier = if head.packet_id.is_some() { 2 } else { 0 };
    let remaining = 2 + topic.len() + identifier + block.as_ref().map_or(0, Block::len) + payload.len();
    let flags = u8::from(head.dup) << 3 | (head.qos as u8) << 1 | u8::from(head.retain);
    put_header(out, 0x30 | flags, remaining)?;
    put_string(out, topic)?;
    let place = head.packet_id.map(|packet_id| {
        let at = out.len();
        out.put_u16(packet_id.get());
        at
    });
    if let Some(block) = block {
        block.put(out);
    }
    out.put_slice(payload);
    Ok(place)
}

fn block(p: &PublishProperties) -> Result<Block, EncodeError> {
    let mut block = Block::default();
    block.flag(id::PAYLOAD_FORMAT, p.payload_is_utf8);
    block.u32(id::MESSAGE_EXPIRY, p.message_expiry_secs);
    block.u16(id::TOPIC_ALIAS, p.topic_alias);
    block.string(id::RESPONSE_TOPIC, p.response_topic.as_ref().map(Topic::as_str))?;
    block.binary(id::CORRELATION_DATA, p.correlation_data.as_ref())?;
    for subscription in &p.subscription_ids {
        block.varint(id::SUBSCRIPTION_ID, *subscription);
    }
    block.string(id::CONTENT_TYPE, p.content_type.as_deref())?;
    block.user(&p.user_properties)?;
    Ok(block)
}

pub(super) fn write_publish(p: &Publish, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let topic = match &p.topic {
        Some(topic) => topic.as_str(),
        None if version == Version::V5 && p.properties.topic_alias.is_some() => "",
        None => return Err(EncodeError::Incomplete("a PUBLISH without a topic needs a topic alias")),
    };
    let head = PublishHead { dup: p.dup, qos: p.qos, retain: p.retain, packet_id: p.packet_id };
    encode_publish(head, topic, &p.payload, &p.properties, version, out).map(|_| ())
}
