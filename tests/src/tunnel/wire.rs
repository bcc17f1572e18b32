//! A connection to LME: whole messages, and a wait that ends.

use crate::files::{Call, Errno, FileId, Files, Outcome, Pointer};
use crate::node::Node;
use anyhow::{Context, Result, bail, ensure};
use mei_wire::{Guid, ioctl};
use rustix::event::PollFlags;
use rustix::fs::OFlags;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// LME, declared again.
const LME: Guid = Guid::from_u128(0x6733a4db_0476_4e7b_b3af_bcfc29bee7a7);

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// A message.
    Message,
    /// A message, or room for one.
    MessageOrRoom,
}

/// A connection to LME.
pub trait Wire {
    /// Sends a message. False: there is no room now.
    ///
    /// # Errors
    /// The connection is over.
    fn send(&mut self, message: &[u8]) -> Result<bool>;

    /// Receives a message if there is one: its length.
    ///
    /// # Errors
    /// The connection is over.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>>;

    /// Waits.
    ///
    /// # Errors
    /// Nothing happens for as long as no working device takes.
    fn wait(&mut self, waits: Waits) -> Result<()>;
}

/// Over a device node.
#[derive(Debug)]
pub struct DeviceWire(Node);

impl DeviceWire {
    /// Connects.
    ///
    /// # Errors
    /// The errno of open or connect.
    pub fn connect(device: &Path) -> Result<Self> {
        let node = Node::open(device, OFlags::NONBLOCK).context("open")?;
        node.connect(LME).context("connect to LME")?;
        Ok(Self(node))
    }
}

impl Wire for DeviceWire {
    fn send(&mut self, message: &[u8]) -> Result<bool> {
        match self.0.write(message) {
            Ok(length) => {
                ensure!(length == message.len(), "write: {length} of {} bytes", message.len());
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error).context("write"),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        match self.0.read(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error).context("read"),
        }
    }

    fn wait(&mut self, waits: Waits) -> Result<()> {
        let events = match waits {
            Waits::Message => PollFlags::IN,
            Waits::MessageOrRoom => PollFlags::IN | PollFlags::OUT,
        };
        let ready = self.0.poll(events, Duration::from_secs(30)).context("poll")?;
        ensure!(!ready.is_empty(), "nothing happens for half a minute");
        Ok(())
    }
}

/// Over a device that takes calls, such as one in this process on virtual time.
pub struct FilesWire<'a> {
    files: &'a dyn Files,
    file: FileId,
    /// Waits since something happened.
    idle: u32,
}

impl<'a> FilesWire<'a> {
    /// Connects.
    ///
    /// # Errors
    /// The errno of open or connect.
    pub fn connect(files: &'a dyn Files) -> Result<Self> {
        let mut wire = Self { files, file: FileId(0), idle: 0 };
        let opened = wire.call(Call::Open { nonblocking: true })?.result;
        wire.file = FileId(u32::try_from(opened.map_err(|errno| anyhow::anyhow!("open: {errno}"))?)?);
        let (file, argument) = (wire.file, LME.0.to_vec());
        let connect = Call::Ioctl { file, command: ioctl::CONNECT_CLIENT, argument, pointer: Pointer::Good };
        wire.call(connect)?.result.map_err(|errno| anyhow::anyhow!("connect to LME: {errno}"))?;
        Ok(wire)
    }

    fn call(&self, call: Call) -> Result<Outcome> {
        let ticket = self.files.begin(call).map_err(|reason| anyhow::anyhow!("{reason:?}"))?;
        self.files.wait(ticket, Duration::from_secs(60)).context("a call that does not end")
    }
}

impl Wire for FilesWire<'_> {
    fn send(&mut self, message: &[u8]) -> Result<bool> {
        let call = Call::Write { file: self.file, data: message.to_vec(), pointer: Pointer::Good };
        match self.call(call)?.result {
            Ok(_) => {
                self.idle = 0;
                Ok(true)
            }
            Err(Errno::EAGAIN) => Ok(false),
            Err(errno) => bail!("write: {errno}"),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let outcome =
            self.call(Call::Read { file: self.file, size: buffer.len(), pointer: Pointer::Good })?;
        match outcome.result {
            Ok(_) => {
                self.idle = 0;
                buffer[..outcome.bytes.len()].copy_from_slice(&outcome.bytes);
                Ok(Some(outcome.bytes.len()))
            }
            Err(Errno::EAGAIN) => Ok(None),
            Err(errno) => bail!("read: {errno}"),
        }
    }

    fn wait(&mut self, _waits: Waits) -> Result<()> {
        // A minute of virtual time, a millisecond at a time.
        self.idle += 1;
        ensure!(self.idle < 60_000, "nothing happens for a minute");
        self.files.pass(Duration::from_millis(1));
        Ok(())
    }
}
