//! A function that answers by rote, so that what is measured is the host.

use mei_emulator::Engine;
use mei_wire::registers::{H_CSR, HostCsr, ME_CSR_HA, MeCsr};
use mei_wire::{Address, ConfigSpace, Device, DmaMemory, Gone, MessageHeader, Registers};
use std::time::Instant;

/// Slots of a circular buffer.
const DEPTH: u8 = 128;
/// FLOW_CONTROL.
const FLOW_CONTROL: u32 = 0x08;

/// An engine until the file is connected; from [`Rote::learn`] on, arrays that answer each message of one frame with
/// the next credit and, once the host has given one, an echo.
#[derive(Debug)]
pub struct Rote {
    engine: Engine,
    learnt: bool,
    /// What the host has to read.
    out: [u32; DEPTH as usize],
    filled: usize,
    /// The echo that waits for a credit.
    echo: [u32; DEPTH as usize],
    waiting: usize,
    credits: u32,
    read: u8,
    write: u8,
    interrupt: bool,
}

impl Rote {
    /// As the engine that it learns from.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let empty = [0; DEPTH as usize];
        Self {
            engine,
            learnt: false,
            out: empty,
            filled: 0,
            echo: empty,
            waiting: 0,
            credits: 0,
            read: 0,
            write: 0,
            interrupt: false,
        }
    }

    /// Does without the engine from now on.
    pub fn learn(&mut self) {
        self.learnt = true;
    }

    fn put(&mut self, slots: &[u32]) {
        self.out[self.filled..self.filled + slots.len()].copy_from_slice(slots);
        self.filled += slots.len();
        self.write = wrapping_add(self.write, slots.len());
    }

    fn take(&mut self, slots: &[u32]) {
        self.interrupt = true;
        let address = MessageHeader::from(slots[0]).address();
        if address == Address::BUS {
            self.credits += 1;
        } else {
            let credit = MessageHeader::for_message(Address::BUS, 8).to_word();
            let names = FLOW_CONTROL | u32::from(address.me) << 8 | u32::from(address.host) << 16;
            self.put(&[credit, names, 0]);
            self.echo[..slots.len()].copy_from_slice(slots);
            self.waiting = slots.len();
        }
        if self.credits > 0 && self.waiting > 0 {
            self.credits -= 1;
            let echo = self.echo;
            self.put(&echo[..self.waiting]);
            self.waiting = 0;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "pointers count modulo 256")]
const fn wrapping_add(pointer: u8, slots: usize) -> u8 {
    pointer.wrapping_add(slots as u8)
}

impl Registers for Rote {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        if !self.learnt {
            return self.engine.read32(offset);
        }
        Ok(match offset {
            H_CSR => HostCsr::new()
                .with_ready(true)
                .with_interrupt_enable(true)
                .with_interrupt_status(self.interrupt)
                .with_depth(DEPTH)
                .into(),
            ME_CSR_HA => MeCsr::new()
                .with_ready(true)
                .with_read_pointer(self.read)
                .with_write_pointer(self.write)
                .with_depth(DEPTH)
                .into(),
            _ => 0,
        })
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        if !self.learnt {
            return self.engine.write32(offset, value);
        }
        if offset == H_CSR && HostCsr::from(value).interrupt_status() {
            self.interrupt = false;
        }
        Ok(())
    }

    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        if !self.learnt {
            return self.engine.read_window(slots);
        }
        slots.copy_from_slice(&self.out[..slots.len()]);
        self.out.copy_within(slots.len()..self.filled, 0);
        self.filled -= slots.len();
        self.read = wrapping_add(self.read, slots.len());
        Ok(())
    }

    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        if !self.learnt {
            return self.engine.write_window(slots);
        }
        self.take(slots);
        Ok(())
    }
}

impl ConfigSpace for Rote {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        self.engine.read_config32(offset)
    }
}

/// No memory: its messages fit into a frame.
impl DmaMemory for Rote {}

impl Device for Rote {
    fn run(&mut self, now: Instant) {
        if !self.learnt {
            self.engine.run(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        if self.learnt { None } else { self.engine.deadline() }
    }

    fn take_interrupt(&mut self) -> bool {
        if self.learnt { self.interrupt } else { self.engine.take_interrupt() }
    }
}
