//! UPID: the unique platform id (`watchdog-and-others.md` §4).

use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// In front of every message; an answer's [`status`] follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header {
    /// 0.
    pub feature: u8,
    /// [`command`].
    pub command: u8,
    /// Bytes after this header.
    pub byte_count: U16,
}

/// Commands.
pub mod command {
    /// What there is: u8, bit 0 the id, bit 1 attestation.
    pub const GET_FEATURE_SUPPORT: u8 = 0;
    /// Whether the feature is on: u8.
    pub const GET_FEATURE_STATE: u8 = 1;
    /// Switch the feature: u8.
    pub const SET_FEATURE_STATE: u8 = 2;
    /// Whether the operating system may switch it: u8.
    pub const GET_OS_CONTROL: u8 = 3;
    /// Let the operating system switch it, or not: u8.
    pub const SET_OS_CONTROL: u8 = 4;
    /// [`PlatformId`](super::PlatformId).
    pub const GET_PLATFORM_ID: u8 = 5;
    /// Refurbish counter.
    pub const GET_REFURBISH_COUNTER: u8 = 6;
    /// New OEM id.
    pub const UPDATE_OEM_ID: u8 = 7;
}

/// Statuses.
pub mod status {
    /// Done.
    pub const SUCCESS: u32 = 0;
    /// Not supported.
    pub const NOT_SUPPORTED: u32 = 1;
    /// A parameter is wrong.
    pub const BAD_INPUT: u32 = 2;
    /// Failed.
    pub const INTERNAL: u32 = 3;
    /// Not after end of POST.
    pub const AFTER_END_OF_POST: u32 = 4;
    /// Refused in this state.
    pub const BAD_STATE: u32 = 7;
}

/// Data of the answer to [`command::GET_PLATFORM_ID`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct PlatformId {
    /// OEM id: 0 not set, 1 binary, 2 text.
    pub oem_kind: U32,
    /// The manufacturer's id.
    pub oem: [u8; 32],
    /// The engine's id.
    pub csme: [u8; 32],
}

const _: () = assert!(size_of::<Header>() == 4 && size_of::<Header>() + 4 + size_of::<PlatformId>() == 76);
