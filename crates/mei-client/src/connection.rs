//! One connection to a firmware client: whole messages, with deadlines.

use crate::error::{Error, Operation};
use crate::sys;
use mei_wire::Guid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For room to send.
    pub send: Duration,
    /// For an answer.
    pub answer: Duration,
}

impl Default for Timeouts {
    /// What Intel's own local management service allows: 15 s for an answer.
    fn default() -> Self {
        Self { send: Duration::from_secs(5), answer: Duration::from_secs(15) }
    }
}

/// What the device told about the client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Properties {
    pub(crate) client: Guid,
    pub(crate) max_message_length: u32,
    pub(crate) protocol_version: u8,
}

/// A connection to one firmware client. Closed when dropped.
#[derive(Debug)]
pub struct Connection {
    fd: OwnedFd,
    properties: Properties,
    timeouts: Timeouts,
    /// As long as the client's longest message, so that a read never splits one.
    buffer: Box<[u8]>,
}

impl Connection {
    /// Longest message that is received, whatever the firmware claims: the largest real client has 16 KiB.
    pub const RECEIVE_LIMIT: usize = 1 << 20;

    pub(crate) fn new(fd: OwnedFd, properties: Properties) -> Self {
        let wanted = usize::try_from(properties.max_message_length).unwrap_or(usize::MAX);
        let buffer = vec![0; wanted.clamp(1, Self::RECEIVE_LIMIT)].into_boxed_slice();
        Self { fd, properties, timeouts: Timeouts::default(), buffer }
    }

    /// The client.
    pub fn client(&self) -> Guid {
        self.properties.client
    }

    /// Longest message either way, bytes.
    pub fn max_message_length(&self) -> u32 {
        self.properties.max_message_length
    }

    /// Version of the client's protocol.
    pub fn protocol_version(&self) -> u8 {
        self.properties.protocol_version
    }

    /// How long calls wait.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Makes calls wait that long.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when the queue stays full, [`Error::Call`].
    pub fn send(&mut self, message: &[u8]) -> Result<(), Error> {
        let mut deadline = None;
        loop {
            match rustix::io::write(&self.fd, message) {
                // A device never takes a part of a message (`device-abi.md` §7).
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => return Err(self.failed(Operation::Send, errno)),
            }
            // There is room most of the time: nothing is waited for before it is known to be missing.
            match deadline {
                None => deadline = Some(Instant::now() + self.timeouts.send),
                Some(_) => pause(),
            }
            let deadline = deadline.unwrap_or_else(Instant::now);
            self.wait(PollFlags::OUT, Operation::Send, deadline, self.timeouts.send)?;
        }
    }

    /// Receives one message within the time for an answer. It may be empty.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Disconnected`], [`Error::Call`].
    pub fn receive(&mut self) -> Result<&[u8], Error> {
        self.receive_within(self.timeouts.answer)
    }

    /// Receives one message within `timeout`. It may be empty.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Disconnected`], [`Error::Call`].
    pub fn receive_within(&mut self, timeout: Duration) -> Result<&[u8], Error> {
        let length = self.receive_length(Instant::now() + timeout, timeout)?;
        Ok(&self.buffer[..length])
    }

    /// Receives into the own buffer until `deadline`; `timeout` is what the error reports.
    pub(crate) fn receive_length(&mut self, deadline: Instant, timeout: Duration) -> Result<usize, Error> {
        let mut ready = PollFlags::empty();
        loop {
            match rustix::io::read(&self.fd, &mut self.buffer[..]) {
                Ok(length) => return Ok(length),
                // A device that is in error and has nothing to read will not have anything later.
                Err(Errno::AGAIN) if ready.intersects(PollFlags::ERR | PollFlags::HUP) => {
                    return Err(Error::Disconnected { client: self.client() });
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => return Err(self.failed(Operation::Receive, errno)),
            }
            // Whoever is streamed to finds a message most of the time.
            if !ready.is_empty() {
                pause();
            }
            ready = self.wait(PollFlags::IN, Operation::Receive, deadline, timeout)?;
        }
    }

    /// What [`Connection::receive_length`] received.
    pub(crate) fn received(&self, length: usize) -> &[u8] {
        &self.buffer[..length]
    }

    /// Sends a message and receives the next one.
    ///
    /// # Errors
    /// As [`Connection::send`] and [`Connection::receive`].
    pub fn transact(&mut self, request: &[u8]) -> Result<&[u8], Error> {
        self.send(request)?;
        self.receive()
    }

    /// Asks the firmware for notifications.
    ///
    /// # Errors
    /// [`Error::Call`]: EOPNOTSUPP when its HBM version has none.
    pub fn enable_notifications(&mut self) -> Result<(), Error> {
        self.notify_set(1)
    }

    /// Asks the firmware to stop notifications.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn disable_notifications(&mut self) -> Result<(), Error> {
        self.notify_set(0)
    }

    /// Waits for a notification and takes it.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::Disconnected`], [`Error::Call`].
    pub fn wait_notification(&mut self, timeout: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        loop {
            let ready = self.wait(PollFlags::PRI, Operation::Notification, deadline, timeout)?;
            if !ready.contains(PollFlags::PRI) {
                return Err(Error::Disconnected { client: self.client() });
            }
            match sys::notify_get(self.fd.as_fd()) {
                Ok(1) => return Ok(()),
                // Somebody else took it.
                Ok(_) | Err(Errno::AGAIN | Errno::INTR) => pause(),
                Err(errno) => return Err(self.failed(Operation::Notification, errno)),
            }
        }
    }

    fn notify_set(&mut self, value: u32) -> Result<(), Error> {
        sys::notify_set(self.fd.as_fd(), value).map_err(|errno| self.failed(Operation::Notification, errno))
    }

    /// Waits until the device is ready for `events` or in error.
    fn wait(
        &self,
        events: PollFlags,
        operation: Operation,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<PollFlags, Error> {
        let mut fds = [PollFd::new(&self.fd, events)];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
            match poll(&mut fds, Some(&left)) {
                Ok(0) => {
                    return Err(Error::TimedOut { operation, client: self.client(), after: timeout });
                }
                Ok(_) => return Ok(fds[0].revents()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.failed(operation, errno)),
            }
        }
    }

    fn failed(&self, operation: Operation, errno: Errno) -> Error {
        Error::Call { operation, client: self.client(), errno }
    }
}

impl AsFd for Connection {
    /// For an own poll: POLLIN also asks the firmware for the next message.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Keeps a device that claims to be ready and is not from using up the processor until the deadline.
fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    /// A connection to a peer of this process: message boundaries are kept as on a device.
    pub(crate) fn pair(client: Guid, max_message_length: u32) -> (Connection, OwnedFd) {
        pair_of_version(client, max_message_length, 1)
    }

    /// The same with another version of the client's protocol.
    pub(crate) fn pair_of_version(
        client: Guid,
        max_message_length: u32,
        protocol_version: u8,
    ) -> (Connection, OwnedFd) {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
            None,
        )
        .expect("sequenced sockets");
        (Connection::new(ours, Properties { client, max_message_length, protocol_version }), theirs)
    }

    const CLIENT: Guid = Guid([7; 16]);

    #[test]
    fn a_transaction_is_one_message_each_way() {
        let (mut connection, peer) = pair(CLIENT, 64);
        rustix::io::write(&peer, b"answer").unwrap();
        assert_eq!(connection.transact(b"question").unwrap(), b"answer");
        let mut seen = [0; 64];
        let length = rustix::io::read(&peer, &mut seen[..]).unwrap();
        assert_eq!(&seen[..length], b"question");
    }

    #[test]
    fn silence_ends_in_a_time_out() {
        let (mut connection, _peer) = pair(CLIENT, 64);
        let error = connection.receive_within(Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error, Error::TimedOut { operation: Operation::Receive, .. }), "{error}");
    }

    #[test]
    fn what_firmware_claims_to_send_does_not_decide_what_is_allocated() {
        let (connection, _peer) = pair(CLIENT, u32::MAX);
        assert_eq!(connection.buffer.len(), 1 << 20);
        assert_eq!(connection.max_message_length(), u32::MAX);
        assert_eq!(pair(CLIENT, 0).0.buffer.len(), 1);
    }
}
