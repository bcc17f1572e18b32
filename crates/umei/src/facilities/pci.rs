//! What a driver in user space needs to reach a real function.

use std::fs::{self, OpenOptions};
use std::path::Path;

use super::{Facility, errno};
use cuse::Errno;

/// Intel's vendor id and the class of a MEI function, as sysfs prints them.
const VENDOR: &str = "0x8086";
const CLASS: &str = "0x078000";

/// MEI functions of this machine.
pub(crate) fn functions() -> Facility {
    let name = "MEI functions";
    let entries = fs::read_dir("/sys/bus/pci/devices").into_iter().flatten().flatten();
    let is_mei = |path: &Path| {
        let is = |file: &str, value: &str| {
            fs::read_to_string(path.join(file)).is_ok_and(|text| text.trim() == value)
        };
        is("vendor", VENDOR) && is("class", CLASS)
    };
    let mut found: Vec<String> = entries
        .filter(|entry| is_mei(&entry.path()))
        .map(|entry| entry.file_name().display().to_string())
        .collect();
    found.sort();
    if found.is_empty() {
        Facility::fails(name, "none", "there is no ME here, or its function is hidden: emulate one")
    } else {
        Facility::works(name, found.join(", "))
    }
}

/// VFIO, with an IOMMU or without.
pub(crate) fn vfio() -> Facility {
    let name = "VFIO";
    let groups = fs::read_dir("/sys/kernel/iommu_groups").map_or(0, Iterator::count);
    let unsafe_mode = fs::read_to_string("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode")
        .is_ok_and(|text| text.trim() == "Y");
    match OpenOptions::new().read(true).write(true).open("/dev/vfio/vfio") {
        Ok(_) if groups > 0 => Facility::works(name, format!("{groups} IOMMU groups")),
        Ok(_) if unsafe_mode => Facility::works(name, "without IOMMU"),
        Ok(_) => Facility::fails(
            name,
            "there is no IOMMU",
            "switch VT-d on in the firmware and boot with `intel_iommu=on`, or use UIO",
        ),
        Err(error) => {
            let remedy = match errno(&error) {
                Errno::ACCESS | Errno::PERM => {
                    "run it as root, or give this user the group's node in /dev/vfio"
                }
                _ => "load the module: `modprobe vfio-pci`",
            };
            Facility::fails(name, format!("/dev/vfio/vfio: {error}"), remedy)
        }
    }
}

/// UIO for PCI functions.
pub(crate) fn uio() -> Facility {
    let name = "UIO";
    if Path::new("/sys/bus/pci/drivers/uio_pci_generic").exists() {
        Facility::works(name, "uio_pci_generic is loaded")
    } else {
        Facility::fails(
            name,
            "uio_pci_generic is not loaded",
            "load the module (`modprobe uio_pci_generic`), or use VFIO",
        )
    }
}
