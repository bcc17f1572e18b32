//! The host side of the Management Engine Interface: what the kernel's driver does between `/dev/mei0` and the
//! registers, without I/O.
//!
//! A [`Host`] owns a function ([`mei_wire::Function`]), is told of calls, interrupts and time, and says what to
//! answer. It is the 6.1 driver down to its error numbers and their order; where that driver forgets a caller or
//! a message, this one does not (`docs/fidelity.md`, Q1 to Q15).
//!
//! The one invariant: **each call gets exactly one reply, whatever the firmware does.** Everything from the
//! other side is hostile; malformed input ends in the documented errno or in a link reset, never in a panic, a
//! hang or unbounded memory. Each wait is a state: with a deadline where the driver has one, with its causes
//! otherwise.
//!
//! ```
//! use mei_core::{Call, CallId, DeviceState, Errno, Host, Options, Output, Reply};
//! # use mei_wire::{ConfigSpace, DmaMemory, Gone, Registers};
//! # struct Unplugged;
//! # impl Registers for Unplugged {
//! #     fn read32(&mut self, _: u32) -> Result<u32, Gone> { Err(Gone) }
//! #     fn write32(&mut self, _: u32, _: u32) -> Result<(), Gone> { Err(Gone) }
//! # }
//! # impl ConfigSpace for Unplugged {
//! #     fn read_config32(&mut self, _: u16) -> Result<u32, Gone> { Err(Gone) }
//! # }
//! # impl DmaMemory for Unplugged {}
//! let tiger_lake = *mei_wire::pci::lookup(0xA0E0).expect("in the table");
//! let now = std::time::Instant::now();
//! let mut host = Host::new(Unplugged, Options::new(tiger_lake));
//! host.start(now); // with a function that answers, interrupts and deadlines lead to ENABLED from here
//! while host.next_output().is_some() {}
//! assert_eq!(host.state(), DeviceState::Disabled);
//!
//! host.call(CallId(1), Call::Open, now);
//! assert_eq!(host.next_output(), Some(Output::Reply(CallId(1), Reply::Error(Errno::NODEV))));
//! assert_eq!(host.next_output(), None);
//! ```
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
