//! A QEMU that knows `vfio-user-pci` (10.1 and later): Debian's own is older, its backports have one. It is
//! unpacked with its libraries into a folder and runs by its own loader; the system's QEMU stays as it is.

use super::apt::Apt;
use super::store;
use crate::workspace;
use anyhow::{Result, ensure};
use std::process::Command;

const RECIPE: &str = "qemu-system-x86 from trixie-backports, 1";

pub(super) fn ensure() -> Result<()> {
    let root = store::ensure("qemu", RECIPE, |root| {
        let apt = Apt::suites("backports", &["trixie", "trixie-backports"])?;
        apt.update()?;
        apt.unpack_with_dependencies(&["qemu-system-x86"], root)
    })?;
    ensure!(root.join("usr/bin/qemu-system-x86_64").exists(), "the package has no qemu-system-x86_64");
    Ok(())
}

/// QEMU, ready for its arguments.
pub(crate) fn command() -> Command {
    let root = workspace::fetched().join("qemu");
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let mut command = Command::new(root.join("usr/lib64/ld-linux-x86-64.so.2"));
    command.env("QEMU_MODULE_DIR", libraries.join("qemu")).arg("--library-path").arg(&libraries);
    command.arg(root.join("usr/bin/qemu-system-x86_64"));
    command.arg("-L").arg(root.join("usr/share/qemu")).arg("-L").arg(root.join("usr/share/seabios"));
    command
}
