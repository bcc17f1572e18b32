//! The driver's table of PCI device ids (`hw.md` §8).

use super::*;

const fn device(
    id: u16,
    name: &'static str,
    product: &'static str,
    configuration: &'static Configuration,
) -> Device {
    Device { id, name, product, configuration }
}

/// Every MEI function by PCI device id, oldest first.
pub static DEVICES: &[Device] = &[
    device(0x2974, "82946GZ", "82946GZ/GL", &ICH),
    device(0x2984, "82G35", "82G35 Express", &ICH),
    device(0x2994, "82Q965", "82Q963/Q965", &ICH),
    device(0x29A4, "82G965", "82P965/G965", &ICH),
    device(0x2A04, "82GM965", "Mobile PM965/GM965", &ICH),
    device(0x2A14, "82GME965", "Mobile GME965/GLE960", &ICH),
    device(0x29B4, "ICH9_82Q35", "82Q35 Express", &ICH),
    device(0x29C4, "ICH9_82G33", "82G33/G31/P35/P31 Express", &ICH),
    device(0x29D4, "ICH9_82Q33", "82Q33 Express", &ICH),
    device(0x29E4, "ICH9_82X38", "82X38/X48 Express", &ICH),
    device(0x29F4, "ICH9_3200", "3200/3210 Server", &ICH),
    device(0x28B4, "ICH9_6", "ICH9 (Bearlake)", &ICH),
    device(0x28C4, "ICH9_7", "ICH9 (Bearlake)", &ICH),
    device(0x28D4, "ICH9_8", "ICH9 (Bearlake)", &ICH),
    device(0x28E4, "ICH9_9", "ICH9 (Bearlake)", &ICH),
    device(0x28F4, "ICH9_10", "ICH9 (Bearlake)", &ICH),
    device(0x2A44, "ICH9M_1", "Mobile 4 Series (Cantiga)", &ICH),
    device(0x2A54, "ICH9M_2", "Mobile 4 Series (Cantiga)", &ICH),
    device(0x2A64, "ICH9M_3", "Mobile 4 Series (Cantiga)", &ICH),
    device(0x2A74, "ICH9M_4", "Mobile 4 Series (Cantiga)", &ICH),
    device(0x2E04, "ICH10_1", "4 Series (Eaglelake)", &ICH10),
    device(0x2E14, "ICH10_2", "4 Series (Eaglelake)", &ICH10),
    device(0x2E24, "ICH10_3", "4 Series (Eaglelake)", &ICH10),
    device(0x2E34, "ICH10_4", "4 Series (Eaglelake)", &ICH10),
    device(0x3B64, "IBXPK_1", "5 Series (Ibex Peak)", &PCH6),
    device(0x3B65, "IBXPK_2", "5 Series (Ibex Peak)", &PCH6),
    device(0x1C3A, "CPT_1", "6 Series (Cougar Point)", &PCH_CPT_PBG),
    device(0x1D3A, "PBG_1", "C600/X79 Patsburg", &PCH_CPT_PBG),
    device(0x1E3A, "PPT_1", "7 Series (Panther Point)", &PCH7),
    device(0x1CBA, "PPT_2", "7 Series (Panther Point)", &PCH7),
    device(0x1DBA, "PPT_3", "7 Series (Panther Point)", &PCH7),
    device(0x8C3A, "LPT_H", "Lynx Point H", &PCH8_SPS_4),
    device(0x8D3A, "LPT_W", "Lynx Point - Wellsburg", &PCH8_SPS_4),
    device(0x9C3A, "LPT_LP", "Lynx Point LP", &PCH8),
    device(0x8CBA, "LPT_HR", "Lynx Point H Refresh", &PCH8_SPS_4),
    device(0x9CBA, "WPT_LP", "Wildcat Point LP", &PCH8),
    device(0x9CBB, "WPT_LP_2", "Wildcat Point LP 2", &PCH8),
    device(0x9D3A, "SPT", "Sunrise Point", &PCH8),
    device(0x9D3B, "SPT_2", "Sunrise Point 2", &PCH8),
    device(0x9D3E, "SPT_3", "Sunrise Point 3", &PCH8_ITOUCH),
    device(0xA13A, "SPT_H", "Sunrise Point H", &PCH8_SPS_4),
    device(0xA13B, "SPT_H_2", "Sunrise Point H 2", &PCH8_SPS_4),
    device(0xA1BA, "LBG", "Lewisburg", &PCH12_SPS_4),
    device(0x1A9A, "BXT_M", "Broxton M", &PCH8),
    device(0x5A9A, "APL_I", "Apollo Lake I", &PCH8),
    device(0x19E5, "DNV_IE", "Denverton IE", &PCH8),
    device(0x319A, "GLK", "Gemini Lake", &PCH8),
    device(0xA2BA, "KBP", "Kaby Point", &PCH8),
    device(0xA2BB, "KBP_2", "Kaby Point 2", &PCH8),
    device(0xA2BE, "KBP_3", "Kaby Point 3", &PCH8),
    device(0x9DE0, "CNP_LP", "Cannon Point LP", &PCH12),
    device(0x9DE4, "CNP_LP_3", "Cannon Point LP 3", &PCH8_ITOUCH),
    device(0xA360, "CNP_H", "Cannon Point H", &PCH12_SPS),
    device(0xA364, "CNP_H_3", "Cannon Point H 3", &PCH12_SPS_ITOUCH),
    device(0x02E0, "CMP_LP", "Comet Point LP", &PCH12),
    device(0x02E4, "CMP_LP_3", "Comet Point LP 3", &PCH8_ITOUCH),
    device(0xA3BA, "CMP_V", "Comet Point Lake V", &PCH12),
    device(0x06E0, "CMP_H", "Comet Lake H", &PCH12),
    device(0x06E4, "CMP_H_3", "Comet Lake H 3", &PCH8_ITOUCH),
    device(0x34E0, "ICP_LP", "Ice Lake Point LP", &PCH12),
    device(0x38E0, "ICP_N", "Ice Lake Point N", &PCH12),
    device(0xA0E0, "TGP_LP", "Tiger Lake Point LP", &PCH15),
    device(0x43E0, "TGP_H", "Tiger Lake Point H", &PCH15_SPS),
    device(0x4DE0, "JSP_N", "Jasper Lake Point N", &PCH15),
    device(0x4B70, "MCC", "Mule Creek Canyon", &PCH15),
    device(0x4B75, "MCC_4", "Mule Creek Canyon 4", &PCH8),
    device(0x18D3, "CDF", "Cedar Fork", &PCH8),
    device(0x1BE0, "EBG", "Emmitsburg WS", &PCH15_SPS),
    device(0x7AE8, "ADP_S", "Alder Lake Point S", &PCH15),
    device(0x7A60, "ADP_LP", "Alder Lake Point LP", &PCH15),
    device(0x51E0, "ADP_P", "Alder Lake Point P", &PCH15),
    device(0x54E0, "ADP_N", "Alder Lake Point N", &PCH15),
    device(0x7A68, "RPL_S", "Raptor Lake Point S", &PCH15_SPS),
    device(0x7E70, "MTL_M", "Meteor Lake Point M", &PCH15),
    device(0x7F68, "ARL_S", "Arrow Lake Point S", &PCH15),
    device(0x7770, "ARL_H", "Arrow Lake Point H", &PCH15),
    device(0xA870, "LNL_M", "Lunar Lake Point M", &PCH15),
    device(0xE370, "PTL_H", "Panther Lake H", &PCH15),
    device(0xE470, "PTL_P", "Panther Lake P", &PCH15),
    device(0x4D70, "WCL_P", "Wildcat Lake P", &PCH15),
    device(0x6E68, "NVL_S", "Nova Lake Point S", &PCH15),
    device(0xD370, "NVL_H", "Nova Lake Point H", &PCH15),
    device(0x6766, "CRI", "Crescent Island", &CSC),
];

/// The function with PCI device id `id`, vendor [`VENDOR_INTEL`].
pub fn lookup(id: u16) -> Option<&'static Device> {
    DEVICES.iter().find(|device| device.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        for (position, device) in DEVICES.iter().enumerate() {
            assert!(DEVICES[..position].iter().all(|other| other.id != device.id), "{:04X}", device.id);
        }
    }

    #[test]
    fn known_parts_are_found() {
        assert_eq!(lookup(0x2E14).expect("ICH10").configuration.name, "ICH10");
        assert_eq!(lookup(0x1E3A).expect("Panther Point").configuration.name, "PCH7");
        assert_eq!(lookup(0xA13A).expect("Sunrise Point H").configuration.name, "PCH8_SPS_4");
        assert_eq!(lookup(0xA0E0).expect("Tiger Lake").configuration.name, "PCH15");
        assert!(lookup(0x0F18).is_none(), "TXE has another register model");
    }
}
