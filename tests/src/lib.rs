//! What spans crates: parity, real clients, guests.
//!
//! The library is the plainest possible client: system calls on a MEI device node and what came back. It
//! shares nothing with `mei-client`, so that a mistake there cannot hide here.

pub mod differential;
pub mod files;
pub mod node;
pub mod parity;
pub mod programs;
pub mod sequences;
pub mod strace;
mod sys;
pub mod test_client;
pub mod tunnel;

pub use sys::{alarm_after, ignore_alarms, set_death_signal};
