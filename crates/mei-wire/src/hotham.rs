//! HOTHAM: the flash log (`watchdog-and-others.md` §3).

use bitfield_struct::bitfield;

/// In front of every message, little-endian.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Header {
    /// 2.
    #[bits(2)]
    pub class: u8,
    /// 1.
    #[bits(3)]
    pub target: u8,
    /// Copied into the answer.
    #[bits(3)]
    pub sequence: u8,
    /// [`code`] of a request, [`response`] of an answer.
    #[bits(8)]
    pub code: u8,
    /// Length; programs send and expect 0.
    #[bits(12)]
    pub length: u16,
    #[bits(3)]
    __: u8,
    /// Type; programs send and expect 0.
    pub kind: bool,
}

/// Codes of requests.
pub mod code {
    /// How long the log is: u32.
    pub const GET_FLASH_LOG_SIZE: u8 = 0x80;
    /// The log: [`FLASH_LOG_LENGTH`](super::FLASH_LOG_LENGTH) bytes.
    pub const GET_FLASH_LOG: u8 = 0x81;
}

/// Codes of answers.
pub mod response {
    /// Done.
    pub const SUCCESS: u8 = 0x10;
}

/// Bytes of the log in an answer, whatever its size.
pub const FLASH_LOG_LENGTH: usize = 8192;

/// Last byte of a header-only answer that means "not supported".
pub const NOT_SUPPORTED: u8 = 0x89;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_on_the_wire() {
        let size = Header::new().with_class(2).with_target(1).with_code(0x80);
        assert_eq!(size.into_bits().to_le_bytes(), [0x06, 0x80, 0, 0]);
        assert_eq!(size.with_code(0x81).into_bits().to_le_bytes(), [0x06, 0x81, 0, 0]);
    }
}
