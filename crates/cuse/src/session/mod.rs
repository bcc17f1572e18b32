//! What the two kinds of session have in common.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::channel::Incoming;
use crate::request::{DecodeError, Message};
use crate::wire::{Opcode, Unique};
use crate::{Buffer, Channel, Delivery, Errno, ReplyError, Request};

pub(crate) mod cuse;
mod directory;
pub(crate) mod fuse;
mod init;
pub(crate) mod mount;
pub(crate) mod tree;

/// How long the kernel may take to send the first message, which it does while the device is opened.
const FIRST_MESSAGE: Duration = Duration::from_secs(5);

/// A device that programs open, from the server's side. Its descriptor is for `poll(2)`: readable when
/// [`Session::recv`] has something.
pub trait Session: AsFd {
    /// Takes the next message, without waiting. One message at most per call, so that nobody's flood keeps
    /// the caller from its other work.
    ///
    /// # Errors
    /// [`SessionError::Read`] when the descriptor fails; the session is of no use then. Malformed and unknown
    /// messages are answered here and never an error.
    fn recv<'b>(&mut self, buffer: &'b mut Buffer) -> Result<Received<'b>, SessionError>;

    /// Where answers go.
    fn channel(&self) -> &Channel;

    /// The device is about to go: programs that have it open are served on, its name is no longer found.
    /// On a character device the name stays until the session is dropped; answer OPEN with ENODEV.
    fn set_gone(&mut self);

    /// Takes [`Session::set_gone`] back: the name is found again.
    fn set_back(&mut self);
}

impl<S: Session + ?Sized> Session for Box<S> {
    fn recv<'b>(&mut self, buffer: &'b mut Buffer) -> Result<Received<'b>, SessionError> {
        (**self).recv(buffer)
    }

    fn channel(&self) -> &Channel {
        (**self).channel()
    }

    fn set_gone(&mut self) {
        (**self).set_gone();
    }

    fn set_back(&mut self) {
        (**self).set_back();
    }
}

/// What [`Session::recv`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'b> {
    /// A request on an open file: answer it, now or later.
    Request(Request<'b>),
    /// A message that the session dealt with itself. There may be more.
    Served,
    /// No message waits. Wait for the descriptor.
    Nothing,
    /// The session has ended: unmounted, or aborted by the administrator. No answer is expected any more.
    Ended,
}

/// Why a session does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The descriptor cannot be read.
    #[error("reading requests from the kernel: {0}")]
    Read(Errno),
    /// The first answer was not taken.
    #[error(transparent)]
    Reply(#[from] ReplyError),
    /// The first message is not the one that begins a session; most likely the descriptor is another kind of
    /// device, or in use already.
    #[error("the kernel began with opcode {} instead of an initialisation", opcode.0)]
    NotInitial {
        /// What came.
        opcode: Opcode,
    },
    /// No first message came.
    #[error("the kernel sent no initialisation")]
    Silent,
    /// The kernel ended the session before it began.
    #[error("the kernel ended the session before it began")]
    Aborted,
    /// The kernel speaks a protocol that is too old, or of another age.
    #[error("the kernel speaks FUSE {major}.{minor}; 7.{oldest} or later is needed")]
    Version {
        /// Major number of the kernel.
        major: u32,
        /// Minor number of the kernel.
        minor: u32,
        /// Oldest minor number that will do.
        oldest: u32,
    },
}

/// Waits until [`Session::recv`] has something. For servers with nothing else to wait for.
///
/// # Errors
/// The errno of `poll(2)`.
pub fn wait(session: &(impl AsFd + ?Sized)) -> Result<(), Errno> {
    let mut fds = [PollFd::from_borrowed_fd(session.as_fd(), PollFlags::IN)];
    retry_on_intr(|| poll(&mut fds, None))?;
    Ok(())
}

/// What came in.
enum Step<'b> {
    /// A request on an open file.
    Request(Request<'b>),
    /// Another message.
    Other(Message<'b>),
    /// Nothing to serve.
    Done(Received<'static>),
}

/// Receives one message and decodes it.
///
/// All of the way from here to the loop is inlined by force: each function of it would move the request, a hundred
/// bytes, once more.
#[inline(always)]
fn receive<'b>(channel: &Channel, buffer: &'b mut Buffer) -> Result<Step<'b>, SessionError> {
    Ok(match channel.receive(buffer).map_err(SessionError::Read)? {
        Incoming::Message(bytes) => match Request::decode(bytes) {
            Some(request) => Step::Request(request),
            None => decode(channel, bytes).map_or(Step::Done(Received::Served), Step::Other),
        },
        Incoming::Nothing => Step::Done(Received::Nothing),
        Incoming::Ended => Step::Done(Received::Ended),
    })
}

/// Decodes any message; a malformed one is refused here.
#[cold]
fn decode<'b>(channel: &Channel, bytes: &'b [u8]) -> Option<Message<'b>> {
    let refuse = |error: &DecodeError| {
        log::warn!("malformed message from the kernel: {error}");
        if let Some(unique) = error.unique() {
            note(unique, channel.reply_error(unique, error.errno()));
        }
    };
    Message::decode(bytes).inspect_err(refuse).ok()
}

/// Waits for the message that begins a session.
fn receive_first<'b>(channel: &Channel, buffer: &'b mut Buffer) -> Result<Message<'b>, SessionError> {
    let timeout = Timespec::try_from(FIRST_MESSAGE).map_err(|_| SessionError::Silent)?;
    let mut fds = [PollFd::new(channel, PollFlags::IN)];
    retry_on_intr(|| poll(&mut fds, Some(&timeout))).map_err(SessionError::Read)?;
    match channel.receive(buffer).map_err(SessionError::Read)? {
        Incoming::Message(bytes) => decode(channel, bytes).ok_or(SessionError::Silent),
        Incoming::Nothing => Err(SessionError::Silent),
        Incoming::Ended => Err(SessionError::Aborted),
    }
}

/// Refuses a message that neither the session nor its user knows.
fn refuse(channel: &Channel, message: &Message<'_>, errno: Errno) -> Received<'static> {
    if let Some(unique) = message.refusable() {
        note(unique, channel.reply_error(unique, errno));
    }
    Received::Served
}

/// Logs an answer of the session's own that the kernel would not take. Its caller has got EIO.
fn note(unique: Unique, delivery: Result<Delivery, ReplyError>) {
    if let Err(error) = delivery {
        log::error!("{unique}: {error}");
    }
}
