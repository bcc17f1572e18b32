//! The firmware side of the Management Engine Interface: an emulated engine, without I/O.
//!
//! A [`Persona`] says what the engine is: which chipset's, which protocol version, which clients. A
//! [`Firmware`] is one, as a register file with everything behind it; an [`Engine`] is a firmware with memory,
//! which a driver in the same process takes for the PCI function.
//!
//! The one invariant: whatever the host does, in whatever order and with whatever values, the engine neither
//! panics nor hangs, keeps a bounded amount of it, and serves again after a reset of the link. A panic is our
//! bug, never bad input. It neither reads a clock nor sleeps: time comes in with each call, and
//! [`Firmware::deadline`] says when the next must come.
//!
//! ```
//! use mei_emulator::{Engine, Persona};
//! use mei_wire::registers::{H_CSR, HostCsr, ME_CSR_HA, MeCsr};
//! use mei_wire::{Device, Registers};
//! use std::time::Instant;
//!
//! let persona = Persona::builtin("tiger-lake").ok_or("no such persona")?;
//! let mut now = Instant::now();
//! let mut engine = Engine::new(&persona, now);
//!
//! // The first half of a driver's reset: assert it, and wait for ready by interrupt.
//! engine.write32(H_CSR, HostCsr::new().with_reset(true).with_interrupt_enable(true).into())?;
//! while !engine.take_interrupt() {
//!     engine.run(now);
//!     now = engine.deadline().unwrap_or(now);
//! }
//! assert!(MeCsr::from(engine.read32(ME_CSR_HA)?).ready());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | subject |
//! |---|---|
//! | [`persona`] | personas, their files, and what is wrong with them |
//! | [`client`] | what a firmware client is |
//! | [`clients`] | the firmware clients that there are, by kind |
//! | `firmware` | registers, link, HBM, credits, power |
//! | `test_client` | the client that makes the engine misbehave on command |

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
