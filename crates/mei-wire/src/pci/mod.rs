//! Which PCI functions are MEI functions, and what each generation has (`hw.md` §7, §8).

mod devices;

pub use devices::{DEVICES, lookup};

/// Intel's PCI vendor id.
pub const VENDOR_INTEL: u16 = 0x8086;
/// PCI class of a MEI function: communication controller, other.
pub const CLASS: u32 = 0x07_80_00;

/// A PCI function that the driver knows by device id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// PCI device id.
    pub id: u16,
    /// The field's short name, as in the driver's table.
    pub name: &'static str,
    /// The product it is part of.
    pub product: &'static str,
    /// What its generation has.
    pub configuration: &'static Configuration,
}

/// What a generation of functions has (`hw.md` §7, "Configurations").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Configuration {
    /// The driver's name for it.
    pub name: &'static str,
    /// Firmware status registers shown in sysfs `fw_status`, HFS1 first. 0 to 6.
    pub fw_status_count: usize,
    /// Whether the driver asks the firmware for its version.
    pub fw_version_query: bool,
    /// Which function-0 status refuses the function, if any does.
    pub quirk: Option<Quirk>,
    /// Sizes of the DMA ring, where there is one.
    pub dma_ring: Option<DmaRingSizes>,
    /// Whether the TRC register exists.
    pub trc: bool,
    /// Content of sysfs `kind`.
    pub kind: &'static str,
}

/// A status of function 0 that makes the driver leave the function alone (`hw.md` §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// Node Manager firmware, by HFS2.
    NodeManager,
    /// Server Platform Services up to 4.0, by HFS1.
    Sps4,
    /// Server Platform Services or ignition firmware, by HFS3.
    SpsOrIgnition,
}

impl Quirk {
    /// Configuration-space offset to read, in function 0 of the same slot.
    pub const fn offset(self) -> u16 {
        match self {
            Self::NodeManager => 0x48,
            Self::Sps4 => 0x40,
            Self::SpsOrIgnition => 0x60,
        }
    }

    /// Whether `status`, the word at [`Quirk::offset`], refuses the function.
    pub const fn refuses(self, status: u32) -> bool {
        match self {
            Self::NodeManager => status & 0x600 == 0x200,
            Self::Sps4 => status & 0xF_0000 == 0xF_0000,
            Self::SpsOrIgnition => matches!(status & 0x70, 0x00 | 0x60),
        }
    }
}

/// Bytes of the three areas of a DMA ring (`hbm.md` §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DmaRingSizes {
    /// Host to firmware.
    pub host: u32,
    /// Firmware to host.
    pub device: u32,
    /// Indices.
    pub control: u32,
}

const PLAIN: Configuration = Configuration {
    name: "",
    fw_status_count: 0,
    fw_version_query: false,
    quirk: None,
    dma_ring: None,
    trc: false,
    kind: "mei",
};

const RING: Option<DmaRingSizes> = Some(DmaRingSizes { host: 128 * 1024, device: 128 * 1024, control: 4096 });

/// ICH8 and ICH9.
pub static ICH: Configuration = Configuration { name: "ICH", ..PLAIN };
/// ICH10.
pub static ICH10: Configuration = Configuration { name: "ICH10", fw_status_count: 1, ..PLAIN };
/// 5 Series.
pub static PCH6: Configuration = Configuration { name: "PCH6", fw_status_count: 2, ..PLAIN };
/// 7 Series.
pub static PCH7: Configuration =
    Configuration { name: "PCH7", fw_status_count: 2, fw_version_query: true, ..PLAIN };
/// 6 Series and C600, where Node Manager firmware may sit.
pub static PCH_CPT_PBG: Configuration =
    Configuration { name: "PCH_CPT_PBG", quirk: Some(Quirk::NodeManager), ..PCH7 };
/// 8 Series and the families up to Kaby Point.
pub static PCH8: Configuration = Configuration { name: "PCH8", fw_status_count: 6, ..PCH7 };
/// Touch controllers of that time.
pub static PCH8_ITOUCH: Configuration = Configuration { name: "PCH8_ITOUCH", kind: "itouch", ..PCH8 };
/// Desktop and server parts of that time.
pub static PCH8_SPS_4: Configuration = Configuration { name: "PCH8_SPS_4", quirk: Some(Quirk::Sps4), ..PCH8 };
/// Cannon Point to Ice Lake.
pub static PCH12: Configuration = Configuration { name: "PCH12", dma_ring: RING, ..PCH8 };
/// Lewisburg.
pub static PCH12_SPS_4: Configuration =
    Configuration { name: "PCH12_SPS_4", quirk: Some(Quirk::Sps4), ..PCH8 };
/// Cannon Point H.
pub static PCH12_SPS: Configuration =
    Configuration { name: "PCH12_SPS", quirk: Some(Quirk::SpsOrIgnition), ..PCH12 };
/// Cannon Point H touch controller.
pub static PCH12_SPS_ITOUCH: Configuration =
    Configuration { name: "PCH12_SPS_ITOUCH", quirk: Some(Quirk::SpsOrIgnition), kind: "itouch", ..PCH8 };
/// Tiger Lake and later.
pub static PCH15: Configuration = Configuration { name: "PCH15", trc: true, ..PCH12 };
/// Desktop and workstation parts of that time.
pub static PCH15_SPS: Configuration =
    Configuration { name: "PCH15_SPS", quirk: Some(Quirk::SpsOrIgnition), ..PCH15 };
/// Crescent Island: known, but its registers are laid out differently.
pub static CSC: Configuration =
    Configuration { name: "CSC", fw_status_count: 6, fw_version_query: true, kind: "gscfi", ..PLAIN };

/// Every configuration.
pub static CONFIGURATIONS: [&Configuration; 15] = [
    &ICH,
    &ICH10,
    &PCH6,
    &PCH7,
    &PCH_CPT_PBG,
    &PCH8,
    &PCH8_ITOUCH,
    &PCH8_SPS_4,
    &PCH12,
    &PCH12_SPS_4,
    &PCH12_SPS,
    &PCH12_SPS_ITOUCH,
    &PCH15,
    &PCH15_SPS,
    &CSC,
];

/// The configuration of that name.
pub fn configuration(name: &str) -> Option<&'static Configuration> {
    CONFIGURATIONS.into_iter().find(|configuration| configuration.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_those_of_the_table() {
        // name, HFS shown, fw_ver query, DMA ring, TRC, kind: written down again from hw.md §7.
        let table = [
            ("ICH", 0, false, false, false, "mei"),
            ("ICH10", 1, false, false, false, "mei"),
            ("PCH6", 2, false, false, false, "mei"),
            ("PCH7", 2, true, false, false, "mei"),
            ("PCH_CPT_PBG", 2, true, false, false, "mei"),
            ("PCH8", 6, true, false, false, "mei"),
            ("PCH8_ITOUCH", 6, true, false, false, "itouch"),
            ("PCH8_SPS_4", 6, true, false, false, "mei"),
            ("PCH12", 6, true, true, false, "mei"),
            ("PCH12_SPS_4", 6, true, false, false, "mei"),
            ("PCH12_SPS", 6, true, true, false, "mei"),
            ("PCH12_SPS_ITOUCH", 6, true, false, false, "itouch"),
            ("PCH15", 6, true, true, true, "mei"),
            ("PCH15_SPS", 6, true, true, true, "mei"),
            ("CSC", 6, true, false, false, "gscfi"),
        ];
        assert_eq!(table.len(), CONFIGURATIONS.len());
        for (name, hfs, query, ring, trc, kind) in table {
            let found = configuration(name).expect(name);
            assert_eq!(found.fw_status_count, hfs, "{name}");
            assert_eq!(found.fw_version_query, query, "{name}");
            assert_eq!(found.dma_ring.is_some(), ring, "{name}");
            assert_eq!((found.trc, found.kind), (trc, kind), "{name}");
        }
    }

    #[test]
    fn quirks_refuse_what_the_driver_refuses() {
        assert!(Quirk::NodeManager.refuses(0x200));
        assert!(!Quirk::NodeManager.refuses(0x600));
        assert!(!Quirk::NodeManager.refuses(u32::MAX));
        assert!(Quirk::Sps4.refuses(0xF_0000) && Quirk::Sps4.refuses(u32::MAX));
        assert!(!Quirk::Sps4.refuses(0xE_0000));
        assert!(Quirk::SpsOrIgnition.refuses(0) && Quirk::SpsOrIgnition.refuses(0x60));
        assert!(!Quirk::SpsOrIgnition.refuses(0x20) && !Quirk::SpsOrIgnition.refuses(u32::MAX));
    }
}
