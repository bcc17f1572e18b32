//! Taps between stand-ins, and between a real driver and a real engine.
#![expect(clippy::unwrap_used, reason = "a panic of a test is its report, in what it calls too")]

mod bench;
mod format;
mod host;
mod inject;
mod stand_in;
