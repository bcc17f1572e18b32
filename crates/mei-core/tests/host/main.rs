//! The host against a scripted function, on virtual time.
#![expect(clippy::cast_possible_truncation, reason = "the stub builds small numbers")]
mod bench;
mod connecting;
mod malformed;
mod notifying;
mod polling;
mod random;
mod reading;
mod resetting;
mod ring;
mod services;
mod shown;
mod stub;
mod tags;
mod writing;
