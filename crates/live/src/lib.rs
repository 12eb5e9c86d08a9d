//! What was last said on each topic: a tree with values, rates and sparklines, and small binary
//! frames of just the rows that a view shows.
//!
//! Pure: it knows no runtime, no file, no clock. The caller brings the messages and the time.

mod frame;
mod kind;
mod node;
mod tree;
mod view;

pub use frame::{Detail, Frame, Row};
pub use kind::{Kind, first_number, numeric_fields, preview};
pub use tree::{Bounds, Seen, TopicState, Tree};
pub use view::View;
