//! A function behind uio_pci_generic: its interrupt (`Documentation/driver-api/uio-howto.rst`).

use crate::address::Address;
use crate::error::OpenError;
use crate::system::System;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The UIO device of a function.
#[derive(Debug)]
pub(crate) struct Uio {
    fd: OwnedFd,
}

/// What a look at the UIO device says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// The function interrupted; the line is masked now.
    Interrupt,
    /// Nothing.
    Nothing,
    /// The driver was unbound or the function removed.
    Gone,
}

impl Uio {
    /// Opens the UIO device of the function at `address`, which is bound to uio_pci_generic.
    pub(crate) fn open(system: &System, address: Address) -> Result<Self, OpenError> {
        let names = system.names(system.sys(format!("bus/pci/devices/{address}/uio")));
        let name = names.first().ok_or(OpenError::NoUioDevice { address })?;
        let path = system.dev(name);
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { fd }),
            Err(errno) => Err(OpenError::Node { path, errno }),
        }
    }

    /// Readable when [`Uio::take`] has something to say.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// What happened since the last call.
    pub(crate) fn take(&mut self) -> Happened {
        let mut count = [0; 4];
        match rustix::io::read(&self.fd, &mut count[..]) {
            Ok(4) => Happened::Interrupt,
            Err(Errno::AGAIN | Errno::INTR) => Happened::Nothing,
            // EIO: unbound or removed.
            Ok(_) | Err(_) => Happened::Gone,
        }
    }
}
