//! Group GEN: versions, boot state (`mkhi.md` §3).

use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Version of MKHI itself: [`MkhiVersion`].
pub const GET_MKHI_VERSION: u8 = 0x01;
/// Firmware version: one to three [`FwVersion`]s.
pub const GET_FW_VERSION: u8 = 0x02;
/// Boot state: two u32, the first of [`boot_state`] bits.
pub const GET_BOOT_STATE: u8 = 0x0A;
/// The BIOS is done; answer u32, 0 continue, 1 a global reset is wanted.
pub const END_OF_POST: u8 = 0x0C;
/// Back to the factory state without a password.
pub const UNCONFIG_WITHOUT_PASSWORD: u8 = 0x0D;
/// Where debug memory is: four u32.
pub const SET_DEBUG_MEMORY: u8 = 0x11;
/// Enable and disable masks of features; answer u32, 0 accepted, 1 rejected.
pub const FEATURE_SHIPMENT_OVERRIDE: u8 = 0x14;
/// Signing of the image: u32.
pub const GET_IMAGE_TYPE: u8 = 0x18;
/// Version of a flash partition named by a u32: u32 count, [`ImageFwVersion`]s.
pub const GET_IMAGE_FW_VERSION: u8 = 0x1C;
/// End-of-POST state: u32.
pub const GET_EOP_STATE: u8 = 0x1D;
/// FIPS mode; layouts are not public.
pub const SET_FIPS_MODE: u8 = 0x20;
/// FIPS mode; layouts are not public.
pub const GET_FIPS_MODE: u8 = 0x21;
/// Measured boot: u8.
pub const SET_MEASURED_BOOT_STATE: u8 = 0x22;
/// Measured boot: u8.
pub const GET_MEASURED_BOOT_STATE: u8 = 0x23;

/// Bits of the answer to [`GET_BOOT_STATE`].
pub mod boot_state {
    /// End of POST was seen.
    pub const END_OF_POST: u32 = 1 << 0;
    /// The core BIOS is done.
    pub const CORE_BIOS_DONE: u32 = 1 << 1;
}

/// One version of the response to [`GET_FW_VERSION`]: one to three of them follow the header
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

/// Data of the response to [`GET_MKHI_VERSION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MkhiVersion {
    /// Minor.
    pub minor: U16,
    /// Major.
    pub major: U16,
}

/// One entry of the response to [`GET_IMAGE_FW_VERSION`]. Major comes first here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ImageFwVersion {
    /// Name of the partition, zero-filled.
    pub name: [u8; 12],
    /// Major.
    pub major: U16,
    /// Minor.
    pub minor: U16,
    /// Hotfix.
    pub hotfix: U16,
    /// Build.
    pub build: U16,
    /// PCI vendor.
    pub vendor: U32,
    /// Security version of the trusted computing base.
    pub tcb_svn: U32,
    /// Anti-rollback security version.
    pub arb_svn: U32,
    /// Version control number.
    pub vcn: U32,
    /// Zero.
    pub reserved: [u8; 52],
}

const _: () = assert!(
    size_of::<FwVersion>() == 8 && size_of::<MkhiVersion>() == 4 && size_of::<ImageFwVersion>() == 88
);

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
    }
}
