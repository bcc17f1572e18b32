//! PCI configuration space of the function: header, power management and MSI.

use crate::interrupts::{IntxGate, Level};
use crate::memory::BusMaster;

/// Bytes of conventional configuration space.
pub(crate) const CONFIG_SIZE: u32 = 256;
const SIZE: usize = CONFIG_SIZE as usize;

/// Which interrupts the function offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InterruptMode {
    /// INTx, and the MSI capability.
    #[default]
    Msi,
    /// INTx alone.
    Intx,
}

/// The power state of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PowerState {
    /// D0: it works.
    On,
    /// D1 to D3hot: only configuration space answers. D1 and D2 are not advertised; a guest that asks for
    /// them anyway gets what D3hot gives.
    Asleep,
}

// Standard header.
const VENDOR_ID: usize = 0x00;
const DEVICE_ID: usize = 0x02;
const COMMAND: usize = 0x04;
const STATUS: usize = 0x06;
const REVISION: usize = 0x08;
const CLASS: usize = 0x09;
const CACHE_LINE_SIZE: usize = 0x0C;
const BAR0: usize = 0x10;
const SUBSYSTEM_VENDOR_ID: usize = 0x2C;
const SUBSYSTEM_ID: usize = 0x2E;
const CAPABILITIES: usize = 0x34;
const INTERRUPT_LINE: usize = 0x3C;
const INTERRUPT_PIN: usize = 0x3D;

const INTEL: u16 = 0x8086;
/// Communication controller, other.
const CLASS_CODE: [u8; 3] = [0x00, 0x80, 0x07];
/// Memory, 64-bit, not prefetchable.
const BAR_TYPE: u8 = 0x04;
const BAR_SIZE_MASK: u64 = !0xFFF;

const COMMAND_MEMORY: u16 = 1 << 1;
const COMMAND_BUS_MASTER: u16 = 1 << 2;
const COMMAND_INTERRUPT_DISABLE: u16 = 1 << 10;
const STATUS_INTERRUPT: u8 = 1 << 3;
const STATUS_CAPABILITIES: u8 = 1 << 4;

// Both where Intel's function has them; the firmware status registers lie between.
const POWER_MANAGEMENT_OFFSET: u8 = 0x50;
const POWER_MANAGEMENT: usize = POWER_MANAGEMENT_OFFSET as usize;
const PMCSR: usize = POWER_MANAGEMENT + 4;
const POWER_STATE_MASK: u8 = 0x3;
const MSI_OFFSET: u8 = 0x8C;
const MSI: usize = MSI_OFFSET as usize;
const MSI_CONTROL: usize = MSI + 2;
const MSI_ADDRESS: usize = MSI + 4;
const MSI_DATA: usize = MSI + 12;
/// 64-bit addresses, one vector.
const MSI_CONTROL_VALUE: u8 = 0x80;
const MSI_ENABLE: u8 = 0x01;

const CAPABILITY_POWER_MANAGEMENT: u8 = 0x01;
const CAPABILITY_MSI: u8 = 0x05;
/// Version 3 of the capability; no PME, no D1, no D2.
const PM_CAPABILITIES: u16 = 0x0003;

/// The bytes, and which of their bits a guest may write.
#[derive(Debug)]
pub(crate) struct Config {
    bytes: [u8; SIZE],
    writable: [u8; SIZE],
}

impl Config {
    /// Configuration space as after power-on.
    pub(crate) fn new(device_id: u16, mode: InterruptMode) -> Self {
        let mut config = Self { bytes: [0; SIZE], writable: [0; SIZE] };
        config.set(VENDOR_ID, &INTEL.to_le_bytes());
        config.set(DEVICE_ID, &device_id.to_le_bytes());
        config.set(STATUS, &[STATUS_CAPABILITIES]);
        config.set(REVISION, &[0x10]);
        config.set(CLASS, &CLASS_CODE);
        config.set(BAR0, &[BAR_TYPE]);
        config.set(SUBSYSTEM_VENDOR_ID, &INTEL.to_le_bytes());
        config.set(SUBSYSTEM_ID, &device_id.to_le_bytes());
        config.set(CAPABILITIES, &[POWER_MANAGEMENT_OFFSET]);
        config.set(INTERRUPT_PIN, &[0x01]);

        let command = COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_INTERRUPT_DISABLE;
        config.allow(COMMAND, &command.to_le_bytes());
        config.allow(CACHE_LINE_SIZE, &[0xFF]);
        config.allow(BAR0, &BAR_SIZE_MASK.to_le_bytes());
        config.allow(INTERRUPT_LINE, &[0xFF]);

        config.set(POWER_MANAGEMENT, &[CAPABILITY_POWER_MANAGEMENT, 0]);
        config.set(POWER_MANAGEMENT + 2, &PM_CAPABILITIES.to_le_bytes());
        config.allow(PMCSR, &[POWER_STATE_MASK]);

        if mode == InterruptMode::Msi {
            config.set(POWER_MANAGEMENT + 1, &[MSI_OFFSET]);
            config.set(MSI, &[CAPABILITY_MSI, 0, MSI_CONTROL_VALUE, 0]);
            config.allow(MSI_CONTROL, &[MSI_ENABLE]);
            config.allow(MSI_ADDRESS, &[0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
            config.allow(MSI_DATA, &[0xFF, 0xFF]);
        }
        config
    }

    fn set(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn allow(&mut self, offset: usize, mask: &[u8]) {
        self.writable[offset..offset + mask.len()].copy_from_slice(mask);
    }

    /// One byte.
    pub(crate) fn read(&self, offset: usize) -> u8 {
        self.bytes[offset]
    }

    /// Writes what may be written of one byte.
    pub(crate) fn write(&mut self, offset: usize, value: u8) {
        let mask = self.writable[offset];
        self.bytes[offset] = (self.bytes[offset] & !mask) | (value & mask);
    }

    fn command(&self) -> u16 {
        u16::from_le_bytes([self.bytes[COMMAND], self.bytes[COMMAND + 1]])
    }

    pub(crate) fn bus_master(&self) -> BusMaster {
        if self.command() & COMMAND_BUS_MASTER == 0 { BusMaster::Disabled } else { BusMaster::Enabled }
    }

    pub(crate) fn intx_gate(&self) -> IntxGate {
        if self.command() & COMMAND_INTERRUPT_DISABLE == 0 { IntxGate::Open } else { IntxGate::Disabled }
    }

    pub(crate) fn power_state(&self) -> PowerState {
        if self.bytes[PMCSR] & POWER_STATE_MASK == 0 { PowerState::On } else { PowerState::Asleep }
    }

    /// A reset leaves the function in D0.
    pub(crate) fn wake(&mut self) {
        self.bytes[PMCSR] &= !POWER_STATE_MASK;
    }

    /// Interrupt Status, which drivers that share a line look at.
    pub(crate) fn set_interrupt_status(&mut self, level: Level) {
        match level {
            Level::High => self.bytes[STATUS] |= STATUS_INTERRUPT,
            Level::Low => self.bytes[STATUS] &= !STATUS_INTERRUPT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(config: &Config, offset: usize) -> [u8; N] {
        std::array::from_fn(|index| config.read(offset + index))
    }

    fn write(config: &mut Config, offset: usize, bytes: &[u8]) {
        for (index, &byte) in bytes.iter().enumerate() {
            config.write(offset + index, byte);
        }
    }

    #[test]
    fn the_header_is_what_a_driver_matches_on() {
        let config = Config::new(0x51E0, InterruptMode::Msi);
        assert_eq!(bytes(&config, 0x00), [0x86, 0x80, 0xE0, 0x51]);
        assert_eq!(bytes(&config, 0x04), [0, 0, 0x10, 0], "nothing enabled, capabilities");
        assert_eq!(bytes(&config, 0x09), [0x00, 0x80, 0x07]);
        assert_eq!(config.read(0x0E), 0, "header type 0");
        assert_eq!(config.read(0x3D), 1, "INTA");
    }

    /// Walks the list as a guest does: ids by offset.
    fn capabilities(config: &Config) -> Vec<(usize, u8)> {
        let mut found = Vec::new();
        let mut at = usize::from(config.read(0x34));
        while at != 0 {
            found.push((at, config.read(at)));
            assert!(found.len() < 48, "the list goes round");
            at = usize::from(config.read(at + 1));
        }
        found
    }

    #[test]
    fn capabilities_are_linked_and_keep_clear_of_the_status_registers() {
        assert_eq!(capabilities(&Config::new(1, InterruptMode::Msi)), [(0x50, 1), (0x8C, 5)]);
        assert_eq!(capabilities(&Config::new(1, InterruptMode::Intx)), [(0x50, 1)]);
        for mode in [InterruptMode::Msi, InterruptMode::Intx] {
            let config = Config::new(1, mode);
            for status in [0x40, 0x48, 0x60, 0x64, 0x68, 0x6C] {
                assert_eq!(bytes(&config, status), [0; 4]);
                assert_eq!(config.writable[status..status + 4], [0; 4]);
            }
        }
    }

    #[test]
    fn bar0_is_sized_as_a_64_bit_page_and_the_rest_is_absent() {
        let mut config = Config::new(1, InterruptMode::Msi);
        write(&mut config, 0x10, &[0xFF; 24]);
        assert_eq!(bytes(&config, 0x10), [0x04, 0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(bytes(&config, 0x18), [0; 16]);
        write(&mut config, 0x30, &[0xFF; 4]);
        assert_eq!(bytes(&config, 0x30), [0; 4], "no ROM");
    }

    #[test]
    fn a_guest_writes_only_what_it_may() {
        let mut config = Config::new(0x1C3A, InterruptMode::Msi);
        let before = config.bytes;
        for offset in 0..SIZE {
            config.write(offset, 0xFF);
        }
        let changed: Vec<usize> =
            (0..SIZE).filter(|&offset| config.bytes[offset] != before[offset]).collect();
        let expected: Vec<usize> =
            [vec![0x04, 0x05, 0x0C], (0x11..0x18).collect(), vec![0x3C, 0x54, 0x8E], (0x90..0x9A).collect()]
                .concat();
        assert_eq!(changed, expected);
        assert_eq!(bytes(&config, 0x04), [0x06, 0x04, 0x10, 0], "memory, bus master, interrupt disable");
        assert_eq!(config.intx_gate(), IntxGate::Disabled);
        assert_eq!(config.bus_master(), BusMaster::Enabled);
        assert_eq!(config.power_state(), PowerState::Asleep);
        config.wake();
        assert_eq!(config.power_state(), PowerState::On);
    }

    #[test]
    fn interrupt_status_is_bit_3() {
        let mut config = Config::new(1, InterruptMode::Msi);
        config.set_interrupt_status(Level::High);
        assert_eq!(config.read(0x06), 0x18);
        config.write(0x06, 0xFF);
        assert_eq!(config.read(0x06), 0x18, "read-only");
        config.set_interrupt_status(Level::Low);
        assert_eq!(config.read(0x06), 0x10);
    }
}
