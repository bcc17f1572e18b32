//! The one ioctl that a client needs.
#![expect(unsafe_code, reason = "ioctls have no safe interface")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `IOCTL_MEI_CONNECT_CLIENT`.
const CONNECT_CLIENT: u64 = 0xC010_4801;

/// Connects a file of a MEI device to the client with this GUID, as it is on the wire.
pub(crate) fn connect(fd: BorrowedFd<'_>, guid: [u8; 16]) -> io::Result<()> {
    let mut argument = guid;
    // SAFETY: the command moves sixteen bytes both ways, which is what the argument has.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), CONNECT_CLIENT, argument.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
