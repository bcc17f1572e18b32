//! What is served: the engine behind the function.

use mei_emulator::{Firmware, HostMemory};
use std::time::Instant;

/// An engine as a function needs it: [`Firmware`], or a stand-in for a test. See there for the meaning of
/// each operation.
pub trait Engine: Send {
    /// PCI device id; the vendor is Intel's.
    fn device_id(&self) -> u16;
    /// A read of BAR0 at a multiple of four.
    fn read32(&mut self, offset: u32) -> u32;
    /// A write of BAR0 at a multiple of four.
    fn write32(&mut self, offset: u32, value: u32);
    /// The word of configuration space that is the engine's own, if `offset` is one.
    fn status_word(&self, offset: u16) -> Option<u32>;
    /// Works: consumes what was written, answers, acts on time.
    fn run(&mut self, memory: &mut dyn HostMemory, now: Instant);
    /// When [`Engine::run`] must be called.
    fn deadline(&self) -> Option<Instant>;
    /// Level of the interrupt line.
    fn interrupt_level(&self) -> bool;
    /// Whether the line rose since this was asked last, if only for a moment: an MSI is due.
    fn take_interrupt_edge(&mut self) -> bool;
    /// The function is reset by its host.
    fn function_reset(&mut self, now: Instant);
    /// The engine resets by itself, as after a firmware fault or an update.
    fn firmware_reset(&mut self, now: Instant);
}

impl Engine for Firmware {
    fn device_id(&self) -> u16 {
        Firmware::device_id(self)
    }

    fn read32(&mut self, offset: u32) -> u32 {
        Firmware::read32(self, offset)
    }

    fn write32(&mut self, offset: u32, value: u32) {
        Firmware::write32(self, offset, value);
    }

    fn status_word(&self, offset: u16) -> Option<u32> {
        Firmware::status_word(self, offset)
    }

    fn run(&mut self, memory: &mut dyn HostMemory, now: Instant) {
        Firmware::run(self, memory, now);
    }

    fn deadline(&self) -> Option<Instant> {
        Firmware::deadline(self)
    }

    fn interrupt_level(&self) -> bool {
        Firmware::interrupt_level(self)
    }

    fn take_interrupt_edge(&mut self) -> bool {
        Firmware::take_interrupt_edge(self)
    }

    fn function_reset(&mut self, now: Instant) {
        Firmware::function_reset(self, now);
    }

    fn firmware_reset(&mut self, now: Instant) {
        Firmware::firmware_reset(self, now);
    }
}
