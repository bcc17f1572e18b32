//! The firmware side of the Management Engine Interface: an emulated engine, without I/O.
pub mod client;
pub mod clients;
mod firmware;
mod outbox;
pub mod persona;
mod test_client;
pub use client::ConnectionId;
pub use firmware::{Engine, Firmware, HostMemory, NoHostMemory};
pub use persona::{Persona, PersonaError};
