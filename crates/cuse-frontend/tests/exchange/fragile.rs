//! A device that can be pulled out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};

#[derive(Debug)]
pub(crate) struct Fragile<D> {
    device: D,
    gone: Arc<AtomicBool>,
    /// Interrupts that were taken.
    pub(crate) interrupts: usize,
}

impl<D> Fragile<D> {
    pub(crate) fn new(device: D) -> Self {
        Self { device, gone: Arc::default(), interrupts: 0 }
    }

    pub(crate) fn pull_out(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    fn there(&self) -> Result<(), Gone> {
        if self.gone.load(Ordering::Relaxed) { Err(Gone) } else { Ok(()) }
    }
}

impl<D: Registers> Registers for Fragile<D> {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        self.there()?;
        self.device.read32(offset)
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        self.there()?;
        self.device.write32(offset, value)
    }
}

impl<D: ConfigSpace> ConfigSpace for Fragile<D> {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        self.there()?;
        self.device.read_config32(offset)
    }
}

impl<D> DmaMemory for Fragile<D> {}

impl<D: Device> Device for Fragile<D> {
    fn run(&mut self, now: Instant) {
        self.device.run(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.device.deadline()
    }

    fn take_interrupt(&mut self) -> bool {
        let interrupts = self.device.take_interrupt();
        self.interrupts += usize::from(interrupts);
        interrupts
    }
}
