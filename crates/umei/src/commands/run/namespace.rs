//! Namespaces of one's own: mounts that nobody else sees, and without root a user namespace that may make
//! them.

use std::fs;
use std::io;

use anyhow::{Context, Result};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{getegid, geteuid};

use crate::facilities;
use crate::sys::{Namespace, loopback_up, unshare};

/// Who the command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// The caller.
    Own,
    /// Root, to itself.
    Root,
}

/// Which network it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// The caller's.
    Shared,
    /// Loopback and nothing else.
    Private,
}

/// Moves this process into namespaces of its own. It has no other thread yet.
pub(super) fn enter(identity: Identity, network: Network) -> Result<()> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let mut wanted = vec![Namespace::Mount];
    if network == Network::Private {
        wanted.push(Namespace::Network);
    }
    // Root needs no user namespace, and keeps all that root may do without one.
    let plain = if identity == Identity::Own || uid == 0 {
        unshare(&wanted)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    };
    match plain {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            wanted.push(Namespace::User);
            unshare(&wanted).map_err(|error| {
                anyhow::Error::new(error)
                    .context(format!("making a user namespace: {}", facilities::namespaces_remedy()))
            })?;
            map(identity, uid, gid)?;
        }
        Err(error) => return Err(error).context("making a mount namespace"),
    }
    // Otherwise what is mounted here would show outside.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .with_context(|| format!("making the mounts private: {}", facilities::namespaces_remedy()))?;
    if network == Network::Private {
        loopback_up().context("bringing the private loopback interface up")?;
    }
    Ok(())
}

/// Gives the caller's ids a name in the new user namespace.
fn map(identity: Identity, uid: u32, gid: u32) -> Result<()> {
    let (inner_uid, inner_gid) = match identity {
        Identity::Own => (uid, gid),
        Identity::Root => (0, 0),
    };
    // Without this an unprivileged user may not map a group.
    let files = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{inner_uid} {uid} 1")),
        ("gid_map", format!("{inner_gid} {gid} 1")),
    ];
    for (name, text) in files {
        let path = format!("/proc/self/{name}");
        fs::write(&path, text)
            .with_context(|| format!("writing {path}: {}", facilities::namespaces_remedy()))?;
    }
    Ok(())
}
