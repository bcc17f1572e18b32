//! Where the device is, and what is to be cleared away in the end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cuse::{
    CuseOptions, CuseSession, DeviceName, FuseOptions, FuseSession, MountError, Node, Visibility, clear_stale,
};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{UnmountFlags, mount_bind, unmount};

use super::link::Link;
use super::removable::CharacterDevice;
use crate::facilities;

/// Where a file is mounted that has only a link in `/dev`.
const FOLDER: &str = "/run/umei";

/// Where a device is shown. Dropping it clears away what was made for that.
#[derive(Debug)]
pub(super) struct Place {
    /// For people.
    pub(super) shown: String,
    /// Device numbers, 0 and 0 of a file.
    pub(super) numbers: (u32, u32),
    /// Links in `/dev`.
    _links: Vec<Link>,
    /// Further directories.
    mounts: Vec<PathBuf>,
    /// A directory that was made to mount on.
    folder: Option<PathBuf>,
}

/// A character device.
pub(super) fn character_device(name: &DeviceName) -> Result<(CharacterDevice, Place)> {
    let device = CharacterDevice::start(name)?;
    let shown = Path::new("/dev").join(name).display().to_string();
    let place =
        Place { shown, numbers: device.numbers(), _links: Vec::new(), mounts: Vec::new(), folder: None };
    Ok((device, place))
}

/// A session with its numbers, and the node where the kernel makes none.
pub(super) fn character_node(name: &DeviceName) -> Result<(CuseSession, (u32, u32), Option<Link>)> {
    let session = CuseSession::start(&CuseOptions::new(name.clone())).map_err(facilities::explain_cuse)?;
    let path = Path::new("/dev").join(name);
    Ok(match session.node().map_err(facilities::explain_cuse)? {
        Node::Ours(numbers) => (session, numbers, None),
        // A container's own /dev, which the kernel does not fill.
        Node::Missing((major, minor)) => {
            let mode = Mode::RUSR | Mode::WUSR;
            mknodat(CWD, &path, FileType::CharacterDevice, mode, makedev(major, minor))
                .with_context(|| format!("making {}", path.display()))?;
            (session, (major, minor), Some(Link::own(path)))
        }
        Node::Foreign | Node::Unknown => (session, (0, 0), None),
    })
}

/// A file in each of `directories`; without any, in a directory of its own with a link in `/dev`.
pub(super) fn file(name: &DeviceName, directories: &[PathBuf]) -> Result<(FuseSession, Place)> {
    let Some((first, others)) = directories.split_first() else { return linked_file(name) };
    let session = mount(first, name)?;
    let shown = first.join(name).display().to_string();
    let mut place = Place { shown, numbers: (0, 0), _links: Vec::new(), mounts: Vec::new(), folder: None };
    for other in others {
        clear_stale(other).map_err(facilities::explain_mount)?;
        mount_bind(first, other)
            .map_err(|errno| MountError::Mount { path: other.clone(), errno })
            .map_err(facilities::explain_mount)?;
        place.mounts.push(other.clone());
    }
    Ok((session, place))
}

fn linked_file(name: &DeviceName) -> Result<(FuseSession, Place)> {
    let folder = Path::new(FOLDER).join(name);
    fs::create_dir_all(&folder)
        .or_else(|error| match clear_stale(&folder) {
            // A dead mount is in the way of finding out that the directory is there.
            Ok(1..) => Ok(()),
            Ok(0) | Err(_) => Err(error),
        })
        .with_context(|| format!("making {}", folder.display()))?;
    let node = Path::new("/dev").join(name);
    let target = folder.join(name);
    Link::check(&node, &target)?;
    let session = mount(&folder, name)?;
    let link = Link::make(&node, &target)?;
    let shown = node.display().to_string();
    Ok((
        session,
        Place { shown, numbers: (0, 0), _links: vec![link], mounts: Vec::new(), folder: Some(folder) },
    ))
}

fn mount(directory: &Path, name: &DeviceName) -> Result<FuseSession> {
    let options =
        FuseOptions { visibility: Visibility::Everyone, ..FuseOptions::new(directory, name.clone()) };
    FuseSession::mount(&options).map_err(facilities::explain_mount)
}

impl Drop for Place {
    fn drop(&mut self) {
        for directory in &self.mounts {
            if let Err(errno) = unmount(directory, UnmountFlags::DETACH) {
                log::warn!("unmounting {}: {errno}", directory.display());
            }
        }
        // Not while a successor has mounted on it; then it is his.
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir(folder);
        }
    }
}
