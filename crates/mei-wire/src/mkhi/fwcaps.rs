//! Group FWCAPS: capability rules (`mkhi.md` §4).

use bitfield_struct::bitfield;
use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Read one rule.
pub const GET_RULE: u8 = 0x02;
/// Write one rule.
pub const SET_RULE: u8 = 0x03;
/// The kernel driver names its operating system; no answer.
pub const SET_OS_VERSION: u8 = 0x06;

/// Rule: what the SKU is capable of.
pub const RULE_CAPABLE: u32 = 0x00;
/// Rule: disable the engine; set with one zero byte.
pub const RULE_ME_DISABLE: u32 = 0x06;
/// Rule: firmware update, 0 disabled, 1 enabled, 2 password protected.
pub const RULE_FIRMWARE_UPDATE: u32 = 0x07;
/// Rule: platform type, [`PlatformType`].
pub const RULE_PLATFORM_TYPE: u32 = 0x1D;
/// Rule: what is enabled.
pub const RULE_ENABLED: u32 = 0x20;
/// Rule: what is available now.
pub const RULE_AVAILABLE: u32 = 0x27;
/// Rule: firmware update from this machine.
pub const RULE_LOCAL_FIRMWARE_UPDATE: u32 = 0x2E;

/// Data of the response to [`GET_RULE`]; the request's data is the rule id.
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

/// Value of [`RULE_PLATFORM_TYPE`].
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

const _: () = assert!(size_of::<Rule>() == 9);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_type_reads_as_specified() {
        let laptop = PlatformType::from(0x0000_1481);
        assert_eq!((laptop.usage(), laptop.image_type(), laptop.brand()), (1, 4, 1));
        assert!(laptop.production());
    }
}
