//! SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK (5.0 §3.8 to §3.11).

use bytes::{BufMut, BytesMut};

use super::property::{self, Block, id};
use super::publish::{read_packet_id, read_subscription_id};
use super::read::{DecodeError, Reader};
use super::write::{EncodeError, put_packet, put_string};
use crate::limits::Limits;
use crate::packet::*;
use crate::property::*;
use crate::reason::Reason;
use crate::topic::Filter;

pub(super) fn read_subscribe(r: &mut Reader<'_>, version: Version, limits: &Limits) -> Result<Subscribe, DecodeError> {
    let packet_id = read_packet_id(r)?;
    let (mut subscription_id, mut user_properties) = (None, UserProperties::new());
    if version == Version::V5 {
        property::read(r, limits, &mut user_properties, |name, r| match name {
            id::SUBSCRIPTION_ID => {
                let value = read_subscription_id(r)?;
                property::once(&mut subscription_id, value, r)
            }
            _ => Ok(false),
        })?;
    }
    let mut filters = Vec::new();
    while !r.is_empty() {
        if filters.len() >= limits.max_filters {
            return Err(r.error(Reason::QuotaExceeded, "too many filters"));
        }
        let filter = read_filter(r)?;
        let options = read_options(r, version)?;
        if options.no_local && filter.share_group().is_some() {
            return Err(r.protocol("no local on a shared subscription"));
        }
        filters.push((filter, options));
    }
    if filters.is_empty() {
        return Err(r.protocol("SUBSCRIBE without a filter"));
    }
    Ok(Subscribe { packet_id, filters, subscription_id, user_properties })
}

fn read_filter(r: &mut Reader<'_>) -> Result<Filter, DecodeError> {
    let text = r.string()?;
    Filter::parse(text).map_err(|_| r.error(Reason::TopicFilterInvalid, "not a topic filter"))
}

fn read_options(r: &mut Reader<'_>, version: Version) -> Result<SubscribeOptions, DecodeError> {
    let byte = r.u8()?;
    let qos = QoS::from_code(byte & 3).ok_or_else(|| r.malformed("QoS 3"))?;
    if version != Version::V5 {
        if byte & 0xFC != 0 {
            return Err(r.malformed("reserved bits of a subscription are set"));
        }
        return Ok(SubscribeOptions { qos, ..SubscribeOptions::default() });
    }
    if byte & 0xC0 != 0 {
        return Err(r.malformed("reserved bits of a subscription are set"));
    }
    let retain_handling = match (byte >> 4) & 3 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return Err(r.protocol("retain handling 3")),
    };
    let (no_local, retain_as_published) = (byte & 4 != 0, byte & 8 != 0);
    Ok(SubscribeOptions { qos, no_local, retain_as_published, retain_handling })
}

pub(super) fn write_subscribe(s: &Subscribe, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let mut body = BytesMut::new();
    body.put_u16(s.packet_id.get());
    if version == Version::V5 {
        let mut block = Block::default();
        if let Some(subscription) = s.subscription_id {
            block.varint(id::SUBSCRIPTION_ID, subscription);
        }
        block.user(&s.user_properties)?;
        block.put(&mut body);
    }
    for (filter, options) in &s.filters {
        put_string(&mut body, filter.as_str())?;
        let mut byte = options.qos as u8;
        if version == Version::V5 {
            byte |= u8::from(options.no_local) << 2;
            byte |= u8::from(options.retain_as_published) << 3;
            byte |= (options.retain_handling as u8) << 4;
        }
        body.put_u8(byte);
    }
    put_packet(out, 0x82, &body)
}

pub(super) fn read_suback(
    r: &mut Reader<'_>,
    version: Version,
    limits: &Limits,
    unsubscribe: bool,
) -> Result<SubAck, DecodeError> {
    let packet_id = read_packet_id(r)?;
    let mut properties = ReasonProperties::default();
    if version == Version::V5 {
        properties = super::ack::read_reason_properties(r, limits)?;
    } else if unsubscribe {
        r.finish()?;
    }
    let mut reasons = Vec::new();
    while !r.is_empty() {
        let code = r.u8()?;
        let known = match (version, code) {
            (Version::V5, code) => Reason::from_code(code),
            (_, 0 | 1 | 2 | 0x80) => Reason::from_code(code),
            _ => None,
        };
        reasons.push(known.ok_or_else(|| r.malformed("an unknown reason code"))?);
    }
    Ok(SubAck { packet_id, reasons, properties })
}

pub(super) fn write_suback(
    s: &SubAck,
    version: Version,
    unsubscribe: bool,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let mut body = BytesMut::new();
    body.put_u16(s.packet_id.get());
    if version == Version::V5 {
        super::ack::reason_block(&s.properties)?.put(&mut body);
    }
    if version == Version::V5 || !unsubscribe {
        for reason in &s.reasons {
            let failure = version != Version::V5 && reason.is_error();
            body.put_u8(if failure { 0x80 } else { reason.code() });
        }
    }
    put_packet(out, if unsubscribe { 0xB0 } else { 0x90 }, &body)
}

pub(super) fn read_unsubscribe(
    r: &mut Reader<'_>,
    version: Version,
    limits: &Limits,
) -> Result<Unsubscribe, DecodeError> {
    let packet_id = read_packet_id(r)?;
    let mut user_properties = UserProperties::new();
    if version == Version::V5 {
        property::read(r, limits, &mut user_properties, |_, _| Ok(false))?;
    }
    let mut filters = Vec::new();
    while !r.is_empty() {
        if filters.len() >= limits.max_filters {
            return Err(r.error(Reason::QuotaExceeded, "too many filters"));
        }
        filters.push(read_filter(r)?);
    }
    if filters.is_empty() {
        return Err(r.protocol("UNSUBSCRIBE without a filter"));
    }
    Ok(Unsubscribe { packet_id, filters, user_properties })
}

pub(super) fn write_unsubscribe(u: &Unsubscribe, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let mut body = BytesMut::new();
    body.put_u16(u.packet_id.get());
    if version == Version::V5 {
        let mut block = Block::default();
        block.user(&u.user_properties)?;
        block.put(&mut body);
    }
    for filter in &u.filters {
        put_string(&mut body, filter.as_str())?;
    }
    put_packet(out, 0xA2, &body)
}
