//! Any device, chosen when the program runs: one pointer more on the way to a register.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};

/// A device of any make, or none any more.
pub(crate) struct AnyDevice(Option<Box<dyn Device + Send>>);

impl AnyDevice {
    pub(crate) fn new(device: impl Device + Send + 'static) -> Self {
        Self(Some(Box::new(device)))
    }

    /// Lets go of the device, which is gone for its driver from now on. The kernel waits for that before it takes a
    /// function out.
    pub(crate) fn release(&mut self) {
        self.0 = None;
    }

    fn device(&mut self) -> Result<&mut (dyn Device + Send + 'static), Gone> {
        self.0.as_deref_mut().ok_or(Gone)
    }
}

impl std::fmt::Debug for AnyDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnyDevice").finish_non_exhaustive()
    }
}

impl Registers for AnyDevice {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        self.device()?.read32(offset)
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        self.device()?.write32(offset, value)
    }

    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        self.device()?.read_window(slots)
    }

    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        self.device()?.write_window(slots)
    }
}

impl ConfigSpace for AnyDevice {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        self.device()?.read_config32(offset)
    }
}

impl DmaMemory for AnyDevice {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        self.device().ok()?.allocate_dma(size)
    }

    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        self.0.as_ref().ok_or(Gone)?.read_dma(address, bytes)
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        self.device()?.write_dma(address, bytes)
    }
}

impl Device for AnyDevice {
    fn run(&mut self, now: Instant) {
        if let Some(device) = &mut self.0 {
            device.run(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.as_ref()?.deadline()
    }

    fn take_interrupt(&mut self) -> bool {
        self.0.as_mut().is_some_and(|device| device.take_interrupt())
    }

    fn end_of_interrupt(&mut self) {
        if let Some(device) = &mut self.0 {
            device.end_of_interrupt();
        }
    }

    fn interrupt_fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref()?.interrupt_fd()
    }
}
