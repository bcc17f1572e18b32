//! Interface draft; its author splits it into engine/, persona/ …
#![expect(clippy::todo, reason = "the interface stands before its bodies")]
use crate::Persona;
use std::time::Instant;

/// Memory of the host that the engine reaches by bus address: a virtual machine's RAM, or the arena of [`Engine`].
pub trait HostMemory {
    /// Copies from `address` on; false when not all of it is memory.
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool;
    /// Copies to `address` on; false when not all of it is memory.
    fn write(&mut self, address: u64, bytes: &[u8]) -> bool;
}

/// A host that gives no memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHostMemory;

impl HostMemory for NoHostMemory {
    fn read(&self, _: u64, _: &mut [u8]) -> bool {
        false
    }
    fn write(&mut self, _: u64, _: &[u8]) -> bool {
        false
    }
}

/// The engine: register file and everything behind it. Never touches time or I/O by itself.
#[derive(Debug)]
pub struct Firmware {}

impl Firmware {
    /// An engine as after power-on.
    pub fn new(persona: &Persona, now: Instant) -> Self {
        let _ = (persona, now);
        todo!()
    }
    /// PCI device id of the function it is.
    pub fn device_id(&self) -> u16 {
        todo!()
    }
    /// A read of BAR0 by the host.
    pub fn read32(&mut self, offset: u32) -> u32 {
        let _ = offset;
        todo!()
    }
    /// A write of BAR0 by the host. What it causes happens in [`Firmware::run`].
    pub fn write32(&mut self, offset: u32, value: u32) {
        let _ = (offset, value);
        todo!()
    }
    /// Bulk accesses of the windows, as in `Registers`.
    pub fn read_window(&mut self, slots: &mut [u32]) {
        let _ = slots;
        todo!()
    }
    /// Bulk accesses of the windows, as in `Registers`.
    pub fn write_window(&mut self, slots: &[u32]) {
        let _ = slots;
        todo!()
    }
    /// The word of configuration space that is the engine's own (status registers HFS1..6); None elsewhere.
    pub fn status_word(&self, offset: u16) -> Option<u32> {
        let _ = offset;
        todo!()
    }
    /// Works: consumes frames, answers, acts on time.
    pub fn run(&mut self, memory: &mut dyn HostMemory, now: Instant) {
        let _ = (memory, now);
        todo!()
    }
    /// When [`Firmware::run`] must be called.
    pub fn deadline(&self) -> Option<Instant> {
        todo!()
    }
    /// Level of the interrupt line: a cause is pending and enabled. An MSI is due on each rising edge.
    pub fn interrupt_level(&self) -> bool {
        todo!()
    }
    /// Function reset (FLR, D3hot to D0).
    pub fn function_reset(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
}

/// A [`Firmware`] as a function in this process, with memory for DMA: implements `mei_wire::Device`.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    /// An engine as after power-on.
    pub fn new(persona: &Persona, now: Instant) -> Self {
        let _ = (persona, now);
        todo!()
    }
}
