//! What `strace` logged of a program on two devices: the same calls with the same results.
//!
//! A log is what `strace -ff -y -x` writes, one file for each thread, so that no call is torn apart by another
//! thread's. [`normalise()`] takes out of a line what differs between any two runs of any program; [`compare()`] tells
//! whether the rest is equal, and shows what is not.

mod compare;
mod log;
mod normalise;

pub use compare::{Difference, compare};
pub use log::{Calls, Log};
pub use normalise::{Processes, normalise};
