//! Bytes to packets and back: strict when it reads, exact when it writes.

mod ack;
mod connect;
mod property;
mod publish;
mod read;
mod subscribe;
mod write;

use bytes::{Bytes, BytesMut};

use crate::limits::Limits;
use crate::packet::{Packet, Version};
use crate::reason::Reason;
pub use publish::{PublishHead, encode_publish};
pub use read::DecodeError;
use read::Reader;
pub use write::EncodeError;

/// How many bytes the packet at the start of `buffer` has; `None` while its fixed header is not
/// whole. Refuses what is over the limit before its body arrived.
pub fn frame_len(buffer: &[u8], limits: &Limits) -> Result<Option<usize>, DecodeError> {
    let mut remaining = 0usize;
    for position in 0..4usize {
        let Some(byte) = buffer.get(1 + position) else { return Ok(None) };
        remaining |= usize::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            if position > 0 && *byte == 0 {
                return Err(error(
                    Reason::MalformedPacket,
                    1 + position,
                    "the remaining length is longer than it needs",
                ));
            }
            let len = 2 + position + remaining;
            if len > limits.max_packet_bytes {
                return Err(error(Reason::PacketTooLarge, 1, "the packet is over the limit"));
            }
            return Ok(Some(len));
        }
    }
    Err(error(Reason::MalformedPacket, 1, "the remaining length has more than 4 bytes"))
}

fn error(reason: Reason, offset: usize, what: &'static str) -> DecodeError {
    DecodeError { reason, offset, what }
}

/// Decodes one whole packet, fixed header included. Payloads and binary values share the frame's
/// bytes. `version` is that of the CONNECT; before it (`None`) only CONNECT is legal.
pub fn decode(frame: &Bytes, version: Option<Version>, limits: &Limits) -> Result<Packet, DecodeError> {
    let len =
        frame_len(frame, limits)?.ok_or_else(|| error(Reason::MalformedPacket, 0, "the packet ends too early"))?;
    if len != frame.len() {
        return Err(error(Reason::MalformedPacket, frame.len(), "the frame is not one whole packet"));
    }
    let first = frame.first().copied().unwrap_or_default();
    // The header is as long as what precedes the body: 1 byte and those of the remaining length.
    let header = 1 + frame.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count() + 1;
    let (kind, flags) = (first >> 4, first & 0x0F);
    let expected = match kind {
        3 => flags,
        6 | 8 | 10 => 2,
        _ => 0,
    };
    if flags != expected {
        return Err(error(Reason::MalformedPacket, 0, "the reserved flags of the fixed header are wrong"));
    }
    let mut reader = Reader::new(frame, header);
    let r = &mut reader;
    let Some(version) = version else {
        return match kind {
            1 => Ok(Packet::Connect(Box::new(connect::read_connect(r, limits)?))),
            _ => Err(error(Reason::ProtocolError, 0, "the first packet is not CONNECT")),
        };
    };
    Ok(match kind {
        1 => Packet::Connect(Box::new(connect::read_connect(r, limits)?)),
        2 => Packet::ConnAck(Box::new(connect::read_connack(r, version, limits)?)),
        3 => Packet::Publish(Box::new(publish::read_publish(r, flags, version, limits)?)),
        4 => Packet::PubAck(ack::read_ack(r, kind, version, limits)?),
        5 => Packet::PubRec(ack::read_ack(r, kind, version, limits)?),
        6 => Packet::PubRel(ack::read_ack(r, kind, version, limits)?),
        7 => Packet::PubComp(ack::read_ack(r, kind, version, limits)?),
        8 => Packet::Subscribe(Box::new(subscribe::read_subscribe(r, version, limits)?)),
        9 => Packet::SubAck(Box::new(subscribe::read_suback(r, version, limits, false)?)),
        10 => Packet::Unsubscribe(Box::new(subscribe::read_unsubscribe(r, version, limits)?)),
        11 => Packet::UnsubAck(Box::new(subscribe::read_suback(r, version, limits, true)?)),
        12 => r.finish().map(|()| Packet::PingReq)?,
        13 => r.finish().map(|()| Packet::PingResp)?,
        14 => Packet::Disconnect(Box::new(connect::read_disconnect(r, version, limits)?)),
        15 if version == Version::V5 => Packet::Auth(Box::new(connect::read_auth(r, limits)?)),
        _ => return Err(error(Reason::MalformedPacket, 0, "a reserved packet type")),
    })
}

/// Appends one packet to `out`. On an error `out` may hold a part of it.
pub fn encode(packet: &Packet, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    match packet {
        Packet::Connect(connect) => connect::write_connect(connect, out),
        Packet::ConnAck(ack) => connect::write_connack(ack, version, out),
        Packet::Publish(publish) => publish::write_publish(publish, version, out),
        Packet::PubAck(ack) => ack::write_ack(ack, 4, version, out),
        Packet::PubRec(ack) => ack::write_ack(ack, 5, version, out),
        Packet::PubRel(ack) => ack::write_ack(ack, 6, version, out),
        Packet::PubComp(ack) => ack::write_ack(ack, 7, version, out),
        Packet::Subscribe(subscribe) => subscribe::write_subscribe(subscribe, version, out),
        Packet::SubAck(ack) => subscribe::write_suback(ack, version, false, out),
        Packet::Unsubscribe(unsubscribe) => subscribe::write_unsubscribe(unsubscribe, version, out),
        Packet::UnsubAck(ack) => subscribe::write_suback(ack, version, true, out),
        Packet::PingReq => write::put_header(out, 0xC0, 0),
        Packet::PingResp => write::put_header(out, 0xD0, 0),
        Packet::Disconnect(disconnect) => connect::write_disconnect(disconnect, version, out),
        Packet::Auth(auth) if version == Version::V5 => connect::write_auth(auth, out),
        Packet::Auth(_) => Err(EncodeError::NotInThisVersion("AUTH exists in MQTT 5.0 only")),
    }
}
