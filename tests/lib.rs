//! Tests of the whole house: `tidy.rs` (the rules of the rooms), and beside it what Node's test
//! runner drives: `journeys/` (foreign clients), `screens/` (Chromium), `window/` (the real window).
