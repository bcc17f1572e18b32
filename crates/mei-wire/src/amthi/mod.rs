//! AMTHI, the AMT host interface, also called PTHI (`amthi.md`).
//!
//! One request, one response. All integers are little-endian; nothing is padded.

mod command;
mod layout;
mod status;

pub use command::Command;
pub use layout::*;
pub use status::Status;

use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bit of a [`Command`] that marks a response.
pub const RESPONSE: u32 = 1 << 23;

/// What every request starts with, and every response before its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header {
    /// 1.
    pub major: u8,
    /// 1.
    pub minor: u8,
    /// 0.
    pub reserved: U16,
    /// [`Command`], with [`RESPONSE`] in a response.
    pub command: U32,
    /// Bytes after this header, the status of a response included. Requests are not always right about it
    /// (`clients.md` §1.6).
    pub length: U32,
}

impl Header {
    /// The header of a request with `length` bytes of data.
    pub const fn request(command: Command, length: u32) -> Self {
        Self {
            major: 1,
            minor: 1,
            reserved: U16::ZERO,
            command: U32::new(command.0),
            length: U32::new(length),
        }
    }
}

/// What every response starts with; its data follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ResponseHeader {
    /// The header; `length` counts the status and the data.
    pub header: Header,
    /// [`Status`].
    pub status: U32,
}

impl ResponseHeader {
    /// The start of a response to `command` (the request's code word) with `data_length` bytes of data.
    pub const fn new(command: u32, status: Status, data_length: u32) -> Self {
        Self {
            header: Header {
                major: 1,
                minor: 1,
                reserved: U16::ZERO,
                command: U32::new(command | RESPONSE),
                length: U32::new(4 + data_length),
            },
            status: U32::new(status.0),
        }
    }
}

const _: () = assert!(size_of::<Header>() == 12 && size_of::<ResponseHeader>() == 16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_on_the_wire() {
        assert_eq!(
            Header::request(Command::GET_CODE_VERSIONS, 0).as_bytes(),
            [1, 1, 0, 0, 0x1A, 0, 0, 4, 0, 0, 0, 0]
        );
        assert_eq!(
            ResponseHeader::new(0x0400_0011, Status::UNSUPPORTED, 4).as_bytes(),
            [1, 1, 0, 0, 0x11, 0, 0x80, 4, 8, 0, 0, 0, 0x12, 8, 0, 0]
        );
    }
}
