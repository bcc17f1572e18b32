//! The archive that the kernel unpacks as its first file system: cpio, `newc` format.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_777;
const CONSOLE: u32 = 0o020_600;

/// An archive being written.
#[derive(Debug)]
pub(super) struct Archive {
    out: BufWriter<File>,
    entries: u32,
    folders: BTreeSet<PathBuf>,
    written: BTreeSet<PathBuf>,
}

impl Archive {
    /// Begins an archive with the device that the kernel opens as the first program's output.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
        let out = BufWriter::new(file);
        let mut archive = Self { out, entries: 0, folders: BTreeSet::new(), written: BTreeSet::new() };
        archive.folder(Path::new("/dev"))?;
        archive.entry(Path::new("/dev/console"), CONSOLE, (5, 1), &[])?;
        Ok(archive)
    }

    /// Adds a folder and those above it.
    pub(super) fn folder(&mut self, path: &Path) -> Result<()> {
        let mut above: Vec<&Path> = path.ancestors().filter(|path| path.parent().is_some()).collect();
        above.reverse();
        for folder in above {
            if self.folders.insert(folder.to_owned()) {
                self.entry(folder, DIRECTORY, (0, 0), &[])?;
            }
        }
        Ok(())
    }

    /// Adds a file, executable as everything here; a second file of the same path is left out.
    pub(super) fn file(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        if self.written.insert(path.to_owned()) {
            self.folder(path.parent().unwrap_or(Path::new("/")))?;
            self.entry(path, PROGRAM, (0, 0), content)?;
        }
        Ok(())
    }

    /// Adds a copy of a file of this machine.
    pub(super) fn copy(&mut self, path: &Path, from: &Path) -> Result<()> {
        let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.file(path, &content)
    }

    /// Adds a symbolic link.
    pub(super) fn link(&mut self, path: &Path, to: &str) -> Result<()> {
        self.folder(path.parent().unwrap_or(Path::new("/")))?;
        self.entry(path, LINK, (0, 0), to.as_bytes())
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> Result<()> {
        self.entry(Path::new("/TRAILER!!!"), 0, (0, 0), &[])?;
        Ok(self.out.flush()?)
    }

    fn entry(&mut self, path: &Path, mode: u32, device: (u32, u32), content: &[u8]) -> Result<()> {
        let name = path.strip_prefix("/").unwrap_or(path).to_str().context("names are text")?;
        let size = u32::try_from(content.len()).with_context(|| format!("{name} is too large"))?;
        self.entries += 1;
        let name_size = u32::try_from(name.len() + 1).context("a name is short")?;
        write!(self.out, "070701")?;
        let (uid, gid, links, time) = (0, 0, 1, 0);
        let header = [
            [self.entries, mode, uid, gid, links],
            [time, size, 0, 0, device.0],
            [device.1, name_size, 0, 0, 0],
        ];
        for field in header.iter().flatten().take(13) {
            write!(self.out, "{field:08x}")?;
        }
        write!(self.out, "{name}\0")?;
        self.pad(110 + name.len() + 1)?;
        self.out.write_all(content)?;
        self.pad(content.len())
    }

    /// Fills up to a multiple of four.
    fn pad(&mut self, length: usize) -> Result<()> {
        Ok(self.out.write_all(&[0; 3][..length.wrapping_neg() % 4])?)
    }
}
