//! The DMA ring: a longer way for longer messages (`hbm.md` §11).

use crate::slots::slots_for;
use mei_wire::hbm::{DmaDescriptor, DmaSetupReq};
use mei_wire::pci::DmaRingSizes;
use mei_wire::{DmaMemory, Gone};

/// Offsets of the indices in the control block, bytes.
mod control {
    pub(super) const HOST_WRITE: u64 = 0;
    pub(super) const HOST_READ: u64 = 8;
    pub(super) const DEVICE_READ: u64 = 24;
    /// Bytes that mean something.
    pub(super) const SIZE: usize = 32;
}

/// The three areas, laid out once and kept over resets. Indices count slots and run freely.
#[derive(Debug)]
pub(crate) struct DmaRing {
    sizes: DmaRingSizes,
    host: u64,
    device: u64,
    control: u64,
    host_write: u32,
    device_read: u32,
}

impl DmaRing {
    /// Lays the areas out; `None` when the function has no memory to give, or no sizes that make a ring.
    pub(crate) fn allocate(memory: &mut impl DmaMemory, sizes: DmaRingSizes) -> Option<Self> {
        let good = |size: u32| size.is_power_of_two() && size >= 4;
        if !good(sizes.host) || !good(sizes.device) || sizes.control < 32 {
            return None;
        }
        let host = memory.allocate_dma(sizes.host)?;
        let device = memory.allocate_dma(sizes.device)?;
        let control = memory.allocate_dma(sizes.control)?;
        Some(Self { sizes, host, device, control, host_write: 0, device_read: 0 })
    }

    /// Starts over, before the ring is offered.
    pub(crate) fn reset(&mut self, memory: &mut impl DmaMemory) -> Result<DmaSetupReq, Gone> {
        (self.host_write, self.device_read) = (0, 0);
        memory.write_dma(self.control, &[0; control::SIZE])?;
        let area = |address: u64, size: u32| DmaDescriptor {
            addr_hi: u32::try_from(address >> 32).unwrap_or(u32::MAX).into(),
            addr_lo: u32::try_from(address & 0xFFFF_FFFF).unwrap_or(u32::MAX).into(),
            size: size.into(),
        };
        Ok(DmaSetupReq::new([
            area(self.host, self.sizes.host),
            area(self.device, self.sizes.device),
            area(self.control, self.sizes.control),
        ]))
    }

    /// Bytes that the host's ring takes. An index of the firmware's that cannot be true counts as no room.
    #[inline]
    pub(crate) fn free(&self, memory: &impl DmaMemory) -> Result<usize, Gone> {
        let mut bytes = [0; 4];
        memory.read_dma(self.control + control::HOST_READ, &mut bytes)?;
        let used = self.host_write.wrapping_sub(u32::from_le_bytes(bytes));
        let depth = self.sizes.host / 4;
        Ok(usize::try_from(depth.saturating_sub(used)).unwrap_or(0) * 4)
    }

    /// Puts data into the host's ring; the caller has asked for the room. Data first, then the index.
    #[inline]
    pub(crate) fn write(&mut self, memory: &mut impl DmaMemory, data: &[u8]) -> Result<(), Gone> {
        let (at, first) = span(self.host_write, self.sizes.host, data.len());
        memory.write_dma(self.host + at, &data[..first])?;
        if first < data.len() {
            memory.write_dma(self.host, &data[first..])?;
        }
        self.host_write = advance(self.host_write, data.len());
        memory.write_dma(self.control + control::HOST_WRITE, &self.host_write.to_le_bytes())
    }

    /// Whether the device's ring can hold a message of `length` bytes at all.
    pub(crate) fn holds(&self, length: usize) -> bool {
        u32::try_from(length).is_ok_and(|length| length <= self.sizes.device)
    }

    /// Appends `length` bytes of the device's ring to `buffer`; [`DmaRing::holds`] was asked.
    #[inline]
    pub(crate) fn read(
        &mut self,
        memory: &mut impl DmaMemory,
        length: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Gone> {
        let (at, first) = span(self.device_read, self.sizes.device, length);
        append(memory, self.device + at, first, buffer)?;
        if first < length {
            append(memory, self.device, length - first, buffer)?;
        }
        self.skip(memory, length)
    }

    /// Steps over `length` bytes of the device's ring.
    pub(crate) fn skip(&mut self, memory: &mut impl DmaMemory, length: usize) -> Result<(), Gone> {
        self.device_read = advance(self.device_read, length);
        memory.write_dma(self.control + control::DEVICE_READ, &self.device_read.to_le_bytes())
    }
}

/// Appends `length` bytes from `address` on to `buffer`.
#[inline(always)]
fn append(memory: &impl DmaMemory, address: u64, length: usize, buffer: &mut Vec<u8>) -> Result<(), Gone> {
    if let Some(bytes) = memory.borrow_dma(address, length) {
        buffer.extend_from_slice(bytes);
        return Ok(());
    }
    let start = buffer.len();
    buffer.resize(start + length, 0);
    memory.read_dma(address, &mut buffer[start..])
}

/// Where `length` bytes at an index begin in a ring of `size` bytes, and how many of them come before its end.
fn span(index: u32, size: u32, length: usize) -> (u64, usize) {
    let at = (index & (size / 4 - 1)) * 4;
    let before_end = usize::try_from(size - at).unwrap_or(usize::MAX);
    (u64::from(at), length.min(before_end))
}

fn advance(index: u32, length: usize) -> u32 {
    index.wrapping_add(u32::try_from(slots_for(length)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Memory(Vec<Vec<u8>>);

    impl DmaMemory for Memory {
        fn allocate_dma(&mut self, size: u32) -> Option<u64> {
            self.0.push(vec![0; size as usize]);
            Some((self.0.len() as u64) << 40)
        }
        fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
            let (block, at) = ((address >> 40) as usize - 1, (address & 0xFF_FFFF) as usize);
            bytes.copy_from_slice(self.0[block].get(at..at + bytes.len()).ok_or(Gone)?);
            Ok(())
        }
        fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
            let (block, at) = ((address >> 40) as usize - 1, (address & 0xFF_FFFF) as usize);
            self.0[block].get_mut(at..at + bytes.len()).ok_or(Gone)?.copy_from_slice(bytes);
            Ok(())
        }
    }

    #[test]
    fn data_wraps_and_indices_run_on() {
        let mut memory = Memory::default();
        let mut ring =
            DmaRing::allocate(&mut memory, DmaRingSizes { host: 16, device: 16, control: 64 }).unwrap();
        ring.reset(&mut memory).unwrap();
        assert_eq!(ring.free(&memory), Ok(16));
        ring.write(&mut memory, &[1; 10]).unwrap();
        assert_eq!(ring.free(&memory), Ok(4), "three slots are used");
        memory.0[2][8] = 3;
        ring.write(&mut memory, &[2; 8]).unwrap();
        assert_eq!(memory.0[0], [2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0, 2, 2, 2, 2]);
        assert_eq!(memory.0[2][0], 5);
        memory.0[2][8] = 99;
        assert_eq!(ring.free(&memory), Ok(0), "an index that cannot be true is no room");

        memory.0[1] = (0..16).collect();
        ring.skip(&mut memory, 9).unwrap();
        let mut out = Vec::new();
        ring.read(&mut memory, 7, &mut out).unwrap();
        assert_eq!(out, [12, 13, 14, 15, 0, 1, 2]);
        assert_eq!(memory.0[2][24], 5);
        assert!(ring.holds(16) && !ring.holds(17) && !ring.holds(usize::MAX));
    }

    #[test]
    fn sizes_that_make_no_ring_are_refused() {
        for sizes in [(0, 16, 64), (16, 24, 64), (16, 16, 16)] {
            let sizes = DmaRingSizes { host: sizes.0, device: sizes.1, control: sizes.2 };
            assert!(DmaRing::allocate(&mut Memory::default(), sizes).is_none());
        }
    }
}
