//! A `/sys` in which the device has its class, its PCI function and its bus.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};

use super::overlay::{Overlay, bind};
use crate::sysfs::ADDRESS;

/// Puts what the sysfs tree mounted on `tree` shows to where programs look for it.
///
/// # Errors
/// Where there is no `/sys`, or it cannot be covered. The device works without, for programs that do not look.
pub(super) fn put(tree: &Path) -> Result<()> {
    let sys = Path::new("/sys");
    let bridge = Path::new("devices/pci0000:00");
    let function = bridge.join(ADDRESS);
    let links = Path::new("bus/pci/devices");
    let mut overlay = Overlay::default();
    // A function of the machine at that place is not this one.
    let hides_function = |name: &OsStr| name == ADDRESS;
    for directory in [bridge, links] {
        let directory = sys.join(directory);
        if directory.is_dir() {
            overlay.cover(&directory, hides_function)?;
        } else {
            overlay.make(&directory)?;
        }
    }
    symlink(Path::new("../../..").join(&function), sys.join(links).join(ADDRESS))
        .context("linking the PCI function")?;
    for directory in [function.as_path(), Path::new("class/mei"), Path::new("bus/mei/devices")] {
        overlay.make(&sys.join(directory))?;
        bind(&tree.join(directory), &sys.join(directory))?;
    }
    Ok(())
}
