//! Raw ioctls.
#![expect(unsafe_code, reason = "ioctls have no safe interface")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// `ioctl(file, code, argument)`.
pub(crate) fn ioctl(file: &File, code: u32, argument: &mut [u8]) -> io::Result<i32> {
    assert!(argument.len() >= (code >> 16 & 0x3FFF) as usize, "{code:#x} moves more");
    // SAFETY: the argument is as large as the code says, checked above.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), u64::from(code), argument.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
