//! A MEI device node, call by call.

use crate::sys;
use mei_wire::{Guid, ioctl};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// An open file of a MEI device.
#[derive(Debug)]
pub struct Node(OwnedFd);

impl Node {
    /// `open(path, O_RDWR | flags)`.
    ///
    /// # Errors
    /// The errno of the call.
    pub fn open(path: &Path, flags: OFlags) -> io::Result<Self> {
        Ok(Self(rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC | flags, Mode::empty())?))
    }

    /// `IOCTL_MEI_CONNECT_CLIENT`: the sixteen bytes that come back.
    ///
    /// # Errors
    /// The errno of the call.
    pub fn connect(&self, guid: Guid) -> io::Result<[u8; 16]> {
        let mut argument = guid.0;
        self.ioctl(ioctl::CONNECT_CLIENT, &mut argument)?;
        Ok(argument)
    }

    /// `ioctl(command, argument)`.
    ///
    /// # Errors
    /// The errno of the call.
    pub fn ioctl(&self, command: u32, argument: &mut [u8]) -> io::Result<i32> {
        sys::ioctl(self.0.as_fd(), command, argument)
    }

    /// `read` of at most `buffer.len()` bytes.
    ///
    /// # Errors
    /// The errno of the call.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(&self.0, buffer)?)
    }

    /// `write` of all of `data`.
    ///
    /// # Errors
    /// The errno of the call.
    pub fn write(&self, data: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.0, data)?)
    }

    /// `poll` for `events`; what is ready after at most `timeout`, empty if nothing.
    ///
    /// # Errors
    /// The errno of the call.
    pub fn poll(&self, events: PollFlags, timeout: Duration) -> io::Result<PollFlags> {
        let mut fds = [PollFd::new(&self.0, events)];
        let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
        poll(&mut fds, Some(&timeout))?;
        Ok(fds[0].revents())
    }

    /// Switches O_NONBLOCK on or off.
    ///
    /// # Errors
    /// The errno of the call.
    pub fn set_flags(&self, flags: OFlags) -> io::Result<()> {
        Ok(rustix::fs::fcntl_setfl(&self.0, flags)?)
    }
}

impl AsFd for Node {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
