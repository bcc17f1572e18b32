//! Memory that the function may reach, and bus addresses for it.

use crate::sys::DmaBlock;
use mei_wire::Gone;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// The blocks laid out so far.
#[derive(Debug)]
pub(crate) struct Memory {
    container: Arc<OwnedFd>,
    blocks: Vec<DmaBlock>,
    /// Bytes laid out.
    total: u64,
}

/// Where blocks are tried: an IOMMU has holes for interrupt messages (0xFEE0_0000) and for what firmware uses,
/// which differ from machine to machine.
const BASES: [u64; 5] = [1 << 24, 1 << 28, 1 << 30, 1 << 32, 1 << 36];

impl Memory {
    /// Most memory that is laid out: the largest driver uses three areas of 260 KiB together.
    const LIMIT: u64 = 4 << 20;

    pub(super) fn new(container: Arc<OwnedFd>) -> Self {
        Self { container, blocks: Vec::new(), total: 0 }
    }

    /// As `DmaMemory::allocate_dma`.
    pub(crate) fn allocate(&mut self, size: u32) -> Option<u64> {
        let page = rustix::param::page_size() as u64;
        let length = u64::from(size).max(1).next_multiple_of(page);
        if self.total + length > Self::LIMIT {
            log::warn!("no DMA memory beyond {} bytes", Self::LIMIT);
            return None;
        }
        for base in BASES {
            let address = base + self.total;
            match DmaBlock::new(Arc::clone(&self.container), address, usize::try_from(length).ok()?) {
                Ok(block) => {
                    self.blocks.push(block);
                    self.total += length;
                    return Some(address);
                }
                Err(errno) => log::debug!("no DMA memory at {address:#x}: {errno}"),
            }
        }
        log::warn!("the IOMMU takes no {length} bytes of memory (limit of locked memory: ulimit -l)");
        None
    }

    /// As `DmaMemory::read_dma`.
    pub(crate) fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        self.blocks.iter().find_map(|block| block.read(address, bytes)).ok_or(Gone)
    }

    /// As `DmaMemory::write_dma`.
    pub(crate) fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        self.blocks.iter().find_map(|block| block.write(address, bytes)).ok_or(Gone)
    }
}
