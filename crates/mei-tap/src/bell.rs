//! A descriptor for interrupts that come late: who waits for the device's own would not wake up.

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Readable when the device's own descriptor is, or when it was rung.
#[derive(Debug)]
pub(crate) struct Bell {
    both: OwnedFd,
    rung: OwnedFd,
}

impl Bell {
    /// Beside the device's descriptor.
    ///
    /// # Errors
    /// Of the system, which may have no descriptor left.
    pub(crate) fn beside(device: BorrowedFd<'_>) -> Result<Self, Errno> {
        let rung = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let both = epoll::create(CreateFlags::CLOEXEC)?;
        for descriptor in [device, rung.as_fd()] {
            epoll::add(&both, descriptor, EventData::new_u64(0), EventFlags::IN)?;
        }
        Ok(Self { both, rung })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.both.as_fd()
    }

    pub(crate) fn ring(&self) {
        if let Err(errno) = rustix::io::write(&self.rung, &1u64.to_ne_bytes()) {
            log::error!("nobody hears of an interrupt that is late: {errno}");
        }
    }

    pub(crate) fn silence(&self) {
        // It fails when nothing has rung.
        let _ = rustix::io::read(&self.rung, &mut [0; 8][..]);
    }
}
