//! Group MCA: files and fuses, on MKHI or MCHI (`mkhi.md` §5).

use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Read a file by path, [`ReadFile`]; the answer is u32 size and the bytes.
pub const READ_FILE: u8 = 0x02;
/// Read a file by id, [`ReadFileEx`]; the answer is u32 size and the bytes.
pub const READ_FILE_EX: u8 = 0x0A;
/// [`OemKeyStatus`].
pub const OEM_KEY_STATUS: u8 = 0x0D;
/// Commit an anti-rollback security version; 0xFF all.
pub const ARB_SVN_COMMIT: u8 = 0x1B;
/// u32 count, [`ArbSvn`]s.
pub const ARB_SVN_INFO: u8 = 0x1C;
/// Revoke the hash of an OEM key.
pub const REVOKE_OEM_KEY_HASH: u8 = 0x2F;

/// Results of this group, which differ from the others.
pub mod result {
    /// No such file.
    pub const NO_FILE: u8 = 0x03;
    /// No such attribute.
    pub const NO_ATTRIBUTE: u8 = 0x07;
    /// Not after manufacturing.
    pub const AFTER_MANUFACTURING: u8 = 0x09;
    /// A parameter is wrong.
    pub const INVALID_INPUT: u8 = 0x0B;
    /// A size is wrong.
    pub const SIZE: u8 = 0x0D;
    /// A hash is wrong.
    pub const HASH: u8 = 0x0E;
    /// Something else.
    pub const GENERAL: u8 = 0x18;
}

/// Data of a [`READ_FILE`] request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ReadFile {
    /// Path, zero-filled.
    pub path: [u8; 64],
    /// First byte to read.
    pub offset: U32,
    /// Most bytes to read.
    pub size: U32,
    /// 1 hash, 2 default, 4 emulation value, 8 hardware value, 0x10 volatile.
    pub flags: u8,
}

/// Data of a [`READ_FILE_EX`] request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ReadFileEx {
    /// Id of the file.
    pub id: U32,
    /// First byte to read.
    pub offset: U32,
    /// Most bytes to read.
    pub size: U32,
    /// As in [`ReadFile::flags`].
    pub flags: u8,
}

/// One key of [`OemKeyStatus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct OemKey {
    /// There is one.
    pub valid: u8,
    /// It is used.
    pub in_use: u8,
    /// It was revoked.
    pub revoked: u8,
    /// Its hash, left-aligned.
    pub hash: [u8; 64],
}

/// Data of the response to [`OEM_KEY_STATUS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct OemKeyStatus {
    /// Keys can be revoked.
    pub revocation_enabled: u8,
    /// Keys there are.
    pub count: u8,
    /// What the hashes are.
    pub hash_type: U32,
    /// The keys.
    pub keys: [OemKey; 2],
}

/// One entry of the response to [`ARB_SVN_INFO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ArbSvn {
    /// 3: the engine's boot loader.
    pub usage: u8,
    /// Zero.
    pub reserved: u8,
    /// Version that runs.
    pub executing: u8,
    /// Oldest version that may run.
    pub minimum: u8,
}

const _: () =
    assert!(size_of::<ReadFile>() == 73 && size_of::<ReadFileEx>() == 13 && size_of::<ArbSvn>() == 4);
const _: () = assert!(size_of::<OemKeyStatus>() == 6 + 2 * 67);
