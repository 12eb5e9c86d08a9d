//! The words of MQTT as types that cannot be wrong, and a strict codec for 3.1, 3.1.1 and 5.0.
//!
//! Pure: no sockets, no clocks, no serialisation framework. Words have no sockets.

pub mod codec;
pub mod limits;
pub mod packet;
pub mod property;
pub mod reason;
pub mod topic;

pub use limits::Limits;
pub use packet::*;
pub use property::*;
pub use reason::Reason;
pub use topic::{Filter, FilterError, Topic, TopicError};
