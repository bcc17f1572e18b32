//! AMTHI, the AMT host interface, also called PTHI (`amthi.md`).
//!
//! One request, one response. All integers are little-endian; nothing is padded.

use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bit of a [`Command`] that marks a response.
pub const RESPONSE: u32 = 1 << 23;

/// Command code of a request (`amthi.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Command(pub u32);

impl Command {
    /// Whether AMT is provisioned, and in which mode.
    pub const GET_PROVISIONING_MODE: Self = Self(0x0400_0008);
    /// How far provisioning has come.
    pub const GET_PROVISIONING_STATE: Self = Self(0x0400_0011);
    /// BIOS and firmware versions.
    pub const GET_CODE_VERSIONS: Self = Self(0x0400_001A);
    /// Dedicated and host MAC address.
    pub const GET_MAC_ADDRESSES: Self = Self(0x0400_0025);
    /// PKI DNS suffix.
    pub const GET_DNS_SUFFIX: Self = Self(0x0400_0036);
    /// Settings of one LAN interface.
    pub const GET_LAN_INTERFACE_SETTINGS: Self = Self(0x0400_0048);
    /// The platform's UUID.
    pub const GET_UUID: Self = Self(0x0400_005C);
    /// Client or admin control.
    pub const GET_CONTROL_MODE: Self = Self(0x0400_006B);
    /// Whether embedded host-based configuration is allowed.
    pub const GET_EHBC_STATE: Self = Self(0x0400_0084);

    /// The code that the response carries.
    pub const fn response(self) -> u32 {
        self.0 | RESPONSE
    }
}

/// Status of a response (`amthi.md` §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status(pub u32);

impl Status {
    /// Done.
    pub const SUCCESS: Self = Self(0);
    /// The firmware failed.
    pub const INTERNAL_ERROR: Self = Self(1);
    /// Not yet.
    pub const NOT_READY: Self = Self(2);
    /// AMT is in a mode that has no such command.
    pub const INVALID_AMT_MODE: Self = Self(3);
    /// The request is too short or too long.
    pub const INVALID_MESSAGE_LENGTH: Self = Self(4);
    /// A parameter is wrong.
    pub const INVALID_PARAMETER: Self = Self(0x24);
    /// The command is not supported.
    pub const UNSUPPORTED: Self = Self(0x812);
}

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

/// A string of at most 20 bytes with its length in front (`amthi.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct VersionString {
    /// Bytes in use, at most 19 in a version so that a NUL follows.
    pub length: U16,
    /// The text, zero-filled.
    pub text: [u8; 20],
}

/// One record of [`Command::GET_CODE_VERSIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct CodeVersion {
    /// What has the version.
    pub description: VersionString,
    /// The version.
    pub version: VersionString,
}

/// Front of the data of [`Command::GET_CODE_VERSIONS`]; `count` [`CodeVersion`]s follow (`amthi.md` §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct CodeVersions {
    /// BIOS version, NUL-terminated.
    pub bios: [u8; 65],
    /// Records that follow, at most [`CodeVersions::MAX_COUNT`].
    pub count: U32,
}

impl CodeVersions {
    /// Records that clients accept.
    pub const MAX_COUNT: usize = 50;
}

/// Data of [`Command::GET_MAC_ADDRESSES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MacAddresses {
    /// The firmware's own.
    pub dedicated: [u8; 6],
    /// The host's, shared.
    pub host: [u8; 6],
}

/// Data of [`Command::GET_LAN_INTERFACE_SETTINGS`] (`amthi.md` §4.3); the request's data is the u32 index,
/// 0 wired, 1 wireless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct LanInterfaceSettings {
    /// 1 when AMT uses the interface.
    pub enabled: U32,
    /// IPv4 address as a number: 0x01020304 is 1.2.3.4.
    pub ipv4: U32,
    /// 1 when the address comes from DHCP.
    pub dhcp_enabled: U32,
    /// 1 active, 2 passive.
    pub dhcp_ip_mode: u8,
    /// 0 down, 1 up.
    pub link_status: u8,
    /// MAC address in transmission order; all zero when the interface does not exist.
    pub mac_address: [u8; 6],
}

/// Data of [`Command::GET_PROVISIONING_MODE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ProvisioningMode {
    /// 1 enterprise.
    pub mode: U32,
    /// AMT_BOOLEAN: legacy mode.
    pub legacy: U32,
}

const _: () = assert!(size_of::<Header>() == 12 && size_of::<ResponseHeader>() == 16);
const _: () = assert!(size_of::<CodeVersions>() == 69 && size_of::<CodeVersion>() == 44);
const _: () = assert!(size_of::<MacAddresses>() == 12 && size_of::<LanInterfaceSettings>() == 20);

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
