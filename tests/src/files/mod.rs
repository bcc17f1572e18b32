//! The calls of a program on a MEI device, whoever answers them.
//!
//! One interface, two implementations: [`System`] makes real system calls on a node, each in a thread of its
//! own so that one that parks holds nobody else; [`InProcess`] hands the same calls to a `Host` over an emulated
//! engine on virtual time. A call is *begun* and then *waited for*, which is what lets a test have several
//! parked calls at once without a clock.

mod errno;
mod in_process;
mod sys;
mod system;

pub use errno::Errno;
pub use in_process::InProcess;
pub use system::System;

use std::fmt;
use std::time::Duration;

/// POLL* bits, declared here so that nothing under test says what a test expects.
pub const POLLIN: u16 = 0x001;
/// Urgent: a notification.
pub const POLLPRI: u16 = 0x002;
/// Room in the write queue.
pub const POLLOUT: u16 = 0x004;
/// Not connected.
pub const POLLERR: u16 = 0x008;
/// Never given by this device.
pub const POLLHUP: u16 = 0x010;
/// Always with [`POLLIN`].
pub const POLLRDNORM: u16 = 0x040;
/// Always with [`POLLOUT`].
pub const POLLWRNORM: u16 = 0x100;

/// Who answers the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Transport {
    /// `Host` in this process, on virtual time.
    Host,
    /// umei over FUSE.
    Fuse,
    /// umei over CUSE.
    Cuse,
    /// The kernel's own driver.
    #[value(name = "mei_me")]
    MeiMe,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Fuse => "fuse",
            Self::Cuse => "cuse",
            Self::MeiMe => "mei_me",
        })
    }
}

/// An open file of the device; one per successful open, shared by duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Where the bytes of a call lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointer {
    /// In memory, as they should.
    Good,
    /// At address zero.
    Null,
    /// Where nothing is mapped.
    Unmapped,
}

/// What a program asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// `open` for reading and writing.
    Open {
        /// With O_NONBLOCK.
        nonblocking: bool,
    },
    /// `open` in another way.
    OpenAs {
        /// How.
        mode: Mode,
        /// With O_NONBLOCK.
        nonblocking: bool,
    },
    /// `close` of one descriptor.
    Close(FileId),
    /// `dup`: a second descriptor of the same file, closed by a `Close` of its own.
    Duplicate(FileId),
    /// `ioctl`; the argument comes back in [`Outcome::bytes`].
    Ioctl {
        /// The file.
        file: FileId,
        /// The whole command word.
        command: u32,
        /// At least as long as the command says.
        argument: Vec<u8>,
        /// Where it lies.
        pointer: Pointer,
    },
    /// `read`.
    Read {
        /// The file.
        file: FileId,
        /// Bytes asked for.
        size: usize,
        /// Where they go.
        pointer: Pointer,
    },
    /// `readv` into buffers of these sizes.
    ReadVector {
        /// The file.
        file: FileId,
        /// Bytes of each buffer.
        sizes: Vec<usize>,
    },
    /// `write`.
    Write {
        /// The file.
        file: FileId,
        /// The message.
        data: Vec<u8>,
        /// Where it lies.
        pointer: Pointer,
    },
    /// `writev` of these buffers.
    WriteVector {
        /// The file.
        file: FileId,
        /// The buffers.
        parts: Vec<Vec<u8>>,
    },
    /// `poll` of one file.
    Poll {
        /// The file.
        file: FileId,
        /// POLL* bits.
        events: u16,
        /// Longest wait.
        timeout: Duration,
    },
    /// `epoll_wait` of one file that does not wait.
    Epoll {
        /// The file.
        file: FileId,
        /// EPOLL* bits, those of poll.
        events: u16,
    },
    /// `write` by a child process that inherited the file.
    WriteInChild {
        /// The file.
        file: FileId,
        /// The message.
        data: Vec<u8>,
    },
    /// `fsync`.
    Fsync(FileId),
    /// `fdatasync`.
    Fdatasync(FileId),
    /// `fcntl(F_SETFL)` of O_NONBLOCK.
    SetNonblocking(FileId, bool),
    /// `fcntl(F_SETFL)` of O_ASYNC.
    SetAsync(FileId, bool),
    /// `ioctl(FIONBIO)`.
    Fionbio(FileId, bool),
    /// `lseek(fd, 0, SEEK_SET)`.
    Seek(FileId),
    /// `pread` of ten bytes at zero.
    ReadAt(FileId),
    /// `pwrite` of ten bytes at zero.
    WriteAt(FileId),
    /// `mmap` of a page, private or shared.
    Map(FileId, Sharing),
    /// `fstat`: the file's type in [`Outcome::result`], `S_IFMT` bits.
    FileType(FileId),
}

/// How a file is opened, other than for reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// O_RDONLY.
    ReadOnly,
    /// O_WRONLY.
    WriteOnly,
    /// O_RDWR and O_APPEND.
    Append,
    /// O_RDWR and O_SYNC.
    Synchronous,
    /// O_RDWR and O_DIRECT.
    Direct,
}

/// How a mapping is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// MAP_PRIVATE.
    Private,
    /// MAP_SHARED.
    Shared,
}

/// What a call returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The return value: bytes, POLL* bits, a [`FileId`] for Open, else 0.
    pub result: Result<i64, Errno>,
    /// Bytes that came back: of a read, or the whole argument of an ioctl.
    pub bytes: Vec<u8>,
}

impl Outcome {
    /// Success with `value` and no bytes.
    #[must_use]
    pub fn value(value: i64) -> Self {
        Self { result: Ok(value), bytes: Vec::new() }
    }

    /// Failure.
    #[must_use]
    pub fn error(errno: Errno) -> Self {
        Self { result: Err(errno), bytes: Vec::new() }
    }
}

/// A call that was begun and whose outcome was not taken yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What the handler of the signal that interrupts a call was installed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Without SA_RESTART.
    No,
    /// With SA_RESTART.
    Yes,
}

/// What befalls a whole device, where a transport can bring it about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// System sleep begins.
    Suspend,
    /// System sleep ended.
    Resume,
    /// Orderly end.
    Stop,
    /// The function is gone.
    Remove,
}

/// Something that a transport cannot express, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotHere(pub String);

impl NotHere {
    /// With this reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A device that takes calls.
///
/// # Panics
/// Methods panic on a [`FileId`] or [`Ticket`] that this device did not give, or that is over: a bug of the test.
pub trait Files {
    /// Who answers.
    fn transport(&self) -> Transport;

    /// Begins a call.
    ///
    /// # Errors
    /// [`NotHere`]: the transport has no such call.
    fn begin(&self, call: Call) -> Result<Ticket, NotHere>;

    /// Waits until the call is over, `limit` at most; None if it is not.
    fn wait(&self, ticket: Ticket, limit: Duration) -> Option<Outcome>;

    /// Waits until the call is either over or asleep. True: asleep, or spinning in the kernel.
    fn asleep(&self, ticket: Ticket) -> bool;

    /// Where in the kernel a call is, as far as it can be told.
    fn place(&self, _ticket: Ticket) -> String {
        String::new()
    }

    /// Sends the caller a signal that it handles.
    fn signal(&self, ticket: Ticket, restart: Restart);

    /// Brings about what befalls the device.
    ///
    /// # Errors
    /// [`NotHere`]: the transport cannot.
    fn power(&self, event: Power) -> Result<(), NotHere>;

    /// Reads an attribute of `/sys/class/mei/meiN`.
    ///
    /// # Errors
    /// [`NotHere`]: the transport has none.
    fn attribute(&self, name: &str) -> Result<String, NotHere>;

    /// Writes an attribute; the errno of the write.
    ///
    /// # Errors
    /// [`NotHere`]: the transport has none.
    fn set_attribute(&self, name: &str, text: &str) -> Result<Result<(), Errno>, NotHere>;

    /// Lets time pass in which nothing else happens: virtual where it can be, slept where not.
    fn pass(&self, time: Duration);
}
