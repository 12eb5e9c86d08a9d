//! Packets as bytes, written by hand: right ones and wrong ones alike.

/// A packet: first byte, remaining length, body.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    out.extend(varint(body.len()));
    out.extend_from_slice(body);
    out
}

pub fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return out;
        }
        out.push(byte | 0x80);
    }
}

/// A length in two bytes, and the bytes.
pub fn text(value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let mut out = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    out.extend_from_slice(value);
    out
}

pub fn two(value: u16) -> [u8; 2] {
    value.to_be_bytes()
}

/// A property block: its length, and the properties.
pub fn block(properties: &[u8]) -> Vec<u8> {
    let mut out = varint(properties.len());
    out.extend_from_slice(properties);
    out
}

/// Nothing on 3.1.1, a property block on 5.0.
pub fn props(version: u8, properties: &[u8]) -> Vec<u8> {
    if version == 5 { block(properties) } else { Vec::new() }
}

/// Property identifiers (5.0 §2.2.2.2).
pub mod id {
    pub const PAYLOAD_FORMAT: u8 = 1;
    pub const MESSAGE_EXPIRY: u8 = 2;
    pub const CONTENT_TYPE: u8 = 3;
    pub const RESPONSE_TOPIC: u8 = 8;
    pub const CORRELATION_DATA: u8 = 9;
    pub const SUBSCRIPTION_ID: u8 = 11;
    pub const SESSION_EXPIRY: u8 = 17;
    pub const ASSIGNED_CLIENT_ID: u8 = 18;
    pub const SERVER_KEEP_ALIVE: u8 = 19;
    pub const AUTH_METHOD: u8 = 21;
    pub const AUTH_DATA: u8 = 22;
    pub const REQUEST_PROBLEM: u8 = 23;
    pub const WILL_DELAY: u8 = 24;
    pub const REQUEST_RESPONSE: u8 = 25;
    pub const RESPONSE_INFORMATION: u8 = 26;
    pub const SERVER_REFERENCE: u8 = 28;
    pub const REASON_STRING: u8 = 31;
    pub const RECEIVE_MAXIMUM: u8 = 33;
    pub const ALIAS_MAXIMUM: u8 = 34;
    pub const ALIAS: u8 = 35;
    pub const MAXIMUM_QOS: u8 = 36;
    pub const RETAIN_AVAILABLE: u8 = 37;
    pub const USER_PROPERTY: u8 = 38;
    pub const MAXIMUM_PACKET: u8 = 39;
    pub const WILDCARD_AVAILABLE: u8 = 40;
    pub const SUBSCRIPTION_ID_AVAILABLE: u8 = 41;
    pub const SHARED_AVAILABLE: u8 = 42;
}

#[derive(Clone, Debug, PartialEq)]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: u8,
    pub retain: bool,
    pub properties: Vec<u8>,
}

impl Will {
    pub fn new(topic: &str, payload: &str) -> Will {
        Will { topic: topic.into(), payload: payload.into(), qos: 0, retain: false, properties: Vec::new() }
    }
}

#[derive(Clone, Debug)]
pub struct Connect {
    pub version: u8,
    pub id: String,
    pub clean: bool,
    pub keep_alive: u16,
    pub will: Option<Will>,
    pub user: Option<String>,
    pub password: Option<Vec<u8>>,
    pub properties: Vec<u8>,
}

impl Connect {
    pub fn new(version: u8, id: &str) -> Connect {
        Connect {
            version,
            id: id.into(),
            clean: true,
            keep_alive: 60,
            will: None,
            user: None,
            password: None,
            properties: Vec::new(),
        }
    }

    /// A session that stays when the connection ends.
    pub fn lasting(version: u8, id: &str) -> Connect {
        let properties = if version == 5 { vec![id::SESSION_EXPIRY, 0, 0, 0x0e, 0x10] } else { Vec::new() };
        Connect { clean: false, properties, ..Connect::new(version, id) }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let will = self.will.as_ref().map_or(0, |will| 0x04 | will.qos << 3 | u8::from(will.retain) << 5);
        let flags = u8::from(self.clean) << 1
            | will
            | u8::from(self.password.is_some()) << 6
            | u8::from(self.user.is_some()) << 7;
        let mut body = text("MQTT");
        body.extend([self.version, flags]);
        body.extend(two(self.keep_alive));
        body.extend(props(self.version, &self.properties));
        body.extend(text(&self.id));
        if let Some(will) = &self.will {
            body.extend(props(self.version, &will.properties));
            body.extend(text(&will.topic));
            body.extend(text(&will.payload));
        }
        if let Some(user) = &self.user {
            body.extend(text(user));
        }
        if let Some(password) = &self.password {
            body.extend(text(password));
        }
        packet(0x10, &body)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Publish {
    pub dup: bool,
    pub qos: u8,
    pub retain: bool,
    pub topic: String,
    pub id: u16,
    pub properties: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Publish {
    pub fn new(topic: &str, payload: &str, qos: u8, id: u16) -> Publish {
        Publish { qos, topic: topic.into(), id, payload: payload.into(), ..Publish::default() }
    }

    pub fn retained(self) -> Publish {
        Publish { retain: true, ..self }
    }

    pub fn with(self, properties: &[u8]) -> Publish {
        Publish { properties: properties.to_vec(), ..self }
    }

    pub fn bytes(&self, version: u8) -> Vec<u8> {
        let mut body = text(&self.topic);
        if self.qos > 0 {
            body.extend(two(self.id));
        }
        body.extend(props(version, &self.properties));
        body.extend(&self.payload);
        packet(0x30 | u8::from(self.dup) << 3 | self.qos << 1 | u8::from(self.retain), &body)
    }
}

pub fn subscribe(version: u8, packet_id: u16, properties: &[u8], filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = two(packet_id).to_vec();
    body.extend(props(version, properties));
    for (filter, options) in filters {
        body.extend(text(filter));
        body.push(*options);
    }
    packet(0x82, &body)
}

pub fn unsubscribe(version: u8, packet_id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = two(packet_id).to_vec();
    body.extend(props(version, &[]));
    for filter in filters {
        body.extend(text(filter));
    }
    packet(0xa2, &body)
}

/// PUBACK 0x40, PUBREC 0x50, PUBREL 0x62, PUBCOMP 0x70 in their shortest form.
pub fn ack(first: u8, packet_id: u16) -> Vec<u8> {
    packet(first, &two(packet_id))
}

pub const PING: [u8; 2] = [0xc0, 0];
pub const GOODBYE: [u8; 2] = [0xe0, 0];

pub fn user_property(key: &str, value: &str) -> Vec<u8> {
    [vec![id::USER_PROPERTY], text(key), text(value)].concat()
}
