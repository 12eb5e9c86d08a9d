//! The MQTT broker engine: accepts connections, authenticates, authorises, routes, keeps sessions
//! and retained messages, offers every accepted publication to the tap, and tells every refusal as
//! a typed event.
//!
//! One thread runs one shard on a current-thread runtime; the routing core holds no socket. The
//! engine does not know that screens exist.

mod auth;
mod clock;
mod config;
mod connection;
mod core;
mod enhanced;
mod event;
mod greeting;
mod handle;
mod handshake;
mod keeper;
mod listener;
mod message;
mod one_port;
mod rate;
mod rights;
mod scram;
mod store;
mod websocket;

pub use auth::{AuthOutcome, AuthRefusal, Authenticator, BoxFuture, CertificateInfo, ConnectInfo, Zone};
pub use clock::Clock;
pub use config::{Config, Error, LIMITS, Limit, QueueLimits};
pub use event::{ConnectFault, Event, EventKind, Hello, ProtocolFault, TlsFault, TransportKind};
pub use handle::{Broker, BrokerHandle, Builder, ClientInfo, PublishError, Stats};
pub use keeper::{Keeper, Offer, Settled};
pub use listener::{ListenError, ListenerId, ListenerInfo, ListenerSpec, OriginRule, Transport};
pub use message::{Identity, Message, Origin};
pub use mqtt::Reason;
pub use one_port::{HttpHandoff, HttpStream, Rewound};
pub use rate::{Bucket, Rate, Rates};
pub use rights::{Action, Decision, Effect, Rights, Rule};
pub use scram::ScramCredential;
pub use store::{Rescued, rescue};
