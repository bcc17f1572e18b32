//! The AMT watchdog, as the kernel's `mei_wdt` speaks to it (`linux-watchdog.md`).
//!
//! The heartbeat is its user's: nothing here pings by itself. The firmware's alarm is armed by the first ping,
//! not by [`Host::watchdog_start`]. A user that means to leave the alarm off calls [`Host::watchdog_stop`] and
//! lets the host run until the firmware took the message, before [`Host::stop`].

use crate::client::{Origin, Service, Switch};
use crate::control::Control;
use crate::options::WatchdogUse;
use crate::service::NO_FILE;
use crate::{Errno, Host};
use mei_wire::{Function, Guid};
use std::time::{Duration, Instant};

const WATCHDOG: Guid = Guid::from_u128(0x05b79a6f_4628_4d7f_899d_a91514cb32ab);

/// Header of every message: management control, bytes that follow the second, subcommand, version 1.0.
const COMMAND: u8 = 0x02;
const VERSION: u8 = 0x10;
const START: u8 = 0x13;
const STOP: [u8; 4] = [COMMAND, 2, 0x14, VERSION];
const START_RESPONSE: u8 = 0x83;

/// How long the firmware may take to answer a ping before the silence is reported. The kernel waits without end.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the watchdog does (`linux-watchdog.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WatchdogState {
    /// The firmware has none, the host was not told to use it, or the link is down.
    #[default]
    Absent,
    /// Found; the firmware has not said yet whether it wants one.
    Probe,
    /// Wanted, not used.
    Idle,
    /// Opened; the first ping arms it.
    Start,
    /// Armed.
    Running,
    /// Being disarmed.
    Stopping,
    /// The firmware does not want one. An event of its may change that.
    NotRequired,
}

/// The watchdog as its user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchdogStatus {
    /// What it does.
    pub state: WatchdogState,
    /// Seconds until the firmware's alarm.
    pub timeout: u16,
    /// Version of the client's protocol; from 2 on pings are answered.
    pub protocol_version: u8,
    /// Pings that got no answer in five seconds, since the last answer.
    pub unanswered: u32,
}

/// The driver's side.
#[derive(Debug)]
pub(crate) struct Watchdog {
    id: Option<u8>,
    status: WatchdogStatus,
    /// When the answer to the last ping counts as missing.
    due: Option<Instant>,
}

impl Default for Watchdog {
    fn default() -> Self {
        let status = WatchdogStatus {
            state: WatchdogState::Absent,
            timeout: Self::DEFAULT_TIMEOUT,
            protocol_version: 0,
            unanswered: 0,
        };
        Self { id: None, status, due: None }
    }
}

impl Watchdog {
    /// Seconds, the default and the least.
    const DEFAULT_TIMEOUT: u16 = 120;

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }
}

impl<F: Function> Host<F> {
    /// The watchdog, there or not.
    pub fn watchdog(&self) -> WatchdogStatus {
        self.services.watchdog.status
    }

    /// Whether the firmware has a watchdog, wanted or not. False while the link is down.
    pub fn has_watchdog(&self) -> bool {
        self.me_clients.by_guid(WATCHDOG).is_some()
    }

    /// Opens the watchdog: nothing is sent.
    ///
    /// # Errors
    /// ENODEV when there is none, or it is not wanted; EBUSY when it is in use.
    pub fn watchdog_start(&mut self) -> Result<(), Errno> {
        let status = &mut self.services.watchdog.status;
        match status.state {
            // A farewell that is still on its way goes before the next heartbeat.
            WatchdogState::Idle | WatchdogState::Stopping => {
                status.state = WatchdogState::Start;
                Ok(())
            }
            WatchdogState::Start | WatchdogState::Running => Err(Errno::BUSY),
            WatchdogState::Absent | WatchdogState::Probe | WatchdogState::NotRequired => Err(Errno::NODEV),
        }
    }

    /// A heartbeat; the first arms the alarm.
    ///
    /// # Errors
    /// ENODEV when there is no watchdog, or the errno of sending. Where one is not in use, nothing is sent and
    /// that is no error.
    pub fn watchdog_ping(&mut self, now: Instant) -> Result<(), Errno> {
        let result = match self.services.watchdog.status.state {
            WatchdogState::Start | WatchdogState::Running => {
                self.services.watchdog.status.state = WatchdogState::Running;
                self.watchdog_send_ping(now)
            }
            WatchdogState::Absent | WatchdogState::Probe => Err(Errno::NODEV),
            WatchdogState::Idle | WatchdogState::Stopping | WatchdogState::NotRequired => Ok(()),
        };
        self.finish(now);
        result
    }

    /// Sets the time-out and pings with it.
    ///
    /// # Errors
    /// EINVAL for less than 120 s; as [`Host::watchdog_ping`].
    pub fn watchdog_set_timeout(&mut self, seconds: u16, now: Instant) -> Result<(), Errno> {
        if seconds < Watchdog::DEFAULT_TIMEOUT {
            return Err(Errno::INVAL);
        }
        self.services.watchdog.status.timeout = seconds;
        self.watchdog_ping(now)
    }

    /// Disarms the alarm. Opened and never pinged, there is nothing to disarm and nothing is sent.
    ///
    /// # Errors
    /// ENODEV when there is no watchdog, or the errno of sending.
    pub fn watchdog_stop(&mut self, now: Instant) -> Result<(), Errno> {
        let watchdog = &mut self.services.watchdog;
        let result = match (watchdog.status.state, watchdog.id) {
            (WatchdogState::Running, Some(id)) => {
                watchdog.status.state = WatchdogState::Stopping;
                watchdog.due = None;
                self.touch(id);
                self.send_for(id, Origin::Program, &STOP)
            }
            (WatchdogState::Start, id) => {
                // The kernel stays in START, from where its device can be opened again all the same. A farewell of
                // before may still be on its way.
                let waits =
                    id.and_then(|id| self.client(id)).is_some_and(|client| client.writes_queued() > 0);
                self.services.watchdog.status.state =
                    if waits { WatchdogState::Stopping } else { WatchdogState::Idle };
                Ok(())
            }
            (WatchdogState::Absent | WatchdogState::Probe, _) => Err(Errno::NODEV),
            _ => Ok(()),
        };
        self.finish(now);
        result
    }

    /// Connects to the client, when it is there and wanted.
    pub(crate) fn watchdog_probe(&mut self, now: Instant) {
        if self.options.watchdog == WatchdogUse::Off || self.services.watchdog.id.is_some() {
            return;
        }
        let Some(record) = self.me_clients.by_guid(WATCHDOG).and_then(|me| self.me_clients.get(me)) else {
            return;
        };
        let version = self.protocol_version(record);
        match self.open_service(Service::Watchdog, WATCHDOG, now) {
            Ok(id) => {
                let watchdog = &mut self.services.watchdog;
                watchdog.id = Some(id);
                watchdog.status.protocol_version = version;
                watchdog.status.unanswered = 0;
            }
            Err(errno) => log::warn!("no connection to the watchdog: {errno}"),
        }
    }

    fn watchdog_send_ping(&mut self, now: Instant) -> Result<(), Errno> {
        let id = self.services.watchdog.id.ok_or(Errno::NODEV)?;
        if !self.client(id).is_some_and(|client| client.is_connected()) {
            return Err(Errno::NODEV);
        }
        let mut message = [0; 23];
        message[..4].copy_from_slice(&[COMMAND, 21, START, VERSION]);
        message[4..6].copy_from_slice(&self.services.watchdog.status.timeout.to_le_bytes());
        self.send_for(id, Origin::Program, &message)?;
        if self.services.watchdog.status.protocol_version >= 2 {
            self.services.watchdog.due.get_or_insert(now + RESPONSE_TIMEOUT);
        }
        Ok(())
    }

    pub(crate) fn watchdog_serve(&mut self, id: u8, now: Instant) {
        if self.services.watchdog.id != Some(id) {
            return;
        }
        if self.has_ended(id) {
            let timeout = self.services.watchdog.status.timeout;
            self.services.watchdog = Watchdog::default();
            self.services.watchdog.status.timeout = timeout;
            return self.unlink(id);
        }
        if !self.client(id).is_some_and(|client| client.is_connected()) {
            return;
        }
        while let Some(message) = self.receive_for(id) {
            match message {
                Ok(message) => {
                    self.watchdog_take(id, &message);
                    self.pool.put(message);
                }
                Err(errno) => log::warn!("watchdog: {errno}"),
            }
        }
        if let Err(errno) = self.read_start(id, NO_FILE, 0, now) {
            log::warn!("the watchdog cannot be read: {errno}");
        }
        let event = self.take_event(id);
        let drained = self.client(id).is_some_and(|client| client.writes_queued() == 0);
        let status = &mut self.services.watchdog.status;
        match status.state {
            WatchdogState::Absent => self.watchdog_begin(id, now),
            WatchdogState::NotRequired if event => status.state = WatchdogState::Idle,
            WatchdogState::Stopping if drained => status.state = WatchdogState::Idle,
            _ => {}
        }
    }

    /// The connection stands: asks the firmware whether it wants a watchdog, where it can be asked.
    fn watchdog_begin(&mut self, id: u8, now: Instant) {
        if self.hbm.features.since_2_0
            && let Err(errno) = self.control_now(id, Control::Notify(Switch::On), now)
        {
            log::warn!("no notifications of the watchdog: {errno}");
        }
        if self.services.watchdog.status.protocol_version <= 1 {
            self.services.watchdog.status.state = WatchdogState::Idle;
            return;
        }
        self.services.watchdog.status.state = WatchdogState::Probe;
        if let Err(errno) = self.watchdog_send_ping(now) {
            log::warn!("the watchdog could not be asked: {errno}");
        }
    }

    fn watchdog_take(&mut self, id: u8, message: &[u8]) {
        let &[command, _, subcommand, version, ref rest @ ..] = message else {
            if !message.is_empty() {
                log::warn!("a watchdog message of {} bytes", message.len());
            }
            return;
        };
        if (command, version, subcommand) != (COMMAND, VERSION, START_RESPONSE) {
            return log::warn!("watchdog message {command:#04x} {subcommand:#04x} {version:#04x}");
        }
        // What a short response leaves out reads as zero: wanted.
        let wanted = rest.get(1).is_none_or(|state| state & 1 == 0);
        let watchdog = &mut self.services.watchdog;
        watchdog.due = None;
        watchdog.status.unanswered = 0;
        match watchdog.status.state {
            WatchdogState::Probe if wanted => {
                watchdog.status.state = WatchdogState::Stopping;
                if let Err(errno) = self.send_for(id, Origin::Program, &STOP) {
                    log::warn!("the watchdog could not be disarmed: {errno}");
                    self.services.watchdog.status.state = WatchdogState::Idle;
                }
                self.touch(id);
            }
            WatchdogState::Probe | WatchdogState::Running if !wanted => {
                watchdog.status.state = WatchdogState::NotRequired;
            }
            _ => {}
        }
    }

    /// The answer to a ping is overdue: reported, not more.
    pub(crate) fn watchdog_timeout_check(&mut self, now: Instant) {
        let watchdog = &mut self.services.watchdog;
        if watchdog.due.is_some_and(|due| due <= now) {
            watchdog.due = None;
            watchdog.status.unanswered = watchdog.status.unanswered.saturating_add(1);
            log::warn!("the watchdog does not answer");
        }
    }
}
