//! Every packet type (MQTT 5.0 §3, 3.1.1 §3), decoded. A field that one version lacks is empty there.

use std::num::NonZeroU16;

use bytes::Bytes;

use crate::property::*;
use crate::reason::Reason;
use crate::topic::{Filter, Topic};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `MQIsdp`, level 3
    V3_1,
    V3_1_1,
    V5,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum QoS {
    #[default]
    AtMostOnce = 0,
    AtLeastOnce = 1,
    ExactlyOnce = 2,
}

pub type PacketId = NonZeroU16;

#[derive(Clone, Debug, PartialEq)]
pub enum Packet {
    Connect(Box<Connect>),
    ConnAck(Box<ConnAck>),
    Publish(Box<Publish>),
    PubAck(Ack),
    PubRec(Ack),
    PubRel(Ack),
    PubComp(Ack),
    Subscribe(Box<Subscribe>),
    SubAck(Box<SubAck>),
    Unsubscribe(Box<Unsubscribe>),
    UnsubAck(Box<SubAck>),
    PingReq,
    PingResp,
    Disconnect(Box<Disconnect>),
    Auth(Box<Auth>),
}

#[derive(Clone, PartialEq)]
pub struct Connect {
    pub version: Version,
    /// The highest bit of the protocol level is set, as bridges do on 3.1 and 3.1.1.
    pub bridge: bool,
    pub clean_start: bool,
    pub keep_alive_secs: u16,
    /// Empty: the server assigns one (3.1.1 only with `clean_start`).
    pub client_id: String,
    pub user_name: Option<String>,
    pub password: Option<Bytes>,
    pub will: Option<Will>,
    pub properties: ConnectProperties,
}

/// Shows everything but the password.
impl std::fmt::Debug for Connect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("bridge", &self.bridge)
            .field("clean_start", &self.clean_start)
            .field("keep_alive_secs", &self.keep_alive_secs)
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("will", &self.will)
            .field("properties", &self.properties)
            .finish()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Will {
    pub topic: Topic,
    pub payload: Bytes,
    pub qos: QoS,
    pub retain: bool,
    pub properties: WillProperties,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConnAck {
    pub session_present: bool,
    /// On 3.1 and 3.1.1 the codec writes the nearest return code of 3.1.1 §3.2.2.3.
    pub reason: Reason,
    pub properties: ConnAckProperties,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Publish {
    pub dup: bool,
    pub qos: QoS,
    pub retain: bool,
    /// `None`: empty topic name on the wire, to be found by topic alias (5.0 §3.3.2.3.4).
    pub topic: Option<Topic>,
    /// Present exactly when `qos` is above 0.
    pub packet_id: Option<PacketId>,
    pub properties: PublishProperties,
    pub payload: Bytes,
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP.
#[derive(Clone, Debug, PartialEq)]
pub struct Ack {
    pub packet_id: PacketId,
    pub reason: Reason,
    /// Boxed: nearly always absent.
    pub properties: Option<Box<ReasonProperties>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    pub packet_id: PacketId,
    pub filters: Vec<(Filter, SubscribeOptions)>,
    pub subscription_id: Option<u32>,
    pub user_properties: UserProperties,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscribeOptions {
    pub qos: QoS,
    pub no_local: bool,
    pub retain_as_published: bool,
    pub retain_handling: RetainHandling,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum RetainHandling {
    #[default]
    Send = 0,
    SendIfNew = 1,
    DoNotSend = 2,
}

/// SUBACK and UNSUBACK (whose `reasons` are empty on 3.1.1).
#[derive(Clone, Debug, PartialEq)]
pub struct SubAck {
    pub packet_id: PacketId,
    pub reasons: Vec<Reason>,
    pub properties: ReasonProperties,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Unsubscribe {
    pub packet_id: PacketId,
    pub filters: Vec<Filter>,
    pub user_properties: UserProperties,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Disconnect {
    pub reason: Reason,
    pub properties: DisconnectProperties,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    pub reason: Reason,
    pub properties: AuthProperties,
}

impl QoS {
    pub fn from_code(code: u8) -> Option<QoS> {
        match code {
            0 => Some(QoS::AtMostOnce),
            1 => Some(QoS::AtLeastOnce),
            2 => Some(QoS::ExactlyOnce),
            _ => None,
        }
    }
}

impl Packet {
    /// Whether a client may send this packet; the others come from servers only.
    pub fn is_from_client(&self) -> bool {
        !matches!(self, Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp)
    }
}
