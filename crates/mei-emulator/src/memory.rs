//! Memory of the host that the engine reaches by bus address.

/// Memory of the host that the engine reaches by bus address: a virtual machine's RAM, or the arena of
/// [`Engine`](crate::Engine).
pub trait HostMemory {
    /// Copies from `address` on; false when not all of it is memory.
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool;
    /// Copies to `address` on; false when not all of it is memory.
    fn write(&mut self, address: u64, bytes: &[u8]) -> bool;
    /// The `length` bytes from `address` on where they are, for memory that nobody else writes meanwhile. `None`
    /// where they have to be copied.
    fn borrow(&self, address: u64, length: usize) -> Option<&[u8]> {
        let _ = (address, length);
        None
    }
}

/// A host that gives no memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHostMemory;

impl HostMemory for NoHostMemory {
    fn read(&self, _: u64, _: &mut [u8]) -> bool {
        false
    }
    fn write(&mut self, _: u64, _: &[u8]) -> bool {
        false
    }
}

/// First bus address of an [`Arena`]: not 0, which drivers take for "none".
const ARENA_BASE: u64 = 0x1_0000;
const PAGE: usize = 4096;
/// Most bytes that an arena lays out: far more than the three areas of a DMA ring.
const ARENA_LIMIT: usize = 4 << 20;

/// Memory of a host in this process: blocks one after the other.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    bytes: Vec<u8>,
}

impl Arena {
    /// Lays out a zeroed block, aligned to a page; its bus address.
    pub(crate) fn allocate(&mut self, size: u32) -> Option<u64> {
        let start = self.bytes.len();
        let size = usize::try_from(size).ok()?.checked_next_multiple_of(PAGE)?;
        let end = start.checked_add(size).filter(|&end| end <= ARENA_LIMIT)?;
        self.bytes.resize(end, 0);
        Some(ARENA_BASE + start as u64)
    }

    #[inline]
    fn range(&self, address: u64, length: usize) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(address.checked_sub(ARENA_BASE)?).ok()?;
        let end = start.checked_add(length).filter(|&end| end <= self.bytes.len())?;
        Some(start..end)
    }
}

impl HostMemory for Arena {
    #[inline]
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        let Some(range) = self.range(address, bytes.len()) else { return false };
        bytes.copy_from_slice(&self.bytes[range]);
        true
    }

    #[inline]
    fn write(&mut self, address: u64, bytes: &[u8]) -> bool {
        let Some(range) = self.range(address, bytes.len()) else { return false };
        self.bytes[range].copy_from_slice(bytes);
        true
    }

    fn borrow(&self, address: u64, length: usize) -> Option<&[u8]> {
        self.range(address, length).map(|range| &self.bytes[range])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_lays_out_pages_and_guards_its_ends() {
        let mut arena = Arena::default();
        let first = arena.allocate(1).unwrap();
        let second = arena.allocate(8192).unwrap();
        assert_eq!(second - first, 4096);
        assert!(arena.write(second, &[7; 8192]));
        let mut byte = [0; 2];
        assert!(arena.read(second + 8190, &mut byte));
        assert_eq!(byte, [7, 7]);
        assert!(!arena.read(second + 8191, &mut byte));
        assert!(
            !arena.read(first - 1, &mut byte)
                && !arena.read(u64::MAX, &mut byte)
                && !arena.read(0, &mut byte)
        );
        assert_eq!(arena.allocate(u32::MAX), None);
    }
}
