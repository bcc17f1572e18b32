//! What this machine offers a device in user space, and what to do where it does not.

mod namespaces;
mod pci;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use cuse::{CuseError, Errno, MountError};
use serde::Serialize;

pub(crate) use self::namespaces::{namespaces, namespaces_remedy};
pub(crate) use self::pci::{functions, uio, vfio};

/// One thing that something depends on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facility {
    /// What it is.
    pub(crate) name: &'static str,
    /// Whether it can be used.
    pub(crate) state: State,
    /// What was found.
    pub(crate) found: String,
    /// What to do; only where it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

/// Whether something can be used by this user, here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It can.
    Works,
    /// It cannot.
    Fails,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Works => "works",
            Self::Fails => "fails",
        })
    }
}

impl Facility {
    fn works(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Works, found: found.into(), remedy: None }
    }

    fn fails(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, state: State::Fails, found: found.into(), remedy: Some(remedy.into()) }
    }
}

/// The control device of FUSE.
pub(crate) fn fuse() -> Facility {
    control("FUSE", Path::new("/dev/fuse"), fuse_remedy)
}

/// The control device of CUSE.
pub(crate) fn cuse() -> Facility {
    control("CUSE", Path::new("/dev/cuse"), cuse_remedy)
}

/// Privilege to mount for everyone to see.
pub(crate) fn root() -> Facility {
    const SYS_ADMIN: u64 = 1 << 21;
    let name = "privilege to mount";
    let capabilities = status_field("CapEff:").and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    if capabilities.is_some_and(|mask| mask & SYS_ADMIN != 0) {
        Facility::works(name, "CAP_SYS_ADMIN")
    } else {
        Facility::fails(name, "no CAP_SYS_ADMIN", "run it as root, or use `umei run`, which needs none")
    }
}

fn control(name: &'static str, path: &Path, remedy: fn(Errno) -> String) -> Facility {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Facility::works(name, format!("{} can be opened", path.display())),
        Err(error) => {
            let mode = fs::metadata(path)
                .ok()
                .filter(|file| file.file_type().is_char_device())
                .map(|file| format!(" (mode {:04o})", file.permissions().mode() & 0o7777))
                .unwrap_or_default();
            Facility::fails(name, format!("{}{mode}: {error}", path.display()), remedy(errno(&error)))
        }
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// What to do about `/dev/fuse`.
fn fuse_remedy(errno: Errno) -> String {
    match errno {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => {
            "load the module (`modprobe fuse`); in a container add `--device /dev/fuse`"
        }
        Errno::ACCESS => {
            "make it usable by everyone, as distributions do (`chmod 666 /dev/fuse` as root), or run as root"
        }
        Errno::PERM => "the container's device rules forbid it: add `--device /dev/fuse`",
        _ => "see the kernel's log (`dmesg`)",
    }
    .to_owned()
}

/// What to do about `/dev/cuse`.
fn cuse_remedy(errno: Errno) -> String {
    match errno {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => {
            "load the module (`modprobe cuse`); a kernel without CONFIG_CUSE has none: use `--frontend fuse` or \
             `umei run`"
        }
        Errno::ACCESS => "run it as root, or use `umei run`, which needs no CUSE",
        Errno::PERM => "the container's device rules forbid it: add `--device /dev/cuse`",
        _ => "see the kernel's log (`dmesg`)",
    }
    .to_owned()
}

/// A mount that failed, and what to do.
pub(crate) fn explain_mount(error: MountError) -> anyhow::Error {
    let remedy = match &error {
        MountError::Open { errno, .. } => Some(fuse_remedy(*errno)),
        // Inside a user namespace everybody has the privilege, and something takes it away.
        MountError::Mount { errno: Errno::PERM | Errno::ACCESS, .. } => {
            Some(root().remedy.unwrap_or_else(namespaces_remedy))
        }
        MountError::Mount { errno: Errno::NODEV, .. } => Some(fuse_remedy(Errno::NODEV)),
        MountError::Occupied { .. } => {
            Some("another server is alive there: stop it, or choose another directory".to_owned())
        }
        MountError::Mountpoint { errno: Errno::NOENT, .. } => Some("make the directory first".to_owned()),
        _ => None,
    };
    with_remedy(error, remedy)
}

/// A character device that failed, and what to do.
pub(crate) fn explain_cuse(error: CuseError) -> anyhow::Error {
    let remedy = match &error {
        CuseError::Open { errno, .. } => Some(cuse_remedy(*errno)),
        CuseError::NameTaken { .. } => {
            Some("stop the other server, or choose another name with --name".to_owned())
        }
        CuseError::NodeTaken { .. } => Some(
            "a driver has the name, or a file was left: choose another name with --name, or remove the file"
                .to_owned(),
        ),
        CuseError::Refused { .. } => Some("see the kernel's log (`dmesg`)".to_owned()),
        _ => None,
    };
    with_remedy(error, remedy)
}

fn with_remedy(
    error: impl std::error::Error + Send + Sync + 'static,
    remedy: Option<String>,
) -> anyhow::Error {
    match remedy {
        Some(remedy) => anyhow::anyhow!("{error}\nremedy: {remedy}"),
        None => error.into(),
    }
}

/// A field of this process's status, such as `Seccomp:`.
fn status_field(name: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_comes_with_its_remedy() {
        let taken = cuse::DeviceName::new("mei0").unwrap();
        let text = explain_cuse(CuseError::NameTaken { name: taken }).to_string();
        assert!(
            text.contains("mei0 is taken") && text.contains("remedy: ") && text.contains("--name"),
            "{text}"
        );
        let text =
            explain_mount(MountError::Open { path: "/dev/fuse".into(), errno: Errno::NOENT }).to_string();
        assert!(text.contains("/dev/fuse") && text.contains("modprobe fuse"), "{text}");
        let text =
            explain_mount(MountError::Open { path: "/dev/fuse".into(), errno: Errno::ACCESS }).to_string();
        assert!(text.contains("chmod 666 /dev/fuse"), "{text}");
    }

    #[test]
    fn a_control_device_that_is_missing_fails_with_its_path() {
        let facility = control("FUSE", Path::new("/nonexistent/fuse"), fuse_remedy);
        assert_eq!(facility.state, State::Fails);
        assert!(facility.found.contains("/nonexistent/fuse"), "{facility:?}");
        assert!(facility.remedy.is_some_and(|remedy| remedy.contains("--device /dev/fuse")));
        assert_eq!(control("null", Path::new("/dev/null"), fuse_remedy).state, State::Works);
    }
}
