//! The four ioctls of a MEI device (`device-abi.md` §5.1).
#![expect(unsafe_code, reason = "ioctl numbers and arguments are tied together by hand")]

use mei_wire::{Guid, ioctl};
use rustix::io;
use rustix::ioctl::{Getter, Setter, Updater};
use std::os::fd::BorrowedFd;

/// `IOCTL_MEI_CONNECT_CLIENT`; the argument is overwritten with what the device answers.
pub(crate) fn connect(fd: BorrowedFd<'_>, argument: &mut [u8; ioctl::CONNECT_CLIENT_SIZE]) -> io::Result<()> {
    // SAFETY: this opcode reads and writes exactly 16 bytes, the size of the argument.
    unsafe {
        rustix::ioctl::ioctl(
            fd,
            Updater::<{ ioctl::CONNECT_CLIENT }, [u8; ioctl::CONNECT_CLIENT_SIZE]>::new(argument),
        )
    }
}

/// `IOCTL_MEI_CONNECT_CLIENT_VTAG`; the argument is overwritten with what the device answers.
pub(crate) fn connect_vtag(
    fd: BorrowedFd<'_>,
    argument: &mut [u8; ioctl::CONNECT_CLIENT_VTAG_SIZE],
) -> io::Result<()> {
    // SAFETY: this opcode reads and writes exactly 20 bytes, the size of the argument.
    unsafe {
        rustix::ioctl::ioctl(
            fd,
            Updater::<{ ioctl::CONNECT_CLIENT_VTAG }, [u8; ioctl::CONNECT_CLIENT_VTAG_SIZE]>::new(argument),
        )
    }
}

/// `IOCTL_MEI_NOTIFY_SET`.
pub(crate) fn notify_set(fd: BorrowedFd<'_>, value: u32) -> io::Result<()> {
    // SAFETY: this opcode reads exactly a u32.
    unsafe { rustix::ioctl::ioctl(fd, Setter::<{ ioctl::NOTIFY_SET }, u32>::new(value)) }
}

/// `IOCTL_MEI_NOTIFY_GET`.
pub(crate) fn notify_get(fd: BorrowedFd<'_>) -> io::Result<u32> {
    // SAFETY: this opcode writes exactly a u32.
    unsafe { rustix::ioctl::ioctl(fd, Getter::<{ ioctl::NOTIFY_GET }, u32>::new()) }
}

/// A GUID as the argument of [`connect`].
pub(crate) fn argument(guid: Guid) -> [u8; ioctl::CONNECT_CLIENT_SIZE] {
    guid.0
}
