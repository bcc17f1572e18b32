//! System calls that rustix does not have.
#![expect(unsafe_code, reason = "raw ioctls and signal handlers have no safe interface")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// `ioctl(fd, command, argument)`, whatever the command; the result of the call.
///
/// # Errors
/// The errno of the call.
pub(crate) fn ioctl(fd: BorrowedFd<'_>, command: u32, argument: &mut [u8]) -> io::Result<i32> {
    // A command encodes the bytes that the kernel moves; a slice shorter than that would be overrun.
    let size = (command >> 16 & 0x3FFF) as usize;
    assert!(argument.len() >= size, "ioctl {command:#010x} moves {size} bytes");
    // SAFETY: the argument is writable for as many bytes as the command encodes, checked above.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), u64::from(command), argument.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// Handles SIGALRM by doing nothing, without SA_RESTART, so that an alarm interrupts what can be interrupted.
pub fn ignore_alarms() {
    // SAFETY: an all-zero sigaction is valid; the handler touches nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(libc::c_int) = nothing;
        action.sa_sigaction = handler as libc::sighandler_t;
        libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut());
    }
}

/// Sends SIGALRM to this process once, `delay` from now.
pub fn alarm_after(delay: Duration) {
    let timer = libc::itimerval {
        it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 },
        it_value: libc::timeval {
            tv_sec: libc::time_t::try_from(delay.as_secs()).expect("a delay of seconds"),
            tv_usec: libc::suseconds_t::from(delay.subsec_micros()),
        },
    };
    // SAFETY: both pointers are valid or null for the duration of the call.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
}

/// Ends this process when its parent ends, so that a failed run leaves nothing behind.
pub fn set_death_signal() {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and nothing else.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}
