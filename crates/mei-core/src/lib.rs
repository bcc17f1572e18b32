//! The host side of the Management Engine Interface: what the kernel's driver does between `/dev/mei0` and the
//! registers, without I/O.
//!
//! The one invariant: **each call gets exactly one reply, whatever the firmware does.** Everything from the
//! other side is hostile; malformed input ends in the documented errno or in a link reset, never in a panic, a
//! hang or unbounded memory.
mod bits;
mod call;
mod calls;
mod client;
mod connect;
mod control;
mod errno;
mod files;
mod hbm;
mod host;
mod link;
mod me_clients;
mod notify;
mod options;
mod output;
mod read;
mod receive;
mod reset;
mod settle;
mod slots;
mod state;
mod transmit;
mod vtag;
mod write;
pub use call::{Blocking, Call, CallId, Handle, IoctlCopies, Output, Reply};
pub use errno::Errno;
pub use host::Host;
pub use options::{FixUps, Options};
pub use state::DeviceState;
