//! A monitor that speaks by hand, byte by byte if need be.

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

pub(crate) const VERSION: u16 = 1;
pub(crate) const REGION_READ: u16 = 9;
pub(crate) const REGION_WRITE: u16 = 10;
pub(crate) const NO_REPLY: u32 = 0x10;

/// Errno in the reply, or the reply's body.
pub(crate) type Answer = Result<Vec<u8>, u32>;

#[derive(Debug)]
pub(crate) struct Raw {
    stream: UnixStream,
}

/// A command on the wire.
pub(crate) fn message(command: u16, flags: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(16 + body.len()).unwrap();
    [
        &0x1234u16.to_ne_bytes()[..],
        &command.to_ne_bytes(),
        &size.to_ne_bytes(),
        &flags.to_ne_bytes(),
        &[0; 4],
        body,
    ]
    .concat()
}

/// Body of a region access.
pub(crate) fn access(region: u32, offset: u64, count: u32, data: &[u8]) -> Vec<u8> {
    [&offset.to_ne_bytes()[..], &region.to_ne_bytes(), &count.to_ne_bytes(), data].concat()
}

impl Raw {
    /// Connects without a word.
    pub(crate) fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream }
    }

    /// Connects and agrees on a version.
    pub(crate) fn greet(path: &Path) -> Self {
        let mut raw = Self::connect(path);
        raw.ask(VERSION, &[0, 0, 1, 0]).unwrap();
        raw
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // A server that has hung up is what some tests want.
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn send_with(&mut self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
        let sent = sendmsg(&self.stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL).unwrap();
        assert_eq!(sent, bytes.len());
    }

    /// The next reply: its id, command and answer.
    pub(crate) fn reply(&mut self) -> Option<(u16, u16, Answer)> {
        let mut header = [0; 16];
        self.stream.read_exact(&mut header).ok()?;
        let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap());
        let half = |at: usize| u16::from_ne_bytes(header[at..at + 2].try_into().unwrap());
        let mut body = vec![0; word(4) as usize - 16];
        self.stream.read_exact(&mut body).unwrap();
        let answer = match word(8) {
            1 => Ok(body),
            0x21 => Err(word(12)),
            flags => panic!("reply flags {flags:#x}"),
        };
        Some((half(0), half(2), answer))
    }

    pub(crate) fn ask(&mut self, command: u16, body: &[u8]) -> Answer {
        self.send(&message(command, 0, body));
        let (id, echoed, answer) = self.reply().expect("the server hung up");
        assert_eq!((id, echoed), (0x1234, command));
        answer
    }

    /// Whether the server has hung up, everything it said being read.
    pub(crate) fn is_hung_up(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    /// No more will be said from here.
    pub(crate) fn shut_down(&self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }
}
