//! The Host Bus Message protocol (`hbm.md`).
//!
//! HBM frames go from address (0, 0) to (0, 0), complete, in one fragment; the first byte is the
//! [`Command`].

mod messages;
mod parse;

pub use messages::*;
pub use parse::{FirmwareMessage, HostMessage, ParseError};

use core::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A byte whose values have names, unknown ones included.
macro_rules! open_byte {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $number:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
        #[repr(transparent)]
        pub struct $name(pub u8);

        impl $name {
            $($(#[$value_doc])* pub const $value: Self = Self($number);)*
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$value => f.write_str(stringify!($value)),)*
                    Self(other) => write!(f, "{}({other:#04x})", stringify!($name)),
                }
            }
        }
    };
}

open_byte! {
    /// First byte of an HBM message; bit 7 marks a response (`hbm.md` §2).
    Command {
        /// Host offers its protocol version.
        HOST_START_REQ = 0x01,
        /// Firmware accepts it or names its own.
        HOST_START_RES = 0x81,
        /// Host stops the protocol.
        HOST_STOP_REQ = 0x02,
        /// Firmware agrees.
        HOST_STOP_RES = 0x82,
        /// Firmware asks the host to stop.
        ME_STOP_REQ = 0x03,
        /// Host asks which clients exist.
        HOST_ENUM_REQ = 0x04,
        /// Bit map of clients.
        HOST_ENUM_RES = 0x84,
        /// Host asks for one client's properties.
        CLIENT_PROPERTIES_REQ = 0x05,
        /// Properties of one client.
        CLIENT_PROPERTIES_RES = 0x85,
        /// Host connects to a client.
        CLIENT_CONNECT_REQ = 0x06,
        /// Outcome of a connect.
        CLIENT_CONNECT_RES = 0x86,
        /// Either side ends a connection.
        CLIENT_DISCONNECT_REQ = 0x07,
        /// The other side agrees.
        CLIENT_DISCONNECT_RES = 0x87,
        /// One message may be sent.
        FLOW_CONTROL = 0x08,
        /// Host wants to enter power gating.
        PG_ISOLATION_ENTRY_REQ = 0x0A,
        /// Firmware agrees.
        PG_ISOLATION_ENTRY_RES = 0x8A,
        /// Firmware wants to leave power gating.
        PG_ISOLATION_EXIT_REQ = 0x0B,
        /// Host agrees.
        PG_ISOLATION_EXIT_RES = 0x8B,
        /// Firmware adds a client.
        ADD_CLIENT_REQ = 0x0F,
        /// Host took it or not.
        ADD_CLIENT_RES = 0x8F,
        /// Host switches notifications of a connection.
        NOTIFY_REQ = 0x10,
        /// Outcome of the switch.
        NOTIFY_RES = 0x90,
        /// An event on a connection.
        NOTIFICATION = 0x11,
        /// Host offers DMA ring memory.
        DMA_SETUP_REQ = 0x12,
        /// Outcome of the offer.
        DMA_SETUP_RES = 0x92,
        /// Host asks for capabilities.
        CAPABILITIES_REQ = 0x13,
        /// Granted capabilities.
        CAPABILITIES_RES = 0x93,
        /// Host maps a client's DMA buffer.
        CLIENT_DMA_MAP_REQ = 0x14,
        /// Outcome of the mapping.
        CLIENT_DMA_MAP_RES = 0x94,
        /// Host unmaps a client's DMA buffer.
        CLIENT_DMA_UNMAP_REQ = 0x15,
        /// Outcome of the unmapping.
        CLIENT_DMA_UNMAP_RES = 0x95,
    }
}

open_byte! {
    /// Status byte of responses (`hbm.md` §2.1).
    Status {
        /// Done.
        SUCCESS = 0,
        /// No such client.
        CLIENT_NOT_FOUND = 1,
        /// The connection exists already.
        ALREADY_EXISTS = 2,
        /// Out of connections or resources.
        REJECTED = 3,
        /// A field of the request is wrong.
        INVALID_PARAMETER = 4,
        /// Not now, or not by this host.
        NOT_ALLOWED = 5,
        /// The service runs already.
        ALREADY_STARTED = 6,
        /// The service does not run.
        NOT_STARTED = 7,
    }
}

/// A protocol version; ordered as versions are (`hbm.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Major number.
    pub major: u8,
    /// Minor number.
    pub minor: u8,
}

impl Version {
    /// What the kernel driver offers, and the newest that is specified: 2.2.
    pub const DRIVER: Self = Self::new(2, 2);

    /// The version `major.minor`.
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
