//! The ioctls of `/dev/meiN` (`device-abi.md` §5.1). Codes and layouts are the same for 32-bit programs.

use crate::Guid;
use zerocopy::byteorder::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// `IOCTL_MEI_CONNECT_CLIENT`.
pub const CONNECT_CLIENT: u32 = 0xC010_4801;
/// `IOCTL_MEI_NOTIFY_SET`.
pub const NOTIFY_SET: u32 = 0x4004_4802;
/// `IOCTL_MEI_NOTIFY_GET`.
pub const NOTIFY_GET: u32 = 0x8004_4803;
/// `IOCTL_MEI_CONNECT_CLIENT_VTAG`.
pub const CONNECT_CLIENT_VTAG: u32 = 0xC014_4804;

/// Bytes of the argument of [`CONNECT_CLIENT`], in and out.
pub const CONNECT_CLIENT_SIZE: usize = size_of::<Guid>();
/// Bytes of the argument of [`CONNECT_CLIENT_VTAG`], in and out.
pub const CONNECT_CLIENT_VTAG_SIZE: usize = size_of::<ConnectVtag>();
/// Bytes of the argument of [`NOTIFY_SET`] (in) and [`NOTIFY_GET`] (out).
pub const NOTIFY_SIZE: usize = 4;

/// Argument of [`CONNECT_CLIENT_VTAG`] on the way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ConnectVtag {
    /// The client.
    pub guid: Guid,
    /// The tag, not 0.
    pub vtag: u8,
    /// Ignored.
    pub reserved: [u8; 3],
}

/// What a successful connect writes over the front of its argument; the rest of the caller's bytes stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ConnectedClient {
    /// Longest message in bytes, either way.
    pub max_msg_length: U32,
    /// Version of the client's own protocol.
    pub protocol_version: u8,
}

const _: () = assert!(CONNECT_CLIENT_SIZE == 16 && CONNECT_CLIENT_VTAG_SIZE == 20);
const _: () = assert!(size_of::<ConnectedClient>() == 5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_agree_with_the_kernel_headers() {
        use linux_raw_sys::ioctl as oracle;
        assert_eq!(CONNECT_CLIENT, oracle::IOCTL_MEI_CONNECT_CLIENT);
        assert_eq!(NOTIFY_SET, oracle::IOCTL_MEI_NOTIFY_SET);
        assert_eq!(NOTIFY_GET, oracle::IOCTL_MEI_NOTIFY_GET);
        assert_eq!(CONNECT_CLIENT_VTAG, oracle::IOCTL_MEI_CONNECT_CLIENT_VTAG);
    }
}
