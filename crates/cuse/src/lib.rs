//! Character devices and device-like files in user space: the FUSE wire protocol, and the sessions that
//! speak it over `/dev/cuse` and `/dev/fuse`.
//!
//! A [`CuseSession`] is a character device; where the kernel has no CUSE, a [`FuseSession`] is a small
//! directory with one file that behaves as much like a device as FUSE allows. Both are a [`Session`]: a
//! descriptor to `poll(2)`, from which requests on open files are received one by one into a [`Buffer`] and
//! answered through the [`Channel`], now or later, by their [`wire::Unique`]. What is not about an open file
//! the session answers itself.
//!
//! A [`TreeSession`] is another thing: a file system of small texts, to put beside a device what sysfs has.
//!
//! The one invariant: **every request that is handed out waits for exactly one answer**, and a program waits
//! with it; nothing else is ever left unanswered, malformed messages included. Receiving and answering
//! allocates nothing.
//!
//! A device that greets:
//!
//! ```no_run
//! use cuse::{Buffer, CuseOptions, CuseSession, DeviceName, Errno, Operation, Received, Session};
//! use cuse::wire::{FileHandle, OpenFlags};
//!
//! let mut session = CuseSession::start(&CuseOptions::new(DeviceName::new("hello")?))?;
//! let mut buffer = Buffer::new();
//! loop {
//!     let request = match session.recv(&mut buffer)? {
//!         Received::Request(request) => request,
//!         Received::Served => continue,
//!         Received::Nothing => { cuse::wait(&session)?; continue }
//!         Received::Ended => break,
//!     };
//!     let (channel, unique) = (session.channel(), request.unique);
//!     match request.operation {
//!         Operation::Open(_) => channel.reply_open(unique, FileHandle(1), OpenFlags::DEVICE)?,
//!         Operation::Read(read) if read.offset == 0 => channel.reply_data(unique, b"hello\n")?,
//!         Operation::Read(_) | Operation::Release(_) => channel.reply_empty(unique)?,
//!         Operation::Interrupt(_) => continue,
//!         Operation::Poll(poll) => channel.reply_poll(unique, poll.events & 1)?,
//!         _ => channel.reply_error(unique, Errno::NOTTY)?,
//!     };
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buffer;
mod channel;
mod name;
mod operation;
mod reply;
mod request;
mod session;
pub mod wire;

pub use buffer::Buffer;
pub use channel::{Channel, Delivery, ReplyError};
pub use name::{DeviceName, NameError};
pub use operation::{
    DirectoryOperation, Flush, Forgets, Fsync, Interrupt, Ioctl, Lookup, Open, Operation, Poll, Read,
    Release, Write,
};
pub use request::{Body, DecodeError, Message, Request};
pub use rustix::io::Errno;
pub use session::cuse::{CuseError, CuseOptions, CuseSession, Node};
pub use session::fuse::FuseSession;
pub use session::mount::{FileAttributes, FuseOptions, MountError, Permissions, Visibility, clear_stale};
pub use session::tree::{Entry, Tree, TreeSession};
pub use session::{Received, Session, SessionError, wait};

/// Most bytes of one READ or WRITE that the sessions agree to. Room for any message of up to 126 977 bytes in
/// one request, whatever its alignment (cuse.md §5).
pub const MAX_WRITE: u32 = 131_072;
