//! A device that remembers what reached it.

use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Seen {
    Read(u32),
    Write(u32, u32),
    Config(u16),
}

/// Reads give what `value` says; everything that arrives is kept.
#[derive(Debug, Default)]
pub(crate) struct StandIn {
    pub(crate) seen: Vec<Seen>,
    pub(crate) value: u32,
    pub(crate) interrupt: bool,
    pub(crate) gone: bool,
    pub(crate) memory: Vec<u8>,
    pub(crate) bulk: usize,
    /// Where interrupts are announced.
    pub(crate) descriptor: Option<OwnedFd>,
    pub(crate) ends_of_interrupts: usize,
}

impl StandIn {
    /// Interrupts, and tells who waits for the descriptor.
    pub(crate) fn interrupt(&mut self) {
        self.interrupt = true;
        if let Some(descriptor) = &self.descriptor {
            rustix::io::write(descriptor, &1u64.to_ne_bytes()).unwrap();
        }
    }

    fn check(&self) -> Result<(), Gone> {
        if self.gone { Err(Gone) } else { Ok(()) }
    }
}

impl Registers for StandIn {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        self.check()?;
        self.seen.push(Seen::Read(offset));
        Ok(self.value)
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        self.check()?;
        self.seen.push(Seen::Write(offset, value));
        Ok(())
    }

    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        self.bulk += 1;
        slots.iter_mut().try_for_each(|slot| self.read32(8).map(|value| *slot = value))
    }

    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        self.bulk += 1;
        slots.iter().try_for_each(|&slot| self.write32(0, slot))
    }
}

impl ConfigSpace for StandIn {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        self.check()?;
        self.seen.push(Seen::Config(offset));
        Ok(self.value)
    }
}

impl DmaMemory for StandIn {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        self.memory = vec![0; size as usize];
        (size <= 4096).then_some(0x10_0000)
    }

    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        let start = usize::try_from(address - 0x10_0000).unwrap();
        bytes.copy_from_slice(self.memory.get(start..start + bytes.len()).ok_or(Gone)?);
        Ok(())
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        let start = usize::try_from(address - 0x10_0000).unwrap();
        self.memory.get_mut(start..start + bytes.len()).ok_or(Gone)?.copy_from_slice(bytes);
        Ok(())
    }
}

impl Device for StandIn {
    fn run(&mut self, _: Instant) {}

    fn take_interrupt(&mut self) -> bool {
        if let Some(descriptor) = &self.descriptor {
            let _ = rustix::io::read(descriptor, &mut [0; 8][..]);
        }
        std::mem::take(&mut self.interrupt)
    }

    fn end_of_interrupt(&mut self) {
        self.ends_of_interrupts += 1;
    }

    fn interrupt_fd(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(AsFd::as_fd)
    }
}
