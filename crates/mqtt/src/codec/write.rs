//! Writing the data types of 5.0 §1.5.

use bytes::{BufMut, BytesMut};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("a string or binary value has {0} bytes; MQTT carries at most 65,535")]
    ValueTooLong(usize),
    #[error("the packet would have {0} bytes; MQTT carries at most 268,435,455")]
    PacketTooLong(usize),
    #[error("{0}")]
    NotInThisVersion(&'static str),
    #[error("{0}")]
    Incomplete(&'static str),
}

/// The longest remaining length there is (§2.1.4).
pub(super) const MAX_REMAINING: usize = 268_435_455;

pub(super) fn varint_len(value: usize) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}

pub(super) fn put_varint(out: &mut BytesMut, mut value: u32) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.put_u8(low);
        }
        out.put_u8(low | 0x80);
    }
}

pub(super) fn put_string(out: &mut BytesMut, text: &str) -> Result<(), EncodeError> {
    put_binary(out, text.as_bytes())
}

pub(super) fn put_binary(out: &mut BytesMut, bytes: &[u8]) -> Result<(), EncodeError> {
    let len = u16::try_from(bytes.len()).map_err(|_| EncodeError::ValueTooLong(bytes.len()))?;
    out.put_u16(len);
    out.put_slice(bytes);
    Ok(())
}

/// The fixed header: type and flags, remaining length.
pub(super) fn put_header(out: &mut BytesMut, first: u8, remaining: usize) -> Result<(), EncodeError> {
    if remaining > MAX_REMAINING {
        return Err(EncodeError::PacketTooLong(remaining));
    }
    out.reserve(remaining + 5);
    out.put_u8(first);
    put_varint(out, u32::try_from(remaining).map_err(|_| EncodeError::PacketTooLong(remaining))?);
    Ok(())
}

/// A packet whose body was written first.
pub(super) fn put_packet(out: &mut BytesMut, first: u8, body: &BytesMut) -> Result<(), EncodeError> {
    put_header(out, first, body.len())?;
    out.put_slice(body);
    Ok(())
}
