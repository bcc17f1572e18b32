//! Requests of the test client, from bytes to what the engine is to do.

use super::milliseconds;
use crate::ConnectionId;
use mei_wire::Guid;
use mei_wire::hbm::Status;
use std::time::Duration;
use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Longest message that is sent unasked, bytes.
const MAX_MESSAGE: u32 = 1 << 16;

#[derive(Debug, Clone, Copy, FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header {
    command: u8,
    argument: u8,
    count: U16,
    value: U32,
    target: Guid,
}

const _: () = assert!(size_of::<Header>() == 24);

/// What the engine is asked to do.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    /// The connection that asked.
    pub(crate) origin: ConnectionId,
    pub(crate) target: Target,
    pub(crate) action: Action,
    /// How long from now.
    pub(crate) delay: Duration,
    pub(crate) payload: Vec<u8>,
}

/// Whom it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The connection that asked.
    Origin,
    /// Every connection of that client.
    Client(Guid),
}

/// A kind of response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Response {
    /// A message of the client.
    Message,
    /// An HBM message with that command.
    Bus(u8),
}

impl Response {
    fn new(byte: u8) -> Self {
        match byte {
            0 => Self::Message,
            command => Self::Bus(command),
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Return the payload.
    Echo,
    /// Give the next responses another status.
    Status { response: Response, status: Status, count: u16 },
    /// Swallow the next responses.
    Swallow { response: Response, count: u16 },
    /// Delay the next responses.
    Delay { response: Response, by: Duration, count: u16 },
    /// Send a message of so many bytes.
    Send { length: usize },
    /// The same without credit.
    SendUnasked { length: usize },
    /// End connections.
    Disconnect,
    /// Raise a notification.
    Notify,
    /// Grant no more credit.
    HoldCredit,
    /// Grant credit again.
    ReleaseCredit,
    /// Add a client.
    Add,
    /// Remove a client.
    Remove,
    /// Put the payload into the window.
    Raw,
    /// Send the payload as an HBM message.
    Bus,
    /// Reset the link.
    ResetLink,
}

impl Command {
    /// Reads a request; none when it makes no sense.
    pub(super) fn parse(origin: ConnectionId, request: &[u8]) -> Option<Self> {
        let (header, payload) = Header::ref_from_prefix(request).ok()?;
        let value = header.value.get();
        let count = header.count.get().max(1);
        let delay = milliseconds(value);
        let response = Response::new(header.argument);
        let length = || (value <= MAX_MESSAGE).then_some(value as usize);
        let (action, delay) = match header.command {
            1 => (Action::Echo, delay),
            2 => {
                let response = Response::new(u8::try_from(value).ok()?);
                (Action::Status { response, status: Status(header.argument), count }, Duration::ZERO)
            }
            3 => (Action::Swallow { response, count }, Duration::ZERO),
            4 => (Action::Delay { response, by: delay, count }, Duration::ZERO),
            5 => (Action::Send { length: length()? }, Duration::ZERO),
            6 => (Action::SendUnasked { length: length()? }, Duration::ZERO),
            7 => (Action::Disconnect, delay),
            8 => (Action::Notify, delay),
            9 => (Action::HoldCredit, Duration::ZERO),
            10 => (Action::ReleaseCredit, Duration::ZERO),
            11 => (Action::Add, delay),
            12 => (Action::Remove, delay),
            13 => (Action::Raw, delay),
            14 => (Action::Bus, delay),
            15 => (Action::ResetLink, delay),
            _ => return None,
        };
        let target = match header.target {
            Guid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) => Target::Origin,
            guid => Target::Client(guid),
        };
        Some(Self { origin, target, action, delay, payload: payload.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(request: &[u8]) -> Option<Command> {
        Command::parse(ConnectionId(1), request)
    }

    #[test]
    fn fields_stand_where_the_table_says() {
        let mut request = vec![2, 3, 5, 0, 0x86, 0, 0, 0];
        request.extend(0x10..0x20);
        request.extend([0xAA, 0xBB]);
        let command = parse(&request).unwrap();
        let status = Action::Status { response: Response::Bus(0x86), status: Status(3), count: 5 };
        assert_eq!(command.action, status);
        assert!(matches!(command.target, Target::Client(Guid([0x10, 0x11, ..]))));
        assert_eq!(command.payload, [0xAA, 0xBB]);

        let mut delayed = [0; 24];
        (delayed[0], delayed[5]) = (15, 1);
        let command = parse(&delayed).unwrap();
        assert_eq!((command.action, command.target), (Action::ResetLink, Target::Origin));
        assert_eq!(command.delay, Duration::from_millis(256));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let request = |command: u8, value: u32| {
            let mut request = [0; 24];
            request[0] = command;
            request[4..8].copy_from_slice(&value.to_le_bytes());
            request
        };
        for command in 1..=15 {
            assert!(parse(&request(command, 1)).is_some(), "{command}");
            for length in 0..24 {
                assert!(parse(&request(command, 1)[..length]).is_none(), "{command}, {length} bytes");
            }
        }
        for (command, value) in [(0, 1), (16, 1), (255, 1), (2, 256), (5, 65537), (6, u32::MAX)] {
            assert!(parse(&request(command, value)).is_none(), "{command} {value}");
        }
    }
}
