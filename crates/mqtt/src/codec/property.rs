//! Properties on the wire (5.0 §2.2.2): one loop that knows the identifiers, a closure that knows
//! which of them a packet may carry.

use bytes::{BufMut, Bytes, BytesMut};

use super::read::{DecodeError, Reader};
use super::write::{EncodeError, put_binary, put_string, put_varint, varint_len};
use crate::limits::Limits;
use crate::property::UserProperties;
use crate::topic::Topic;

pub(super) mod id {
    pub const PAYLOAD_FORMAT: u8 = 0x01;
    pub const MESSAGE_EXPIRY: u8 = 0x02;
    pub const CONTENT_TYPE: u8 = 0x03;
    pub const RESPONSE_TOPIC: u8 = 0x08;
    pub const CORRELATION_DATA: u8 = 0x09;
    pub const SUBSCRIPTION_ID: u8 = 0x0B;
    pub const SESSION_EXPIRY: u8 = 0x11;
    pub const ASSIGNED_CLIENT_ID: u8 = 0x12;
    pub const SERVER_KEEP_ALIVE: u8 = 0x13;
    pub const AUTH_METHOD: u8 = 0x15;
    pub const AUTH_DATA: u8 = 0x16;
    pub const REQUEST_PROBLEM: u8 = 0x17;
    pub const WILL_DELAY: u8 = 0x18;
    pub const REQUEST_RESPONSE: u8 = 0x19;
    pub const RESPONSE_INFORMATION: u8 = 0x1A;
    pub const SERVER_REFERENCE: u8 = 0x1C;
    pub const REASON_STRING: u8 = 0x1F;
    pub const RECEIVE_MAXIMUM: u8 = 0x21;
    pub const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    pub const TOPIC_ALIAS: u8 = 0x23;
    pub const MAXIMUM_QOS: u8 = 0x24;
    pub const RETAIN_AVAILABLE: u8 = 0x25;
    pub const USER_PROPERTY: u8 = 0x26;
    pub const MAXIMUM_PACKET_SIZE: u8 = 0x27;
    pub const WILDCARD_AVAILABLE: u8 = 0x28;
    pub const SUBSCRIPTION_IDS_AVAILABLE: u8 = 0x29;
    pub const SHARED_AVAILABLE: u8 = 0x2A;
}

/// Reads a property block. `each` gets every property but user properties, and answers whether
/// this packet may carry it.
pub(super) fn read(
    reader: &mut Reader<'_>,
    limits: &Limits,
    user: &mut UserProperties,
    mut each: impl FnMut(u8, &mut Reader<'_>) -> Result<bool, DecodeError>,
) -> Result<(), DecodeError> {
    let len = reader.varint()? as usize;
    let mut block = reader.part(len)?;
    while !block.is_empty() {
        let name = block.u8()?;
        if name == id::USER_PROPERTY {
            if user.len() >= limits.max_user_properties {
                return Err(block.error(crate::Reason::QuotaExceeded, "too many user properties"));
            }
            user.push((block.string()?, block.string()?));
        } else if !each(name, &mut block)? {
            return Err(block.malformed("a property that this packet cannot carry"));
        }
    }
    Ok(())
}

/// Puts a value in its place; a second one is a protocol error.
pub(super) fn once<T>(place: &mut Option<T>, value: T, reader: &Reader<'_>) -> Result<bool, DecodeError> {
    if place.replace(value).is_some() {
        return Err(reader.protocol("a property stands twice"));
    }
    Ok(true)
}

pub(super) fn flag(place: &mut Option<bool>, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let value = match reader.u8()? {
        0 => false,
        1 => true,
        _ => return Err(reader.protocol("a property that is neither 0 nor 1")),
    };
    once(place, value, reader)
}

pub(super) fn nonzero_u16(place: &mut Option<u16>, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u16()? {
        0 => Err(reader.protocol("a property that must not be 0")),
        value => once(place, value, reader),
    }
}

pub(super) fn nonzero_u32(place: &mut Option<u32>, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u32()? {
        0 => Err(reader.protocol("a property that must not be 0")),
        value => once(place, value, reader),
    }
}

pub(super) fn u16(place: &mut Option<u16>, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let value = reader.u16()?;
    once(place, value, reader)
}

pub(super) fn u32(place: &mut Option<u32>, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let value = reader.u32()?;
    once(place, value, reader)
}

pub(super) fn string(place: &mut Option<String>, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let value = reader.string()?;
    once(place, value, reader)
}

pub(super) fn binary(place: &mut Option<Bytes>, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let value = reader.binary()?;
    once(place, value, reader)
}

/// A response topic is a topic name: no wildcards (5.0 §3.3.2.3.5).
pub(super) fn topic(place: &mut Option<Topic>, reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let text = reader.string()?;
    let topic = Topic::parse(text).map_err(|_| reader.protocol("the response topic is not a topic name"))?;
    once(place, topic, reader)
}

/// Collects a property block, then writes it behind its length.
#[derive(Default)]
pub(super) struct Block(BytesMut);

impl Block {
    pub fn u8(&mut self, name: u8, value: Option<u8>) {
        if let Some(value) = value {
            self.0.put_u8(name);
            self.0.put_u8(value);
        }
    }

    pub fn flag(&mut self, name: u8, value: Option<bool>) {
        self.u8(name, value.map(u8::from));
    }

    pub fn u16(&mut self, name: u8, value: Option<u16>) {
        if let Some(value) = value {
            self.0.put_u8(name);
            self.0.put_u16(value);
        }
    }

    pub fn u32(&mut self, name: u8, value: Option<u32>) {
        if let Some(value) = value {
            self.0.put_u8(name);
            self.0.put_u32(value);
        }
    }

    pub fn varint(&mut self, name: u8, value: u32) {
        self.0.put_u8(name);
        put_varint(&mut self.0, value);
    }

    pub fn string(&mut self, name: u8, value: Option<&str>) -> Result<(), EncodeError> {
        if let Some(value) = value {
            self.0.put_u8(name);
            put_string(&mut self.0, value)?;
        }
        Ok(())
    }

    pub fn binary(&mut self, name: u8, value: Option<&Bytes>) -> Result<(), EncodeError> {
        if let Some(value) = value {
            self.0.put_u8(name);
            put_binary(&mut self.0, value)?;
        }
        Ok(())
    }

    pub fn user(&mut self, properties: &UserProperties) -> Result<(), EncodeError> {
        for (name, value) in properties {
            self.0.put_u8(id::USER_PROPERTY);
            put_string(&mut self.0, name)?;
            put_string(&mut self.0, value)?;
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes on the wire, the length in front included.
    pub fn len(&self) -> usize {
        varint_len(self.0.len()) + self.0.len()
    }

    pub fn put(&self, out: &mut BytesMut) {
        // A block is part of a packet whose whole length is checked against the standard's maximum.
        put_varint(out, u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        out.put_slice(&self.0);
    }
}
