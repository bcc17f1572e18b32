//! What the harness outside a guest and the agent inside it tell each other.
//!
//! The harness puts a [`plan::Plan`] into the guest; the agent answers with [`report::Line`]s on the second
//! serial port. The first is the kernel's console, so that a report is never mixed with the kernel's words.

pub mod plan;
pub mod report;
