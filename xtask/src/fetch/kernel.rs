//! The stock Debian kernel, its source, and busybox.

use super::apt::Apt;
use super::store;
use crate::process::run_ok;
use crate::workspace;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The meta package that names today's kernel: its number moves with every ABI and is never pinned.
const META: &str = "linux-image-amd64";
const RECIPE: &str = "kernel, source and busybox, 1";
/// What is taken out of the source, of some 80,000 files.
const SOURCE_PARTS: [&str; 3] = ["*/scripts/extract-vmlinux", "*/samples/mei", "*/drivers/vfio"];
const EXTRACT: Duration = Duration::from_secs(300);

fn folder() -> PathBuf {
    workspace::fetched().join("kernel")
}

pub(super) fn ensure() -> Result<()> {
    store::ensure("kernel", RECIPE, |root| {
        let apt = Apt::own_release()?;
        apt.update()?;
        let image = apt.dependency(META, "linux-image-")?;
        let version = image.trim_start_matches("linux-image-").to_owned();
        let source = format!("linux-source-{}", series(&version));
        apt.unpack(&[&image, &source, "busybox-static"], root)?;
        extract_source(root, &source)?;
        extract_vmlinux(root, &version)?;
        Ok(fs::write(root.join("version"), version)?)
    })?;
    Ok(())
}

/// `6.1` of `6.1.0-56-amd64`.
pub(super) fn series(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

fn extract_source(root: &Path, source: &str) -> Result<()> {
    let archive = root.join("usr/src").join(format!("{source}.tar.xz"));
    let place = root.join("source");
    fs::create_dir_all(&place)?;
    let mut command = Command::new("tar");
    command.arg("-C").arg(&place).args(["--strip-components=1", "-xf"]).arg(&archive);
    command.arg("--wildcards").args(SOURCE_PARTS);
    run_ok(&mut command, &workspace::log("tar"), EXTRACT)?;
    Ok(fs::remove_file(archive)?)
}

/// Under emulation, the kernel's own decompression takes longer than its boot.
fn extract_vmlinux(root: &Path, version: &str) -> Result<()> {
    let mut command = Command::new(root.join("source/scripts/extract-vmlinux"));
    command.arg(root.join("boot").join(format!("vmlinuz-{version}")));
    let log = workspace::log("extract-vmlinux");
    let finished = crate::process::run_split(&mut command, &root.join("vmlinux"), &log, EXTRACT)?;
    anyhow::ensure!(finished.succeeded(), "extract-vmlinux: {}\n{}", finished.end, finished.tail());
    let mut magic = [0; 4];
    std::io::Read::read_exact(&mut File::open(root.join("vmlinux"))?, &mut magic)?;
    anyhow::ensure!(magic == *b"\x7fELF", "extract-vmlinux has found no kernel");
    Ok(())
}

/// The kernel's release, as `uname -r` prints it.
pub(crate) fn version() -> Result<String> {
    fs::read_to_string(folder().join("version")).context("no kernel: run `cargo xtask fetch`")
}

/// The kernel, uncompressed.
pub(crate) fn vmlinux() -> PathBuf {
    folder().join("vmlinux")
}

/// The folder of the kernel's modules.
pub(crate) fn modules() -> Result<PathBuf> {
    Ok(folder().join("lib/modules").join(version()?).join("kernel"))
}

/// The kernel's source, as much of it as is needed.
pub(super) fn source() -> PathBuf {
    folder().join("source")
}

/// A static busybox.
pub(crate) fn busybox() -> PathBuf {
    folder().join("bin/busybox")
}
