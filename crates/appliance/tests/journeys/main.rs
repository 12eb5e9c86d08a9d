//! Whole appliances, driven as a screen drives them, with real clients at their real doors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod asked;
mod certificate_swap;
mod claims;
mod class;
mod damage;
mod doors;
mod exports;
mod feeds;
mod first_run;
mod guests;
mod harness;
mod lab;
mod limits;
mod refusals;
mod restart;
mod rights;
mod roles;
#[cfg(unix)]
mod serial;
mod simulated;
mod year;
