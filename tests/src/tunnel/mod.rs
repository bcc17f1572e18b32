//! AMT's tunnel under load: many channels at once, ends at any moment, and every byte accounted for.
//!
//! [`load()`] is the host's side of LME, message by message, over any [`Wire`]; it holds the engine to its windows and the
//! engine (persona `tunnel`) holds it to its own. [`tcp`] goes the way of a program: TCP through a local management
//! service. What the messages look like is tested elsewhere; here they are read and written by `mei_wire`.

mod channel;
mod load;
mod pattern;
pub mod tcp;
mod wire;

pub use load::{Load, Manners, Report, load};
pub use wire::{DeviceWire, FilesWire, Waits, Wire};

/// Ports of the persona `tunnel`.
const ECHO: u16 = 20007;
const DISCARD: u16 = 20009;
const SOURCE: u16 = 20019;

/// Bytes that the persona lets a host send on a fresh channel.
const ENGINE_WINDOW: u64 = 8192;

/// Most bytes of data in a message of the engine's: one program drops what is longer.
const ENGINE_CHUNK: usize = 4095;
