//! What a front end asks of a [`Host`](crate::Host), and what it is told.

use crate::Errno;

/// A call that waits for its answer. Chosen by the front end, never reused while the call is unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// An open file of the device, as given by [`Reply::Opened`]. Never reused within one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub u64);

/// Whether the file has O_NONBLOCK at the time of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// The call may sleep.
    Wait,
    /// The call answers at once.
    NonBlocking,
}

/// A system call on the device (`device-abi.md` §3–§9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call<'a> {
    /// `open`.
    Open,
    /// `ioctl`, its argument already copied in. A front end that can order its errors as the kernel does
    /// asks [`Host::ioctl_check`](crate::Host::ioctl_check) before it copies.
    Ioctl {
        /// The file.
        handle: Handle,
        /// The whole command word.
        command: u32,
        /// As many bytes as the command says it takes in (`device-abi.md` §5.1).
        argument: &'a [u8],
        /// O_NONBLOCK.
        blocking: Blocking,
    },
    /// `read`.
    Read {
        /// The file.
        handle: Handle,
        /// Bytes asked for.
        size: usize,
        /// The file position, which the kernel keeps.
        offset: u64,
        /// O_NONBLOCK.
        blocking: Blocking,
    },
    /// `write`.
    Write {
        /// The file.
        handle: Handle,
        /// The message.
        data: &'a [u8],
        /// O_NONBLOCK.
        blocking: Blocking,
    },
    /// `poll`: what is ready now. The answer is immediate; a later [`Output::Wake`] says to ask again.
    Poll {
        /// The file.
        handle: Handle,
        /// The POLL* bits that are asked for.
        events: u32,
    },
    /// `fsync`, `fdatasync`.
    Fsync {
        /// The file.
        handle: Handle,
    },
    /// `fcntl` with O_ASYNC, either way: whether the file may have it.
    Fasync {
        /// The file.
        handle: Handle,
    },
    /// The last reference to the file is gone.
    Release {
        /// The file.
        handle: Handle,
    },
}

/// What a call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// Open: the file.
    Opened(Handle),
    /// Ioctl: the bytes to copy out, over the front of the argument; none for NOTIFY_SET. The call returns 0.
    Ioctl(&'a [u8]),
    /// Read: the bytes.
    Data(&'a [u8]),
    /// Write: bytes taken.
    Written(usize),
    /// Poll: the POLL* bits.
    Events(u32),
    /// Fsync, Fasync, Release.
    Done,
    /// Any: it failed.
    Error(Errno),
    /// A wait that a signal has ended and that is begun again under SA_RESTART, EINTR without: NOTIFY_GET only
    /// (`device-abi.md` §5.7).
    Restart,
}

/// What a front end has to do next, from [`Host::next_output`](crate::Host::next_output).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output<'a> {
    /// Answer a call. Exactly one per call.
    Reply(CallId, Reply<'a>),
    /// What [`Call::Poll`] says of this file may have changed: wake its pollers. May come too often.
    Wake(Handle),
    /// The text of sysfs `dev_state` changed: notify its pollers.
    State(crate::DeviceState),
}

/// How a front end copies for an ioctl (`device-abi.md` §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IoctlCopies {
    /// Bytes in.
    pub input: usize,
    /// Bytes out.
    pub output: usize,
}
