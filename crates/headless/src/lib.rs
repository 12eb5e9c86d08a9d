//! The daemon's doors: one router for commands, live frames and the interface, reached over a
//! local socket and over loopback, and the plain door for claims.
//!
//! It carries questions in and answers out; it decides nothing about the site.

mod claim_door;
pub mod cli;
mod codes;
mod download;
mod enrol_door;
mod enrol_routes;
mod feed_door;
mod guard;
mod install_page;
mod interface;
mod limits;
mod one_door;
mod plain_door;
mod reply;
mod router;
pub mod run;
mod socket;
mod tcp;
mod tries;
