//! The guest as a machine: file systems, modules, processes, power.

use anyhow::{Context, Result};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};
use rustix::process::{Pid, Signal, kill_process};
use rustix::system::{RebootCommand, finit_module, reboot};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::process::Command;
use umei_guest::plan;

/// The port of QEMU's `isa-debug-exit`.
const EXIT_PORT: u64 = 0xf4;
/// What is written there: QEMU's exit status becomes twice this, plus one.
const EXIT_VALUE: u8 = 0x10;

/// Mounts what every program expects.
pub(crate) fn mount_basics() -> Result<()> {
    // As on a system with a service manager: what a job mounts is seen in the root of Debian programs, too.
    mount_change("/", MountPropagationFlags::SHARED).context("cannot share the mounts")?;
    for (kind, place) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/tmp"),
        ("tmpfs", "/run"),
        ("debugfs", "/sys/kernel/debug"),
    ] {
        mount_one(kind, kind, place, "")?;
    }
    fs::create_dir_all("/dev/pts")?;
    mount_one("devpts", "devpts", "/dev/pts", "")?;
    // devtmpfs does not make these.
    for (name, to) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        let _ = symlink(to, Path::new("/dev").join(name));
    }
    let _ = Command::new("/bin/ip").args(["link", "set", "lo", "up"]).status();
    Ok(())
}

fn mount_one(source: &str, kind: &str, place: &str, data: &str) -> Result<()> {
    let data = std::ffi::CString::new(data)?;
    mount(source, place, kind, MountFlags::empty(), Some(data.as_c_str()))
        .with_context(|| format!("cannot mount {kind} at {place}"))
}

/// Loads a kernel module.
pub(crate) fn load_module(path: &str) -> Result<()> {
    let file = File::open(path).with_context(|| format!("no module {path}"))?;
    match finit_module(&file, c"", 0) {
        Err(rustix::io::Errno::EXIST) => Ok(()),
        result => result.with_context(|| format!("cannot load {path}")),
    }
}

/// Mounts the root of Debian programs, read only, with the guest's own devices and writable places in it.
pub(crate) fn mount_packages() -> Result<()> {
    let options = "trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro";
    mount_one(plan::PACKAGES_TAG, "9p", plan::PACKAGES, options)?;
    for shared in ["dev", "proc", "sys", "tmp", "run"] {
        let place = Path::new(plan::PACKAGES).join(shared);
        mount_bind(Path::new("/").join(shared), &place)
            .with_context(|| format!("cannot bind {}", place.display()))?;
    }
    // A bind leaves out what is mounted below.
    mount_one("debugfs", "debugfs", &format!("{}/sys/kernel/debug", plan::PACKAGES), "")?;
    for written in ["var", "root"] {
        mount_one("tmpfs", "tmpfs", &format!("{}/{written}", plan::PACKAGES), "")?;
    }
    Ok(())
}

/// Kills every program but this one: the next job finds the guest as the first did.
pub(crate) fn end_left_overs() {
    let Ok(entries) = fs::read_dir("/proc") else { return };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // Kernel threads have no command line.
        let is_program = fs::read(entry.path().join("cmdline")).is_ok_and(|line| !line.is_empty());
        if pid != 1
            && is_program
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Ends the guest.
pub(crate) fn switch_off() -> ! {
    if let Ok(port) = File::options().write(true).open("/dev/port") {
        let _ = port.write_all_at(&[EXIT_VALUE], EXIT_PORT);
    }
    loop {
        let _ = reboot(RebootCommand::PowerOff);
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
