//! The system calls that the standard library and rustix have no safe form of.
#![expect(unsafe_code, reason = "ioctl, signals and what happens between fork and exec")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{getegid, geteuid};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Which namespaces a child gets.
#[derive(Clone, Copy)]
pub(crate) enum Namespaces {
    Mounts,
    UserAndMounts,
}

/// Lets `command` run in new namespaces, with its user and group mapped to root, who keeps privileges over
/// them across `exec`.
pub(crate) fn unshared(command: &mut Command, namespaces: Namespaces) -> &mut Command {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let uid_map = format!("0 {uid} 1");
    let gid_map = format!("0 {gid} 1");
    let enter = move || -> io::Result<()> {
        let flags = match namespaces {
            Namespaces::Mounts => UnshareFlags::NEWNS,
            Namespaces::UserAndMounts => UnshareFlags::NEWNS | UnshareFlags::NEWUSER,
        };
        // SAFETY: neither flag touches the table of descriptors.
        unsafe { unshare_unsafe(flags) }?;
        if matches!(namespaces, Namespaces::UserAndMounts) {
            write("/proc/self/uid_map", &uid_map)?;
            write("/proc/self/setgroups", "deny")?;
            write("/proc/self/gid_map", &gid_map)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls only; it does not allocate.
    unsafe { command.pre_exec(enter) }
}

/// Writes a file without allocating.
fn write(path: &str, text: &str) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags, open};

    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, text.as_bytes())?;
    Ok(())
}

/// `ioctl(2)` with a number that is no address.
pub(crate) fn ioctl_at(file: &File, code: u64, address: usize) -> io::Result<i32> {
    let code = libc::Ioctl::try_from(code).unwrap();
    // SAFETY: the kernel checks the address; those used belong to no memory of this process.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), code, address) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// `ioctl(2)` with 16 bytes in and out.
pub(crate) fn ioctl(file: &File, code: u64, data: &mut [u8; 16]) -> io::Result<i32> {
    let code = libc::Ioctl::try_from(code).unwrap();
    // SAFETY: the codes used move 16 bytes at most to and from `data`.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), code, data.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// Handles SIGUSR1 by doing nothing, without SA_RESTART.
pub(crate) fn ignore_by_handler() {
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: an all-zero `sigaction` is a valid one, with an empty mask and no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as libc::sighandler_t;
    // SAFETY: the handler does nothing, so it is safe at any point.
    let result = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// A thread of this process, for [`signal`].
pub(crate) fn this_thread() -> libc::pthread_t {
    // SAFETY: has no conditions.
    unsafe { libc::pthread_self() }
}

/// Sends SIGUSR1 to a thread that has not been joined.
pub(crate) fn signal(thread: libc::pthread_t) {
    // SAFETY: the caller still holds the thread's handle.
    assert_eq!(unsafe { libc::pthread_kill(thread, libc::SIGUSR1) }, 0);
}
