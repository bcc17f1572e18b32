//! One connection's messages: received whole with their descriptors, answered without ever blocking.

use crate::protocol::{FLAG_ERROR, HEADER_SIZE, Header, MAX_DESCRIPTORS, MAX_MESSAGE, TYPE_REPLY};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, recvmsg, send,
};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use thiserror::Error;
use zerocopy::{FromBytes, IntoBytes};

/// Why a connection cannot go on.
#[derive(Debug, Error)]
pub(crate) enum ChannelError {
    #[error("the monitor closed the connection")]
    Closed,
    #[error("the monitor closed the connection in the middle of a message")]
    Truncated,
    #[error("a message of {0} bytes: a message has from 16 to {MAX_MESSAGE}")]
    Size(u32),
    #[error(
        "more than {MAX_DESCRIPTORS} descriptors with one message, or no room for them: raise the limit on open files"
    )]
    Descriptors,
    #[error("the socket failed: {0}")]
    Socket(Errno),
}

/// Whether there is a message to handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    Message(Header),
    /// Nothing more for now.
    Pending,
}

/// A socket with the message that is being received and the reply that is being sent; never more than one of
/// either.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: UnixStream,
    incoming: Vec<u8>,
    received: usize,
    descriptors: Vec<OwnedFd>,
    outgoing: Vec<u8>,
    sent: usize,
}

impl Channel {
    pub(crate) fn new(socket: UnixStream) -> Result<Self, ChannelError> {
        rustix::io::ioctl_fionbio(&socket, true).map_err(ChannelError::Socket)?;
        Ok(Self {
            socket,
            incoming: vec![0; MAX_MESSAGE],
            received: 0,
            descriptors: Vec::with_capacity(MAX_DESCRIPTORS),
            outgoing: Vec::with_capacity(MAX_MESSAGE),
            sent: 0,
        })
    }

    /// Receives what there is of the next message.
    ///
    /// The header and the body are received apart, and no byte of a later message with either, since that is
    /// how descriptors are told to belong to this message.
    ///
    /// # Errors
    /// See [`ChannelError`]; each is the end of the connection.
    pub(crate) fn receive(&mut self) -> Result<Received, ChannelError> {
        loop {
            let header =
                Header::read_from_prefix(&self.incoming[..self.received]).ok().map(|(header, _)| header);
            let wanted = match header {
                None => HEADER_SIZE,
                Some(header) => usize::try_from(header.size)
                    .ok()
                    .filter(|size| (HEADER_SIZE..=MAX_MESSAGE).contains(size))
                    .ok_or(ChannelError::Size(header.size))?,
            };
            match header {
                Some(header) if self.received == wanted => return Ok(Received::Message(header)),
                _ => {}
            }
            match self.receive_up_to(wanted) {
                Ok(0) if self.received == 0 => return Err(ChannelError::Closed),
                Ok(0) => return Err(ChannelError::Truncated),
                Ok(bytes) => self.received += bytes,
                Err(ChannelError::Socket(Errno::AGAIN)) => return Ok(Received::Pending),
                Err(ChannelError::Socket(Errno::INTR)) => {}
                Err(ChannelError::Socket(Errno::CONNRESET)) => return Err(ChannelError::Closed),
                Err(error) => return Err(error),
            }
        }
    }

    fn receive_up_to(&mut self, wanted: usize) -> Result<usize, ChannelError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let rest = &mut self.incoming[self.received..wanted];
        let message =
            recvmsg(&self.socket, &mut [IoSliceMut::new(rest)], &mut control, RecvFlags::CMSG_CLOEXEC)
                .map_err(ChannelError::Socket)?;
        for ancillary in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = ancillary {
                self.descriptors.extend(descriptors);
            }
        }
        if message.flags.contains(ReturnFlags::CTRUNC) || self.descriptors.len() > MAX_DESCRIPTORS {
            return Err(ChannelError::Descriptors);
        }
        Ok(message.bytes)
    }

    /// The body of the message that [`Channel::receive`] announced, its descriptors to take, and an empty
    /// reply body to fill.
    pub(crate) fn message(&mut self) -> (&[u8], &mut Vec<OwnedFd>, &mut Vec<u8>) {
        self.outgoing.clear();
        self.outgoing.resize(HEADER_SIZE, 0);
        (&self.incoming[HEADER_SIZE..self.received], &mut self.descriptors, &mut self.outgoing)
    }

    /// Is done with the message without a reply.
    pub(crate) fn discard(&mut self) {
        self.outgoing.clear();
        self.next();
    }

    /// Sends what was put into the reply body.
    ///
    /// # Errors
    /// See [`ChannelError`].
    pub(crate) fn reply(&mut self, command: &Header, result: Result<(), Errno>) -> Result<(), ChannelError> {
        let (flags, error) = match result {
            Ok(()) => (TYPE_REPLY, 0),
            Err(errno) => {
                self.outgoing.truncate(HEADER_SIZE);
                (TYPE_REPLY | FLAG_ERROR, errno.raw_os_error().unsigned_abs())
            }
        };
        let size = u32::try_from(self.outgoing.len()).map_err(|_| ChannelError::Size(u32::MAX))?;
        let header = Header { message_id: command.message_id, command: command.command, size, flags, error };
        self.outgoing[..HEADER_SIZE].copy_from_slice(header.as_bytes());
        self.next();
        self.flush()
    }

    /// The next message starts afresh; descriptors that nobody took are closed.
    fn next(&mut self) {
        self.received = 0;
        self.descriptors.clear();
    }

    /// Sends what is left of the reply, as far as the monitor takes it.
    ///
    /// # Errors
    /// See [`ChannelError`].
    pub(crate) fn flush(&mut self) -> Result<(), ChannelError> {
        while self.sent < self.outgoing.len() {
            match send(&self.socket, &self.outgoing[self.sent..], SendFlags::NOSIGNAL) {
                Ok(bytes) => self.sent += bytes,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(ChannelError::Closed),
                Err(errno) => return Err(ChannelError::Socket(errno)),
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        Ok(())
    }

    /// Whether a reply waits for the monitor to make room; no message is received meanwhile.
    pub(crate) fn is_sending(&self) -> bool {
        self.sent < self.outgoing.len()
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
