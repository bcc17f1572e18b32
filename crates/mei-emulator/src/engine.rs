//! The engine as a function in this process.

use crate::memory::Arena;
use crate::{Firmware, HostMemory, Persona};
use mei_wire::pci::{CLASS, VENDOR_INTEL};
use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};
use std::time::Instant;

/// A [`Firmware`] as a function in this process, with memory for DMA: implements [`Device`].
///
/// Its interrupt is an edge, as an MSI is: taking it clears it.
#[derive(Debug)]
pub struct Engine {
    firmware: Firmware,
    arena: Arena,
}

impl Engine {
    /// An engine as after power-on.
    #[must_use]
    pub fn new(persona: &Persona, now: Instant) -> Self {
        Self { firmware: Firmware::new(persona, now), arena: Arena::default() }
    }

    /// The firmware, to look at.
    #[must_use]
    pub fn firmware(&self) -> &Firmware {
        &self.firmware
    }
}

impl Registers for Engine {
    #[inline]
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        Ok(self.firmware.read32(offset))
    }

    #[inline]
    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        self.firmware.write32(offset, value);
        Ok(())
    }

    #[inline]
    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        self.firmware.read_window(slots);
        Ok(())
    }

    #[inline]
    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        self.firmware.write_window(slots);
        Ok(())
    }
}

impl ConfigSpace for Engine {
    /// The engine is function 0 of its slot: ids, class and the firmware status registers; the rest reads 0.
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        Ok(match offset {
            0x00 => u32::from(self.firmware.device_id()) << 16 | u32::from(VENDOR_INTEL),
            0x08 => CLASS << 8,
            other => self.firmware.status_word(other).unwrap_or(0),
        })
    }
}

impl DmaMemory for Engine {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        self.arena.allocate(size)
    }

    #[inline]
    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        self.arena.read(address, bytes).then_some(()).ok_or(Gone)
    }

    #[inline]
    fn borrow_dma(&self, address: u64, length: usize) -> Option<&[u8]> {
        self.arena.borrow(address, length)
    }

    #[inline]
    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        self.arena.write(address, bytes).then_some(()).ok_or(Gone)
    }
}

impl Device for Engine {
    #[inline]
    fn run(&mut self, now: Instant) {
        self.firmware.run(&mut self.arena, now);
    }

    #[inline]
    fn deadline(&self) -> Option<Instant> {
        self.firmware.deadline()
    }

    #[inline]
    fn take_interrupt(&mut self) -> bool {
        self.firmware.take_interrupt_edge()
    }
}
