//! Mounting and unmounting, by the system calls and nothing else.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf, absolute};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxAttributes, StatxFlags, open, stat, statfs, statx};
use rustix::io::retry_on_intr;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{getegid, geteuid};

use super::SessionError;
use crate::channel::Connection;
use crate::{DeviceName, Errno};

/// `statfs(2)` type of a FUSE file system.
const FUSE_SUPER_MAGIC: u64 = 0x6573_5546;
/// Dead mounts over one another at the same place; more is no accident of a few crashed servers.
const MOST_STALE: usize = 64;

/// Which file to serve, and where.
#[derive(Clone, Debug)]
pub struct FuseOptions {
    /// The FUSE control device, `/dev/fuse`.
    pub control: PathBuf,
    /// The directory to mount on.
    pub mountpoint: PathBuf,
    /// Name of the one file.
    pub name: DeviceName,
    /// What the mount table shows as source.
    pub source: String,
    /// Attributes of the file.
    pub file: FileAttributes,
    /// Who may use the mount at all.
    pub visibility: Visibility,
    /// Who checks the mode of the file.
    pub permissions: Permissions,
}

impl FuseOptions {
    /// The file `name` in a directory mounted on `mountpoint`: like a new device node, 0600 and owned by this
    /// process, checked by the kernel, and not seen by other users.
    #[must_use]
    pub fn new(mountpoint: impl Into<PathBuf>, name: DeviceName) -> Self {
        Self {
            control: "/dev/fuse".into(),
            mountpoint: mountpoint.into(),
            source: name.as_str().to_owned(),
            name,
            file: FileAttributes { mode: 0o600, uid: geteuid().as_raw(), gid: getegid().as_raw() },
            visibility: Visibility::Owner,
            permissions: Permissions::Kernel,
        }
    }

    /// The data of `mount(2)`, given the descriptor.
    fn data(&self, fd: i32, user: u32, group: u32) -> String {
        let mut data = format!("fd={fd},rootmode=40000,user_id={user},group_id={group}");
        if self.visibility == Visibility::Everyone {
            data.push_str(",allow_other");
        }
        if self.permissions == Permissions::Kernel {
            data.push_str(",default_permissions");
        }
        data
    }
}

/// Attributes of the file, as `stat(2)` shows them until `chmod` or `chown` change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileAttributes {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Who may use a mount at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// The user who mounts.
    Owner,
    /// Everyone in the user namespace (`allow_other`).
    Everyone,
}

/// Who checks the mode of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// The kernel (`default_permissions`).
    Kernel,
    /// Nobody: who may use the mount may open the file.
    Nobody,
}

/// Why there is no mount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// The control device cannot be opened: ENOENT or ENODEV for a kernel without FUSE, EACCES or EPERM where
    /// a container does not allow it.
    #[error("opening {}: {errno}", path.display())]
    Open {
        /// The control device.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// The mount point cannot be looked at.
    #[error("looking at the mount point {}: {errno}", path.display())]
    Mountpoint {
        /// The mount point.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// A FUSE file system that is alive is mounted there already.
    #[error("{} carries a FUSE file system already", path.display())]
    Occupied {
        /// The mount point.
        path: PathBuf,
    },
    /// `mount(2)` failed: EPERM for lack of privilege in the mount's user namespace.
    #[error("mounting on {}: {errno}", path.display())]
    Mount {
        /// The mount point.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// `umount2(2)` failed.
    #[error("unmounting {}: {errno}", path.display())]
    Unmount {
        /// The mount point.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// The source contains a NUL.
    #[error("a mount source cannot contain a NUL")]
    Source,
    /// The first exchange failed.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Detaches what a dead server left mounted on `mountpoint`, which every look at it answers with ENOTCONN.
/// Returns how many mounts that were.
///
/// Asks whatever is mounted there, so it waits as long as a live server of another make takes to answer.
///
/// # Errors
/// [`MountError::Mountpoint`] and [`MountError::Unmount`].
pub fn clear_stale(mountpoint: &Path) -> Result<usize, MountError> {
    for cleared in 0..MOST_STALE {
        if !is_stale(mountpoint)? {
            return Ok(cleared);
        }
        log::info!("{}: detaching the mount of a dead server", mountpoint.display());
        detach(mountpoint)?;
    }
    Err(MountError::Occupied { path: mountpoint.to_owned() })
}

/// Whether the server of what is mounted on `path` is dead.
fn is_stale(path: &Path) -> Result<bool, MountError> {
    match retry_on_intr(|| stat(path)) {
        Ok(_) => Ok(false),
        Err(Errno::NOTCONN | Errno::CONNABORTED) => Ok(true),
        Err(errno) => Err(MountError::Mountpoint { path: path.to_owned(), errno }),
    }
}

/// Takes what is mounted on `path` out of the tree at once; it goes when its last file is closed.
fn detach(path: &Path) -> Result<(), MountError> {
    unmount(path, UnmountFlags::DETACH).map_err(|errno| MountError::Unmount { path: path.to_owned(), errno })
}

/// A mount of ours. Dropped without [`Mounted::unmount`] it counts as one of a dead server.
#[derive(Debug)]
pub(super) struct Mounted {
    path: PathBuf,
    /// Device number of the file system, which is its own only as long as the connection is alive: the
    /// kernel gives it to another one afterwards.
    device: (u32, u32),
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Attached,
    Detached,
}

impl Mounted {
    /// Opens the control device and mounts, replacing what a dead server left.
    pub(super) fn mount(options: &FuseOptions) -> Result<(OwnedFd, Self), MountError> {
        // Unmounting must find it whatever the working directory is by then.
        let path = absolute(&options.mountpoint)
            .map_err(|_| MountError::Mountpoint { path: options.mountpoint.clone(), errno: Errno::NOENT })?;
        clear_stale(&path)?;
        refuse_live(&path)?;
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = open(&options.control, flags, Mode::empty())
            .map_err(|errno| MountError::Open { path: options.control.clone(), errno })?;
        let data = options.data(fd.as_raw_fd(), geteuid().as_raw(), getegid().as_raw());
        let data = CString::new(data).map_err(|_| MountError::Source)?;
        let source = CString::new(options.source.as_str()).map_err(|_| MountError::Source)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount(source, &path, "fuse", flags, Some(data.as_c_str()))
            .map_err(|errno| MountError::Mount { path: path.clone(), errno })?;
        let device = match identity(&path) {
            Ok(found) => found.device,
            Err(errno) => {
                detach(&path)?;
                return Err(MountError::Mountpoint { path, errno });
            }
        };
        Ok((fd, Self { path, device, state: State::Attached }))
    }

    /// Detaches the mount, if it is still there: somebody may have unmounted it and put another in its place.
    pub(super) fn unmount(&mut self, connection: Connection) -> Result<(), MountError> {
        if self.state == State::Detached {
            return Ok(());
        }
        self.state = State::Detached;
        match (identity(&self.path), connection) {
            (Ok(found), Connection::Alive) if found.device == self.device => detach(&self.path),
            // Either aborted, and the mount answers ENOTCONN, or unmounted, and this is another one.
            (Ok(found), Connection::Dead) if found.device == self.device => {
                if is_stale(&self.path)? {
                    detach(&self.path)
                } else {
                    Ok(())
                }
            }
            (Ok(_) | Err(Errno::NOENT), _) => Ok(()),
            (Err(errno), _) => Err(MountError::Mountpoint { path: self.path.clone(), errno }),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = self.unmount(Connection::Dead) {
            log::warn!("{error}");
        }
    }
}

/// What is mounted at a place.
struct Identity {
    device: (u32, u32),
    is_mountpoint: bool,
}

/// Looks at a place without asking the server of what is mounted there, which may be this very thread.
fn identity(path: &Path) -> Result<Identity, Errno> {
    let flags = AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
    let found = statx(CWD, path, flags, StatxFlags::empty())?;
    Ok(Identity {
        device: (found.stx_dev_major, found.stx_dev_minor),
        is_mountpoint: found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
    })
}

/// Fails if a FUSE file system is mounted on `path` itself: mounting over it would hide its server.
fn refuse_live(path: &Path) -> Result<(), MountError> {
    let failed = |errno| MountError::Mountpoint { path: path.to_owned(), errno };
    if !identity(path).map_err(failed)?.is_mountpoint {
        return Ok(());
    }
    let kind = retry_on_intr(|| statfs(path)).map_err(failed)?.f_type;
    if u64::try_from(kind) == Ok(FUSE_SUPER_MAGIC) {
        return Err(MountError::Occupied { path: path.to_owned() });
    }
    Ok(())
}
