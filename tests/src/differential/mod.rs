//! Two devices, the same random calls, step by step the same answers.
//!
//! A sequence is a few files and a few dozen calls, some of them side by side, with events of the engine armed in band.
//! Both devices run it and what each call returned is compared: value, errno, bytes, masks. Known differences have a rule
//! that names its row of `docs/fidelity.md`; any other is run again, and cut down to the calls that it needs.

mod calls;
mod campaign;
mod generate;
mod history;
mod hits;
mod kept;
mod random;
mod rows;
mod rules;
mod runner;
mod step;
mod still;

pub use campaign::{Campaign, Pair, Side, Totals};
pub use hits::Hits;
pub use step::Step;
