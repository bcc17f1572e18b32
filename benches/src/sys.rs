//! Two system calls.
#![expect(unsafe_code, reason = "ioctls and clocks of other processes have no safe interface")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// `IOCTL_MEI_CONNECT_CLIENT`.
const CONNECT_CLIENT: u64 = 0xC010_4801;

/// Connects a file of a MEI device to the client with this GUID, as it is on the wire.
pub(crate) fn connect(fd: BorrowedFd<'_>, guid: [u8; 16]) -> io::Result<()> {
    let mut argument = guid;
    // SAFETY: the command moves sixteen bytes both ways, which is what the argument has.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), CONNECT_CLIENT, argument.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Processor time that all threads of a process have used, in user mode and in the kernel; 0 is this process.
pub(crate) fn processor_time(process: u32) -> io::Result<Duration> {
    let process = i32::try_from(process).map_err(io::Error::other)?;
    let mut clock = 0;
    // SAFETY: the pointer is to a clock id that lives.
    match unsafe { libc::clock_getcpuclockid(process, &raw mut clock) } {
        0 => {}
        errno => return Err(io::Error::from_raw_os_error(errno)),
    }
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is to room for the one structure that the call fills in.
    if unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it has filled the structure in.
    let time = unsafe { time.assume_init() };
    let whole = Duration::from_secs(time.tv_sec.unsigned_abs());
    Ok(whole + Duration::from_nanos(time.tv_nsec.unsigned_abs()))
}
