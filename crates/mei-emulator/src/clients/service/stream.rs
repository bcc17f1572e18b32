//! The engine's end of a connection: what it has to say, and how much it can take.

/// The engine's end of a connection.
///
/// Bounded: what waits to be sent never exceeds [`Stream::LIMIT`]. Its buffer is reused.
#[derive(Debug, Default)]
pub struct Stream {
    /// What waits to be sent is behind `head`.
    bytes: Vec<u8>,
    head: usize,
    consumed: usize,
    closing: bool,
    /// Less was taken than was offered.
    starved: bool,
}

impl Stream {
    /// Most bytes that wait to be sent.
    pub const LIMIT: usize = 64 * 1024;

    /// Bytes that can be sent now.
    #[must_use]
    pub fn room(&self) -> usize {
        Self::LIMIT - self.waiting().len()
    }

    /// Sends bytes, as many as there is room for; returns how many. When it took fewer,
    /// [`Connection::advance`](super::Connection::advance) is called once there is room again.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        self.starved |= taken < bytes.len();
        if self.head > 0 && self.bytes.len() + taken > self.bytes.capacity() {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
        self.bytes.extend_from_slice(&bytes[..taken]);
        taken
    }

    /// Gives the other side leave to send `count` bytes more: so many were dealt with.
    pub fn consume(&mut self, count: usize) {
        self.consumed = self.consumed.saturating_add(count);
    }

    /// Ends the connection once all was sent.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Ends the connection at once; what waits to be sent is lost.
    pub fn abort(&mut self) {
        self.bytes.clear();
        self.head = 0;
        self.closing = true;
    }

    /// Whether the connection ends once all was sent.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// What waits to be sent.
    pub(crate) fn waiting(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    /// `count` bytes of it were.
    pub(crate) fn sent(&mut self, count: usize) {
        self.head += count;
        if self.head >= self.bytes.len() {
            self.bytes.clear();
            self.head = 0;
        }
    }

    /// What the connection dealt with since this was asked last.
    pub(crate) fn take_consumed(&mut self) -> usize {
        std::mem::take(&mut self.consumed)
    }

    /// Whether the connection could not send all it wanted, and now there is room for half of what there can be.
    pub(crate) fn take_starved(&mut self) -> bool {
        self.starved && self.room() >= Self::LIMIT / 2 && std::mem::take(&mut self.starved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_in_order() {
        let mut stream = Stream::default();
        assert_eq!(stream.send(&vec![1; 60_000]), 60_000);
        assert_eq!(stream.send(&vec![2; 60_000]), 65_536 - 60_000);
        assert!(!stream.take_starved(), "no room yet");
        stream.sent(60_000);
        assert!(stream.waiting().iter().all(|&byte| byte == 2));
        assert!(stream.take_starved());
        assert!(!stream.take_starved(), "told once");
        assert_eq!(stream.send(b"end"), 3);
        let rest = stream.waiting().len();
        assert_eq!(stream.waiting()[rest - 3..], *b"end");
        stream.sent(rest);
        assert_eq!((stream.waiting(), stream.room()), (&[][..], 65_536));
    }

    #[test]
    fn what_was_consumed_is_told_once() {
        let mut stream = Stream::default();
        stream.consume(3);
        stream.consume(4);
        assert_eq!((stream.take_consumed(), stream.take_consumed()), (7, 0));
    }
}
