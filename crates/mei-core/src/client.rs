//! A host client: one end of a connection, with its queues and with the calls that wait for it.

use crate::Errno;
use crate::call::CallId;
use crate::me_clients::MeRef;
use crate::state::ClientState;
use mei_wire::Guid;
use mei_wire::hbm::ClientProperties;
use std::collections::VecDeque;
use std::time::Instant;

/// Index of an open file.
pub(crate) type FileIndex = u16;

/// Who owns a host client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Open files.
    Files,
    /// The driver itself.
    Driver(Service),
}

/// What the driver connects for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Firmware version and operating system version.
    FixUp,
    /// The AMT watchdog.
    Watchdog,
    /// The one connection to AMTHI that all files share.
    Amthi,
}

/// A message that arrives.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) buffer: Vec<u8>,
    /// Longest message taken: the larger of the arming read's count and the client's MTU.
    pub(crate) limit: usize,
    /// The credit for it went out.
    pub(crate) granted: bool,
    /// The file whose read armed it.
    pub(crate) file: FileIndex,
    /// Tag of the fragments so far, 0 none.
    pub(crate) vtag: u8,
    /// What the reader gets instead of data.
    pub(crate) status: Option<Errno>,
}

/// A message that waits for its reader.
#[derive(Debug)]
pub(crate) struct Completed {
    pub(crate) buffer: Vec<u8>,
    pub(crate) file: FileIndex,
    pub(crate) status: Option<Errno>,
    /// Bytes read already.
    pub(crate) consumed: usize,
    /// From when on the reader gets ETIME instead (shared AMTHI).
    pub(crate) expires: Option<Instant>,
}

/// A message that waits for credit or room, or is being sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) buffer: Vec<u8>,
    pub(crate) file: FileIndex,
    pub(crate) vtag: u8,
    pub(crate) origin: Origin,
    /// Bytes sent.
    pub(crate) sent: usize,
    /// Whether its first fragment went out, and its credit with it.
    pub(crate) started: bool,
    /// Place in the order of all writes of the device.
    pub(crate) sequence: u64,
}

/// Whether a message carries the header's `internal` bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A program's, or a driver's that is like a program's.
    Program,
    /// The host driver's own.
    Internal,
}

/// Whether notifications are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

impl Switch {
    pub(crate) const fn is_on(self) -> bool {
        matches!(self, Self::On)
    }
}

/// Notifications of one host client (`device-abi.md` §5.6).
#[derive(Debug, Default)]
pub(crate) struct Notifications {
    pub(crate) enabled: bool,
    pub(crate) event: bool,
    /// The firmware refused the last switch.
    pub(crate) refused: bool,
    /// Requests on the wire that no answer has matched yet: to start, to stop.
    pub(crate) starts_sent: u8,
    pub(crate) stops_sent: u8,
}

/// A call that waits, with the file it came by. A caller that is gone leaves the work without its id.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) call: Option<CallId>,
    pub(crate) file: FileIndex,
    pub(crate) wait: Wait,
}

/// What a call waits for.
#[derive(Debug)]
pub(crate) enum Wait {
    /// A message.
    Read { size: usize },
    /// Room in the queue.
    Write { data: Vec<u8> },
    /// An empty queue.
    Fsync,
    /// An event.
    NotifyGet,
    /// The firmware's answer to a switch.
    NotifySet { switch: Switch, deadline: Instant },
    /// The firmware's answer to a connect.
    Connect { properties: ClientProperties, stage: ConnectStage, deadline: Instant },
    /// The end of what another file does with the shared client, to connect by its tag then.
    Share { guid: Guid, deadline: Instant },
    /// The end of a connect whose caller has died, to release its file then.
    Close,
    /// The firmware's answer to a disconnect.
    Release { deadline: Instant },
}

impl Wait {
    /// When the wait ends by itself.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        match *self {
            Self::NotifySet { deadline, .. }
            | Self::Connect { deadline, .. }
            | Self::Share { deadline, .. }
            | Self::Release { deadline } => Some(deadline),
            Self::Read { .. } | Self::Write { .. } | Self::Fsync | Self::NotifyGet | Self::Close => None,
        }
    }
}

/// How far a connect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectStage {
    /// The request is queued or sent.
    Asked,
    /// It stalled; its disconnect is queued or sent.
    TakenBack,
}

/// How the last write stands, as debugfs `active` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writing {
    Idle = 0,
    Begun = 1,
    Complete = 2,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct HostClient {
    pub(crate) id: u8,
    pub(crate) owner: Owner,
    /// Tells it from others that had or will have the id; in the order of opening.
    pub(crate) serial: u64,
    pub(crate) state: ClientState,
    /// The firmware client, from connect to disconnect.
    pub(crate) me: Option<MeRef>,
    /// Its id, address class, credit class and MTU, valid while `me` is.
    pub(crate) me_id: u8,
    pub(crate) fixed: bool,
    /// Bound to the driver's connection to AMTHI, not to one of its own.
    pub(crate) shared: bool,
    pub(crate) single_recv_buf: bool,
    pub(crate) mtu: u32,
    pub(crate) guid: Guid,
    /// Outcome of the last connect, none while it is open or when it was good.
    pub(crate) status: Option<Errno>,
    pub(crate) tx_credits: u8,
    /// A receive credit is outstanding, or queued to be given.
    pub(crate) armed: bool,
    /// The message that the given credit allows (rd_pending).
    pub(crate) incoming: Option<Incoming>,
    pub(crate) completed: VecDeque<Completed>,
    /// Bytes in `completed`.
    pub(crate) completed_bytes: usize,
    pub(crate) unsent: VecDeque<Outgoing>,
    /// Bytes in `unsent`.
    pub(crate) unsent_bytes: usize,
    /// Messages sent that the firmware has not taken out of the buffer.
    pub(crate) draining: usize,
    pub(crate) writing: Writing,
    /// Ticks until a connect or disconnect has stalled, 0 not counting.
    pub(crate) timer: u8,
    pub(crate) connect_sent: bool,
    pub(crate) disconnect_sent: bool,
    pub(crate) notifications: Notifications,
    /// The files that share it, oldest first.
    pub(crate) files: Vec<FileIndex>,
    pub(crate) parked: Vec<Parked>,
    /// In the list of clients to settle.
    pub(crate) dirty: bool,
}

impl HostClient {
    /// Most bytes of unread messages; what arrives beyond is dropped. The kernel has no bound.
    pub(crate) const MAX_COMPLETED_BYTES: usize = 4 << 20;
    /// Most unread messages.
    pub(crate) const MAX_COMPLETED: usize = 1024;
    /// Bytes of unsent messages from which the queue counts as full. The kernel has no bound.
    pub(crate) const MAX_UNSENT_BYTES: usize = 4 << 20;

    pub(crate) fn new(id: u8, owner: Owner, serial: u64) -> Self {
        Self {
            id,
            owner,
            serial,
            state: ClientState::Initializing,
            me: None,
            me_id: 0,
            fixed: false,
            shared: false,
            single_recv_buf: false,
            mtu: 0,
            guid: Guid([0; 16]),
            status: None,
            tx_credits: 0,
            armed: false,
            incoming: None,
            completed: VecDeque::new(),
            completed_bytes: 0,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            draining: 0,
            writing: Writing::Idle,
            timer: 0,
            connect_sent: false,
            disconnect_sent: false,
            notifications: Notifications::default(),
            files: Vec::new(),
            parked: Vec::new(),
            dirty: false,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state == ClientState::Connected
    }

    /// The address on the wire.
    pub(crate) const fn address(&self) -> mei_wire::Address {
        mei_wire::Address { me: self.me_id, host: if self.fixed { 0 } else { self.id } }
    }

    /// Whether its connection is none of the firmware's: nothing is said when it ends, no credit is given.
    pub(crate) const fn is_local(&self) -> bool {
        self.fixed || self.shared
    }

    /// Writes that are queued or in the hardware buffer.
    pub(crate) fn writes_queued(&self) -> usize {
        self.unsent.len() + self.draining
    }

    /// Whether the next write has to wait.
    pub(crate) fn is_full(&self, limit: usize) -> bool {
        self.writes_queued() >= limit || self.unsent_bytes >= Self::MAX_UNSENT_BYTES
    }

    /// Place of the first message for `file`.
    #[inline]
    pub(crate) fn completed_for(&self, file: FileIndex) -> Option<usize> {
        self.completed.iter().position(|message| message.file == file)
    }
}
