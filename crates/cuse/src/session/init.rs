//! What kernel and server agree on at the beginning, as pure functions.

use super::SessionError;
use crate::wire::{
    CUSE_UNRESTRICTED_IOCTL, CuseInitIn, CuseInitOut, InitFlags, InitIn, InitOut, KERNEL_MAJOR, KERNEL_MINOR,
};
use crate::{DeviceName, MAX_WRITE};

/// The ioctl format of today (cuse.md §2).
const OLDEST_CUSE_MINOR: u32 = 16;
/// The INIT answer of today.
const OLDEST_FUSE_MINOR: u32 = 23;
/// A page more than the data: a buffer that does not start at a page boundary touches one more.
const MAX_PAGES: u16 = 33;
const _: () = assert!((MAX_PAGES as u32 - 1) * 4096 == MAX_WRITE);

/// What is accepted of the kernel's offer. Neither ATOMIC_O_TRUNC nor anything with a cache: how the file
/// behaves is written down (fuse-file.md §2) and these would change it.
const ACCEPTED: InitFlags =
    InitFlags(InitFlags::BIG_WRITES.0 | InitFlags::PARALLEL_DIROPS.0 | InitFlags::MAX_PAGES.0);

/// The minor number to go on with.
fn negotiate(major: u32, minor: u32, oldest: u32) -> Result<u32, SessionError> {
    if major == KERNEL_MAJOR && minor >= oldest {
        Ok(minor.min(KERNEL_MINOR))
    } else {
        Err(SessionError::Version { major, minor, oldest })
    }
}

/// The answer to INIT.
pub(super) fn answer_init(init: &InitIn) -> Result<InitOut, SessionError> {
    Ok(InitOut {
        major: KERNEL_MAJOR,
        minor: negotiate(init.major, init.minor, OLDEST_FUSE_MINOR)?,
        max_readahead: init.max_readahead,
        flags: init.flags.intersection(ACCEPTED),
        max_write: MAX_WRITE,
        time_gran: 1,
        max_pages: MAX_PAGES,
        ..InitOut::default()
    })
}

/// The answer to CUSE_INIT, which [`info`] follows.
pub(super) fn answer_cuse_init(init: &CuseInitIn) -> Result<CuseInitOut, SessionError> {
    Ok(CuseInitOut {
        major: KERNEL_MAJOR,
        minor: negotiate(init.major, init.minor, OLDEST_CUSE_MINOR)?,
        flags: CUSE_UNRESTRICTED_IOCTL,
        max_read: MAX_WRITE,
        max_write: MAX_WRITE,
        ..CuseInitOut::default()
    })
}

/// The info string of CUSE_INIT: records ended by NUL.
pub(super) fn info(name: &DeviceName) -> String {
    format!("DEVNAME={name}\0")
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;

    #[test]
    fn init_takes_three_flags_and_the_lower_minor() {
        let offer = InitIn { major: 7, minor: 45, max_readahead: 0x20000, flags: InitFlags(0xffff_ffff) };
        let answer = answer_init(&offer).unwrap();
        let bytes = answer.as_bytes();
        assert_eq!(bytes[..16], [7, 0, 0, 0, 31, 0, 0, 0, 0, 0, 2, 0, 0x20, 0, 0x44, 0]);
        // max_background, congestion_threshold, max_write, time_gran, max_pages
        assert_eq!(bytes[16..32], [0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 33, 0, 0, 0]);
        assert_eq!(bytes[32..], [0; 32]);
    }

    #[test]
    fn init_takes_nothing_that_is_not_offered() {
        let offer = InitIn { major: 7, minor: 23, max_readahead: 0, flags: InitFlags(1 << 5) };
        let answer = answer_init(&offer).unwrap();
        assert_eq!((answer.minor, answer.flags), (23, InitFlags(1 << 5)));
    }

    #[test]
    fn cuse_init_asks_for_unrestricted_ioctls() {
        let offer = CuseInitIn { major: 7, minor: 38, unused: 0, flags: 1 };
        let answer = answer_cuse_init(&offer).unwrap();
        let bytes = answer.as_bytes();
        assert_eq!(bytes[..16], [7, 0, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(bytes[16..32], [0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[32..], [0; 40]);
        assert_eq!(info(&DeviceName::new("mei0").unwrap()), "DEVNAME=mei0\0");
    }

    #[test]
    fn foreign_versions_are_refused() {
        for (major, minor) in [(6, 38), (8, 0), (7, 15)] {
            let cuse = answer_cuse_init(&CuseInitIn { major, minor, ..CuseInitIn::default() });
            assert_eq!(cuse, Err(SessionError::Version { major, minor, oldest: 16 }));
            let fuse = answer_init(&InitIn { major, minor, ..InitIn::default() });
            assert_eq!(fuse, Err(SessionError::Version { major, minor, oldest: 23 }));
        }
    }
}
