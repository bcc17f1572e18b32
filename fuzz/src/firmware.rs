//! An engine, and a driver that lies.

use crate::input::Input;
use mei_emulator::{Firmware, HostMemory, Persona};
use mei_wire::MessageHeader;
use mei_wire::registers::{BAR0_SIZE, H_CB_WW, H_CSR, H_D0I3C, H_HPG_CSR, HostCsr, ME_CB_RW};
use std::time::{Duration, Instant};

/// A page of memory at 1 MiB, for rings that are where the host says.
struct Page(Vec<u8>);

const PAGE_AT: u64 = 0x10_0000;

impl Page {
    fn range(&self, address: u64, length: usize) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(address.checked_sub(PAGE_AT)?).ok()?;
        let end = start.checked_add(length)?;
        (end <= self.0.len()).then_some(start..end)
    }
}

impl HostMemory for Page {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        self.range(address, bytes.len()).map(|range| bytes.copy_from_slice(&self.0[range])).is_some()
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> bool {
        self.range(address, bytes.len()).map(|range| self.0[range].copy_from_slice(bytes)).is_some()
    }
}

/// A driver's end of the registers.
struct Driver {
    firmware: Firmware,
    memory: Page,
    now: Instant,
}

impl Driver {
    fn run(&mut self) {
        self.firmware.run(&mut self.memory, self.now);
    }

    /// Resets the link as a driver does.
    fn reset(&mut self) {
        let base = HostCsr::new().with_interrupts(true).with_interrupt_generate(true);
        self.firmware.write32(H_CSR, base.with_reset(true).into());
        self.run();
        self.jump();
        self.firmware.write32(H_CSR, base.into());
        self.firmware.write32(H_CSR, base.with_ready(true).into());
        self.run();
    }

    fn jump(&mut self) {
        if let Some(deadline) = self.firmware.deadline() {
            self.now = self.now.max(deadline);
        }
        self.run();
    }

    /// A frame whose header tells the truth about its length.
    fn frame(&mut self, me: u8, host: u8, flags: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or(0) & 0x1FF;
        let header = u32::from(me) | u32::from(host) << 8 | length << 16 | flags;
        self.firmware.write32(H_CB_WW, header);
        for slot in payload.chunks(4) {
            let mut bytes = [0; 4];
            bytes[..slot.len()].copy_from_slice(slot);
            self.firmware.write32(H_CB_WW, u32::from_le_bytes(bytes));
        }
        self.ring();
    }

    fn ring(&mut self) {
        let csr = HostCsr::from(self.firmware.read32(H_CSR)).without_acknowledge();
        self.firmware.write32(H_CSR, csr.with_interrupt_generate(true).into());
        self.run();
    }
}

const COMPLETE: u32 = 1 << 31;

/// Registers and frames of a driver that lies.
pub fn firmware_against_host(data: &[u8]) {
    let mut input = Input::new(data);
    let names = Persona::builtin_names();
    let name = names[usize::from(input.u8()) % names.len()];
    let Some(persona) = Persona::builtin(name) else { return };
    let now = Instant::now();
    let memory = Page(vec![0; 0x4_2000]);
    let mut driver = Driver { firmware: Firmware::new(&persona, now), memory, now };
    debug_assert_eq!(
        u32::from_le_bytes(*b"\0\0\x04\x80"),
        MessageHeader::for_message(mei_wire::Address::BUS, 4).to_word()
    );
    driver.reset();
    while !input.is_empty() {
        match input.u8() % 16 {
            0 => {
                let offset = u32::from(input.u16()) % BAR0_SIZE;
                driver.firmware.write32(offset & !3, input.u32());
            }
            1 => {
                driver.firmware.read32(u32::from(input.u16()) % BAR0_SIZE & !3);
            }
            2 => driver.firmware.write32(H_CSR, input.u32()),
            3 => driver.firmware.write32(H_D0I3C, input.u8().into()),
            4 => driver.firmware.write32(H_HPG_CSR, input.u8().into()),
            5 => driver.jump(),
            6 => driver.reset(),
            7 => driver.firmware.function_reset(driver.now),
            8 => driver.firmware.firmware_reset(driver.now),
            // A driver that reads.
            9 => {
                for _ in 0..=input.u8() {
                    driver.firmware.read32(ME_CB_RW);
                }
            }
            // On the bus, where most of the protocol is.
            10 | 11 => {
                let length = input.u8() % 80;
                driver.frame(0, 0, COMPLETE, input.take(length.into()));
            }
            12 => {
                let (me, host, flags) = (input.u8(), input.u8(), u32::from(input.u8()) << 24);
                let length = input.u16() % 512;
                driver.frame(me, host, flags, input.take(length.into()));
            }
            13 => {
                let (me, host, length) = (input.u8() % 48, input.u8() % 4, input.u8());
                driver.frame(me, host, COMPLETE, input.take(length.into()));
            }
            14 => driver.ring(),
            _ => {
                driver.now += Duration::from_millis(input.u16().into());
                driver.run();
            }
        }
        driver.run();
        // The line and its edges are looked at as a server does.
        let _ = (driver.firmware.interrupt_level(), driver.firmware.take_interrupt_edge());
    }
    // Whatever was done: after a reset it serves again.
    driver.firmware.function_reset(driver.now);
    driver.reset();
    driver.frame(0, 0, COMPLETE, &[0x01, 0, 2, 2]);
    driver.jump();
    let header = driver.firmware.read32(ME_CB_RW);
    let answer = driver.firmware.read32(ME_CB_RW);
    assert_eq!((header & 0xFFFF, answer & 0xFF), (0, 0x81), "HOST_START_RES of {name}");
}
