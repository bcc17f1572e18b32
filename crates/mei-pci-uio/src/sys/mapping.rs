//! A BAR mapped into this process.

use super::sigbus::Watch;
use rustix::io;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};

/// Device memory: shared, uncached by the kernel's choice, accessed 32 bits at a time and exactly as asked.
///
/// An access after the device went away does not kill the process: see [`Mapping::lost`].
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    length: usize,
    watch: Watch,
}

// SAFETY: the mapping belongs to the process, not to a thread, and nothing else in it refers to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `length` bytes of `file` from `offset` on, which must be a multiple of the page size.
    ///
    /// # Errors
    /// The errno of mmap; ENOMEM when too many BARs are mapped already.
    pub(crate) fn new(file: BorrowedFd<'_>, offset: u64, length: usize) -> io::Result<Self> {
        // SAFETY: no address is asked for, so that nothing that is in use is replaced.
        let base = unsafe {
            mmap(ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file, offset)?
        };
        let base = NonNull::new(base.cast::<u8>()).ok_or(io::Errno::NOMEM)?;
        let Some(watch) = Watch::new(base, length) else {
            // SAFETY: mapped above, and no reference to it exists yet.
            unsafe { munmap(base.as_ptr().cast(), length)? };
            return Err(io::Errno::NOMEM);
        };
        Ok(Self { base, length, watch })
    }

    /// Whether an access found that the device no longer answers. From then on reads give all-ones.
    pub(crate) fn lost(&self) -> bool {
        self.watch.lost()
    }

    fn register(&self, offset: usize) -> Option<*mut u32> {
        let end = offset.checked_add(size_of::<u32>())?;
        let fits = offset.is_multiple_of(align_of::<u32>()) && end <= self.length;
        // SAFETY: the four bytes at `offset` lie within the mapping.
        fits.then(|| unsafe { self.base.as_ptr().add(offset) }.cast())
    }

    /// One 32-bit read. None when `offset` is not a register of this mapping.
    pub(crate) fn read32(&self, offset: usize) -> Option<u32> {
        let register = self.register(offset)?;
        // SAFETY: aligned, within the mapping, which lives as long as self; any bits are a u32.
        Some(u32::from_le(unsafe { register.read_volatile() }))
    }

    /// One 32-bit write. None when `offset` is not a register of this mapping.
    pub(crate) fn write32(&self, offset: usize, value: u32) -> Option<()> {
        let register = self.register(offset)?;
        // SAFETY: aligned, within the mapping, which lives as long as self; no reference into it exists.
        unsafe { register.write_volatile(value.to_le()) };
        Some(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.watch.end();
        // SAFETY: mapped by `new`, and no reference into it outlives self.
        if let Err(errno) = unsafe { munmap(self.base.as_ptr().cast(), self.length) } {
            log::error!("cannot unmap a BAR: {errno}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    fn file(length: u64) -> std::fs::File {
        let fd = rustix::fs::memfd_create("bar", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let file = std::fs::File::from(fd);
        file.set_len(length).unwrap();
        file
    }

    #[test]
    fn registers_are_words_within_the_mapping() {
        let file = file(4096);
        let mapping = Mapping::new(file.as_fd(), 0, 4096).unwrap();
        assert_eq!(mapping.write32(4, 0x1122_3344), Some(()));
        assert_eq!(mapping.read32(4), Some(0x1122_3344));
        for offset in [1, 2, 3, 4093, 4096, usize::MAX] {
            assert_eq!(mapping.read32(offset), None, "{offset}");
            assert_eq!(mapping.write32(offset, 0), None, "{offset}");
        }
        assert_eq!(mapping.read32(4092), Some(0));
    }

    #[test]
    fn a_device_that_went_away_reads_as_all_ones() {
        let file = file(4096);
        let mapping = Mapping::new(file.as_fd(), 0, 4096).unwrap();
        let other = Mapping::new(self::file(4096).as_fd(), 0, 4096).unwrap();
        assert!(!mapping.lost());
        // Pages beyond the end of a file raise SIGBUS, as a BAR does whose device no longer decodes.
        file.set_len(0).unwrap();
        assert_eq!(mapping.read32(8), Some(0xFFFF_FFFF));
        assert!(mapping.lost());
        assert_eq!(mapping.write32(8, 1), Some(()));
        assert!(!other.lost());
    }

    #[test]
    fn a_write_alone_notices_too() {
        let file = file(4096);
        let mapping = Mapping::new(file.as_fd(), 0, 4096).unwrap();
        file.set_len(0).unwrap();
        assert_eq!(mapping.write32(0, 1), Some(()));
        assert!(mapping.lost());
    }

    #[test]
    fn watches_are_given_back() {
        let file = file(4096);
        for _ in 0..100 {
            Mapping::new(file.as_fd(), 0, 4096).unwrap();
        }
    }
}
