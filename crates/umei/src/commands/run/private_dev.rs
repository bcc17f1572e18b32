//! A `/dev` with a MEI device in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cuse::{DeviceName, FuseOptions, FuseSession, Visibility};

use super::overlay::Overlay;
use crate::facilities;

/// What the device is called.
pub(super) const NAME: &str = "mei0";
/// Where the file system with the device is mounted, and one with its sysfs.
const FOLDER: &str = "/dev/umei";

/// Covers `/dev` and puts a device into it, `mei0` and `mei`. MEI devices of the machine are hidden.
pub(super) fn make() -> Result<FuseSession> {
    Overlay::default().cover(Path::new("/dev"), is_mei)?;
    let mountpoint = place("device")?;
    let name = DeviceName::new(NAME)?;
    let options = FuseOptions { visibility: Visibility::Everyone, ..FuseOptions::new(&mountpoint, name) };
    let session = FuseSession::mount(&options).map_err(facilities::explain_mount)?;
    symlink(Path::new("umei/device").join(NAME), Path::new("/dev").join(NAME))
        .context("linking /dev/mei0")?;
    // Older programs know no other name.
    symlink(NAME, "/dev/mei").context("linking /dev/mei")?;
    Ok(session)
}

/// A directory to mount something on that belongs to the device.
pub(super) fn place(name: &str) -> Result<PathBuf> {
    let path = Path::new(FOLDER).join(name);
    fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
    Ok(path)
}

/// `mei` and `meiN`, and this program's own folder.
fn is_mei(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    name == "umei"
        || name.strip_prefix("mei").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mei_devices_are_hidden() {
        for (name, hidden) in [
            ("mei", true),
            ("mei0", true),
            ("mei12", true),
            ("mem", false),
            ("meiosis", false),
            ("null", false),
        ] {
            assert_eq!(is_mei(OsStr::new(name)), hidden, "{name}");
        }
    }
}
