//! A host and its function in this process, without a kernel between a program and them: what a message costs in
//! instructions and in allocations. `umei-bench host` and the callgrind bench `messages` measure it.
//!
//! ```
//! use mei_core::{FixUps, Options};
//! use mei_emulator::{Engine, Persona};
//! use std::time::Instant;
//! use umei_bench::{Machine, PERSONA};
//!
//! let persona = Persona::parse(PERSONA, "echo.toml")?;
//! let engine = Engine::new(&persona, Instant::now());
//! let mut machine = Machine::start(engine, Options::new(*persona.device))?;
//! assert_eq!(machine.echo(&[1, 2, 3])?, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod machine;
mod rote;

pub use machine::{Failed, Machine};
pub use rote::Rote;

/// The persona of all benches: a client that echoes.
pub const PERSONA: &str = include_str!("../echo.toml");
