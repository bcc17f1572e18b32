//! One monitor: what it asks, and what it is answered.

use crate::channel::{Channel, ChannelError, Received};
use crate::engine::Engine;
use crate::function::Function;
use crate::protocol::{
    Command, DEVICE_PCI, DEVICE_RESETTABLE, DeviceInfo, DmaMap, DmaUnmap, FLAG_NO_REPLY, Header, IRQ_COUNT,
    IrqInfo, REGION_COUNT, REGION_READ, REGION_WRITE, RegionAccess, RegionInfo, SetIrqs, TYPE_COMMAND,
    TYPE_MASK,
};
use crate::version;
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use thiserror::Error;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// How long a monitor may take for its VERSION. Whoever connects and says nothing would keep others out.
const GREETING_TIME: Duration = Duration::from_secs(10);

/// Messages that are handled before the rest of the loop gets its turn.
const MESSAGES_AT_A_TIME: usize = 64;

/// Why a connection ended.
#[derive(Debug, Error)]
pub(crate) enum ConnectionError {
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("a message that is no command (flags {0:#x})")]
    NoCommand(u32),
    #[error("command {0} before VERSION")]
    NoVersion(u16),
    #[error("no agreement on the protocol version")]
    Version,
    #[error("no VERSION within {} seconds", GREETING_TIME.as_secs())]
    Silent,
}

impl ConnectionError {
    /// Whether the monitor just left.
    pub(crate) fn is_farewell(&self) -> bool {
        matches!(self, Self::Channel(ChannelError::Closed))
    }
}

/// How far the connection is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// VERSION must come by then.
    Greeting(Instant),
    Ready,
}

/// A monitor's connection.
#[derive(Debug)]
pub(crate) struct Connection {
    channel: Channel,
    stage: Stage,
}

impl Connection {
    pub(crate) fn new(socket: UnixStream, now: Instant) -> Result<Self, ConnectionError> {
        Ok(Self { channel: Channel::new(socket)?, stage: Stage::Greeting(now + GREETING_TIME) })
    }

    /// Whether a version was agreed on.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready)
    }

    /// When [`Connection::check`] must be called.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Greeting(deadline) => Some(deadline),
            Stage::Ready => None,
        }
    }

    /// Time passed.
    ///
    /// # Errors
    /// The monitor has said nothing for too long.
    pub(crate) fn check(&self, now: Instant) -> Result<(), ConnectionError> {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            Err(ConnectionError::Silent)
        } else {
            Ok(())
        }
    }

    /// Whether a reply waits for the monitor to take it.
    pub(crate) fn is_sending(&self) -> bool {
        self.channel.is_sending()
    }

    /// Handles what has arrived, some messages at a time.
    ///
    /// # Errors
    /// The connection is over.
    pub(crate) fn work<E: Engine>(&mut self, function: &mut Function<E>) -> Result<(), ConnectionError> {
        self.channel.flush()?;
        for _ in 0..MESSAGES_AT_A_TIME {
            if self.channel.is_sending() {
                break;
            }
            match self.channel.receive()? {
                Received::Pending => break,
                Received::Message(header) => self.handle(&header, function)?,
            }
        }
        Ok(())
    }

    fn handle<E: Engine>(
        &mut self,
        header: &Header,
        function: &mut Function<E>,
    ) -> Result<(), ConnectionError> {
        if header.flags & TYPE_MASK != TYPE_COMMAND {
            return Err(ConnectionError::NoCommand(header.flags));
        }
        let now = Instant::now();
        let command = Command::parse(header.command);
        let (body, descriptors, reply) = self.channel.message();
        let result = match (self.stage, command) {
            (Stage::Greeting(_), Some(Command::Version)) => version::negotiate(body, reply),
            (Stage::Greeting(_), _) => return Err(ConnectionError::NoVersion(header.command)),
            (Stage::Ready, Some(command)) => execute(command, body, descriptors, reply, function, now),
            (Stage::Ready, None) => Err(Errno::OPNOTSUPP),
        };
        if let Err(errno) = result {
            log::debug!("command {} is refused: {errno}", header.command);
        }
        if header.flags & FLAG_NO_REPLY == 0 {
            self.channel.reply(header, result)?;
        } else {
            self.channel.discard();
        }
        if let Stage::Greeting(_) = self.stage {
            result.map_err(|_| ConnectionError::Version)?;
            self.stage = Stage::Ready;
        }
        if command == Some(Command::RegionWrite) || command == Some(Command::RegionRead) {
            // After the reply: the processor that waits for it need not wait for the engine.
            function.run(now);
        }
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

/// The structure that a body begins with, and the rest.
fn parse<T: FromBytes + KnownLayout + Immutable + Copy>(body: &[u8]) -> Result<(T, &[u8]), Errno> {
    T::read_from_prefix(body).map_err(|_| Errno::INVAL)
}

fn size_of_reply<T>() -> u32 {
    // No structure of the protocol is near 4 GiB.
    u32::try_from(size_of::<T>()).unwrap_or(u32::MAX)
}

fn execute<E: Engine>(
    command: Command,
    body: &[u8],
    descriptors: &mut Vec<OwnedFd>,
    reply: &mut Vec<u8>,
    function: &mut Function<E>,
    now: Instant,
) -> Result<(), Errno> {
    match command {
        // Once per connection.
        Command::Version => return Err(Errno::INVAL),
        Command::DmaMap => {
            let (request, _) = parse::<DmaMap>(body)?;
            if descriptors.len() > 1 {
                return Err(Errno::INVAL);
            }
            function.memory.map(&request, descriptors.pop())?;
        }
        Command::DmaUnmap => {
            let (request, _) = parse::<DmaUnmap>(body)?;
            let size = function.memory.unmap(&request)?;
            reply.extend_from_slice(
                DmaUnmap { argsz: size_of_reply::<DmaUnmap>(), size, ..request }.as_bytes(),
            );
        }
        Command::DeviceGetInfo => {
            parse::<DeviceInfo>(body)?;
            let info = DeviceInfo {
                argsz: size_of_reply::<DeviceInfo>(),
                flags: DEVICE_RESETTABLE | DEVICE_PCI,
                regions: REGION_COUNT,
                irqs: IRQ_COUNT,
            };
            reply.extend_from_slice(info.as_bytes());
        }
        Command::RegionInfo => {
            let (request, _) = parse::<RegionInfo>(body)?;
            let size = function.region_size(request.index)?;
            let info = RegionInfo {
                argsz: size_of_reply::<RegionInfo>(),
                flags: if size == 0 { 0 } else { REGION_READ | REGION_WRITE },
                index: request.index,
                capability_offset: 0,
                size: size.into(),
                offset: 0,
            };
            reply.extend_from_slice(info.as_bytes());
        }
        Command::IrqInfo => {
            let (request, _) = parse::<IrqInfo>(body)?;
            let (flags, count) = function.interrupts.info(request.index)?;
            reply.extend_from_slice(
                IrqInfo { argsz: size_of_reply::<IrqInfo>(), flags, index: request.index, count }.as_bytes(),
            );
        }
        Command::SetIrqs => {
            let (request, data) = parse::<SetIrqs>(body)?;
            function.interrupts.set(&request, data, descriptors)?;
        }
        Command::RegionRead => {
            let (request, _) = parse::<RegionAccess>(body)?;
            reply.extend_from_slice(request.as_bytes());
            function.read(&request, reply)?;
        }
        Command::RegionWrite => {
            let (request, data) = parse::<RegionAccess>(body)?;
            function.write(&request, data, now)?;
            reply.extend_from_slice(request.as_bytes());
        }
        Command::DeviceReset => function.reset(now)?,
    }
    Ok(())
}
