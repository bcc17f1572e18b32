//! One step of a sequence, and its text.

use crate::files::{Mode, Pointer, Restart};
use crate::test_client::{self, Event};
use mei_wire::Guid;
use serde::{Deserialize, Serialize};

/// A firmware client of the test personas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    Echo,
    Big,
    Single,
    Fixed,
    Tagged,
    SharedBuffer,
    Late,
    Absent,
}

impl Client {
    pub(super) fn guid(self) -> Guid {
        match self {
            Self::Echo => test_client::ECHO,
            Self::Big => test_client::BIG,
            Self::Single => test_client::SINGLE,
            Self::Fixed => test_client::FIXED,
            Self::Tagged => test_client::TAGGED,
            Self::SharedBuffer => test_client::SHARED_BUFFER,
            Self::Late => test_client::LATE,
            Self::Absent => test_client::ABSENT,
        }
    }

    /// Longest message, bytes.
    pub(super) fn mtu(self) -> usize {
        match self {
            Self::Big => 4096,
            Self::Fixed => test_client::FIXED_MTU,
            _ => test_client::MTU,
        }
    }
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    ReadWrite,
    ReadOnly,
    WriteOnly,
    Append,
    Synchronous,
    Direct,
}

impl Way {
    pub(super) fn mode(self) -> Option<Mode> {
        match self {
            Self::ReadWrite => None,
            Self::ReadOnly => Some(Mode::ReadOnly),
            Self::WriteOnly => Some(Mode::WriteOnly),
            Self::Append => Some(Mode::Append),
            Self::Synchronous => Some(Mode::Synchronous),
            Self::Direct => Some(Mode::Direct),
        }
    }
}

/// Where the bytes of a call lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    Good,
    Null,
    Unmapped,
}

impl Place {
    pub(super) fn pointer(self) -> Pointer {
        match self {
            Self::Good => Pointer::Good,
            Self::Null => Pointer::Null,
            Self::Unmapped => Pointer::Unmapped,
        }
    }
}

/// A call on an open file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Do {
    /// CONNECT_CLIENT.
    Connect {
        client: Client,
        at: Place,
    },
    /// CONNECT_CLIENT_VTAG.
    ConnectVtag {
        client: Client,
        vtag: u8,
        at: Place,
    },
    /// NOTIFY_SET.
    NotifySet {
        value: u32,
        at: Place,
    },
    /// NOTIFY_GET.
    NotifyGet {
        at: Place,
    },
    /// Some other command.
    Ioctl {
        command: u32,
        at: Place,
    },
    Read {
        size: usize,
        at: Place,
    },
    Write {
        length: usize,
        fill: u8,
        at: Place,
    },
    ReadVector {
        sizes: Vec<usize>,
    },
    WriteVector {
        lengths: Vec<usize>,
        fill: u8,
    },
    WriteInChild {
        length: usize,
        fill: u8,
    },
    /// With a time-out that no sequence reaches when it is parked, else without waiting.
    Poll {
        events: u16,
    },
    Epoll {
        events: u16,
    },
    Fsync,
    Fdatasync,
    /// O_NONBLOCK by F_SETFL.
    SetNonblocking {
        on: bool,
    },
    /// O_NONBLOCK by FIONBIO.
    Fionbio {
        on: bool,
    },
    Seek,
}

impl Do {
    /// What kind it is, in one word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::ConnectVtag { .. } => "connect-vtag",
            Self::NotifySet { .. } => "notify-set",
            Self::NotifyGet { .. } => "notify-get",
            Self::Ioctl { .. } => "ioctl",
            Self::Read { .. } => "read",
            Self::Write { .. } => "write",
            Self::ReadVector { .. } => "readv",
            Self::WriteVector { .. } => "writev",
            Self::WriteInChild { .. } => "write-in-child",
            Self::Poll { .. } => "poll",
            Self::Epoll { .. } => "epoll",
            Self::Fsync => "fsync",
            Self::Fdatasync => "fdatasync",
            Self::SetNonblocking { .. } => "nonblock",
            Self::Fionbio { .. } => "fionbio",
            Self::Seek => "seek",
        }
    }
}

/// What the engine is told to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upset {
    Disconnect { client: Client },
    Notify { client: Client },
    Send { client: Client, length: u16 },
    SendWithoutCredit { client: Client, length: u16 },
    HoldCredit { client: Client },
    ReleaseCredit { client: Client },
    Add { client: Client },
    Remove { client: Client },
}

impl Upset {
    pub(super) fn event(&self) -> Event {
        match *self {
            Self::Disconnect { client } => Event::Disconnect { client: client.guid() },
            Self::Notify { client } => Event::Notify { client: client.guid() },
            Self::Send { client, length } => Event::Send { client: client.guid(), length },
            Self::SendWithoutCredit { client, length } => {
                Event::SendWithoutCredit { client: client.guid(), length }
            }
            Self::HoldCredit { client } => Event::HoldCredit { client: client.guid() },
            Self::ReleaseCredit { client } => Event::ReleaseCredit { client: client.guid() },
            Self::Add { client } => Event::Add { client: client.guid() },
            Self::Remove { client } => Event::Remove { client: client.guid() },
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Disconnect { .. } => "event disconnect",
            Self::Notify { .. } => "event notify",
            Self::Send { .. } => "event message",
            Self::SendWithoutCredit { .. } => "event message without credit",
            Self::HoldCredit { .. } => "event credit withheld",
            Self::ReleaseCredit { .. } => "event credit granted",
            Self::Add { .. } => "event client added",
            Self::Remove { .. } => "event client removed",
        }
    }
}

/// What breaks the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Breach {
    BadHeader,
    DropReady,
    /// A frame to a connection that nobody has.
    FrameToNobody,
    /// A bus message with an unknown command.
    UnknownCommand,
}

impl Breach {
    pub(super) fn event(self) -> Event {
        match self {
            Self::BadHeader => Event::BadHeader,
            Self::DropReady => Event::DropReady,
            Self::FrameToNobody => Event::Frame(vec![0x8004_C8C8, 0]),
            Self::UnknownCommand => Event::Hbm(vec![0x7E, 0, 0, 0]),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::BadHeader => "event bad header",
            Self::DropReady => "event link reset",
            Self::FrameToNobody => "event frame to nobody",
            Self::UnknownCommand => "event unknown bus message",
        }
    }
}

/// What kind of handler a signal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handler {
    Plain,
    Restarting,
}

impl Handler {
    pub(super) fn restart(self) -> Restart {
        match self {
            Self::Plain => Restart::No,
            Self::Restarting => Restart::Yes,
        }
    }
}

/// A call on one of a sequence's files, or something that the engine is told to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields are those of the calls")]
pub enum Step {
    /// `open` into a slot; an open slot is closed first.
    Open {
        slot: usize,
        way: Way,
        nonblocking: bool,
    },
    Close {
        slot: usize,
    },
    /// `dup` into another slot, which is closed first.
    Duplicate {
        slot: usize,
        to: usize,
    },
    /// A call; one that sleeps when both sides have nothing to do any more is ended by a signal.
    Call {
        slot: usize,
        call: Do,
    },
    /// A call that may sleep on while others are made.
    Park {
        slot: usize,
        call: Do,
    },
    /// Every call that sleeps on this slot's file gets a signal.
    Signal {
        slot: usize,
        handler: Handler,
    },
    /// Two calls at the same time; which of them had which outcome does not count.
    Race {
        slot: usize,
        calls: [Do; 2],
    },
    /// Writes of one byte until no more are taken.
    Fill {
        slot: usize,
    },
    /// A CONNECT that the firmware refuses with an HBM status, should it get there.
    Refuse {
        slot: usize,
        client: Client,
        status: u8,
    },
    /// A CONNECT that the firmware answers later.
    Delay {
        slot: usize,
        client: Client,
        milliseconds: u32,
    },
    /// A NOTIFY_SET that the firmware refuses with an HBM status.
    RefuseNotify {
        slot: usize,
        status: u8,
    },
    /// A CONNECT without an answer: the driver's timer ends it.
    SilentConnect {
        slot: usize,
    },
    /// A NOTIFY_SET without an answer: the driver's timer ends it.
    SilentNotify {
        slot: usize,
    },
    /// A close whose DISCONNECT has no answer: the driver's timer ends it.
    SilentClose {
        slot: usize,
    },
    /// The engine does something, and has done it when the next call is made.
    Event(Upset),
    /// The link is reset and the device is back.
    Reset(Breach),
}

impl Step {
    /// What kind it is, in a few words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Close { .. } => "close",
            Self::Duplicate { .. } => "dup",
            Self::Call { call, .. } => call.kind(),
            Self::Park { call, .. } => match call {
                Do::Read { .. } => "parked read",
                Do::Write { .. } => "parked write",
                Do::Poll { .. } => "parked poll",
                Do::NotifyGet { .. } => "parked notify-get",
                Do::Fsync => "parked fsync",
                _ => "parked call",
            },
            Self::Signal { .. } => "signal",
            Self::Race { .. } => "two calls at once",
            Self::Fill { .. } => "fill",
            Self::Refuse { .. } => "event connect refused",
            Self::Delay { .. } => "event connect delayed",
            Self::RefuseNotify { .. } => "event notify refused",
            Self::SilentConnect { .. } => "event connect unanswered",
            Self::SilentNotify { .. } => "event notify unanswered",
            Self::SilentClose { .. } => "event disconnect unanswered",
            Self::Event(upset) => upset.kind(),
            Self::Reset(breach) => breach.kind(),
        }
    }

    /// The slot that it uses.
    #[must_use]
    pub fn slot(&self) -> Option<usize> {
        match *self {
            Self::Open { slot, .. }
            | Self::Close { slot }
            | Self::Duplicate { slot, .. }
            | Self::Call { slot, .. }
            | Self::Park { slot, .. }
            | Self::Signal { slot, .. }
            | Self::Race { slot, .. }
            | Self::Fill { slot }
            | Self::Refuse { slot, .. }
            | Self::Delay { slot, .. }
            | Self::RefuseNotify { slot, .. }
            | Self::SilentConnect { slot }
            | Self::SilentNotify { slot }
            | Self::SilentClose { slot } => Some(slot),
            Self::Event(_) | Self::Reset(_) => None,
        }
    }

    /// Its text, one line.
    ///
    /// # Panics
    /// Never: a step has no maps and no floating points.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a step is plain data")
    }

    /// The steps of a text, one a line; empty lines and those that begin with `#` are comments.
    ///
    /// # Errors
    /// The line that is no step.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| serde_json::from_str(line).map_err(|error| format!("{line}: no step: {error}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_survive_their_text() {
        let steps = [
            Step::Open { slot: 0, way: Way::Direct, nonblocking: true },
            Step::Call { slot: 1, call: Do::Poll { events: 0x1FF } },
            Step::Park { slot: 2, call: Do::Read { size: 9, at: Place::Null } },
            Step::Event(Upset::Send { client: Client::SharedBuffer, length: 3 }),
            Step::Reset(Breach::FrameToNobody),
        ];
        let text: Vec<String> = steps.iter().map(Step::text).collect();
        assert_eq!(Step::parse_all(&format!("# kept\n\n{}", text.join("\n"))).unwrap(), steps);
        assert_eq!(text[3], r#"{"event":{"send":{"client":"shared-buffer","length":3}}}"#);
        assert!(Step::parse_all("{\"open\":{}}").is_err());
    }
}
