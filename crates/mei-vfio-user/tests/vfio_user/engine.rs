//! An engine whose every move can be seen.

use mei_emulator::HostMemory;
use mei_vfio_user::Engine;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Sets the interrupt level.
pub(crate) const LEVEL: u32 = 0x10;
/// Raises the level in 10 ms.
pub(crate) const ALARM: u32 = 0x14;
/// Low half of a guest address.
pub(crate) const ADDRESS: u32 = 0x20;
/// Copies four bytes of guest memory at ADDRESS to ADDRESS + 4, each plus one; then COPIED tells whether that
/// worked.
pub(crate) const COPY: u32 = 0x24;
pub(crate) const COPIED: u32 = 0x28;
/// Reads back what was written.
pub(crate) const SCRATCH: u32 = 0x40;

/// What tests see from outside.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    resets: Mutex<u32>,
    changed: Condvar,
    pub(crate) firmware_resets: AtomicU32,
}

impl Observed {
    /// Waits until the function was reset `count` times.
    pub(crate) fn wait_for_resets(&self, count: u32) {
        let too_few = |resets: &mut u32| *resets < count;
        let waited = self
            .changed
            .wait_timeout_while(self.resets.lock().unwrap(), Duration::from_secs(60), too_few)
            .unwrap();
        assert!(!waited.1.timed_out(), "the function was not reset");
    }
}

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    observed: Arc<Observed>,
    level: bool,
    edge: bool,
    alarm: Option<Instant>,
    alarm_requested: bool,
    address: u32,
    copy: bool,
    copied: u32,
    scratch: u32,
}

impl Recorder {
    pub(crate) fn new() -> (Self, Arc<Observed>) {
        let recorder = Self::default();
        let observed = Arc::clone(&recorder.observed);
        (recorder, observed)
    }

    fn set_level(&mut self, level: bool) {
        self.edge |= level && !self.level;
        self.level = level;
    }
}

impl Engine for Recorder {
    fn device_id(&self) -> u16 {
        0x51E0
    }

    fn read32(&mut self, offset: u32) -> u32 {
        match offset {
            LEVEL => self.level.into(),
            COPIED => self.copied,
            SCRATCH => self.scratch,
            _ => 0,
        }
    }

    fn write32(&mut self, offset: u32, value: u32) {
        match offset {
            LEVEL => self.set_level(value != 0),
            ALARM => self.alarm_requested = true,
            ADDRESS => self.address = value,
            COPY => self.copy = true,
            SCRATCH => self.scratch = value,
            _ => {}
        }
    }

    fn status_word(&self, offset: u16) -> Option<u32> {
        (offset == 0x40).then_some(0x9000_0245)
    }

    fn run(&mut self, memory: &mut dyn HostMemory, now: Instant) {
        if std::mem::take(&mut self.alarm_requested) {
            self.alarm = Some(now + Duration::from_millis(10));
        }
        if self.alarm.is_some_and(|alarm| alarm <= now) {
            self.alarm = None;
            self.set_level(true);
        }
        if std::mem::take(&mut self.copy) {
            let mut bytes = [0; 4];
            let address = self.address.into();
            let copied =
                memory.read(address, &mut bytes) && memory.write(address + 4, &bytes.map(|byte| byte + 1));
            self.copied = copied.into();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.alarm
    }

    fn interrupt_level(&self) -> bool {
        self.level
    }

    fn take_interrupt_edge(&mut self) -> bool {
        std::mem::take(&mut self.edge)
    }

    fn function_reset(&mut self, _: Instant) {
        *self = Self { observed: Arc::clone(&self.observed), ..Self::default() };
        *self.observed.resets.lock().unwrap() += 1;
        self.observed.changed.notify_all();
    }

    fn firmware_reset(&mut self, _: Instant) {
        self.set_level(true);
        self.observed.firmware_resets.fetch_add(1, Ordering::Relaxed);
    }
}
