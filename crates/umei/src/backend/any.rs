//! Any device, chosen when the program runs.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use mei_emulator::Engine;
use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};

/// A device of any make, or none any more.
pub(crate) enum AnyDevice {
    /// The engine by itself, whose registers are so few instructions that finding them through a pointer costs as
    /// much again.
    Engine(Box<Engine>),
    Other(Box<dyn Device + Send>),
    Gone,
}

/// Does `$work` with the device, whichever it is; `$gone` without one.
macro_rules! with {
    ($any:expr, $device:ident => $work:expr, $gone:expr) => {
        match $any {
            AnyDevice::Engine($device) => $work,
            AnyDevice::Other($device) => $work,
            AnyDevice::Gone => $gone,
        }
    };
}

impl AnyDevice {
    pub(crate) fn new(device: impl Device + Send + 'static) -> Self {
        Self::Other(Box::new(device))
    }

    /// Lets go of the device, which is gone for its driver from now on. The kernel waits for that before it takes a
    /// function out.
    pub(crate) fn release(&mut self) {
        *self = Self::Gone;
    }
}

impl std::fmt::Debug for AnyDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnyDevice").finish_non_exhaustive()
    }
}

impl Registers for AnyDevice {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        with!(self, device => device.read32(offset), Err(Gone))
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        with!(self, device => device.write32(offset, value), Err(Gone))
    }

    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        with!(self, device => device.read_window(slots), Err(Gone))
    }

    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        with!(self, device => device.write_window(slots), Err(Gone))
    }
}

impl ConfigSpace for AnyDevice {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        with!(self, device => device.read_config32(offset), Err(Gone))
    }
}

impl DmaMemory for AnyDevice {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        with!(self, device => device.allocate_dma(size), None)
    }

    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        with!(self, device => device.read_dma(address, bytes), Err(Gone))
    }

    fn borrow_dma(&self, address: u64, length: usize) -> Option<&[u8]> {
        with!(self, device => device.borrow_dma(address, length), None)
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        with!(self, device => device.write_dma(address, bytes), Err(Gone))
    }
}

impl Device for AnyDevice {
    fn run(&mut self, now: Instant) {
        with!(self, device => device.run(now), ());
    }

    fn deadline(&self) -> Option<Instant> {
        with!(self, device => device.deadline(), None)
    }

    fn take_interrupt(&mut self) -> bool {
        with!(self, device => device.take_interrupt(), false)
    }

    fn end_of_interrupt(&mut self) {
        with!(self, device => device.end_of_interrupt(), ());
    }

    fn interrupt_fd(&self) -> Option<BorrowedFd<'_>> {
        with!(self, device => device.interrupt_fd(), None)
    }
}
