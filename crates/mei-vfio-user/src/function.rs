//! The PCI function: an engine behind configuration space, a register page, interrupts and guest memory.

use crate::config::{CONFIG_SIZE, Config, InterruptMode, PowerState};
use crate::engine::Engine;
use crate::interrupts::{Edge, Interrupts, Level};
use crate::memory::GuestMemory;
use crate::protocol::{REGION_BAR0, REGION_CONFIG, REGION_COUNT, RegionAccess};
use mei_wire::registers::BAR0_SIZE;
use rustix::io::Errno;
use std::ops::Range;
use std::time::Instant;

/// Whether the function is in its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Present,
    /// Pulled out: every read gives ones.
    Absent,
}

/// What an access reaches.
#[derive(Debug, Clone, Copy)]
enum Target {
    Config,
    /// A register of BAR0, at its offset.
    Register(u32),
    /// Reads give ones, writes are lost.
    Nothing,
}

/// Accesses to registers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Accesses {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
}

/// An engine as a PCI function.
#[derive(Debug)]
pub(crate) struct Function<E> {
    engine: E,
    mode: InterruptMode,
    config: Config,
    presence: Presence,
    accesses: Accesses,
    pub(crate) interrupts: Interrupts,
    pub(crate) memory: GuestMemory,
}

impl<E: Engine> Function<E> {
    pub(crate) fn new(engine: E, mode: InterruptMode) -> Self {
        Self {
            config: Config::new(engine.device_id(), mode),
            engine,
            mode,
            presence: Presence::Present,
            accesses: Accesses::default(),
            interrupts: Interrupts::new(mode),
            memory: GuestMemory::new(),
        }
    }

    /// The monitor is gone: nothing of what it did stays.
    pub(crate) fn detach(&mut self, now: Instant) {
        self.interrupts = Interrupts::new(self.mode);
        self.memory = GuestMemory::new();
        self.power_on(now);
    }

    /// What there was since this was asked last.
    pub(crate) fn take_accesses(&mut self) -> Accesses {
        std::mem::take(&mut self.accesses)
    }

    fn power_on(&mut self, now: Instant) {
        self.config = Config::new(self.engine.device_id(), self.mode);
        self.engine.function_reset(now);
        self.settle();
    }

    /// DEVICE_RESET. Configuration space survives, as with VFIO, but for the power state.
    ///
    /// # Errors
    /// ENODEV: there is no function to reset.
    pub(crate) fn reset(&mut self, now: Instant) -> Result<(), Errno> {
        if self.presence == Presence::Absent {
            return Err(Errno::NODEV);
        }
        self.config.wake();
        self.engine.function_reset(now);
        self.settle();
        Ok(())
    }

    /// The engine resets by itself.
    pub(crate) fn firmware_reset(&mut self, now: Instant) {
        if self.presence == Presence::Present {
            self.engine.firmware_reset(now);
            self.run(now);
        }
    }

    /// Pulls the function out of its slot.
    pub(crate) fn remove(&mut self) {
        self.presence = Presence::Absent;
        self.settle();
    }

    /// Puts it back, as after power-on.
    pub(crate) fn reinsert(&mut self, now: Instant) {
        if self.presence == Presence::Absent {
            self.presence = Presence::Present;
            self.power_on(now);
        }
    }

    /// Lets the engine work.
    pub(crate) fn run(&mut self, now: Instant) {
        if self.presence == Presence::Present {
            self.engine.run(&mut self.memory, now);
            self.settle();
        }
    }

    /// When [`Function::run`] must be called.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.engine.deadline().filter(|_| self.presence == Presence::Present)
    }

    /// Bytes of a region, 0 for what this function does not have.
    ///
    /// # Errors
    /// EINVAL: no region of a PCI function.
    pub(crate) fn region_size(&self, region: u32) -> Result<u32, Errno> {
        match region {
            REGION_BAR0 => Ok(BAR0_SIZE),
            REGION_CONFIG => Ok(CONFIG_SIZE),
            _ if region < REGION_COUNT => Ok(0),
            _ => Err(Errno::INVAL),
        }
    }

    fn checked_range(&self, access: &RegionAccess) -> Result<Range<usize>, Errno> {
        let size = u64::from(self.region_size(access.region)?);
        let end = access.offset.checked_add(u64::from(access.count)).ok_or(Errno::INVAL)?;
        if access.count == 0 || end > size {
            return Err(Errno::INVAL);
        }
        let narrow = |value: u64| usize::try_from(value).map_err(|_| Errno::INVAL);
        Ok(narrow(access.offset)?..narrow(end)?)
    }

    /// REGION_READ: appends the bytes.
    ///
    /// # Errors
    /// EINVAL: not within a region.
    pub(crate) fn read(&mut self, access: &RegionAccess, data: &mut Vec<u8>) -> Result<(), Errno> {
        let range = self.checked_range(access)?;
        match self.target(access.region, &range) {
            Target::Config => data.extend(range.map(|offset| self.config_byte(offset))),
            Target::Register(offset) => {
                self.accesses.reads += 1;
                data.extend_from_slice(&self.engine.read32(offset).to_le_bytes());
                self.settle();
            }
            Target::Nothing => data.resize(data.len() + range.len(), 0xFF),
        }
        Ok(())
    }

    /// REGION_WRITE.
    ///
    /// # Errors
    /// EINVAL: not within a region, or not as many bytes as it says.
    pub(crate) fn write(&mut self, access: &RegionAccess, data: &[u8], now: Instant) -> Result<(), Errno> {
        let range = self.checked_range(access)?;
        if data.len() != range.len() {
            return Err(Errno::INVAL);
        }
        match (self.target(access.region, &range), data.try_into()) {
            (Target::Config, _) => self.write_config(range, data, now),
            (Target::Register(offset), Ok(bytes)) => {
                self.accesses.writes += 1;
                self.engine.write32(offset, u32::from_le_bytes(bytes));
                self.settle();
            }
            _ => {}
        }
        Ok(())
    }

    /// What answers an access that lies within its region.
    fn target(&self, region: u32, range: &Range<usize>) -> Target {
        if self.presence == Presence::Absent {
            return Target::Nothing;
        }
        if region == REGION_CONFIG {
            return Target::Config;
        }
        let aligned = range.len() == 4 && range.start.is_multiple_of(4);
        if !aligned {
            log::debug!("BAR0 has 32-bit registers: {range:x?} is none");
        }
        match u32::try_from(range.start) {
            Ok(offset) if aligned && self.config.power_state() == PowerState::On => Target::Register(offset),
            _ => Target::Nothing,
        }
    }

    fn config_byte(&self, offset: usize) -> u8 {
        let word = u16::try_from(offset & !3).ok().and_then(|word| self.engine.status_word(word));
        word.map_or_else(|| self.config.read(offset), |word| word.to_le_bytes()[offset % 4])
    }

    fn write_config(&mut self, range: Range<usize>, data: &[u8], now: Instant) {
        let before = self.config.power_state();
        for (offset, &byte) in range.zip(data) {
            self.config.write(offset, byte);
        }
        self.memory.set_bus_master(self.config.bus_master());
        if (before, self.config.power_state()) == (PowerState::Asleep, PowerState::On) {
            self.engine.function_reset(now);
        }
        self.settle();
    }

    /// Interrupts and what configuration space says of them follow the engine.
    fn settle(&mut self) {
        let awake = self.presence == Presence::Present && self.config.power_state() == PowerState::On;
        let level = if awake && self.engine.interrupt_level() { Level::High } else { Level::Low };
        let risen = self.engine.take_interrupt_edge();
        let edge = if awake && risen { Edge::Rising } else { Edge::None };
        self.config.set_interrupt_status(level);
        self.interrupts.update(level, edge, self.config.intx_gate());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mei_emulator::HostMemory;

    const CONFIG: u32 = 7;

    /// Registers that count their accesses; the interrupt is bit 0 of the last value written.
    #[derive(Debug, Default)]
    struct Counter {
        reads: u32,
        written: Vec<(u32, u32)>,
        resets: u32,
    }

    impl Engine for Counter {
        fn device_id(&self) -> u16 {
            0xA0E0
        }
        fn read32(&mut self, offset: u32) -> u32 {
            self.reads += 1;
            self.reads << 16 | offset
        }
        fn write32(&mut self, offset: u32, value: u32) {
            self.written.push((offset, value));
        }
        fn status_word(&self, offset: u16) -> Option<u32> {
            (offset == 0x40).then_some(0x9000_0245)
        }
        fn run(&mut self, _: &mut dyn HostMemory, _: Instant) {}
        fn deadline(&self) -> Option<Instant> {
            None
        }
        fn interrupt_level(&self) -> bool {
            self.written.last().is_some_and(|(_, value)| value & 1 != 0)
        }
        fn take_interrupt_edge(&mut self) -> bool {
            false
        }
        fn function_reset(&mut self, _: Instant) {
            self.resets += 1;
            self.written.clear();
        }
        fn firmware_reset(&mut self, _: Instant) {}
    }

    fn function() -> Function<Counter> {
        Function::new(Counter::default(), InterruptMode::Msi)
    }

    fn read(
        function: &mut Function<Counter>,
        region: u32,
        offset: u64,
        count: u32,
    ) -> Result<Vec<u8>, Errno> {
        let mut data = Vec::new();
        function.read(&RegionAccess { offset, region, count }, &mut data)?;
        Ok(data)
    }

    fn write(function: &mut Function<Counter>, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let count = u32::try_from(data.len()).unwrap();
        function.write(&RegionAccess { offset, region, count }, data, Instant::now())
    }

    #[test]
    fn registers_take_whole_words_and_each_access_happens_once() {
        let mut function = function();
        assert_eq!(read(&mut function, 0, 0x800, 4).unwrap(), [0x00, 0x08, 0x01, 0x00]);
        assert_eq!(read(&mut function, 0, 8, 4).unwrap(), [0x08, 0x00, 0x02, 0x00]);
        for (offset, count) in [(8, 1), (8, 2), (8, 8), (6, 4), (0, 4096)] {
            assert_eq!(
                read(&mut function, 0, offset, count).unwrap(),
                vec![0xFF; count as usize],
                "{offset}+{count}"
            );
            write(&mut function, 0, offset, &vec![0; count as usize]).unwrap();
        }
        write(&mut function, 0, 0xFFC, &[1, 2, 3, 4]).unwrap();
        assert_eq!(
            (function.engine.reads, function.engine.written.as_slice()),
            (2, &[(0xFFC, 0x0403_0201)][..])
        );
        assert_eq!(function.take_accesses(), Accesses { reads: 2, writes: 1 });
        assert_eq!(function.take_accesses(), Accesses::default());
    }

    #[test]
    fn nothing_is_outside_the_regions() {
        let mut function = function();
        for (region, offset, count) in [
            (0, 4096, 4),
            (0, 4094, 4),
            (0, u64::MAX, 4),
            (0, 0, 0),
            (7, 256, 1),
            (7, 253, 4),
            (1, 0, 4),
            (8, 0, 4),
            (9, 0, 4),
            (u32::MAX, 0, 4),
        ] {
            assert_eq!(
                read(&mut function, region, offset, count),
                Err(Errno::INVAL),
                "{region} {offset}+{count}"
            );
            assert_eq!(write(&mut function, region, offset, &vec![0; count as usize]), Err(Errno::INVAL));
        }
        let short = RegionAccess { offset: 0, region: 0, count: 4 };
        assert_eq!(function.write(&short, &[0; 3], Instant::now()), Err(Errno::INVAL));
    }

    #[test]
    fn status_registers_come_from_the_engine_at_any_width() {
        let mut function = function();
        write(&mut function, CONFIG, 0x40, &[0; 4]).unwrap();
        assert_eq!(read(&mut function, CONFIG, 0x40, 4).unwrap(), [0x45, 0x02, 0x00, 0x90]);
        assert_eq!(read(&mut function, CONFIG, 0x43, 1).unwrap(), [0x90]);
        assert_eq!(read(&mut function, CONFIG, 0x3E, 4).unwrap(), [0, 0, 0x45, 0x02]);
    }

    #[test]
    fn d3hot_hides_the_registers_and_leaving_it_resets() {
        let mut function = function();
        write(&mut function, CONFIG, 0x04, &[0x06]).unwrap();
        write(&mut function, 0, 4, &[1, 0, 0, 0]).unwrap();
        assert_eq!(read(&mut function, CONFIG, 0x06, 1).unwrap(), [0x18], "interrupt pending");
        write(&mut function, CONFIG, 0x54, &[3]).unwrap();
        assert_eq!(read(&mut function, CONFIG, 0x06, 1).unwrap(), [0x10], "no interrupt while asleep");
        assert_eq!(read(&mut function, 0, 4, 4).unwrap(), [0xFF; 4]);
        write(&mut function, 0, 4, &[0; 4]).unwrap();
        assert_eq!((function.engine.reads, function.engine.resets), (0, 0));
        write(&mut function, CONFIG, 0x54, &[0]).unwrap();
        assert_eq!(function.engine.resets, 1);
        assert_eq!(read(&mut function, CONFIG, 0x04, 1).unwrap(), [0x06], "VFIO keeps configuration space");
        assert_eq!(read(&mut function, 0, 4, 4).unwrap(), [0x04, 0, 1, 0]);
        write(&mut function, CONFIG, 0x54, &[0]).unwrap();
        assert_eq!(function.engine.resets, 1, "D0 to D0 is nothing");
    }

    #[test]
    fn what_is_pulled_out_reads_as_ones_until_it_is_back() {
        let mut function = function();
        write(&mut function, CONFIG, 0x04, &[0x06]).unwrap();
        function.remove();
        assert_eq!(read(&mut function, CONFIG, 0, 4).unwrap(), [0xFF; 4]);
        assert_eq!(read(&mut function, CONFIG, 0x40, 4).unwrap(), [0xFF; 4]);
        assert_eq!(read(&mut function, 0, 4, 4).unwrap(), [0xFF; 4]);
        write(&mut function, 0, 4, &[1, 0, 0, 0]).unwrap();
        assert_eq!(function.reset(Instant::now()), Err(Errno::NODEV));
        assert_eq!((function.engine.written.len(), function.engine.resets), (0, 0));
        function.reinsert(Instant::now());
        assert_eq!(
            read(&mut function, CONFIG, 0, 6).unwrap(),
            [0x86, 0x80, 0xE0, 0xA0, 0, 0],
            "as after power-on"
        );
        assert_eq!(function.engine.resets, 1);
    }
}
