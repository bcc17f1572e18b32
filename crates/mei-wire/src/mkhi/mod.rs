//! MKHI, the kernel host interface (`mkhi.md`, `client-bus.md` §3).

pub mod fwcaps;
pub mod generic;
pub mod hmrfpo;
pub mod mca;

pub use fwcaps::{PlatformType, Rule};
pub use generic::{FwVersion, ImageFwVersion, MkhiVersion};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Group byte of a message (`mkhi.md` §2).
pub mod group {
    /// Core BIOS messages, global reset.
    pub const CBM: u8 = 0x00;
    /// Capability rules: [`fwcaps`](super::fwcaps).
    pub const FWCAPS: u8 = 0x03;
    /// Flash protection override: [`hmrfpo`](super::hmrfpo).
    pub const HMRFPO: u8 = 0x05;
    /// Files and fuses: [`mca`](super::mca).
    pub const MCA: u8 = 0x0A;
    /// Bring-up; silent once the BIOS is done.
    pub const BUP_COMMON: u8 = 0xF0;
    /// Versions and boot state: [`generic`](super::generic).
    pub const GEN: u8 = 0xFF;
}

/// Command of [`group::CBM`]: reset the platform or the engine. Only a refusal is answered.
pub const CBM_GLOBAL_RESET: u8 = 0x0B;

/// Result byte (`mkhi.md` §2).
pub mod result {
    /// Done.
    pub const SUCCESS: u8 = 0x00;
    /// Refused in this state.
    pub const INVALID_STATE: u8 = 0x01;
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

const _: () = assert!(size_of::<Header>() == 4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_on_the_wire() {
        let request = Header::request(0xFF, 0x02);
        assert_eq!(request.as_bytes(), [0xFF, 0x02, 0, 0]);
        assert_eq!(request.response(0x8D).as_bytes(), [0xFF, 0x82, 0, 0x8D]);
    }
}
