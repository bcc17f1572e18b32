//! The AMT watchdog, also called the manageability client (`watchdog-and-others.md` §1, `linux-watchdog.md`).

use bitfield_struct::bitfield;
use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// In front of every message but one: the answer to [`Header::IS_CHANGE_TO_AMT_ENABLED`] is a single
/// [`OperationalState`] byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header {
    /// Command.
    pub command: u8,
    /// Bytes after this field.
    pub byte_count: u8,
    /// Sub-command.
    pub sub_command: u8,
    /// 0x10.
    pub version: u8,
}

impl Header {
    /// Version of the messages.
    pub const VERSION: u8 = 0x10;
    /// A heartbeat: [`Start`]. The counter starts anew.
    pub const START: Self = Self::new(0x02, 0x15, 0x13);
    /// Stop the counter; not answered.
    pub const STOP: Self = Self::new(0x02, 0x02, 0x14);
    /// In front of [`StartResponse`].
    pub const START_RESPONSE: Self = Self::new(0x02, 0x04, 0x83);
    /// Whether AMT is on, and whether that may change.
    pub const IS_CHANGE_TO_AMT_ENABLED: Self = Self::new(0x05, 0x02, 0x51);
    /// Switch AMT on or off: one byte follows.
    pub const SET_AMT_OPERATIONAL_STATE: Self = Self::new(0x05, 0x03, 0x53);
    /// In front of the u32 status that answers [`Header::SET_AMT_OPERATIONAL_STATE`].
    pub const SET_AMT_OPERATIONAL_STATE_RESPONSE: Self = Self::new(0x05, 0x06, 0xD3);
    /// SKU and mode, asked by old programs only: [`MeInfo`] without a header.
    pub const GET_ME_INFO: Self = Self::new(0x07, 0x02, 0x01);

    const fn new(command: u8, byte_count: u8, sub_command: u8) -> Self {
        Self { command, byte_count, sub_command, version: Self::VERSION }
    }

    /// The same command, whatever the byte count says.
    pub const fn is(self, other: Self) -> bool {
        self.command == other.command
            && self.sub_command == other.sub_command
            && self.version == other.version
    }
}

/// A heartbeat. Old drivers send 20 bytes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Start {
    /// [`Header::START`].
    pub header: Header,
    /// Seconds until the next one must have come.
    pub timeout: U16,
    /// Zero.
    pub reserved: [u8; 17],
}

/// The answer to a heartbeat, from protocol version 2 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct StartResponse {
    /// [`Header::START_RESPONSE`].
    pub header: Header,
    /// 0 done.
    pub status: u8,
    /// Bit 0: no heartbeats are wanted.
    pub state: u8,
}

impl StartResponse {
    /// Bit of [`StartResponse::state`]: no heartbeats are wanted.
    pub const NOT_REQUIRED: u8 = 1;
}

/// The byte that answers [`Header::IS_CHANGE_TO_AMT_ENABLED`].
#[bitfield(u8)]
#[derive(PartialEq, Eq)]
pub struct OperationalState {
    /// The state may be changed now.
    pub change_allowed: bool,
    /// AMT is on.
    pub enabled: bool,
    #[bits(3)]
    __: u8,
    /// Programs disagree: a fix of the tunnel's timer is present, or AMT is restricted.
    pub bit5: bool,
    /// The local ports take TLS only.
    pub tls_enforced: bool,
    /// [`Header::SET_AMT_OPERATIONAL_STATE`] is there.
    pub new_interface: bool,
}

/// Statuses of the answer to [`Header::SET_AMT_OPERATIONAL_STATE`].
pub mod status {
    /// Done.
    pub const SUCCESS: u32 = 0;
    /// Not supported.
    pub const NOT_SUPPORTED: u32 = 0x89;
    /// Failed.
    pub const FAILURE: u32 = 0x9E;
    /// The state may not be changed now.
    pub const UPDATE_NOT_ALLOWED: u32 = 0xA8;
}

/// The answer to [`Header::SET_AMT_OPERATIONAL_STATE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct SetOperationalStateResponse {
    /// [`Header::SET_AMT_OPERATIONAL_STATE_RESPONSE`].
    pub header: Header,
    /// [`status`].
    pub status: U32,
}

/// The answer to [`Header::GET_ME_INFO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct MeInfo {
    /// 0x00010000.
    pub version: U32,
    /// Feature bits (`mkhi.md` §4).
    pub sku: U32,
    /// 0 none, 1 AMT, 2 ASF, 3 CP.
    pub mode: U32,
}

const _: () = assert!(size_of::<Start>() == 23 && size_of::<StartResponse>() == 6);
const _: () = assert!(size_of::<SetOperationalStateResponse>() == 8 && size_of::<MeInfo>() == 12);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_on_the_wire() {
        let ping = Start { header: Header::START, timeout: U16::new(120), reserved: [0; 17] };
        assert_eq!(ping.as_bytes()[..6], [0x02, 0x15, 0x13, 0x10, 0x78, 0x00]);
        assert_eq!(Header::STOP.as_bytes(), [0x02, 0x02, 0x14, 0x10]);
        assert_eq!(Header::IS_CHANGE_TO_AMT_ENABLED.as_bytes(), [0x05, 0x02, 0x51, 0x10]);
        assert_eq!(Header::SET_AMT_OPERATIONAL_STATE.as_bytes(), [0x05, 0x03, 0x53, 0x10]);
        assert_eq!(Header::GET_ME_INFO.as_bytes(), [0x07, 0x02, 0x01, 0x10]);
        let state = OperationalState::new().with_enabled(true).with_new_interface(true);
        assert_eq!(state.into_bits(), 0x82);
        assert_eq!(state.with_tls_enforced(true).into_bits(), 0xC2);
    }
}
