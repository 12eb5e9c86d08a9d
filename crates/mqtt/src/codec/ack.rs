//! PUBACK, PUBREC, PUBREL, PUBCOMP (5.0 §3.4 to §3.7).

use bytes::{BufMut, BytesMut};

use super::property::{self, Block, id};
use super::publish::read_packet_id;
use super::read::{DecodeError, Reader};
use super::write::{EncodeError, put_packet};
use crate::limits::Limits;
use crate::packet::{Ack, Version};
use crate::property::{ReasonProperties, UserProperties};
use crate::reason::Reason;

/// The reasons that may stand in each of the four (5.0 tables 3-4 to 3-7).
fn allowed(kind: u8, reason: Reason) -> bool {
    use Reason::*;
    match kind {
        4 | 5 => matches!(
            reason,
            Success
                | NoMatchingSubscribers
                | UnspecifiedError
                | ImplementationSpecificError
                | NotAuthorized
                | TopicNameInvalid
                | PacketIdentifierInUse
                | QuotaExceeded
                | PayloadFormatInvalid
        ),
        _ => matches!(reason, Success | PacketIdentifierNotFound),
    }
}

pub(super) fn read_ack(r: &mut Reader<'_>, kind: u8, version: Version, limits: &Limits) -> Result<Ack, DecodeError> {
    let packet_id = read_packet_id(r)?;
    let mut ack = Ack { packet_id, reason: Reason::Success, properties: None };
    if version != Version::V5 || r.is_empty() {
        r.finish()?;
        return Ok(ack);
    }
    let code = r.u8()?;
    ack.reason = Reason::from_code(code)
        .filter(|reason| allowed(kind, *reason))
        .ok_or_else(|| r.malformed("not a reason code of this packet"))?;
    if !r.is_empty() {
        let properties = read_reason_properties(r, limits)?;
        if properties != ReasonProperties::default() {
            ack.properties = Some(Box::new(properties));
        }
    }
    r.finish()?;
    Ok(ack)
}

pub(super) fn write_ack(ack: &Ack, kind: u8, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let mut body = BytesMut::with_capacity(4);
    body.put_u16(ack.packet_id.get());
    if version == Version::V5 {
        let block = match &ack.properties {
            Some(properties) => reason_block(properties)?,
            None => Block::default(),
        };
        super::connect::put_reason_and_block(&mut body, ack.reason, &block);
    }
    let flags = if kind == 6 { 2 } else { 0 };
    put_packet(out, kind << 4 | flags, &body)
}

pub(super) fn read_reason_properties(r: &mut Reader<'_>, limits: &Limits) -> Result<ReasonProperties, DecodeError> {
    let mut properties = ReasonProperties::default();
    let mut user = UserProperties::new();
    property::read(r, limits, &mut user, |name, r| match name {
        id::REASON_STRING => property::string(&mut properties.reason_string, r),
        _ => Ok(false),
    })?;
    properties.user_properties = user;
    Ok(properties)
}

pub(super) fn reason_block(properties: &ReasonProperties) -> Result<Block, EncodeError> {
    let mut block = Block::default();
    block.string(id::REASON_STRING, properties.reason_string.as_deref())?;
    block.user(&properties.user_properties)?;
    Ok(block)
}
