//! MKHI, the kernel host interface (`mkhi.md`, `client-bus.md` §3).

use bitfield_struct::bitfield;
use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Group byte of a message (`mkhi.md` §2).
pub mod group {
    /// Capability rules.
    pub const FWCAPS: u8 = 0x03;
    /// Versions and boot state.
    pub const GEN: u8 = 0xFF;
}

/// Commands of [`group::FWCAPS`] (`mkhi.md` §4).
pub mod fwcaps {
    /// Read one rule.
    pub const GET_RULE: u8 = 0x02;
    /// Write one rule.
    pub const SET_RULE: u8 = 0x03;
    /// The kernel driver names its operating system; no answer.
    pub const SET_OS_VERSION: u8 = 0x06;
    /// Rule: what the SKU is capable of.
    pub const RULE_CAPABLE: u32 = 0x00;
    /// Rule: firmware update state.
    pub const RULE_FIRMWARE_UPDATE: u32 = 0x07;
    /// Rule: platform type.
    pub const RULE_PLATFORM_TYPE: u32 = 0x1D;
    /// Rule: what is enabled.
    pub const RULE_ENABLED: u32 = 0x20;
    /// Rule: what is available now.
    pub const RULE_AVAILABLE: u32 = 0x27;
}

/// Commands of [`group::GEN`] (`mkhi.md` §3).
pub mod generic {
    /// Version of MKHI itself.
    pub const GET_MKHI_VERSION: u8 = 0x01;
    /// Firmware version.
    pub const GET_FW_VERSION: u8 = 0x02;
}

/// Result byte (`mkhi.md` §2).
pub mod result {
    /// Done.
    pub const SUCCESS: u8 = 0x00;
    /// The message has a wrong size.
    pub const SIZE_ERROR: u8 = 0x05;
    /// No such thing.
    pub const NOT_FOUND: u8 = 0x81;
    /// A parameter is wrong.
    pub const INVALID_PARAMETERS: u8 = 0x85;
    /// Not supported.
    pub const NOT_SUPPORTED: u8 = 0x89;
    /// No such command.
    pub const INVALID_COMMAND: u8 = 0x8D;
}

/// In front of every message (`mkhi.md` §2). Requests may carry anything in the last two bytes
/// (`clients.md` §1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`group`].
    pub group: u8,
    /// Command, bit 7 set in a response.
    pub command: u8,
    /// 0 in a response.
    pub reserved: u8,
    /// [`result`], 0 in a successful response.
    pub result: u8,
}

impl Header {
    /// Bit of [`Header::command`] that marks a response.
    pub const RESPONSE: u8 = 0x80;

    /// A request.
    pub const fn request(group: u8, command: u8) -> Self {
        Self { group, command, reserved: 0, result: 0 }
    }

    /// The header of the response to this request.
    pub const fn response(self, result: u8) -> Self {
        Self { group: self.group, command: self.command | Self::RESPONSE, reserved: 0, result }
    }
}

/// One version of the response to [`generic::GET_FW_VERSION`]: one to three of them follow the header
/// (code, recovery, flash image tool). The driver reads the second 16-bit word as two bytes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct FwVersion {
    /// Minor.
    pub minor: U16,
    /// Major.
    pub major: u8,
    /// Platform.
    pub platform: u8,
    /// Build.
    pub build: U16,
    /// Hotfix.
    pub hotfix: U16,
}

/// Data of the response to [`generic::GET_MKHI_VERSION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MkhiVersion {
    /// Minor.
    pub minor: U16,
    /// Major.
    pub major: U16,
}

/// Data of the response to [`fwcaps::GET_RULE`]; the request's data is the rule id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Rule {
    /// The rule asked for.
    pub id: U32,
    /// Bytes of the value: 4.
    pub length: u8,
    /// The value.
    pub value: U32,
}

/// Value of [`fwcaps::RULE_PLATFORM_TYPE`] (`mkhi.md` §4).
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct PlatformType {
    /// 1 mobile, 2 desktop, 4 server, 8 workstation.
    #[bits(4)]
    pub usage: u8,
    #[bits(2)]
    __: u8,
    /// Super SKU.
    pub super_sku: bool,
    /// Production signed.
    pub production: bool,
    /// 3 consumer, 4 corporate.
    #[bits(4)]
    pub image_type: u8,
    /// 1 AMT, 2 Standard Manageability.
    #[bits(4)]
    pub brand: u8,
    #[bits(16)]
    __: u16,
}

const _: () = assert!(size_of::<Header>() == 4 && size_of::<FwVersion>() == 8 && size_of::<Rule>() == 9);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_on_the_wire() {
        let version = FwVersion {
            minor: U16::new(8),
            major: 11,
            platform: 0,
            build: U16::new(3001),
            hotfix: U16::new(50),
        };
        assert_eq!(version.as_bytes(), [8, 0, 11, 0, 0xB9, 0x0B, 50, 0]);
        let request = Header::request(0xFF, 0x02);
        assert_eq!(request.response(0x8D).as_bytes(), [0xFF, 0x82, 0, 0x8D]);
    }

    #[test]
    fn platform_type_reads_as_specified() {
        let laptop = PlatformType::from(0x0000_1481);
        assert_eq!((laptop.usage(), laptop.image_type(), laptop.brand()), (1, 4, 1));
        assert!(laptop.production());
    }
}
