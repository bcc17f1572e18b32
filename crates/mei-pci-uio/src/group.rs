//! IOMMU groups: what the hardware cannot keep apart is handed out together.

use crate::address::Address;
use crate::system::System;

/// The number of the function's group, if it has one.
pub(crate) fn number(system: &System, address: Address) -> Option<String> {
    system.link_name(system.sys(format!("bus/pci/devices/{address}/iommu_group")))
}

/// The other functions of its group whose drivers keep the group from being handed to user space.
pub(crate) fn others_held(system: &System, address: Address) -> Vec<(Address, String)> {
    let Some(number) = number(system, address) else { return Vec::new() };
    let members = system.names(system.sys(format!("kernel/iommu_groups/{number}/devices")));
    let others = members.iter().filter_map(|name| name.parse().ok()).filter(|&other| other != address);
    others
        .filter_map(|other: Address| {
            let driver = system.link_name(system.sys(format!("bus/pci/devices/{other}/driver")))?;
            // Drivers that VFIO tolerates: its own, and those that do no DMA.
            let harmless = matches!(driver.as_str(), "vfio-pci" | "pci-stub" | "pcieport");
            (!harmless).then_some((other, driver))
        })
        .collect()
}
