//! Programs that the fetching and the tests themselves call. Missing ones are installed where that is possible.

use crate::process::run_ok;
use crate::workspace;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A program and the Debian package that has it.
const TOOLS: [(&str, &str); 8] = [
    ("gcc", "gcc"),
    ("make", "make"),
    ("tar", "tar"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
    ("npm", "npm"),
    ("setpriv", "util-linux"),
    ("readelf", "binutils"),
];
/// A header that stands for the C library's package.
const HEADERS: (&str, &str) = ("/usr/include/linux/mei.h", "libc6-dev");
const INSTALL: Duration = Duration::from_secs(900);

/// Installs what is missing; without root, says what to install.
pub(super) fn ensure_tools() -> Result<()> {
    let mut missing: Vec<&str> =
        TOOLS.iter().filter(|(program, _)| !is_on_path(program)).map(|(_, package)| *package).collect();
    if !Path::new(HEADERS.0).exists() {
        missing.push(HEADERS.1);
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        bail!("missing on this machine: install {} as root", missing.join(" "));
    }
    println!("installing {}", missing.join(" "));
    let install = || {
        let mut command = apt_get();
        command.args(["install", "-y", "--no-install-recommends"]).args(&missing);
        run_ok(&mut command, &workspace::log("apt-get-install"), INSTALL)
    };
    // With old lists this may still work; if not, they are got anew.
    if install().is_err() {
        super::store::retry("installing packages", || {
            run_ok(apt_get().arg("update"), &workspace::log("apt-get-update"), INSTALL)?;
            install()
        })?;
    }
    Ok(())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
    command
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}
