//! A step's call, as a device takes it, and what it leaves behind.

use super::step::{Do, Place};
use crate::files::{Call, Errno, FileId};
use crate::parity::bench::{CONNECT, CONNECT_VTAG, NOTIFY_GET, NOTIFY_SET};
use std::time::Duration;

/// The call on this file; `timeout` is a poll's.
pub(super) fn prepared(call: &Do, file: FileId, timeout: Duration) -> Call {
    let ioctl = |command, argument: Vec<u8>, at: Place| Call::Ioctl {
        file,
        command,
        argument,
        pointer: at.pointer(),
    };
    match *call {
        Do::Connect { client, at } => ioctl(CONNECT, client.guid().0.to_vec(), at),
        Do::ConnectVtag { client, vtag, at } => {
            let mut argument = client.guid().0.to_vec();
            argument.extend([vtag, 0, 0, 0]);
            ioctl(CONNECT_VTAG, argument, at)
        }
        Do::NotifySet { value, at } => ioctl(NOTIFY_SET, value.to_le_bytes().to_vec(), at),
        Do::NotifyGet { at } => ioctl(NOTIFY_GET, vec![0; 4], at),
        // The length that a command can state.
        Do::Ioctl { command, at } => ioctl(command, vec![0xA5; 1 << 14], at),
        Do::Read { size, at } => Call::Read { file, size, pointer: at.pointer() },
        Do::Write { length, fill, at } => {
            Call::Write { file, data: vec![fill; length], pointer: at.pointer() }
        }
        Do::ReadVector { ref sizes } => Call::ReadVector { file, sizes: sizes.clone() },
        Do::WriteVector { ref lengths, fill } => {
            Call::WriteVector { file, parts: lengths.iter().map(|&length| vec![fill; length]).collect() }
        }
        Do::WriteInChild { length, fill } => Call::WriteInChild { file, data: vec![fill; length] },
        Do::Poll { events } => Call::Poll { file, events, timeout },
        Do::Epoll { events } => Call::Epoll { file, events },
        Do::Fsync => Call::Fsync(file),
        Do::Fdatasync => Call::Fdatasync(file),
        Do::SetNonblocking { on } => Call::SetNonblocking(file, on),
        Do::Fionbio { on } => Call::Fionbio(file, on),
        Do::Seek => Call::Seek(file),
    }
}

/// Whether a call leaves something to do for the engine, or for the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stir {
    /// When it succeeds.
    Written,
    /// A credit is given whether there is a message or not.
    Read,
    /// Never.
    Not,
}

impl Stir {
    pub(super) fn of(call: &Call) -> Self {
        match call {
            Call::Write { .. } | Call::WriteVector { .. } | Call::WriteInChild { .. } => Self::Written,
            Call::Read { .. } | Call::ReadVector { .. } | Call::Poll { .. } | Call::Epoll { .. } => {
                Self::Read
            }
            _ => Self::Not,
        }
    }

    /// Whether a call that came to this does.
    pub(super) fn moves(self, result: Result<i64, Errno>) -> bool {
        match self {
            Self::Written => result.is_ok(),
            Self::Read => matches!(result, Ok(_) | Err(Errno::EAGAIN | Errno::EINTR | Errno::EMSGSIZE)),
            Self::Not => false,
        }
    }
}

/// Whether the driver may spin in a call, and take no signal then (Q11).
pub(super) fn may_spin(call: &Call) -> bool {
    matches!(call, Call::Write { .. } | Call::WriteVector { .. } | Call::Fsync(_) | Call::Fdatasync(_))
}
