//! A real MEI function of this machine, driven from user space.
//!
//! [`open()`] makes a [`mei_wire::Device`] of a PCI function, by one of three ways ([`Way`]):
//!
//! | way | driver | interrupt | memory for DMA |
//! |---|---|---|---|
//! | VFIO | vfio-pci | message, line | behind an IOMMU (type 1); none in noiommu mode |
//! | UIO | uio_pci_generic | line | none |
//! | sysfs resource | none | polled, 1 ms to 100 ms | none |
//!
//! [`bind`] takes a function from the kernel and [`unbind`] gives it back; [`functions`] lists them. All of sysfs is
//! reached through a [`System`], which may be a tree that only looks like one.
//!
//! The one invariant: a register is accessed exactly as asked, 32 bits, once, in order, and never beside BAR0; and a
//! function that went away, however that shows (all-ones, EIO, SIGBUS, VFIO's request, removal), is [`mei_wire::Gone`]
//! for good instead of the end of the process.
//!
//! ```no_run
//! use mei_pci_uio::{BindRequest, Choice, System, bind, open};
//! use mei_wire::{Device, Registers, registers::ME_CSR_HA};
//!
//! let address = "0000:00:16.0".parse()?;
//! bind(&System::here(), address, &BindRequest::default())?;
//! let mut function = open(address, &Choice::default())?;
//! println!("{}: {:08x}", function.identity().generation.name, function.read32(ME_CSR_HA)?);
//! assert!(function.interrupt_fd().is_some() || function.deadline().is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod bar;
mod binding;
mod config;
mod error;
mod function;
mod group;
mod holders;
mod identity;
mod inventory;
mod lookout;
mod open;
mod polling;
mod record;
mod resource;
mod sys;
mod system;
#[cfg(test)]
mod tree;
mod uio;
mod undo;
mod vfio;

pub use address::{Address, AddressError};
pub use binding::{BindError, BindRequest, Change, Obstacles, Plan, Target, bind, plan, unbind};
pub use error::{OpenError, Step};
pub use function::PciFunction;
pub use holders::Holder;
pub use identity::{Identity, Refusal};
pub use inventory::{Client, Function, functions, other_devices};
pub use open::{Choice, ChoiceError, Interrupt, Refused, Way, open, open_at};
pub use record::Record;
pub use system::System;
