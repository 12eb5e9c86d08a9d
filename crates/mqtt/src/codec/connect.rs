//! CONNECT, CONNACK, DISCONNECT, AUTH (5.0 §3.1, §3.2, §3.14, §3.15).

use bytes::{BufMut, BytesMut};

use super::property::{self, Block, id, once};
use super::read::{DecodeError, Reader};
use super::write::{EncodeError, put_binary, put_packet, put_string};
use crate::limits::Limits;
use crate::packet::*;
use crate::property::*;
use crate::reason::Reason;
use crate::topic::Topic;

/// Reads up to the protocol level first: what follows depends on it.
pub(super) fn read_connect(r: &mut Reader<'_>, limits: &Limits) -> Result<Connect, DecodeError> {
    let name = r.text()?;
    let level = r.u8()?;
    // Not of the standard, but of every bridge since Mosquitto's: 0x83 and 0x84.
    let bridge = level & 0x80 != 0;
    let version = match (name, level) {
        ("MQTT", 5) => Version::V5,
        ("MQTT", 4 | 0x84) => Version::V3_1_1,
        ("MQIsdp", 3 | 0x83) => Version::V3_1,
        ("MQTT" | "MQIsdp", _) => {
            return Err(r.error(Reason::UnsupportedProtocolVersion, "an unknown protocol level"));
        }
        _ => return Err(r.error(Reason::UnsupportedProtocolVersion, "not the protocol name MQTT")),
    };
    let flags = r.u8()?;
    let (user_flag, password_flag) = (flags & 0x80 != 0, flags & 0x40 != 0);
    if flags & 1 != 0 {
        return Err(r.malformed("the reserved connect flag is set"));
    }
    if password_flag && !user_flag && version != Version::V5 {
        return Err(r.malformed("a password without a user name"));
    }
    let keep_alive_secs = r.u16()?;
    let mut properties = ConnectProperties::default();
    if version == Version::V5 {
        read_connect_properties(r, limits, &mut properties)?;
        if properties.authentication_data.is_some() && properties.authentication_method.is_none() {
            return Err(r.protocol("authentication data without a method"));
        }
    }
    let client_id = r.string()?;
    let will = read_will(r, limits, version, flags)?;
    let user_name = if user_flag { Some(r.string()?) } else { None };
    let password = if password_flag { Some(r.binary()?) } else { None };
    r.finish()?;
    let clean_start = flags & 2 != 0;
    Ok(Connect { version, bridge, clean_start, keep_alive_secs, client_id, user_name, password, will, properties })
}

fn read_connect_properties(r: &mut Reader<'_>, limits: &Limits, p: &mut ConnectProperties) -> Result<(), DecodeError> {
    let mut user = UserProperties::new();
    property::read(r, limits, &mut user, |name, r| match name {
        id::SESSION_EXPIRY => property::u32(&mut p.session_expiry_secs, r),
        id::RECEIVE_MAXIMUM => property::nonzero_u16(&mut p.receive_maximum, r),
        id::MAXIMUM_PACKET_SIZE => property::nonzero_u32(&mut p.maximum_packet_size, r),
        id::TOPIC_ALIAS_MAXIMUM => property::u16(&mut p.topic_alias_maximum, r),
        id::REQUEST_RESPONSE => property::flag(&mut p.request_response_information, r),
        id::REQUEST_PROBLEM => property::flag(&mut p.request_problem_information, r),
        id::AUTH_METHOD => property::string(&mut p.authentication_method, r),
        id::AUTH_DATA => property::binary(&mut p.authentication_data, r),
        _ => Ok(false),
    })?;
    p.user_properties = user;
    Ok(())
}

fn read_will(r: &mut Reader<'_>, limits: &Limits, version: Version, flags: u8) -> Result<Option<Will>, DecodeError> {
    let (retain, qos) = (flags & 0x20 != 0, (flags >> 3) & 3);
    if flags & 4 == 0 {
        if retain || qos != 0 {
            return Err(r.malformed("will flags without a will"));
        }
        return Ok(None);
    }
    let qos = QoS::from_code(qos).ok_or_else(|| r.malformed("the will has QoS 3"))?;
    let mut properties = WillProperties::default();
    if version == Version::V5 {
        let (p, mut user) = (&mut properties, UserProperties::new());
        property::read(r, limits, &mut user, |name, r| match name {
            id::WILL_DELAY => property::u32(&mut p.delay_secs, r),
            id::PAYLOAD_FORMAT => property::flag(&mut p.payload_is_utf8, r),
            id::MESSAGE_EXPIRY => property::u32(&mut p.message_expiry_secs, r),
            id::CONTENT_TYPE => property::string(&mut p.content_type, r),
            id::RESPONSE_TOPIC => property::topic(&mut p.response_topic, r),
            id::CORRELATION_DATA => property::binary(&mut p.correlation_data, r),
            _ => Ok(false),
        })?;
        properties.user_properties = user;
    }
    let name = r.string()?;
    let topic =
        Topic::parse(name).map_err(|_| r.error(Reason::TopicNameInvalid, "the will topic is not a topic name"))?;
    let payload = r.binary()?;
    Ok(Some(Will { topic, payload, qos, retain, properties }))
}

pub(super) fn write_connect(c: &Connect, out: &mut BytesMut) -> Result<(), EncodeError> {
    let mut body = BytesMut::new();
    let (name, level) = match c.version {
        Version::V3_1 => ("MQIsdp", 3),
        Version::V3_1_1 => ("MQTT", 4),
        Version::V5 => ("MQTT", 5),
    };
    put_string(&mut body, name)?;
    let bridge = u8::from(c.bridge && c.version != Version::V5) << 7;
    body.put_u8(level | bridge);
    let will = c.will.as_ref().map_or(0, |will| 4 | (will.qos as u8) << 3 | u8::from(will.retain) << 5);
    let (user, password) = (u8::from(c.user_name.is_some()) << 7, u8::from(c.password.is_some()) << 6);
    body.put_u8(u8::from(c.clean_start) << 1 | will | user | password);
    body.put_u16(c.keep_alive_secs);
    if c.version == Version::V5 {
        let (p, mut block) = (&c.properties, Block::default());
        block.u32(id::SESSION_EXPIRY, p.session_expiry_secs);
        block.u16(id::RECEIVE_MAXIMUM, p.receive_maximum);
        block.u32(id::MAXIMUM_PACKET_SIZE, p.maximum_packet_size);
        block.u16(id::TOPIC_ALIAS_MAXIMUM, p.topic_alias_maximum);
        block.flag(id::REQUEST_RESPONSE, p.request_response_information);
        block.flag(id::REQUEST_PROBLEM, p.request_problem_information);
        block.string(id::AUTH_METHOD, p.authentication_method.as_deref())?;
        block.binary(id::AUTH_DATA, p.authentication_data.as_ref())?;
        block.user(&p.user_properties)?;
        block.put(&mut body);
    }
    put_string(&mut body, &c.client_id)?;
    if let Some(will) = &c.will {
        write_will(will, c.version, &mut body)?;
    }
    if let Some(name) = &c.user_name {
        put_string(&mut body, name)?;
    }
    if let Some(password) = &c.password {
        put_binary(&mut body, password)?;
    }
    put_packet(out, 0x10, &body)
}

fn write_will(will: &Will, version: Version, body: &mut BytesMut) -> Result<(), EncodeError> {
    if version == Version::V5 {
        let (p, mut block) = (&will.properties, Block::default());
        block.u32(id::WILL_DELAY, p.delay_secs);
        block.flag(id::PAYLOAD_FORMAT, p.payload_is_utf8);
        block.u32(id::MESSAGE_EXPIRY, p.message_expiry_secs);
        block.string(id::CONTENT_TYPE, p.content_type.as_deref())?;
        block.string(id::RESPONSE_TOPIC, p.response_topic.as_ref().map(Topic::as_str))?;
        block.binary(id::CORRELATION_DATA, p.correlation_data.as_ref())?;
        block.user(&p.user_properties)?;
        block.put(body);
    }
    put_string(body, will.topic.as_str())?;
    put_binary(body, &will.payload)
}

pub(super) fn read_connack(r: &mut Reader<'_>, version: Version, limits: &Limits) -> Result<ConnAck, DecodeError> {
    let flags = r.u8()?;
    if flags > 1 {
        return Err(r.malformed("reserved CONNACK flags are set"));
    }
    let code = r.u8()?;
    let mut p = ConnAckProperties::default();
    if version != Version::V5 {
        let reason = return_code_meaning(code).ok_or_else(|| r.malformed("an unknown return code"))?;
        r.finish()?;
        return Ok(ConnAck { session_present: flags == 1, reason, properties: p });
    }
    let reason = Reason::from_code(code).ok_or_else(|| r.malformed("an unknown reason code"))?;
    let mut user = UserProperties::new();
    property::read(r, limits, &mut user, |name, r| match name {
        id::SESSION_EXPIRY => property::u32(&mut p.session_expiry_secs, r),
        id::RECEIVE_MAXIMUM => property::nonzero_u16(&mut p.receive_maximum, r),
        id::MAXIMUM_QOS => match r.u8()? {
            value @ (0 | 1) => once(&mut p.maximum_qos, value, r),
            _ => Err(r.protocol("the maximum QoS is neither 0 nor 1")),
        },
        id::RETAIN_AVAILABLE => property::flag(&mut p.retain_available, r),
        id::MAXIMUM_PACKET_SIZE => property::nonzero_u32(&mut p.maximum_packet_size, r),
        id::ASSIGNED_CLIENT_ID => property::string(&mut p.assigned_client_id, r),
        id::TOPIC_ALIAS_MAXIMUM => property::u16(&mut p.topic_alias_maximum, r),
        id::REASON_STRING => property::string(&mut p.reason_string, r),
        id::WILDCARD_AVAILABLE => property::flag(&mut p.wildcard_subscription_available, r),
        id::SUBSCRIPTION_IDS_AVAILABLE => property::flag(&mut p.subscription_ids_available, r),
        id::SHARED_AVAILABLE => property::flag(&mut p.shared_subscription_available, r),
        id::SERVER_KEEP_ALIVE => property::u16(&mut p.server_keep_alive_secs, r),
        id::RESPONSE_INFORMATION => property::string(&mut p.response_information, r),
        id::SERVER_REFERENCE => property::string(&mut p.server_reference, r),
        id::AUTH_METHOD => property::string(&mut p.authentication_method, r),
        id::AUTH_DATA => property::binary(&mut p.authentication_data, r),
        _ => Ok(false),
    })?;
    p.user_properties = user;
    r.finish()?;
    Ok(ConnAck { session_present: flags == 1, reason, properties: p })
}

pub(super) fn write_connack(ack: &ConnAck, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let mut body = BytesMut::new();
    body.put_u8(u8::from(ack.session_present));
    if version != Version::V5 {
        body.put_u8(return_code(ack.reason));
        return put_packet(out, 0x20, &body);
    }
    body.put_u8(ack.reason.code());
    let (p, mut block) = (&ack.properties, Block::default());
    block.u32(id::SESSION_EXPIRY, p.session_expiry_secs);
    block.u16(id::RECEIVE_MAXIMUM, p.receive_maximum);
    block.u8(id::MAXIMUM_QOS, p.maximum_qos);
    block.flag(id::RETAIN_AVAILABLE, p.retain_available);
    block.u32(id::MAXIMUM_PACKET_SIZE, p.maximum_packet_size);
    block.string(id::ASSIGNED_CLIENT_ID, p.assigned_client_id.as_deref())?;
    block.u16(id::TOPIC_ALIAS_MAXIMUM, p.topic_alias_maximum);
    block.string(id::REASON_STRING, p.reason_string.as_deref())?;
    block.flag(id::WILDCARD_AVAILABLE, p.wildcard_subscription_available);
    block.flag(id::SUBSCRIPTION_IDS_AVAILABLE, p.subscription_ids_available);
    block.flag(id::SHARED_AVAILABLE, p.shared_subscription_available);
    block.u16(id::SERVER_KEEP_ALIVE, p.server_keep_alive_secs);
    block.string(id::RESPONSE_INFORMATION, p.response_information.as_deref())?;
    block.string(id::SERVER_REFERENCE, p.server_reference.as_deref())?;
    block.string(id::AUTH_METHOD, p.authentication_method.as_deref())?;
    block.binary(id::AUTH_DATA, p.authentication_data.as_ref())?;
    block.user(&p.user_properties)?;
    block.put(&mut body);
    put_packet(out, 0x20, &body)
}

/// The nearest return code of 3.1.1 §3.2.2.3.
fn return_code(reason: Reason) -> u8 {
    match reason {
        Reason::Success => 0,
        Reason::UnsupportedProtocolVersion => 1,
        Reason::ClientIdentifierNotValid => 2,
        Reason::BadUserNameOrPassword | Reason::BadAuthenticationMethod => 4,
        Reason::NotAuthorized | Reason::Banned => 5,
        _ => 3,
    }
}

fn return_code_meaning(code: u8) -> Option<Reason> {
    Some(match code {
        0 => Reason::Success,
        1 => Reason::UnsupportedProtocolVersion,
        2 => Reason::ClientIdentifierNotValid,
        3 => Reason::ServerUnavailable,
        4 => Reason::BadUserNameOrPassword,
        5 => Reason::NotAuthorized,
        _ => return None,
    })
}

pub(super) fn read_disconnect(
    r: &mut Reader<'_>,
    version: Version,
    limits: &Limits,
) -> Result<Disconnect, DecodeError> {
    let mut p = DisconnectProperties::default();
    if version != Version::V5 || r.is_empty() {
        r.finish()?;
        return Ok(Disconnect { reason: Reason::Success, properties: p });
    }
    let code = r.u8()?;
    let reason = Reason::from_code(code).ok_or_else(|| r.malformed("an unknown reason code"))?;
    if !r.is_empty() {
        let mut user = UserProperties::new();
        property::read(r, limits, &mut user, |name, r| match name {
            id::SESSION_EXPIRY => property::u32(&mut p.session_expiry_secs, r),
            id::REASON_STRING => property::string(&mut p.reason_string, r),
            id::SERVER_REFERENCE => property::string(&mut p.server_reference, r),
            _ => Ok(false),
        })?;
        p.user_properties = user;
    }
    r.finish()?;
    Ok(Disconnect { reason, properties: p })
}

pub(super) fn write_disconnect(d: &Disconnect, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let mut body = BytesMut::new();
    if version == Version::V5 {
        let (p, mut block) = (&d.properties, Block::default());
        block.u32(id::SESSION_EXPIRY, p.session_expiry_secs);
        block.string(id::REASON_STRING, p.reason_string.as_deref())?;
        block.string(id::SERVER_REFERENCE, p.server_reference.as_deref())?;
        block.user(&p.user_properties)?;
        put_reason_and_block(&mut body, d.reason, &block);
    }
    put_packet(out, 0xE0, &body)
}

/// Reason and properties, each left out where the standard lets it be.
pub(super) fn put_reason_and_block(body: &mut BytesMut, reason: Reason, block: &Block) {
    if reason == Reason::Success && block.is_empty() {
        return;
    }
    body.put_u8(reason.code());
    if !block.is_empty() {
        block.put(body);
    }
}

pub(super) fn read_auth(r: &mut Reader<'_>, limits: &Limits) -> Result<Auth, DecodeError> {
    let mut p = AuthProperties::default();
    if r.is_empty() {
        return Ok(Auth { reason: Reason::Success, properties: p });
    }
    let code = r.u8()?;
    let reason = match Reason::from_code(code) {
        Some(reason @ (Reason::Success | Reason::ContinueAuthentication | Reason::ReAuthenticate)) => reason,
        _ => return Err(r.malformed("not a reason code of AUTH")),
    };
    if !r.is_empty() {
        let mut user = UserProperties::new();
        property::read(r, limits, &mut user, |name, r| match name {
            id::AUTH_METHOD => property::string(&mut p.method, r),
            id::AUTH_DATA => property::binary(&mut p.data, r),
            id::REASON_STRING => property::string(&mut p.reason_string, r),
            _ => Ok(false),
        })?;
        p.user_properties = user;
    }
    r.finish()?;
    Ok(Auth { reason, properties: p })
}

pub(super) fn write_auth(a: &Auth, out: &mut BytesMut) -> Result<(), EncodeError> {
    let (p, mut block, mut body) = (&a.properties, Block::default(), BytesMut::new());
    block.string(id::AUTH_METHOD, p.method.as_deref())?;
    block.binary(id::AUTH_DATA, p.data.as_ref())?;
    block.string(id::REASON_STRING, p.reason_string.as_deref())?;
    block.user(&p.user_properties)?;
    put_reason_and_block(&mut body, a.reason, &block);
    put_packet(out, 0xF0, &body)
}
