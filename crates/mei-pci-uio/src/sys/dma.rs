//! Memory that a device reaches through the IOMMU.

use super::vfio;
use rustix::io;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use vfio_bindings::bindings::vfio as abi;

/// A block of memory at a bus address. The device may change it at any moment, so that no reference to its bytes
/// is ever made.
#[derive(Debug)]
pub(crate) struct DmaBlock {
    base: NonNull<u8>,
    length: usize,
    address: u64,
    container: Arc<OwnedFd>,
}

// SAFETY: the memory belongs to the process, not to a thread.
unsafe impl Send for DmaBlock {}

impl DmaBlock {
    /// Lays out `length` zeroed bytes, a multiple of the page size, at bus address `address`.
    ///
    /// # Errors
    /// EINVAL when the IOMMU does not have that address, ENOMEM beyond the limit of locked memory.
    pub(crate) fn new(container: Arc<OwnedFd>, address: u64, length: usize) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: no address is asked for, so that nothing that is in use is replaced.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), length, protection, MapFlags::SHARED)? };
        let base = NonNull::new(base.cast::<u8>()).ok_or(io::Errno::NOMEM)?;
        let mut map = abi::vfio_iommu_type1_dma_map {
            argsz: vfio::size::<abi::vfio_iommu_type1_dma_map>(),
            flags: abi::VFIO_DMA_MAP_FLAG_READ | abi::VFIO_DMA_MAP_FLAG_WRITE,
            vaddr: base.as_ptr().addr() as u64,
            iova: address,
            size: length as u64,
        };
        // SAFETY: the command reads the structure. It lets devices write to the memory at `vaddr`, which is this
        // block's alone, accessed through raw pointers only, and pinned by the kernel until it is unmapped.
        let mapped = unsafe { vfio::with_structure(container.as_fd(), vfio::IOMMU_MAP_DMA, &mut map) };
        if let Err(errno) = mapped {
            // SAFETY: mapped above; nothing refers to it.
            unsafe { munmap(base.as_ptr().cast(), length)? };
            return Err(errno);
        }
        Ok(Self { base, length, address, container })
    }

    /// Where `length` bytes at bus address `address` are. None when they are not all within this block.
    fn place(&self, address: u64, length: usize) -> Option<*mut u8> {
        let offset = usize::try_from(address.checked_sub(self.address)?).ok()?;
        let end = offset.checked_add(length)?;
        // SAFETY: `offset` is at most the block's length.
        (end <= self.length).then(|| unsafe { self.base.as_ptr().add(offset) })
    }

    /// Copies out of the block, word by word where the address allows it: an index is read whole. None when the
    /// bytes are not all within this block.
    pub(crate) fn read(&self, address: u64, bytes: &mut [u8]) -> Option<()> {
        let place = self.place(address, bytes.len())?;
        // SAFETY: `bytes.len()` bytes from `place` on lie within the block, which lives as long as self.
        unsafe { copy_out(place, bytes) };
        Some(())
    }

    /// Copies into the block, as [`DmaBlock::read`] copies out.
    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> Option<()> {
        let place = self.place(address, bytes.len())?;
        // SAFETY: `bytes.len()` bytes from `place` on lie within the block, which lives as long as self.
        unsafe { copy_in(place, bytes) };
        Some(())
    }
}

/// # Safety
/// `bytes.len()` bytes can be read at `source`.
unsafe fn copy_out(source: *const u8, bytes: &mut [u8]) {
    let words = if source.addr().is_multiple_of(4) { bytes.len() / 4 } else { 0 };
    let (words, rest) = bytes.split_at_mut(words * 4);
    for (index, word) in words.chunks_exact_mut(4).enumerate() {
        // SAFETY: aligned, and within the bytes that the caller vouches for.
        let value = unsafe { source.cast::<u32>().add(index).read_volatile() };
        word.copy_from_slice(&value.to_ne_bytes());
    }
    for (index, byte) in rest.iter_mut().enumerate() {
        // SAFETY: within the bytes that the caller vouches for.
        *byte = unsafe { source.add(words.len() + index).read_volatile() };
    }
}

/// # Safety
/// `bytes.len()` bytes can be written at `target`.
unsafe fn copy_in(target: *mut u8, bytes: &[u8]) {
    let words = if target.addr().is_multiple_of(4) { bytes.len() / 4 } else { 0 };
    let (words, rest) = bytes.split_at(words * 4);
    for (index, word) in words.as_chunks::<4>().0.iter().enumerate() {
        // SAFETY: aligned, and within the bytes that the caller vouches for.
        unsafe { target.cast::<u32>().add(index).write_volatile(u32::from_ne_bytes(*word)) };
    }
    for (index, &byte) in rest.iter().enumerate() {
        // SAFETY: within the bytes that the caller vouches for.
        unsafe { target.add(words.len() + index).write_volatile(byte) };
    }
}

impl Drop for DmaBlock {
    fn drop(&mut self) {
        let mut unmap = abi::vfio_iommu_type1_dma_unmap {
            argsz: vfio::size::<abi::vfio_iommu_type1_dma_unmap>(),
            flags: 0,
            iova: self.address,
            size: self.length as u64,
            ..Default::default()
        };
        // SAFETY: the command reads and writes the structure, and takes the memory away from devices.
        let unmapped =
            unsafe { vfio::with_structure(self.container.as_fd(), vfio::IOMMU_UNMAP_DMA, &mut unmap) };
        if let Err(errno) = unmapped {
            // The device may still write to it: it is better lost than reused.
            log::error!("cannot take DMA memory at {:#x} back: {errno}", self.address);
            return;
        }
        // SAFETY: mapped by `new`; neither a device nor a reference reaches it any more.
        if let Err(errno) = unsafe { munmap(self.base.as_ptr().cast(), self.length) } {
            log::error!("cannot unmap DMA memory: {errno}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_exact_at_every_alignment_and_length() {
        let pattern: Vec<u8> = (0..64).collect();
        for offset in 0..8 {
            for length in 0..24 {
                let mut memory = [0xEE_u8; 64];
                // SAFETY: offset + length is at most 30, well within 64 bytes.
                unsafe { copy_in(memory.as_mut_ptr().add(offset), &pattern[..length]) };
                assert_eq!(&memory[offset..offset + length], &pattern[..length]);
                assert!(memory[..offset].iter().chain(&memory[offset + length..]).all(|&b| b == 0xEE));
                let mut out = vec![0; length];
                // SAFETY: as above.
                unsafe { copy_out(memory.as_ptr().add(offset), &mut out) };
                assert_eq!(out, pattern[..length]);
            }
        }
    }
}
