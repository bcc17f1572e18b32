//! What goes over the wires of the Management Engine Interface.
//!
//! Plain representations, shared by the host side and the firmware side and by nobody's opinion of
//! them: registers and the seam they are reached through, the message header, the Host Bus Message
//! protocol, the ioctls of `/dev/meiN`, GUIDs, the PCI device table, and the messages of the firmware
//! clients.
//!
//! The one invariant: a type here has exactly the bytes of its specification, whatever the values. Unknown
//! commands, statuses and reserved bits are kept, never refused; what they mean is for the two sides to
//! decide. Sizes are asserted when the crate is compiled.
//!
//! ```
//! use mei_wire::hbm::{Command, FirmwareMessage, HostStartReq, Version};
//! use mei_wire::{Address, MessageHeader};
//! use zerocopy::IntoBytes;
//!
//! // What a host says first.
//! let header = MessageHeader::for_message(Address::BUS, 4);
//! assert_eq!(header.to_word(), 0x8004_0000);
//! assert_eq!(HostStartReq::new(Version::DRIVER).as_bytes(), [0x01, 0, 2, 2]);
//!
//! // What an engine of HBM 1.1 answers.
//! let FirmwareMessage::HostStartRes(answer) = FirmwareMessage::parse(&[0x81, 0, 1, 1])? else { panic!() };
//! assert_eq!((answer.supported(), answer.version()), (false, Version::new(1, 1)));
//! # Ok::<(), mei_wire::hbm::ParseError>(())
//! ```
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

pub mod amthi;
pub mod apf;
#[cfg(feature = "std")]
pub mod device;
pub mod firmware_update;
pub mod function;
mod guid;
pub mod hbm;
mod header;
pub mod hotham;
pub mod ioctl;
pub mod mkhi;
pub mod pci;
pub mod registers;
pub mod status;
pub mod upid;
pub mod watchdog;

#[cfg(feature = "std")]
pub use device::Device;
pub use function::{ConfigSpace, DmaMemory, Function, Gone, Registers};
pub use guid::{Guid, clients};
pub use header::{Address, ExtendedHeader, HeaderError, MessageHeader, TlvType, VtagTlv};
