//! One step of a sequence.

use crate::test_client::Event;
use mei_wire::Guid;

/// A call on one of a sequence's files, or something that the engine is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the calls")]
pub enum Step {
    /// `open` into a slot; an open slot is closed first.
    Open { slot: usize, nonblocking: bool },
    /// `close`.
    Close { slot: usize },
    /// CONNECT_CLIENT.
    Connect { slot: usize, client: Guid },
    /// CONNECT_CLIENT_VTAG.
    ConnectVtag { slot: usize, client: Guid, vtag: u8 },
    /// A CONNECT that the firmware refuses with an HBM status, should it get there.
    Refuse { slot: usize, client: Guid, status: u8 },
    /// NOTIFY_SET.
    NotifySet { slot: usize, value: u32 },
    /// A NOTIFY_SET that the firmware refuses with an HBM status.
    RefuseNotify { slot: usize, status: u8 },
    /// NOTIFY_GET; a signal ends it when it sleeps.
    NotifyGet { slot: usize },
    /// Some other command.
    Ioctl { slot: usize, command: u32 },
    /// `read`; on a non-blocking file after a poll, on another ended by a signal when it sleeps.
    Read { slot: usize, size: usize },
    /// `write`.
    Write { slot: usize, length: usize, fill: u8 },
    /// `poll` without waiting, or for a while when it asks for what comes by itself.
    Poll { slot: usize, events: u16 },
    /// `fsync`; a signal ends it when it sleeps.
    Fsync { slot: usize },
    /// O_NONBLOCK by F_SETFL.
    SetNonblocking { slot: usize, on: bool },
    /// The engine does something, and has done it when the next call is made.
    Event(Event),
    /// The link is reset and the device is back.
    Reset(Event),
}

impl Step {
    /// What kind it is, in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Close { .. } => "close",
            Self::Connect { .. } => "connect",
            Self::ConnectVtag { .. } => "connect-vtag",
            Self::Refuse { .. } => "connect-refused",
            Self::NotifySet { .. } => "notify-set",
            Self::RefuseNotify { .. } => "notify-refused",
            Self::NotifyGet { .. } => "notify-get",
            Self::Ioctl { .. } => "ioctl",
            Self::Read { .. } => "read",
            Self::Write { .. } => "write",
            Self::Poll { .. } => "poll",
            Self::Fsync { .. } => "fsync",
            Self::SetNonblocking { .. } => "nonblock",
            Self::Event(Event::Disconnect { .. }) => "event disconnect",
            Self::Event(Event::Notify { .. }) => "event notify",
            Self::Event(Event::Send { .. }) => "event message",
            Self::Event(Event::SendWithoutCredit { .. }) => "event message without credit",
            Self::Event(_) => "event other",
            Self::Reset(_) => "event reset",
        }
    }

    /// The slot that it uses.
    #[must_use]
    pub fn slot(&self) -> Option<usize> {
        match *self {
            Self::Open { slot, .. }
            | Self::Close { slot }
            | Self::Connect { slot, .. }
            | Self::ConnectVtag { slot, .. }
            | Self::Refuse { slot, .. }
            | Self::NotifySet { slot, .. }
            | Self::RefuseNotify { slot, .. }
            | Self::NotifyGet { slot }
            | Self::Ioctl { slot, .. }
            | Self::Read { slot, .. }
            | Self::Write { slot, .. }
            | Self::Poll { slot, .. }
            | Self::Fsync { slot }
            | Self::SetNonblocking { slot, .. } => Some(slot),
            Self::Event(_) | Self::Reset(_) => None,
        }
    }
}
