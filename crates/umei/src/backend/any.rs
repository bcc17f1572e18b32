//! Any device, chosen when the program runs: one pointer more on the way to a register.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};

/// A device of any make.
pub(crate) struct AnyDevice(Box<dyn Device + Send>);

impl AnyDevice {
    pub(crate) fn new(device: impl Device + Send + 'static) -> Self {
        Self(Box::new(device))
    }
}

impl std::fmt::Debug for AnyDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnyDevice").finish_non_exhaustive()
    }
}

impl Registers for AnyDevice {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        self.0.read32(offset)
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        self.0.write32(offset, value)
    }

    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        self.0.read_window(slots)
    }

    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        self.0.write_window(slots)
    }
}

impl ConfigSpace for AnyDevice {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        self.0.read_config32(offset)
    }
}

impl DmaMemory for AnyDevice {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        self.0.allocate_dma(size)
    }

    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        self.0.read_dma(address, bytes)
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        self.0.write_dma(address, bytes)
    }
}

impl Device for AnyDevice {
    fn run(&mut self, now: Instant) {
        self.0.run(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    fn take_interrupt(&mut self) -> bool {
        self.0.take_interrupt()
    }

    fn end_of_interrupt(&mut self) {
        self.0.end_of_interrupt();
    }

    fn interrupt_fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.interrupt_fd()
    }
}
