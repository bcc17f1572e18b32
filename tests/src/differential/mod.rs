//! Two devices, the same random calls, step by step the same answers.
//!
//! A sequence is a few files and a few dozen calls, with events of the engine armed in band. Both devices run it and
//! what each call returned is compared: value, errno, bytes, masks. Known differences have a rule that names its row of
//! `docs/fidelity.md`; any other must show again when the sequence is repeated, and is then cut down to the calls
//! that it needs.

mod campaign;
mod generate;
mod hits;
mod random;
mod rules;
mod runner;
mod step;

pub use campaign::{Campaign, Side, Totals};
pub use hits::Hits;
pub use step::Step;
