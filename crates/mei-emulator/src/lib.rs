//! The firmware side of the Management Engine Interface: an emulated engine, without I/O.
pub mod client;
mod firmware;
pub use firmware::{Engine, Firmware, HostMemory, NoHostMemory, Persona, PersonaError};
