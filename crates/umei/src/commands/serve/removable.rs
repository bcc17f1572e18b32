//! A device whose name goes when its function is gone, and comes back with it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result};
use cuse::{Buffer, Channel, CuseSession, DeviceName, FuseSession, Received, Session, SessionError};

use super::link::Link;
use super::place::character_node;

/// A session that can be taken away while no program has the device open.
pub(super) trait Removable: Session {
    /// Takes the name away, if [`Session::set_gone`] has not. No file is open.
    fn withdraw(&mut self);

    /// Puts it back. What was not withdrawn stays as it is.
    ///
    /// # Errors
    /// When the name is taken meanwhile.
    fn restore(&mut self) -> Result<()>;
}

/// The name went with `set_gone`.
impl Removable for FuseSession {
    fn withdraw(&mut self) {}

    fn restore(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A character device, whose name lasts as long as its session.
pub(super) struct CharacterDevice {
    name: DeviceName,
    present: Option<Present>,
    /// What is listened to meanwhile: nobody speaks.
    silence: Channel,
    _nobody: OwnedFd,
}

struct Present {
    session: CuseSession,
    numbers: (u32, u32),
    /// A node that was made where the kernel makes none.
    _node: Option<Link>,
}

impl CharacterDevice {
    /// Makes the device.
    pub(super) fn start(name: &DeviceName) -> Result<Self> {
        let (silence, nobody) = UnixStream::pair().context("making a descriptor")?;
        let silence = Channel::new(silence.into()).context("making a descriptor")?;
        let mut device = Self { name: name.clone(), present: None, silence, _nobody: nobody.into() };
        device.restore()?;
        Ok(device)
    }

    /// Its major and minor number, 0 and 0 while it is away.
    pub(super) fn numbers(&self) -> (u32, u32) {
        self.present.as_ref().map_or((0, 0), |present| present.numbers)
    }
}

impl Removable for CharacterDevice {
    fn withdraw(&mut self) {
        self.present = None;
    }

    fn restore(&mut self) -> Result<()> {
        if self.present.is_none() {
            let (session, numbers, node) = character_node(&self.name)?;
            self.present = Some(Present { session, numbers, _node: node });
        }
        Ok(())
    }
}

impl Session for CharacterDevice {
    #[inline(always)]
    fn recv<'b>(&mut self, buffer: &'b mut Buffer) -> Result<Received<'b>, SessionError> {
        match &mut self.present {
            Some(present) => present.session.recv(buffer),
            None => Ok(Received::Nothing),
        }
    }

    fn channel(&self) -> &Channel {
        self.present.as_ref().map_or(&self.silence, |present| present.session.channel())
    }

    fn set_gone(&mut self) {
        if let Some(present) = &mut self.present {
            present.session.set_gone();
        }
    }

    fn set_back(&mut self) {
        if let Some(present) = &mut self.present {
            present.session.set_back();
        }
    }
}

impl AsFd for CharacterDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel().as_fd()
    }
}
