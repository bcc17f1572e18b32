//! The firmware update client (`watchdog-and-others.md` §2). What Start, Data and End carry is not public.

use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Ids of requests, u32; the answer's id is one more.
pub mod request {
    /// [`Version`](super::Version).
    pub const GET_VERSION: u32 = 0;
    /// Begin an update.
    pub const START: u32 = 2;
    /// A piece of the image.
    pub const DATA: u32 = 4;
    /// End an update.
    pub const END: u32 = 6;
    /// [`Info`](super::Info).
    pub const GET_INFO: u32 = 8;
}

/// Major, minor, hotfix, build.
pub type VersionWords = [U16; 4];

/// The answer to [`request::GET_VERSION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Version {
    /// 1.
    pub id: U32,
    /// 0 done.
    pub status: U32,
    /// SKU.
    pub sku: U32,
    /// Version of the south bridge.
    pub ich_version: U32,
    /// Version of the north bridge.
    pub mch_version: U32,
    /// 0x8086.
    pub vendor: U32,
    /// Status of the last update.
    pub last_update_status: U32,
    /// SKU of the hardware.
    pub hardware_sku: U32,
    /// Version of the code.
    pub code: VersionWords,
    /// Version of AMT.
    pub amt: VersionWords,
    /// Ways to update that are open.
    pub enabled_interfaces: U16,
    /// Zero.
    pub reserved: U16,
}

/// The answer to [`request::GET_VERSION`] of old firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct OldVersion {
    /// 1.
    pub id: u8,
    /// 0 done.
    pub status: U32,
    /// SKU.
    pub sku: U32,
    /// Version of the south bridge.
    pub ich_version: U32,
    /// Version of the north bridge.
    pub mch_version: U32,
    /// 0x8086.
    pub vendor: U32,
    /// Version of the code.
    pub code: VersionWords,
    /// Version of the recovery code.
    pub recovery: VersionWords,
    /// Ways to update that are open.
    pub enabled_interfaces: U16,
    /// Status of the last update.
    pub last_update_status: U32,
    /// Zero.
    pub reserved: U32,
}

/// The answer to [`request::GET_INFO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Info {
    /// 9.
    pub id: U32,
    /// 0 done.
    pub status: U32,
    /// Version of MEBx.
    pub mebx: VersionWords,
    /// Flash override policy.
    pub flash_override_policy: U32,
    /// Manageability mode.
    pub manageability_mode: U32,
    /// State of the BIOS's boot.
    pub bios_boot_state: U32,
    /// Bits: 0 crypto fuse, 1 flash protection, 2-3 override qualifier, 4-5 last reset reason, 6-13 override
    /// counter.
    pub flags: U32,
    /// BIOS version, zero-filled.
    pub bios: [u8; 20],
}

/// Any other answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Answer {
    /// The request's id and one.
    pub id: U32,
    /// 0 done.
    pub status: U32,
}

const _: () = assert!(size_of::<Version>() == 52 && size_of::<OldVersion>() == 47 && size_of::<Info>() == 52);
