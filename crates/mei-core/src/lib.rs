//! The host side of the Management Engine Interface: what the kernel's driver does between `/dev/mei0` and the
//! registers, without I/O.
//!
//! The one invariant: **each call gets exactly one reply, whatever the firmware does.** Everything from the
//! other side is hostile; malformed input ends in the documented errno or in a link reset, never in a panic, a
//! hang or unbounded memory.
mod amthi;
mod bits;
mod call;
mod calls;
mod client;
mod client_bus;
mod connect;
mod control;
mod dma_ring;
mod errno;
mod files;
mod fix_up;
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
mod service;
mod settle;
mod slots;
mod state;
mod sysfs;
mod transmit;
mod vtag;
mod watchdog;
mod write;
pub use call::{Blocking, Call, CallId, Handle, IoctlCopies, Output, Reply};
pub use client_bus::BusDevice;
pub use errno::Errno;
pub use host::Host;
pub use options::{AmthiUse, FixUps, Options, WatchdogUse};
pub use state::DeviceState;
pub use watchdog::{WatchdogState, WatchdogStatus};
