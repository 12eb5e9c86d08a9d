//! A whole class at once.

mod archive;
mod bulk;
mod csv;
mod hand_out;
mod make;
mod paper;
mod pattern;
mod plan;
mod retained;
mod year;
