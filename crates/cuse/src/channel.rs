//! The descriptor of a session: messages come in one by one, each answer goes out in one write.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use arrayvec::ArrayVec;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{read, retry_on_intr, write, writev};

use crate::{Buffer, Errno};

/// The descriptor that a session's messages come from and its answers go to.
///
/// Non-blocking, for `poll(2)`: readable when a message waits. Answers may be written from any thread;
/// their methods are in the section on replies below.
#[derive(Debug)]
pub struct Channel {
    fd: OwnedFd,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The kernel took it.
    Delivered,
    /// The kernel no longer knows the request: its caller was killed, or the session has ended. Not a
    /// failure; forget the request too.
    Forgotten,
}

/// An answer that the kernel did not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// `writev(2)` failed. EINVAL: the answer does not fit the request, whose caller was given EIO.
    #[error("writing an answer to the kernel: {0}")]
    Write(Errno),
    /// Only part of the answer was taken.
    #[error("the kernel took {written} of the {length} bytes of an answer")]
    Partial {
        /// Bytes taken.
        written: usize,
        /// Bytes of the answer.
        length: usize,
    },
    /// Longer than the protocol can say, or too many areas. Nothing was written.
    #[error("an answer of {length} bytes or areas exceeds the protocol")]
    TooLong {
        /// Bytes or areas.
        length: usize,
    },
}

/// Whether the kernel's end of a session is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    Alive,
    /// Unmounted, aborted or refused.
    Dead,
}

/// What reading the channel gave.
#[derive(Debug)]
pub(crate) enum Incoming<'b> {
    /// One message.
    Message(&'b [u8]),
    /// Nothing waits.
    Nothing,
    /// The session has ended: unmounted, aborted or refused.
    Ended,
}

/// Longest answer that is put together, bytes.
const SHORT: usize = 1024;

/// The parts of an answer in one piece of one page. The kernel looks up and holds the page of each part that it is
/// given, which takes longer than a copy of a few hundred bytes.
#[repr(align(2048))]
struct Short(ArrayVec<u8, SHORT>);

const _: () = assert!(size_of::<Short>() == align_of::<Short>(), "no page ends within it");

impl Short {
    const fn new() -> Self {
        Self(ArrayVec::new_const())
    }

    /// The parts one after the other, if they are short enough.
    fn put_together(&mut self, parts: &[IoSlice<'_>]) -> Option<&[u8]> {
        parts.iter().try_for_each(|part| self.0.try_extend_from_slice(part)).ok()?;
        Some(&self.0)
    }
}

impl Channel {
    /// A channel over an open `/dev/cuse` or `/dev/fuse`, made non-blocking.
    ///
    /// # Errors
    /// The errno of `fcntl(2)`.
    pub fn new(fd: OwnedFd) -> Result<Self, Errno> {
        fcntl_setfl(&fd, fcntl_getfl(&fd)? | OFlags::NONBLOCK)?;
        Ok(Self { fd })
    }

    /// Looks whether the session has ended, without taking a message.
    pub(crate) fn connection(&self) -> Result<Connection, Errno> {
        let mut fds = [PollFd::new(self, PollFlags::IN)];
        retry_on_intr(|| poll(&mut fds, Some(&Timespec::default())))?;
        let ended = fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP);
        Ok(if ended { Connection::Dead } else { Connection::Alive })
    }

    /// Reads one message, if one waits.
    pub(crate) fn receive<'b>(&self, buffer: &'b mut Buffer) -> Result<Incoming<'b>, Errno> {
        let bytes = buffer.as_mut_bytes();
        loop {
            match read(&self.fd, &mut *bytes) {
                Ok(0) | Err(Errno::NODEV | Errno::CONNABORTED) => return Ok(Incoming::Ended),
                Ok(length) => return Ok(Incoming::Message(&bytes[..length])),
                // The caller was interrupted while its request was being copied: look for the next one.
                Err(Errno::INTR | Errno::NOENT) => {}
                Err(Errno::AGAIN) => return Ok(Incoming::Nothing),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Writes one answer, whole.
    pub(crate) fn send(&self, parts: &[IoSlice<'_>]) -> Result<Delivery, ReplyError> {
        let length = parts.iter().map(|part| part.len()).sum();
        let outcome = match Short::new().put_together(parts) {
            Some(bytes) => retry_on_intr(|| write(&self.fd, bytes)),
            None => retry_on_intr(|| writev(&self.fd, parts)),
        };
        match outcome {
            Ok(written) if written == length => Ok(Delivery::Delivered),
            Ok(written) => Err(ReplyError::Partial { written, length }),
            Err(Errno::NOENT) => Ok(Delivery::Forgotten),
            Err(errno) => Err(ReplyError::Write(errno)),
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    /// A channel whose kernel is the other end of a socket: one message or answer a packet.
    pub(crate) fn channel() -> (Channel, OwnedFd) {
        let (ours, kernel) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        (Channel::new(ours).unwrap(), kernel)
    }

    #[test]
    fn an_answer_is_one_packet_whatever_its_length() {
        let (channel, kernel) = channel();
        for length in [0usize, 1, 1007, 1008, 1009, 5000] {
            let data: Vec<u8> = (0..=250).cycle().take(length).collect();
            let parts = [IoSlice::new(&[9; 16]), IoSlice::new(&data)];
            assert_eq!(channel.send(&parts), Ok(Delivery::Delivered));
            let mut packet = [0; 8192];
            let count = read(&kernel, &mut packet).unwrap();
            assert_eq!(packet[..count], [&[9; 16][..], &data].concat());
        }
    }

    #[test]
    fn messages_come_one_by_one_and_end() {
        let (channel, kernel) = channel();
        let mut buffer = Buffer::new();
        assert!(matches!(channel.receive(&mut buffer), Ok(Incoming::Nothing)));
        for message in [&b"one"[..], b"and two"] {
            write(&kernel, message).unwrap();
        }
        for message in [&b"one"[..], b"and two"] {
            assert!(matches!(channel.receive(&mut buffer), Ok(Incoming::Message(bytes)) if bytes == message));
        }
        assert_eq!(channel.connection(), Ok(Connection::Alive));
        drop(kernel);
        assert_eq!(channel.connection(), Ok(Connection::Dead));
        assert!(matches!(channel.receive(&mut buffer), Ok(Incoming::Ended)));
    }
}
