//! One accepted publication.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use mqtt::{PublishProperties, QoS, Topic};

/// Who a client is, as the authenticator says: the name that rights are given to.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(Arc<str>);

impl Identity {
    pub fn new(name: impl AsRef<str>) -> Identity {
        Identity(Arc::from(name.as_ref()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    Client {
        client_id: Arc<str>,
        identity: Identity,
    },
    /// The site itself: the publish panel, the broker's own topics.
    Site,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub topic: Topic,
    pub payload: Bytes,
    pub qos: QoS,
    pub retain: bool,
    /// Without topic alias and subscription identifiers: those belong to one connection.
    pub properties: PublishProperties,
    pub origin: Origin,
    /// When it was accepted, microseconds since the Unix epoch.
    pub at_us: i64,
}

impl Message {
    /// A publication of the site itself, with QoS 1.
    pub fn from_site(topic: Topic, payload: impl Into<Bytes>) -> Message {
        Message {
            topic,
            payload: payload.into(),
            qos: QoS::AtLeastOnce,
            retain: false,
            properties: PublishProperties::default(),
            origin: Origin::Site,
            at_us: 0,
        }
    }

    /// Whether its expiry interval has passed, and what is left of it (5.0 §3.3.2.3.3).
    pub(crate) fn expiry_left(&self, now_us: i64) -> Expiry {
        let Some(secs) = self.properties.message_expiry_secs else { return Expiry::Never };
        let waited = u64::try_from((now_us - self.at_us).max(0) / 1_000_000).unwrap_or(0);
        match u64::from(secs).checked_sub(waited) {
            Some(left) if left > 0 || waited == 0 => Expiry::Left(u32::try_from(left).unwrap_or(secs)),
            _ => Expiry::Passed,
        }
    }

    pub(crate) fn cost(&self) -> usize {
        self.topic.as_str().len() + self.payload.len() + 64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    Never,
    Left(u32),
    Passed,
}
