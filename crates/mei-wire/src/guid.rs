//! GUIDs as they travel: sixteen bytes, the first three groups little-endian.

use core::fmt;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A GUID in wire order (`device-abi.md` §5.1).
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(transparent)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// The GUID whose text form has these hexadecimal digits, read as one number:
    /// `0x12f80028_b4b7_4b2d_aca8_46e0ff65814c` for `12f80028-b4b7-4b2d-aca8-46e0ff65814c`.
    pub const fn from_u128(digits: u128) -> Self {
        let mut b = digits.to_be_bytes();
        (b[0], b[1], b[2], b[3]) = (b[3], b[2], b[1], b[0]);
        (b[4], b[5]) = (b[5], b[4]);
        (b[6], b[7]) = (b[7], b[6]);
        Self(b)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        for (position, &byte) in ORDER.iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0[byte])?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Firmware clients that programs and drivers know by GUID (`client-bus.md` §1,
/// `watchdog-and-others.md` §7).
pub mod clients {
    use super::Guid;

    /// AMT host interface, also called PTHI.
    pub const AMTHI: Guid = Guid::from_u128(0x12f80028_b4b7_4b2d_aca8_46e0ff65814c);
    /// Kernel host interface.
    pub const MKHI: Guid = Guid::from_u128(0x8e6a6715_9abc_4043_88ef_9e39c6f63e0f);
    /// Kernel host interface at fixed address 7.
    pub const MKHI_FIXED: Guid = Guid::from_u128(0x55213584_9a29_4916_badf_0fb7ed682aeb);
    /// AMT watchdog.
    pub const WATCHDOG: Guid = Guid::from_u128(0x05b79a6f_4628_4d7f_899d_a91514cb32ab);
    /// Local manageability engine: AMT's network ports through the host.
    pub const LME: Guid = Guid::from_u128(0x6733a4db_0476_4e7b_b3af_bcfc29bee7a7);
    /// File and fuse access.
    pub const MCHI: Guid = Guid::from_u128(0xdd17041c_09ea_4b17_a271_5b989867ec65);
    /// Firmware update.
    pub const FIRMWARE_UPDATE: Guid = Guid::from_u128(0x309dcde8_ccb1_4062_8f78_600115a34327);
    /// Flash log.
    pub const HOTHAM: Guid = Guid::from_u128(0x082ee5a7_7c25_470a_9643_0c06f0466ea1);
    /// Unique platform id.
    pub const UPID: Guid = Guid::from_u128(0x92136c79_5fea_4cfd_980e_23be07fa5e9f);

    /// The field's name for a client, if it has one.
    pub fn name(guid: Guid) -> Option<&'static str> {
        Some(match guid {
            AMTHI => "AMTHI",
            MKHI => "MKHI",
            MKHI_FIXED => "MKHI (fixed)",
            WATCHDOG => "watchdog",
            LME => "LME",
            MCHI => "MCHI",
            FIRMWARE_UPDATE => "firmware update",
            HOTHAM => "HOTHAM",
            UPID => "UPID",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::string::ToString;

    #[test]
    fn wire_bytes_are_mixed_endian() {
        let wire =
            [0x28, 0x00, 0xF8, 0x12, 0xB7, 0xB4, 0x2D, 0x4B, 0xAC, 0xA8, 0x46, 0xE0, 0xFF, 0x65, 0x81, 0x4C];
        assert_eq!(clients::AMTHI.0, wire);
        assert_eq!(Guid(wire).to_string(), "12f80028-b4b7-4b2d-aca8-46e0ff65814c");
    }

    #[test]
    fn text_and_bytes_agree_with_the_uuid_crate() {
        for digits in [0, u128::MAX, 0x00112233_4455_6677_8899_aabbccddeeff] {
            let oracle = uuid::Uuid::from_u128(digits);
            assert_eq!(Guid::from_u128(digits).0, oracle.to_bytes_le());
            assert_eq!(Guid::from_u128(digits).to_string(), oracle.to_string());
        }
    }
}
