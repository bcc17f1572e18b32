//! The AMT watchdog as a watchdog device of its own, beside the MEI device (`linux-watchdog.md`).
//!
//! Its device is there when the firmware wants one, as with the kernel's driver, and heartbeats are its user's.

mod abi;
mod device;

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cuse::DeviceName;
use cuse_frontend::{Remote, Unanswered};
use mei_core::{DeviceState, Host, WatchdogState};
use mei_wire::Device;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{Errno, retry_on_intr, write};

use self::device::{AnySession, WatchdogDevice, ask};
use super::place::Place;
use crate::backend::AnyDevice;

/// How often to look whether the firmware wants a watchdog.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// How long the firmware may take to hear that it need not watch any more.
const FAREWELL: Duration = Duration::from_secs(2);
/// Between two looks at what ends soon.
const TICK: Duration = Duration::from_millis(5);
/// More watchdogs than a machine has.
const MOST: u32 = 32;

/// Makes the node of a watchdog device.
pub(super) type Maker = fn(&DeviceName) -> Result<(AnySession, Place)>;

/// A watchdog that is served, by a thread of its own.
#[derive(Debug)]
pub(super) struct Watchdog {
    stop: Arc<OwnedFd>,
    stage: Arc<AtomicU8>,
    thread: JoinHandle<()>,
}

/// Stages of a watchdog: each end of it knows of the other's, whichever was first.
const SERVING: u8 = 0;
/// [`Watchdog::end`] was called.
const TOLD: u8 = 1;
/// The thread is through.
const ENDED: u8 = 2;

/// What the thread does last, even if it panics.
struct Leave {
    stage: Arc<AtomicU8>,
    remote: Remote<AnyDevice>,
}

impl Drop for Leave {
    fn drop(&mut self) {
        if self.stage.swap(ENDED, Ordering::SeqCst) == TOLD {
            self.remote.stop();
        }
    }
}

/// Offers the watchdog of the device behind `remote`, whenever there is one.
pub(super) fn start(remote: Remote<AnyDevice>, make: Maker) -> Result<Watchdog> {
    let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let stopped = Arc::clone(&stop);
    let stage = Arc::new(AtomicU8::new(SERVING));
    let leave = Leave { stage: Arc::clone(&stage), remote };
    let thread = thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || {
            if let Err(error) = run(&leave.remote, make, &stopped) {
                log::error!("the watchdog has failed: {error:#}");
            }
            farewell(&leave.remote);
        })
        .context("starting a thread")?;
    Ok(Watchdog { stop, stage, thread })
}

impl Watchdog {
    /// Ends the watchdog, and with it the service: the firmware hears of it first, while the device is still served.
    /// Does not wait. Called again it says the same; false: it has ended before, and the service is the caller's to end.
    pub(super) fn end(&self) -> bool {
        let told = self.stage.compare_exchange(SERVING, TOLD, Ordering::SeqCst, Ordering::SeqCst);
        // It can only fail by being readable already.
        let _ = write(&self.stop, &1u64.to_ne_bytes());
        told != Err(ENDED)
    }

    /// Ends the watchdog of a device that is served no more, and waits until its name is gone.
    pub(super) fn clear(self) {
        self.end();
        let until = Instant::now() + FAREWELL;
        while !self.thread.is_finished() && Instant::now() < until {
            thread::sleep(TICK);
        }
    }
}

fn run(remote: &Remote<AnyDevice>, make: Maker, stop: &OwnedFd) -> Result<()> {
    let mut served: Option<WatchdogDevice> = None;
    let mut complained = false;
    let mut absence = None;
    loop {
        let (state, now_absent) = match remote.visit(|host, _| (host.watchdog().state, Absence::of(host))) {
            Ok(looked) => looked,
            Err(Unanswered::Closed) => return Ok(()),
            Err(_) if sleep(stop)? => return Ok(()),
            Err(_) => continue,
        };
        if let Some(why) = now_absent.filter(|_| now_absent != absence) {
            log::warn!("no watchdog device: {why}");
        }
        absence = now_absent.or(absence);
        match &served {
            None if is_wanted(state) => match offer(make) {
                Ok(device) => {
                    log::info!("{} is there", device.shown());
                    served = Some(device);
                    complained = false;
                }
                Err(error) if !complained => {
                    log::warn!("no watchdog device: {error:#}");
                    complained = true;
                }
                Err(_) => {}
            },
            // Who has it open gets ENODEV until it is closed.
            Some(device) if !is_wanted(state) && !device.is_open() => served = None,
            _ => {}
        }
        let mut fds = vec![PollFd::new(stop, PollFlags::IN)];
        if let Some(device) = &served {
            fds.push(PollFd::new(device.session(), PollFlags::IN));
        }
        retry_on_intr(|| poll(&mut fds, Some(&LOOK)))?;
        if !fds[0].revents().is_empty() {
            return Ok(());
        }
        if let Some(device) = &mut served
            && !device.serve(remote)?
        {
            served = None;
        }
    }
}

/// Why there is no watchdog, once that is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// No such client.
    NoClient,
    /// There is one, and it wants no heartbeats.
    NotRequired,
}

impl Absence {
    fn of<D: Device>(host: &Host<D>) -> Option<Self> {
        match host.watchdog().state {
            WatchdogState::NotRequired => Some(Self::NotRequired),
            WatchdogState::Absent if host.state() == DeviceState::Enabled && !host.has_watchdog() => {
                Some(Self::NoClient)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoClient => "the firmware has no watchdog; AMT may be off",
            Self::NotRequired => "the firmware wants no heartbeats",
        })
    }
}

fn is_wanted(state: WatchdogState) -> bool {
    matches!(
        state,
        WatchdogState::Idle | WatchdogState::Start | WatchdogState::Running | WatchdogState::Stopping
    )
}

/// Waits as long as between two looks; whether the end came meanwhile.
fn sleep(stop: &OwnedFd) -> Result<bool, Errno> {
    let mut fds = [PollFd::new(stop, PollFlags::IN)];
    retry_on_intr(|| poll(&mut fds, Some(&LOOK))).map(|ready| ready > 0)
}

/// A device with the lowest number that is free.
fn offer(make: Maker) -> Result<WatchdogDevice> {
    let is_free = |number: &u32| {
        let name = format!("watchdog{number}");
        !Path::new("/dev").join(&name).exists() && !Path::new("/sys/class/watchdog").join(&name).exists()
    };
    let number = (0..MOST).find(is_free).context("all watchdog numbers are taken")?;
    let (session, place) = make(&DeviceName::new(&format!("watchdog{number}"))?)?;
    Ok(WatchdogDevice::new(session, place))
}

/// Disarms an alarm that nobody would feed, and waits until the firmware has heard of it.
fn farewell(remote: &Remote<AnyDevice>) {
    // ENODEV when there is no watchdog, and nothing to disarm.
    let _ = ask(remote, |host, now| host.watchdog_stop(now));
    let mut until = Instant::now() + FAREWELL;
    let mut late = false;
    loop {
        match remote.visit(|host, _| host.watchdog().state) {
            Ok(WatchdogState::Stopping) if Instant::now() < until => thread::sleep(TICK),
            // The machine stood still, and the firmware has had no time.
            Err(Unanswered::Late) if !late => (late, until) = (true, Instant::now() + FAREWELL),
            _ => return,
        }
    }
}
