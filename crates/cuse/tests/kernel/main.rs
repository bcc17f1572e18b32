//! The sessions against this machine's kernel: the behaviour that cuse.md and fuse-file.md promise, seen
//! from programs.
//!
//! Each test of a FUSE session runs in a process of its own with private mounts, and with its own user
//! namespace where it is not root; it fails where the machine allows neither. Tests of a character device
//! are skipped, and say so, where there is no `/dev/cuse`; unless `CUSE_TEST_REQUIRED` is set, as it is where
//! this program runs in a guest.
#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod cuse_device;
mod fuse;
mod isolation;
mod server;
mod sys;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

/// `IOCTL_MEI_CONNECT_CLIENT`: 16 bytes in, 16 bytes out.
const CONNECT: u64 = 0xC010_4801;
/// Long enough for something to happen that must not.
const A_WHILE: Duration = Duration::from_millis(100);

/// The errno of something that must fail.
fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    result.unwrap_err().raw_os_error().unwrap()
}

/// Readiness of a file within `wait`.
fn poll_once(file: &File, wait: Duration) -> PollFlags {
    let mut fds = [PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN | PollFlags::OUT)];
    poll(&mut fds, Some(&wait.try_into().unwrap())).unwrap();
    fds[0].revents()
}
