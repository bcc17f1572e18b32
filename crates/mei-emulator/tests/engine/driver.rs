//! A driver of the least kind, at the level of registers, after the hardware and HBM specifications. Its
//! constants are its own, so that a mistake in `mei-wire` does not hide here.

use mei_emulator::{Engine, Persona};
use mei_wire::{Device, DmaMemory, Registers};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub(crate) const H_CB_WW: u32 = 0x000;
pub(crate) const H_CSR: u32 = 0x004;
pub(crate) const ME_CB_RW: u32 = 0x008;
pub(crate) const ME_CSR: u32 = 0x00C;
pub(crate) const H_HPG_CSR: u32 = 0x010;
pub(crate) const H_D0I3C: u32 = 0x800;

pub(crate) const IE: u32 = 1 << 0;
pub(crate) const IS: u32 = 1 << 1;
pub(crate) const IG: u32 = 1 << 2;
pub(crate) const RDY: u32 = 1 << 3;
pub(crate) const RST: u32 = 1 << 4;
pub(crate) const D0I3_IE: u32 = 1 << 5;
pub(crate) const D0I3_IS: u32 = 1 << 6;
const ENABLES: u32 = IE | D0I3_IE;
const CAUSES: u32 = IS | D0I3_IS;

pub(crate) const COMPLETE: u32 = 1 << 31;
pub(crate) const DMA_RING: u32 = 1 << 29;
pub(crate) const EXTENDED: u32 = 1 << 28;

/// A frame as it came out of the ME window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) header: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Frame {
    pub(crate) fn address(&self) -> (u8, u8) {
        ((self.header & 0xFF) as u8, (self.header >> 8 & 0xFF) as u8)
    }
}

#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    /// HBM payloads and client frames that were received, oldest first.
    pub(crate) bus: VecDeque<Vec<u8>>,
    pub(crate) frames: VecDeque<Frame>,
    /// Interrupts that were taken.
    pub(crate) interrupts: usize,
    /// ME_RDY was seen clear outside of a reset.
    pub(crate) link_lost: bool,
    saw_ready: bool,
}

impl Driver {
    pub(crate) fn new(persona: &Persona) -> Self {
        let now = Instant::now();
        Self::over(Engine::new(persona, now), now)
    }

    /// A driver that takes over an engine in whatever state it is.
    pub(crate) fn over(engine: Engine, now: Instant) -> Self {
        Self {
            engine,
            now,
            bus: VecDeque::new(),
            frames: VecDeque::new(),
            interrupts: 0,
            link_lost: false,
            saw_ready: false,
        }
    }

    /// A driver whose link is up and whose HBM is started with version 2.2; clients are not enumerated.
    pub(crate) fn started(persona: &Persona) -> Self {
        let mut driver = Self::new(persona);
        driver.reset();
        driver.hbm(&[0x01, 0, 2, 2]);
        driver.bus(0x81);
        driver
    }

    pub(crate) fn read(&mut self, offset: u32) -> u32 {
        self.engine.read32(offset).unwrap()
    }

    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        self.engine.write32(offset, value).unwrap();
    }

    /// H_CSR, both causes left alone.
    fn set(&mut self, bits: u32, clear: u32) {
        let csr = self.read(H_CSR) & !CAUSES;
        self.write(H_CSR, csr & !clear | bits);
    }

    /// Lets the engine work and handles interrupts until both are quiet.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            self.engine.run(self.now);
            if !self.engine.take_interrupt() {
                return;
            }
            self.interrupt();
        }
        panic!("the engine does not come to rest");
    }

    /// Time passes, deadline by deadline.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while let Some(deadline) = self.engine.deadline().filter(|&deadline| deadline <= end) {
            assert!(
                deadline >= self.now || self.engine.deadline() != Some(deadline),
                "a deadline that passed"
            );
            self.now = self.now.max(deadline);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// Both halves of the kernel driver's interrupt handler.
    fn interrupt(&mut self) {
        self.interrupts += 1;
        let csr = self.read(H_CSR);
        if csr & CAUSES == 0 {
            // An edge whose cause was acknowledged since: not ours.
            return;
        }
        self.write(H_CSR, csr & !CAUSES & !ENABLES);
        let csr = self.read(H_CSR);
        self.write(H_CSR, csr);
        let me = self.read(ME_CSR);
        if me & RDY == 0 {
            self.link_lost = true;
        } else if self.read(H_CSR) & RDY == 0 {
            self.saw_ready = true;
        } else {
            self.receive();
        }
        self.set(ENABLES, 0);
    }

    pub(crate) fn filled(&mut self) -> u32 {
        let me = self.read(ME_CSR);
        (me >> 16).wrapping_sub(me >> 8) & 0xFF
    }

    fn receive(&mut self) {
        loop {
            let filled = self.filled();
            assert!(filled <= self.read(ME_CSR) >> 24, "the engine overran its buffer");
            if filled == 0 {
                return;
            }
            let header = self.read(ME_CB_RW);
            let length = (header >> 16 & 0x1FF) as usize;
            let slots = length.div_ceil(4);
            assert!(slots < filled as usize, "a frame in pieces");
            let mut bytes = Vec::new();
            for _ in 0..slots {
                bytes.extend(self.read(ME_CB_RW).to_le_bytes());
            }
            bytes.truncate(length);
            self.set(IG, 0);
            if header & 0xFFFF == 0 {
                self.bus.push_back(bytes);
            } else {
                self.frames.push_back(Frame { header, bytes });
            }
        }
    }

    /// The reset of `mei_me`, up to the link.
    pub(crate) fn reset(&mut self) {
        self.assert_reset();
        for _ in 0..1000 {
            self.settle();
            if self.saw_ready {
                break;
            }
            let deadline = self.engine.deadline().expect("ready comes with time");
            self.now = self.now.max(deadline);
        }
        assert!(self.saw_ready, "the engine did not become ready");
        self.set(IG, RST);
        self.settle();
        self.set(IG | RDY | ENABLES, 0);
        self.settle();
        self.bus.clear();
        self.frames.clear();
        self.link_lost = false;
    }

    /// The first half of a reset.
    pub(crate) fn assert_reset(&mut self) {
        self.set(ENABLES, 0);
        let csr = self.read(H_CSR);
        if csr & RST != 0 {
            self.set(0, RST);
        }
        self.saw_ready = false;
        let csr = self.read(H_CSR);
        self.write(H_CSR, csr | RST | IG | CAUSES);
        let csr = self.read(H_CSR);
        assert_eq!(csr & (RST | RDY), RST, "H_RST reads back, H_RDY is gone");
    }

    /// Writes a frame slot by slot and rings the bell.
    pub(crate) fn frame(&mut self, header: u32, bytes: &[u8]) {
        self.push(header, bytes);
        self.set(IG, 0);
    }

    /// Writes a frame without ringing the bell.
    pub(crate) fn push(&mut self, header: u32, bytes: &[u8]) {
        self.write(H_CB_WW, header);
        for chunk in bytes.chunks(4) {
            let mut slot = [0; 4];
            slot[..chunk.len()].copy_from_slice(chunk);
            self.write(H_CB_WW, u32::from_le_bytes(slot));
        }
    }

    /// Sends an HBM message and lets the engine answer.
    pub(crate) fn hbm(&mut self, message: &[u8]) {
        self.frame(COMPLETE | (message.len() as u32) << 16, message);
        self.settle();
    }

    /// The oldest HBM message, which is a `command`.
    pub(crate) fn bus(&mut self, command: u8) -> Vec<u8> {
        let message = self.bus.pop_front().unwrap_or_else(|| panic!("no HBM message, {command:#x} expected"));
        assert_eq!(message[0], command, "{message:02x?}");
        message
    }

    /// Sends a message to a client, in fragments of at most `fragment` bytes, and lets the engine answer.
    pub(crate) fn message(&mut self, me: u8, host: u8, data: &[u8], fragment: usize) {
        let address = u32::from(me) | u32::from(host) << 8;
        let mut rest = data;
        loop {
            let (part, others) = rest.split_at(rest.len().min(fragment));
            let last = if others.is_empty() { COMPLETE } else { 0 };
            self.frame(address | (part.len() as u32) << 16 | last, part);
            self.settle();
            rest = others;
            if rest.is_empty() {
                return;
            }
        }
    }

    /// Gives the engine one credit.
    pub(crate) fn credit(&mut self, me: u8, host: u8) {
        self.hbm(&[0x08, me, host, 0, 0, 0, 0, 0]);
    }

    /// Connects, and takes the answer and the first credit.
    pub(crate) fn connect(&mut self, me: u8, host: u8) {
        self.hbm(&[0x06, me, host, 0]);
        assert_eq!(self.bus(0x86), [0x86, me, host, 0]);
        assert_eq!(self.bus(0x08)[..3], [0x08, me, host]);
    }

    /// The message that has come from a client, put together.
    pub(crate) fn received(&mut self, me: u8, host: u8) -> Vec<u8> {
        let mut data = Vec::new();
        loop {
            let frame = self.frames.pop_front().expect("a frame");
            assert_eq!(frame.address(), (me, host));
            data.extend(frame.bytes);
            if frame.header & COMPLETE != 0 {
                return data;
            }
        }
    }

    pub(crate) fn allocate(&mut self, size: u32) -> u64 {
        self.engine.allocate_dma(size).unwrap()
    }
}
