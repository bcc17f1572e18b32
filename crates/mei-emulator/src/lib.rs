//! The firmware side of the Management Engine Interface: an emulated engine, without I/O.
pub mod client;
pub mod clients;
mod engine;
mod firmware;
mod memory;
mod outbox;
pub mod persona;
mod test_client;
pub use client::ConnectionId;
pub use engine::Engine;
pub use firmware::{Firmware, Statistics};
pub use memory::{HostMemory, NoHostMemory};
pub use persona::{Persona, PersonaError};
