//! What the driver publishes beside the node (`device-abi.md` §12).

use std::fs;
use std::path::{Path, PathBuf};

/// Attributes of a device; none of those that it does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// State of the link, such as `ENABLED`.
    pub dev_state: Option<String>,
    /// Kind of the function: `mei`, `itouch`, `gsc`, …
    pub kind: Option<String>,
    /// HBM version in use.
    pub hbm_ver: Option<String>,
    /// HBM version of the driver.
    pub hbm_ver_drv: Option<String>,
    /// Firmware versions as `platform:major.minor.hotfix.build`; not those that are all zero.
    pub fw_ver: Vec<String>,
    /// Firmware status registers, HFS1 first.
    pub fw_status: Vec<u32>,
    /// TRC status register.
    pub trc: Option<u32>,
    /// The PCI function behind the device.
    pub function: Option<PciFunction>,
}

/// The PCI function behind a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PciFunction {
    /// Its address, such as `0000:00:16.0`.
    pub address: String,
    /// Vendor id.
    pub vendor: u16,
    /// Device id.
    pub device: u16,
}

impl Attributes {
    /// Reads the attributes of the device called `name` below `sysfs` (usually `/sys`). None when sysfs does not
    /// have the device.
    pub fn read(sysfs: &Path, name: &str) -> Option<Self> {
        let directory = sysfs.join("class/mei").join(name);
        if !directory.is_dir() {
            return None;
        }
        let attribute = |file: &str| read_attribute(&directory.join(file));
        let words = |text: String| text.lines().map_while(hexadecimal).take(6).collect();
        Some(Self {
            dev_state: attribute("dev_state"),
            kind: attribute("kind"),
            hbm_ver: attribute("hbm_ver"),
            hbm_ver_drv: attribute("hbm_ver_drv"),
            fw_ver: attribute("fw_ver").map(versions).unwrap_or_default(),
            fw_status: attribute("fw_status").map(words).unwrap_or_default(),
            trc: attribute("trc").as_deref().and_then(hexadecimal),
            function: PciFunction::read(&directory.join("device")),
        })
    }

    /// Name in sysfs of the device at `node`: `mei0` for `/dev/mei0`.
    pub fn name_of(node: &Path) -> Option<String> {
        let node: PathBuf = fs::canonicalize(node).ok()?;
        Some(node.file_name()?.to_str()?.to_owned())
    }
}

impl PciFunction {
    fn read(directory: &Path) -> Option<Self> {
        let identifier = |file: &str| {
            let text = read_attribute(&directory.join(file))?;
            u16::from_str_radix(text.trim_start_matches("0x"), 16).ok()
        };
        let real = fs::canonicalize(directory).ok()?;
        Some(Self {
            address: real.file_name()?.to_str()?.to_owned(),
            vendor: identifier("vendor")?,
            device: identifier("device")?,
        })
    }
}

fn read_attribute(path: &Path) -> Option<String> {
    // An attribute is at most a page; a tree that is not sysfs may hold anything.
    let text = fs::read_to_string(path).ok().filter(|text| text.len() <= 4096)?;
    Some(text.trim_end().to_owned())
}

fn versions(text: String) -> Vec<String> {
    text.lines().filter(|line| *line != "0:0.0.0.0").take(3).map(str::to_owned).collect()
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn attributes_are_read_as_the_driver_writes_them() {
        let root = std::env::temp_dir().join(format!("mei-client-sysfs-{}", std::process::id()));
        let function = root.join("devices/pci0000:00/0000:00:16.0");
        let device = function.join("mei/mei0");
        fs::create_dir_all(&device).unwrap();
        fs::create_dir_all(root.join("class/mei")).unwrap();
        symlink(&device, root.join("class/mei/mei0")).unwrap();
        symlink("../..", device.join("device")).unwrap();
        let write = |path: PathBuf, text: &str| fs::write(path, text).unwrap();
        write(device.join("dev_state"), "ENABLED");
        write(device.join("fw_ver"), "0:16.1.32.2473\n0:16.1.25.2035\n0:0.0.0.0\n");
        write(device.join("fw_status"), "90000245\n39850106\n00000020\n00004000\n00000000\n40200002\n");
        write(function.join("vendor"), "0x8086\n");
        write(function.join("device"), "0x51e0\n");
        let read = Attributes::read(&root, "mei0").unwrap();
        assert_eq!(Attributes::read(&root, "mei1"), None);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(read.dev_state.as_deref(), Some("ENABLED"));
        assert_eq!(read.fw_ver, ["0:16.1.32.2473", "0:16.1.25.2035"]);
        assert_eq!(read.fw_status[..2], [0x9000_0245, 0x3985_0106]);
        assert_eq!(read.trc, None);
        let function = read.function.unwrap();
        assert_eq!((function.address.as_str(), function.device), ("0000:00:16.0", 0x51E0));
    }
}
