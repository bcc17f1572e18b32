//! The machine's file systems, or a tree that looks like them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Writes text to an attribute.
type Writer = dyn Fn(&Path, &str) -> io::Result<()> + Send + Sync;

/// Where sysfs, proc, the device nodes and our state are: below the root of the machine, or below another.
#[derive(Clone)]
pub struct System {
    root: PathBuf,
    writer: Arc<Writer>,
}

impl System {
    /// This machine.
    pub fn here() -> Self {
        Self::at("/")
    }

    /// A tree with `sys`, `proc`, `dev` and `run` below `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), writer: Arc::new(|path, text| std::fs::write(path, text)) }
    }

    /// The same tree, whose attributes are written by `writer`: in place of a kernel, something must act on what
    /// is written.
    #[must_use]
    pub fn with_writer(self, writer: impl Fn(&Path, &str) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { writer: Arc::new(writer), ..self }
    }

    /// A place below `/sys`.
    pub(crate) fn sys(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join("sys").join(path)
    }

    /// A place below `/dev`.
    pub(crate) fn dev(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join("dev").join(path)
    }

    /// A place below `/proc`.
    pub(crate) fn proc(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join("proc").join(path)
    }

    /// Where it is kept what was taken from the kernel, until it is given back: gone after a reboot, as the
    /// bindings are.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.join("run/umei/bound")
    }

    /// The attribute at `path`, without the newline.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let mut text = std::fs::read_to_string(path)?;
        text.truncate(text.trim_end_matches(['\n', '\0']).len());
        Ok(text)
    }

    /// Writes the attribute at `path`.
    pub(crate) fn write(&self, path: impl AsRef<Path>, text: &str) -> io::Result<()> {
        log::debug!("{text:?} to {}", path.as_ref().display());
        (self.writer)(path.as_ref(), text)
    }

    /// Last part of where a link in sysfs leads: the name of a driver, the number of a group.
    pub(crate) fn link_name(&self, path: impl AsRef<Path>) -> Option<String> {
        Some(std::fs::read_link(path).ok()?.file_name()?.to_str()?.to_owned())
    }

    /// Names of what is in a directory, sorted; nothing if there is no such directory.
    pub(crate) fn names(&self, directory: impl AsRef<Path>) -> Vec<String> {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System").field("root", &self.root).finish_non_exhaustive()
    }
}
