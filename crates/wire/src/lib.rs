//! Plain data that crosses a boundary: commands, their answers, problems.
//!
//! One list of commands (`commands.rs`) makes the dispatcher, the router and the TypeScript.
//! This room knows no other room: every type here is what a screen sees, nothing more.

mod authority;
mod class;
mod commands;
mod devices;
mod doctor;
mod enrolment;
mod events;
mod exports;
mod live;
mod network;
mod problem;
mod records;
mod rights;
mod serial;
mod shown_once;
mod site;
mod typescript;

pub use authority::*;
pub use class::*;
pub use commands::*;
pub use devices::*;
pub use doctor::*;
pub use enrolment::*;
pub use events::*;
pub use exports::*;
pub use live::*;
pub use network::*;
pub use problem::*;
pub use records::*;
pub use rights::*;
pub use serial::*;
pub use shown_once::ShownOnce;
pub use site::*;
pub use typescript::typescript;
