//! The engine from outside: real sockets, packets written and read by hand. Absence is shown by a
//! message that comes after, never by a pause; every wait has a deadline.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod behaviours;
mod client;
mod control;
mod doors;
mod durability;
mod faults;
mod features;
mod keepers;
mod limits;
mod load;
mod mutator;
mod qos;
mod rights;
mod scram;
mod sessions;
mod site;
mod strangers;
