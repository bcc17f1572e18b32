//! The emulated engine as a PCI function of a virtual machine, over vfio-user.
//!
//! A [`Server`] owns one engine and one Unix socket. A virtual machine monitor that connects (QEMU's
//! `vfio-user-pci`, or any other client) sees a conventional PCI function: configuration space with the
//! firmware status registers, one page of registers behind BAR0, INTx and MSI, and memory that the engine
//! reaches. The guest's own `mei_me` drives it. This crate knows PCI and vfio-user, and nothing of what the
//! registers mean.
//!
//! The one invariant: **nothing a monitor does outlives its connection.** Whatever arrives is bounded and
//! checked; what makes no sense is refused with an errno or ends the connection; when a connection ends, for
//! whatever reason, its descriptors are closed, the function is reset, and the next monitor finds it as after
//! power-on.
//!
//! What a monitor may rely on, and where it differs from silicon:
//!
//! * BAR0 takes 32-bit accesses at multiples of four. Any other access reads as all-ones and writes nothing,
//!   as does every access while the function sleeps in D3hot or is removed.
//! * Leaving D3hot resets the engine (PMCSR says so: No_Soft_Reset is 0). Configuration space survives it,
//!   and DEVICE_RESET, as with the kernel's vfio-pci, which saves and restores it.
//! * Interrupts go to MSI's eventfd when one is set, else to INTx's. INTx masks itself when it fires, until
//!   the monitor unmasks it. PCI_STATUS bit 3 follows the line either way.
//! * The engine reaches guest memory with `pread` and `pwrite` on the descriptors of DMA_MAP, so that a
//!   monitor which truncates the file cannot kill the server. Memory mapped without a descriptor cannot be
//!   reached, nor can hugetlbfs be written, which has no `pwrite`. Nothing is reached while Bus Master Enable
//!   is 0.
//! * Migration and dirty page tracking are not offered.
//!
//! ```no_run
//! use mei_emulator::{Firmware, Persona};
//! use mei_vfio_user::{Options, Server};
//! use std::time::Instant;
//!
//! let persona = Persona::builtin("tiger-lake").ok_or("no such persona")?;
//! let engine = Firmware::new(&persona, Instant::now());
//! let mut server = Server::bind("/run/umei/mei.sock".as_ref(), engine, Options::default())?;
//! let control = server.control();
//! std::thread::spawn(move || server.serve());
//! control.stop();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod channel;
mod config;
mod connection;
mod control;
mod engine;
mod function;
mod interrupts;
mod memory;
mod protocol;
mod server;
mod socket;
mod version;

pub use config::InterruptMode;
pub use control::{Control, Removal};
pub use engine::Engine;
pub use server::{Lifetime, Options, Server};
pub use socket::BindError;
