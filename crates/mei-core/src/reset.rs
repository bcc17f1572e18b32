//! Start, reset, stop: the link's states between them (`hw.md` §4, §6; `hbm.md` §4.1).

use crate::hbm::HbmState;
use crate::{DeviceState, Errno, Host};
use mei_wire::Function;
use mei_wire::hbm::{HostStartReq, Version};
use mei_wire::registers::{D0i3Control, H_CSR, H_D0I3C, HostCsr};
use mei_wire::status::{HFS_OFFSETS, Hfs1};
use std::time::{Duration, Instant};

/// What the link waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not started, or stopped: interrupts are off.
    Off,
    /// D0i3 has to end before the reset.
    LeavingD0i3(Instant),
    /// The firmware has to report ready after the reset.
    WaitingReady(Instant),
    /// Both sides are ready.
    Up,
}

impl Phase {
    pub(crate) const fn deadline(self) -> Option<Instant> {
        match self {
            Self::LeavingD0i3(deadline) | Self::WaitingReady(deadline) => Some(deadline),
            Self::Off | Self::Up => None,
        }
    }
}

/// Whether a reset leaves the interrupts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interrupts {
    Wanted,
    Off,
}

/// Firmware ready after a reset.
const READY_TIMEOUT: Duration = Duration::from_secs(2);
/// D0i3 entered or left.
const D0I3_TIMEOUT: Duration = Duration::from_secs(5);
/// Handshake answered after [`Host::start`].
const START_TIMEOUT: Duration = Duration::from_secs(1);
/// Period of the stall timer.
const STALL_TICK: Duration = Duration::from_secs(2);
/// Ticks for each step of the bring-up.
pub(crate) const BRING_UP_TICKS: u8 = 15;
/// Ticks for a connect or a disconnect.
pub(crate) const CONNECT_TICKS: u8 = 3;
/// Consecutive resets that are tried.
const MAX_RESETS: u8 = 3;

impl<F: Function> Host<F> {
    /// Begins: reset, handshake, enumeration.
    pub fn start(&mut self, now: Instant) {
        if self.phase != Phase::Off || self.gone {
            return;
        }
        self.reset_count = 0;
        self.set_state(DeviceState::Initializing);
        if self.configure().is_ok() {
            self.start_deadline = Some(now);
            self.reset(now);
        }
        self.finish(now);
    }

    /// System sleep ended: starts again with the same handles.
    pub fn resume(&mut self, now: Instant) {
        if self.phase != Phase::Off || self.gone {
            return;
        }
        self.set_state(DeviceState::PowerUp);
        self.reset_count = 0;
        self.reset(now);
        self.finish(now);
    }

    /// System sleep begins: as [`Host::stop`]; handles stay and may reconnect after [`Host::resume`].
    pub fn suspend(&mut self, now: Instant) {
        self.stop(now);
    }

    /// Orderly end. Like the kernel's driver it resets the link with interrupts off instead of shaking hands;
    /// everyone who waits is answered, and the state is DISABLED when this returns.
    pub fn stop(&mut self, now: Instant) {
        if self.phase == Phase::Off && self.state == DeviceState::Initializing {
            // Never started: the function is as it was found.
            return self.set_state(DeviceState::Disabled);
        }
        self.set_state(DeviceState::PoweringDown);
        self.set_state(DeviceState::PowerDown);
        if !self.gone {
            // What a function that is gone would have been told does not matter any more.
            let _ = self.reset_quietly();
        }
        self.end_everything();
        self.finish(now);
    }

    /// The function is gone: everyone is answered, and it is not touched again.
    pub fn remove(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.gone, true) {
            self.lose();
        }
        self.finish(now);
    }

    /// Whether the function is known to be gone.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// The software side of a removal.
    #[cold]
    pub(crate) fn lose(&mut self) {
        log::warn!("the function is gone");
        self.set_state(DeviceState::PoweringDown);
        self.set_state(DeviceState::PowerDown);
        self.end_everything();
    }

    fn end_everything(&mut self) {
        self.phase = Phase::Off;
        self.start_deadline = None;
        self.tick = None;
        self.reset_scheduled = false;
        self.forget_link();
        self.disconnect_all();
        self.me_clients.clear();
        self.set_state(DeviceState::Disabled);
    }

    /// Gives up (`DISABLED` until a restart or a resume).
    fn give_up(&mut self) {
        let _ = self.modify_csr(|csr| csr.with_interrupts(false));
        self.end_everything();
    }

    /// Reads what never changes (`hw.md` §4.1).
    fn configure(&mut self) -> Result<(), Errno> {
        let csr = self.host_csr()?;
        self.clear_interrupts(csr)?;
        self.buffer.depth = csr.depth();
        let status = self.function.read_config32(HFS_OFFSETS[0]);
        self.d0i3_supported = Hfs1::from(self.note(status)?).d0i3_supported();
        Ok(())
    }

    fn clear_interrupts(&mut self, csr: HostCsr) -> Result<(), Errno> {
        if csr.pending() { self.write(H_CSR, csr.into()) } else { Ok(()) }
    }

    /// Drops what belongs to a link that is over.
    fn forget_link(&mut self) {
        self.hbm.idle();
        self.inbox.length = 0;
        self.buffer.free = 0;
        self.bell = false;
        while let Some(arrived) = self.arrived.pop_front() {
            self.pool.put(arrived.message.buffer);
        }
    }

    /// The driver's reset (`hw.md` §4.4).
    #[cold]
    pub(crate) fn reset(&mut self, now: Instant) {
        let from = self.state;
        if !matches!(from, DeviceState::Initializing | DeviceState::Disabled | DeviceState::PowerUp) {
            let status = self.fw_status().unwrap_or_default();
            log::warn!(
                "unexpected reset: dev_state = {from} fw status = {}",
                status.trim_end().replace('\n', " ")
            );
        }
        self.forget_link();
        self.set_state(DeviceState::Resetting);
        self.reset_count += 1;
        if self.reset_count > MAX_RESETS {
            log::error!("reached the maximum of consecutive resets: disabling the device");
            self.give_up();
            return;
        }
        if !matches!(from, DeviceState::Initializing | DeviceState::PowerUp) {
            self.disconnect_all();
        }
        self.me_clients.clear();
        if self.begin_reset(now).is_err() && !self.gone {
            self.reset_scheduled = true;
        }
    }

    /// Opens the interrupts and leaves D0i3, then asserts the reset.
    fn begin_reset(&mut self, now: Instant) -> Result<(), Errno> {
        let csr = self.host_csr()?;
        self.clear_interrupts(csr)?;
        self.modify_csr(|csr| csr.with_interrupts(true))?;
        if self.d0i3_supported {
            let control = self.d0i3_control()?;
            if control.d0i3() {
                self.write(H_D0I3C, control.with_d0i3(false).with_interrupt_request(true).into())?;
                if self.d0i3_control()?.change_in_progress() {
                    self.phase = Phase::LeavingD0i3(now + D0I3_TIMEOUT);
                    return Ok(());
                }
            }
        }
        self.assert_reset(now)
    }

    fn d0i3_control(&mut self) -> Result<D0i3Control, Errno> {
        self.read(H_D0I3C).map(D0i3Control::from)
    }

    /// `hw.md` §4.2, steps 2 to 4.
    fn assert_reset(&mut self, now: Instant) -> Result<(), Errno> {
        self.request_reset(Interrupts::Wanted)?;
        self.phase = Phase::WaitingReady(now + READY_TIMEOUT);
        Ok(())
    }

    fn request_reset(&mut self, interrupts: Interrupts) -> Result<(), Errno> {
        let mut csr = self.host_csr()?;
        if csr.reset() {
            // The hardware ignores an assertion of what is asserted.
            self.write(H_CSR, csr.without_acknowledge().with_reset(false).into())?;
            csr = self.host_csr()?;
        }
        let csr = csr.with_reset(true).with_interrupt_generate(true).with_interrupt_status(true);
        let mut csr = csr.with_d0i3_interrupt_status(true);
        if interrupts == Interrupts::Off {
            csr = csr.with_interrupts(false);
        }
        self.write(H_CSR, csr.into())?;
        let seen = self.host_csr()?;
        if !seen.reset() || seen.ready() {
            log::warn!("H_CSR reads {:#010x} after a reset was requested", u32::from(seen));
        }
        Ok(())
    }

    /// The reset of a stop: interrupts off, released at once, D0i3 asked for but not waited for
    /// (`hw.md` §4.2, step 5).
    fn reset_quietly(&mut self) -> Result<(), Errno> {
        let csr = self.host_csr()?;
        self.clear_interrupts(csr)?;
        self.request_reset(Interrupts::Off)?;
        self.modify_csr(|csr| csr.with_interrupt_generate(true).with_reset(false))?;
        if self.d0i3_supported {
            let control = self.d0i3_control()?;
            if !control.d0i3() {
                self.write(H_D0I3C, control.with_d0i3(true).with_interrupt_request(false).into())?;
                let _ = self.d0i3_control()?;
            }
        }
        Ok(())
    }

    /// A D0i3 transition ended, or its time did.
    pub(crate) fn d0i3_left(&mut self, now: Instant) {
        if self.assert_reset(now).is_err() && !self.gone {
            self.reset_scheduled = true;
        }
    }

    /// The firmware is ready after a reset: `hw.md` §4.3, steps 7 to 9.
    pub(crate) fn link_up(&mut self, now: Instant) {
        if self.bring_link_up(now).is_err() && !self.gone {
            self.set_state(DeviceState::Resetting);
            self.reset_scheduled = true;
        }
    }

    fn bring_link_up(&mut self, now: Instant) -> Result<(), Errno> {
        self.modify_csr(|csr| csr.with_interrupt_generate(true).with_reset(false))?;
        self.modify_csr(|csr| csr.with_interrupt_generate(true).with_ready(true).with_interrupts(true))?;
        self.phase = Phase::Up;
        self.set_state(DeviceState::InitClients);
        self.me_clients.clear();
        self.hbm.state = HbmState::Starting;
        self.send_hbm(&HostStartReq::new(Version::DRIVER))?;
        self.arm_bring_up_timer(now);
        if self.start_deadline.is_some() {
            self.start_deadline = Some(now + START_TIMEOUT);
        }
        Ok(())
    }

    /// Gives the firmware its time for the present step of the bring-up.
    pub(crate) fn arm_bring_up_timer(&mut self, now: Instant) {
        self.hbm.timer = BRING_UP_TICKS;
        self.arm_tick(now);
    }

    pub(crate) fn arm_tick(&mut self, now: Instant) {
        if self.tick.is_none() {
            self.tick = Some(now + STALL_TICK);
        }
    }

    /// What the link waited for did not come.
    pub(crate) fn phase_timeout(&mut self, now: Instant) {
        match self.phase {
            Phase::LeavingD0i3(deadline) if deadline <= now => match self.d0i3_control() {
                Ok(control) if !control.d0i3() => self.d0i3_left(now),
                Ok(_) => {
                    log::error!("D0i3 did not end");
                    self.retry_reset();
                }
                Err(_) => {}
            },
            Phase::WaitingReady(deadline) if deadline <= now => {
                log::error!("the firmware did not get ready after the reset");
                self.retry_reset();
            }
            _ => {}
        }
        if self.phase == Phase::Up && self.start_deadline.is_some_and(|deadline| deadline <= now) {
            log::error!("the firmware did not answer the start of the bus protocol");
            self.give_up();
        }
    }

    fn retry_reset(&mut self) {
        if self.start_deadline.is_some() {
            // The first start tries from the beginning each time.
            self.set_state(DeviceState::Initializing);
        }
        self.reset_scheduled = true;
    }

    /// One tick of the stall timer (`hbm.md` §4.1, §5.2).
    pub(crate) fn stall_tick(&mut self, now: Instant) {
        self.tick = None;
        let mut counting = false;
        if self.state == DeviceState::InitClients && self.hbm.timer > 0 {
            self.hbm.timer -= 1;
            if self.hbm.timer == 0 {
                log::error!("the firmware stalled in {:?}", self.hbm.state);
                self.reset_scheduled = true;
                return;
            }
            counting = true;
        }
        if self.state == DeviceState::Enabled {
            let mut expired = false;
            for id in self.stalling.iter() {
                let Some(client) = self.client_mut(id) else { continue };
                // One expiry is dealt with at a time; the others are kept for the next tick.
                if client.timer == 1 && expired {
                    counting = true;
                    continue;
                }
                client.timer = client.timer.saturating_sub(1);
                if client.timer > 0 {
                    counting = true;
                } else {
                    self.stalling.remove(id);
                    expired = true;
                    self.connect_stalled(id);
                }
            }
        }
        if counting {
            self.arm_tick(now);
        }
    }
}
