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

    macro_rules! clients {
        ($($(#[$doc:meta])* $constant:ident = $digits:literal, $name:literal;)*) => {
            $($(#[$doc])* pub const $constant: Guid = Guid::from_u128($digits);)*

            /// The field's name for a client, if it has one.
            pub fn name(guid: Guid) -> Option<&'static str> {
                Some(match guid {
                    $($constant => $name,)*
                    _ => return None,
                })
            }
        };
    }

    clients! {
        /// AMT host interface, also called PTHI.
        AMTHI = 0x12f80028_b4b7_4b2d_aca8_46e0ff65814c, "AMTHI";
        /// Kernel host interface.
        MKHI = 0x8e6a6715_9abc_4043_88ef_9e39c6f63e0f, "MKHI";
        /// Kernel host interface at fixed address 7.
        MKHI_FIXED = 0x55213584_9a29_4916_badf_0fb7ed682aeb, "MKHI (fixed)";
        /// AMT watchdog.
        WATCHDOG = 0x05b79a6f_4628_4d7f_899d_a91514cb32ab, "watchdog";
        /// Local manageability engine: AMT's network ports through the host.
        LME = 0x6733a4db_0476_4e7b_b3af_bcfc29bee7a7, "LME";
        /// File and fuse access.
        MCHI = 0xdd17041c_09ea_4b17_a271_5b989867ec65, "MCHI";
        /// File and fuse access at a fixed address.
        MCHI_FIXED = 0x6861ec7b_d07a_4673_856c_7f22b4d55769, "MCHI (fixed)";
        /// Firmware update.
        FIRMWARE_UPDATE = 0x309dcde8_ccb1_4062_8f78_600115a34327, "firmware update";
        /// Flash log.
        HOTHAM = 0x082ee5a7_7c25_470a_9643_0c06f0466ea1, "HOTHAM";
        /// Unique platform id.
        UPID = 0x92136c79_5fea_4cfd_980e_23be07fa5e9f, "UPID";
        /// Platform service record.
        PSR = 0xed6703fa_d312_4e8b_9ddd_2155bb2dee65, "PSR";
        /// Digital content protection.
        HDCP = 0xb638ab7e_94e2_4ea2_a552_d1c54b627f04, "HDCP";
        /// Protected audio and video path.
        PXP = 0xfbf6fcf1_96cf_4e2e_a6a6_1bab8cbe36b1, "PXP";
        /// Dynamic application loader.
        DAL = 0x3c4852d6_d47b_4f46_b05e_b5edc1aa440e, "DAL";
        /// Integrated clock controller at fixed address 8.
        ICC_FIXED = 0x42b3ce2f_bd9f_485a_96ae_26406230b1ff, "ICC (fixed)";
        /// Integrated clock controller, on older machines.
        ICC = 0xbf3cb4da_4045_4f9b_838d_8cbcfb21a107, "ICC";
        /// Sharing of the wireless interface.
        WLAN = 0x13280904_7792_4fcb_a1aa_5e70cbb1e865, "WLAN";
        /// Near-field communication: what there is.
        NFC_INFO = 0xd2de1625_382d_417d_48a4_efabba8a1206, "NFC info";
        /// Near-field communication.
        NFC = 0x0bb17a78_2a8e_4c50_94d4_50266723775c, "NFC";
        /// Firmware update of a graphics controller.
        GRAPHICS_FIRMWARE_UPDATE = 0x87d90ca5_3495_4559_8105_3fbfa37b8b79, "graphics firmware update";
        /// Kernel host interface of a graphics controller.
        GRAPHICS_MKHI = 0xe2c2afa2_3817_4d19_9d95_06b16b588a5d, "graphics MKHI";
        /// Kernel host interface of a graphics controller at a fixed address.
        GRAPHICS_MKHI_FIXED = 0x46e0c1fb_a546_414f_9170_b7f46d57b4ad, "graphics MKHI (fixed)";
        /// File and fuse access of a graphics controller.
        GRAPHICS_MCHI = 0xfe2af7a6_ef22_4b45_872f_176b0bbc8b43, "graphics MCHI";
        /// Relay between a graphics controller and the engine.
        GSC_PROXY = 0x0f73db04_97ab_4125_b893_e904ad0d5464, "GSC proxy";
        /// Late binding of a graphics controller's firmware.
        LATE_BINDING = 0x4ed87243_3980_4d8e_b1f9_6fb7c0148c4d, "late binding";
        /// Visual sensing: camera.
        IVSC_CSI = 0x92335fcf_3203_4472_af93_7b4453ac29da, "IVSC CSI";
        /// Visual sensing: who owns the camera.
        IVSC_ACE = 0x5db76cf6_0a68_4ed6_9b78_0361635e2447, "IVSC ACE";
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
