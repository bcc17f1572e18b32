//! Whether a caller that got a signal was killed by it.
//!
//! The kernel tells of the first signal only, and not which one it was (`fuse-file.md` §3). A call that the
//! driver makes uninterruptible sleeps on unless its caller is to die, so the caller's pending signals are
//! looked at: SIGKILL shows there, and so does any other that ends the process.

use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{read, retry_on_intr};

/// How often to look at a caller that sleeps on.
pub(crate) const INTERVAL: Duration = Duration::from_millis(200);

/// SIGKILL in the masks of `/proc/TID/status`.
const SIGKILL: u64 = 1 << 8;

/// Whether `thread` is about to die. No for a thread that cannot be looked at: its call ends by its own
/// time-out then.
pub(crate) fn is_killed(thread: u32) -> bool {
    if thread == 0 {
        return false;
    }
    // Longer than any status up to its signal masks, which follow the list of groups: the caller chooses how
    // many there are, so what does not fit is read on.
    let mut bytes = [0; 4096];
    let mut path = [0; 32];
    let Some(path) = status_path(thread, &mut path) else { return false };
    let Ok(file) = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else { return false };
    let mut scan = Scan::default();
    loop {
        match retry_on_intr(|| read(&file, &mut bytes)) {
            Ok(0) | Err(_) => return scan.killed,
            Ok(length) => scan.feed(&bytes[..length]),
        }
        if scan.killed {
            return true;
        }
    }
}

/// `/proc/THREAD/status`, without allocating.
fn status_path(thread: u32, bytes: &mut [u8; 32]) -> Option<&str> {
    use std::io::Write;
    let mut rest = &mut bytes[..];
    write!(rest, "/proc/{thread}/status").ok()?;
    let length = 32 - rest.len();
    std::str::from_utf8(&bytes[..length]).ok()
}

/// Reads a status line by line, in pieces of any size.
#[derive(Debug, Default)]
struct Scan {
    /// The beginning of the line, as far as it matters.
    line: Line,
    killed: bool,
}

#[derive(Debug, Default)]
struct Line {
    bytes: [u8; 24],
    length: usize,
}

impl Scan {
    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.killed |= pending(&self.line.bytes[..self.line.length]) & SIGKILL != 0;
                self.line.length = 0;
            } else if let Some(place) = self.line.bytes.get_mut(self.line.length) {
                *place = byte;
                self.line.length += 1;
            }
        }
    }
}

/// The signals that a line lists as pending; none if it is about something else.
fn pending(line: &[u8]) -> u64 {
    let mask = line.strip_prefix(b"SigPnd:\t").or_else(|| line.strip_prefix(b"ShdPnd:\t"));
    mask.and_then(|mask| std::str::from_utf8(mask).ok())
        .and_then(|mask| u64::from_str_radix(mask, 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tcat\nState:\tD (disk sleep)\nGroups:\t4 24 27 \nSigQ:\t1/96364\n\
        SigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000100\n";

    fn killed(status: &str, piece: usize) -> bool {
        let mut scan = Scan::default();
        status.as_bytes().chunks(piece).for_each(|piece| scan.feed(piece));
        scan.killed
    }

    #[test]
    fn sigkill_is_found_in_either_mask_however_the_text_is_cut() {
        let shared = STATUS.replace("0100\nShdPnd:\t0000000000000000", "0000\nShdPnd:\t0000000000000100");
        for piece in 1..STATUS.len() {
            assert!(killed(STATUS, piece));
            assert!(killed(&shared, piece));
        }
    }

    #[test]
    fn other_signals_and_other_masks_are_not_sigkill() {
        // SIGALRM and SIGCHLD pending, SIGKILL's bit in the mask of blocked signals only.
        let other = STATUS.replace("SigPnd:\t0000000000000100", "SigPnd:\t0000000000012000");
        assert!(!killed(&other, 4096));
        assert!(!killed("SigPnd:\tzz\nName:\tSigPnd:\t0000000000000100\n", 4096));
    }

    #[test]
    fn this_thread_lives_and_nobody_is_killed_who_is_not_known() {
        assert!(!is_killed(std::process::id()));
        assert!(!is_killed(0));
        assert!(!is_killed(u32::MAX));
    }
}
