use std::fmt;

use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

use crate::MAX_WRITE;

/// The page size that the alignment aims at; on machines with larger pages the buffer is merely aligned less.
const PAGE: usize = 4096;
/// One page for the header in front of the data, one to exceed what the kernel demands (cuse.md §1).
const PAGES: usize = MAX_WRITE as usize / PAGE + 2;

#[derive(Clone, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(4096))]
struct Page([u8; PAGE]);

/// Where a session receives: one page-aligned piece of memory, made once and used for every message.
///
/// It is apart from the session, so that a request borrowed from it can be answered while it is looked at.
pub struct Buffer {
    pages: Box<[Page]>,
}

impl Buffer {
    /// Bytes of a buffer: [`MAX_WRITE`] and room for the header.
    pub const LEN: usize = PAGES * PAGE;

    /// A buffer large enough for every message of every session.
    #[must_use]
    pub fn new() -> Self {
        Self { pages: vec![Page::new_zeroed(); PAGES].into_boxed_slice() }
    }

    pub(crate) fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.pages.as_mut_bytes()
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &Self::LEN).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_aligned_and_exceeds_the_largest_write() {
        let mut buffer = Buffer::new();
        let bytes = buffer.as_mut_bytes();
        assert_eq!(bytes.as_ptr().addr() % 4096, 0);
        assert!(bytes.len() > 131_072 + 4096);
    }
}
