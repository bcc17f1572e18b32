//! A device with faults.

use crate::bell::Bell;
use crate::plan::{Action, Event, Fault, Plan};
use crate::token::Register;
use mei_wire::registers::{H_CB_WW, ME_CB_RW};
use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};
use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Most writes that wait behind a delayed one. A driver that writes more finds the link slow no longer.
const MAX_DELAYED: usize = 4096;

/// A device that behaves as `D` but for the faults of a [`Plan`].
#[derive(Debug)]
pub struct Injector<D> {
    device: D,
    origin: String,
    faults: Vec<Armed>,
    /// First and latest [`Device::run`].
    started: Option<Instant>,
    now: Option<Instant>,
    gone: bool,
    writes: VecDeque<DelayedWrite>,
    interrupt: Option<Instant>,
    /// Where interrupts may be late and the device has a descriptor for those that are not.
    bell: Option<Bell>,
}

/// A fault that counts what matches it.
#[derive(Debug)]
struct Armed {
    fault: Fault,
    matched: u64,
}

#[derive(Debug)]
struct DelayedWrite {
    due: Instant,
    register: u32,
    value: u32,
}

/// What becomes of an access.
#[derive(Debug, Clone, Copy, Default)]
struct Verdict {
    drop: bool,
    delay: Option<Duration>,
    bits: Bits,
}

/// What becomes of a value: `(value & keep | set) ^ flip`.
#[derive(Debug, Clone, Copy)]
struct Bits {
    keep: u32,
    set: u32,
    flip: u32,
}

impl Default for Bits {
    fn default() -> Self {
        Self { keep: u32::MAX, set: 0, flip: 0 }
    }
}

impl Bits {
    fn apply(self, value: u32) -> u32 {
        (value & self.keep | self.set) ^ self.flip
    }

    /// Bits of the mask are what `set` has there, whatever was done to them before.
    fn force(&mut self, mask: u32, set: u32) {
        self.keep &= !mask;
        self.set = self.set & !mask | set & mask;
        self.flip &= !mask;
    }
}

impl<D> Injector<D> {
    /// A device that fails by plan.
    pub fn new(device: D, plan: Plan) -> Self {
        let faults = plan.faults.into_iter().map(|fault| Armed { fault, matched: 0 }).collect();
        Self {
            device,
            origin: plan.origin,
            faults,
            started: None,
            now: None,
            gone: false,
            writes: VecDeque::new(),
            interrupt: None,
            bell: None,
        }
    }

    /// The device inside.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The device inside, without faults.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The device inside, for good.
    pub fn into_device(self) -> D {
        self.device
    }

    /// Whether a plan has made the function disappear.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// What the plan does to an event.
    fn judge(&mut self, event: Event) -> Result<Verdict, Gone> {
        if self.gone {
            return Err(Gone);
        }
        let running = match (self.started, self.now) {
            (Some(started), Some(now)) => now.saturating_duration_since(started),
            _ => Duration::ZERO,
        };
        let mut verdict = Verdict::default();
        for armed in &mut self.faults {
            let fault = &armed.fault;
            if !fault.target.matches(event) || running < fault.after {
                continue;
            }
            armed.matched += 1;
            if !fault.at.contains(&armed.matched) {
                continue;
            }
            log::debug!(
                "{}:{}: {:?} on {event:?}, match {}",
                self.origin,
                fault.line,
                fault.action,
                armed.matched
            );
            match fault.action {
                Action::Drop => verdict.drop = true,
                Action::Delay(time) => {
                    verdict.delay = Some(verdict.delay.unwrap_or_default().saturating_add(time))
                }
                Action::Corrupt(mask) => verdict.bits.flip ^= mask,
                Action::StuckHigh(mask) => verdict.bits.force(mask, mask),
                Action::StuckLow(mask) => verdict.bits.force(mask, 0),
                Action::Ones => verdict.bits.force(u32::MAX, u32::MAX),
                Action::Gone => self.gone = true,
            }
        }
        if self.gone { Err(Gone) } else { Ok(verdict) }
    }

    /// Whether a window must be taken slot by slot.
    fn watches(&self, event: Event) -> bool {
        self.gone || self.faults.iter().any(|armed| armed.fault.target.matches(event))
    }

    /// Whether an interrupt may come late.
    fn delays_interrupts(&self) -> bool {
        let delays = |action| matches!(action, Action::Delay(_));
        self.faults
            .iter()
            .any(|Armed { fault, .. }| fault.target.matches(Event::Interrupt) && delays(fault.action))
    }

    /// When something that is delayed comes.
    fn due(&self, delay: Duration) -> Option<Instant> {
        self.now.and_then(|now| now.checked_add(delay))
    }
}

impl<D: Registers> Injector<D> {
    /// Makes the writes that were delayed until now.
    fn release(&mut self, now: Instant) -> Result<(), Gone> {
        while self.writes.front().is_some_and(|write| write.due <= now)
            && let Some(write) = self.writes.pop_front()
        {
            self.device.write32(write.register, write.value)?;
        }
        Ok(())
    }

    /// Makes a write, or puts it behind those that wait.
    fn pass(&mut self, register: u32, value: u32, delay: Option<Duration>) -> Result<(), Gone> {
        if self.writes.len() >= MAX_DELAYED
            && let Some(first) = self.writes.pop_front()
        {
            self.device.write32(first.register, first.value)?;
        }
        let waits = self.writes.back().map(|last| last.due);
        // Before the function was first run there is no time that could pass.
        let due = delay.and_then(|delay| self.due(delay)).max(waits);
        match due {
            Some(due) => {
                self.writes.push_back(DelayedWrite { due, register, value });
                Ok(())
            }
            None => self.device.write32(register, value),
        }
    }
}

impl<D: Registers> Registers for Injector<D> {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        let verdict = self.judge(Event::Read(Register(offset)))?;
        let value = if verdict.drop { 0 } else { self.device.read32(offset)? };
        Ok(verdict.bits.apply(value))
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        let verdict = self.judge(Event::Write(Register(offset)))?;
        if verdict.drop { Ok(()) } else { self.pass(offset, verdict.bits.apply(value), verdict.delay) }
    }

    fn read_window(&mut self, slots: &mut [u32]) -> Result<(), Gone> {
        if self.watches(Event::Read(Register(ME_CB_RW))) {
            slots.iter_mut().try_for_each(|slot| self.read32(ME_CB_RW).map(|value| *slot = value))
        } else {
            self.device.read_window(slots)
        }
    }

    fn write_window(&mut self, slots: &[u32]) -> Result<(), Gone> {
        if self.watches(Event::Write(Register(H_CB_WW))) || !self.writes.is_empty() {
            slots.iter().try_for_each(|&slot| self.write32(H_CB_WW, slot))
        } else {
            self.device.write_window(slots)
        }
    }
}

impl<D: ConfigSpace> ConfigSpace for Injector<D> {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        let verdict = self.judge(Event::Config(offset))?;
        let value = if verdict.drop { 0 } else { self.device.read_config32(offset)? };
        Ok(verdict.bits.apply(value))
    }
}

impl<D: DmaMemory> DmaMemory for Injector<D> {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        self.device.allocate_dma(size)
    }

    // The memory is the host's own: it is there even when the function is not.
    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        self.device.read_dma(address, bytes)
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        self.device.write_dma(address, bytes)
    }
}

impl<D: Device> Injector<D> {
    /// Whether somebody who waits would wake up for an interrupt that is late.
    fn can_be_late(&self) -> bool {
        self.bell.is_some() || self.device.interrupt_fd().is_none()
    }
}

impl<D: Device> Device for Injector<D> {
    fn run(&mut self, now: Instant) {
        self.started.get_or_insert(now);
        self.now = Some(now);
        if self.gone {
            return;
        }
        if self.bell.is_none()
            && self.delays_interrupts()
            && let Some(descriptor) = self.device.interrupt_fd()
        {
            match Bell::beside(descriptor) {
                Ok(bell) => self.bell = Some(bell),
                Err(errno) => log::error!("{}: interrupts cannot be late: {errno}", self.origin),
            }
        }
        if self.release(now).is_err() {
            // A device that is gone says so itself.
            self.writes.clear();
        }
        self.device.run(now);
        if let (Some(bell), Some(due)) = (&self.bell, self.interrupt)
            && due <= now
        {
            bell.ring();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        if self.gone {
            return None;
        }
        let writes = self.writes.front().map(|write| write.due);
        [self.device.deadline(), writes, self.interrupt].into_iter().flatten().min()
    }

    fn take_interrupt(&mut self) -> bool {
        if self.gone {
            return false;
        }
        let mut interrupted = self.interrupt.take_if(|due| self.now.is_some_and(|now| *due <= now)).is_some();
        if interrupted && let Some(bell) = &self.bell {
            bell.silence();
        }
        if self.device.take_interrupt() {
            match self.judge(Event::Interrupt) {
                // Nobody will end what nobody hears of: a line would stay masked for ever, where that of silicon is
                // raised as long as its cause stands.
                Ok(Verdict { drop: true, .. }) => self.device.end_of_interrupt(),
                Ok(Verdict { delay: Some(delay), .. }) => {
                    let due = self.due(delay).filter(|_| self.can_be_late());
                    // Two that wait are one, as in the register.
                    self.interrupt = self.interrupt.or(due);
                    interrupted |= due.is_none();
                }
                // For one that is gone, too: its driver finds out.
                Ok(_) | Err(Gone) => interrupted = true,
            }
        }
        interrupted
    }

    fn end_of_interrupt(&mut self) {
        self.device.end_of_interrupt();
    }

    fn interrupt_fd(&self) -> Option<BorrowedFd<'_>> {
        self.bell.as_ref().map(Bell::fd).or_else(|| self.device.interrupt_fd())
    }
}
