//! Group HMRFPO: the host may write the engine's flash region (`mkhi.md` §5).

use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Open the region; the request's data is a nonce of two u32, the answer [`Enabled`].
pub const ENABLE: u8 = 0x01;
/// Lock it; the answer is the header.
pub const LOCK: u8 = 0x02;
/// [`Status`].
pub const GET_STATUS: u8 = 0x03;

/// Data of the response to [`ENABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Enabled {
    /// First flash address.
    pub base: U32,
    /// Last flash address.
    pub limit: U32,
    /// 0 open, 1 locked, 2 open already.
    pub status: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

/// Data of the response to [`GET_STATUS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Status {
    /// 0 disabled, 1 locked, 2 enabled.
    pub status: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

const _: () = assert!(size_of::<Enabled>() == 12 && size_of::<Status>() == 4);
