//! Waiting until a device works.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cuse_frontend::{Remote, Unanswered};
use mei_core::DeviceState;
use mei_wire::Device;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Before a loop that was late is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Waits until the device behind `remote` is ENABLED or has given up, `patience` at most. A device that is not
/// ready then is left to its users: they see what its state says.
pub(crate) fn wait<D: Device>(remote: &Remote<D>, patience: Duration) -> Result<()> {
    let until = Instant::now() + patience;
    let watch = remote.watch_state()?;
    loop {
        watch.take();
        let visited = remote.visit(|host, _| host.state());
        let left = until.saturating_duration_since(Instant::now());
        let state = match visited {
            Err(why @ Unanswered::Late) if left.is_zero() => {
                log::warn!("{why}");
                return Ok(());
            }
            Err(Unanswered::Late) => {
                thread::sleep(AGAIN);
                continue;
            }
            visited => visited?,
        };
        if state == DeviceState::Enabled {
            return Ok(());
        }
        if state == DeviceState::Disabled || left.is_zero() {
            log::warn!("the device is {state}: programs get ENODEV");
            return Ok(());
        }
        let timeout = Timespec::try_from(left).context("a time-out")?;
        match poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno).context("waiting for the device"),
        }
    }
}
