//! A directory as it is, and yet one's own: an empty file system over it, into which each entry is bound.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, DirEntry, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags, open};
use rustix::mount::{MountFlags, mount, mount_bind_recursive};
use rustix::process::fchdir;

/// World-writable, as is the default, would make the kernel refuse `> null` to those who do not own it.
const OPTIONS: &CStr = c"mode=755";

/// The directories of this mount namespace that are covered.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    covered: Vec<PathBuf>,
}

impl Overlay {
    /// Covers `directory` with a copy of itself that can be added to, without the entries that `hides` names.
    ///
    /// An entry that cannot be bound is left out: it may just have gone.
    pub(super) fn cover(&mut self, directory: &Path, hides: impl Fn(&OsStr) -> bool) -> Result<()> {
        let entries: Vec<DirEntry> = fs::read_dir(directory)
            .and_then(Iterator::collect)
            .with_context(|| format!("listing {}", directory.display()))?;
        // What is below stays reachable from the working directory.
        let before = open(".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .context("opening the working directory")?;
        std::env::set_current_dir(directory).with_context(|| format!("entering {}", directory.display()))?;
        let mounted =
            mount("umei", directory, "tmpfs", MountFlags::NOSUID | MountFlags::NOEXEC, Some(OPTIONS))
                .with_context(|| format!("mounting over {}", directory.display()));
        if mounted.is_ok() {
            for entry in entries.iter().filter(|entry| !hides(&entry.file_name())) {
                if let Err(error) = bring(entry, directory) {
                    log::debug!("{}: {error}", entry.path().display());
                }
            }
            self.covered.push(directory.to_owned());
        }
        fchdir(&before).context("returning to the working directory")?;
        mounted
    }

    /// Makes sure that `directory` exists, covering what is above it if need be.
    pub(super) fn make(&mut self, directory: &Path) -> Result<()> {
        let above =
            directory.ancestors().find(|above| above.is_dir()).context("there is no root directory")?;
        if above == directory {
            return Ok(());
        }
        if !self.covered.iter().any(|covered| above.starts_with(covered)) || self.is_foreign(above) {
            self.cover(above, |_| false)?;
        }
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))
    }

    /// Whether `directory`, below a covered one, is bound from outside rather than made there.
    fn is_foreign(&self, directory: &Path) -> bool {
        let device = |path: &Path| rustix::fs::stat(path).map(|stat| stat.st_dev).ok();
        let nearest = self.covered.iter().filter(|covered| directory.starts_with(covered));
        let Some(nearest) = nearest.max_by_key(|covered| covered.as_os_str().len()) else { return true };
        device(nearest) != device(directory)
    }
}

/// Brings an entry of the working directory into the file system over it.
fn bring(entry: &DirEntry, directory: &Path) -> io::Result<()> {
    let name = entry.file_name();
    let target = directory.join(&name);
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        return symlink(fs::read_link(Path::new(&name))?, target);
    }
    if kind.is_dir() {
        fs::create_dir(&target)?;
    } else {
        File::create_new(&target)?;
    }
    let source = CString::new([b"./", name.as_bytes()].concat())?;
    Ok(mount_bind_recursive(source, &target)?)
}

/// Shows `source` at `target` too, with what is mounted below it.
pub(super) fn bind(source: &Path, target: &Path) -> Result<()> {
    mount_bind_recursive(source, target)
        .with_context(|| format!("binding {} to {}", source.display(), target.display()))
}
