//! Where firmware clients put what they say, until the host has credit for it.

use crate::ConnectionId;
use crate::test_client::{Command, MAX_ARMED};

/// Most connections that exist at once in one engine; the low byte of a [`ConnectionId`] is its lane.
pub(crate) const LANES: usize = 256;

/// Where a client puts what it says. The engine sends it as the host's credits allow; per connection in order.
///
/// Bounded: a client that says more than [`Outbox::LIMIT`] bytes on a connection without credit is refused and
/// asks again in [`Client::advance`](crate::client::Client::advance). Buffers are reused: once warm, nothing is
/// allocated.
///
/// An outbox of its own ([`Outbox::default`]) takes messages for any connection; tests of clients look at them
/// with [`Outbox::take`].
#[derive(Debug, Default)]
pub struct Outbox {
    lanes: Vec<Lane>,
    touched: LaneSet,
    commands: Vec<Command>,
}

impl Outbox {
    /// Most bytes that wait for credit on one connection.
    pub const LIMIT: usize = 1 << 20;

    /// Queues one message. False: no room, nothing was queued.
    ///
    /// A message for a connection that is over is dropped, which is no lack of room.
    #[must_use]
    #[inline]
    pub fn send(&mut self, connection: ConnectionId, vtag: u8, message: &[u8]) -> bool {
        self.send_with(connection, vtag, message.len(), |bytes| bytes.extend_from_slice(message))
    }

    /// Queues one message of `length` bytes that `write` appends, for those that would otherwise build it
    /// elsewhere first. What `write` appends beyond `length` is cut, what it leaves out is zero.
    #[must_use]
    #[inline]
    pub fn send_with(
        &mut self,
        connection: ConnectionId,
        vtag: u8,
        length: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let Some(lane) = self.lane_mut(connection) else { return true };
        if lane.waiting() + length > Self::LIMIT {
            lane.refused = true;
            return false;
        }
        lane.make_room(length);
        let end = lane.bytes.len() + length;
        write(&mut lane.bytes);
        lane.bytes.resize(end, 0);
        lane.messages.push_back(Entry { vtag, length, sent: 0, credit: Credit::Needed });
        self.touched.insert(connection.lane());
        true
    }

    /// Queues one message that goes out whether the host has credit or not.
    pub(crate) fn send_unasked(&mut self, connection: ConnectionId, message: &[u8]) {
        if self.send(connection, 0, message)
            && let Some(entry) = self.lane_mut(connection).and_then(|lane| lane.messages.back_mut())
        {
            entry.credit = Credit::NotNeeded;
        }
    }

    /// Bytes that wait for credit on a connection.
    #[must_use]
    pub fn waiting(&self, connection: ConnectionId) -> usize {
        self.lane(connection).map_or(0, Lane::waiting)
    }

    /// Ends a connection from the firmware's side (DISCONNECT_REQ). What is queued for it is dropped.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        self.flag(connection, |lane| lane.disconnect = true);
    }

    /// Raises a notification (event) on a connection. Several before the engine gets to it are one.
    pub fn notify(&mut self, connection: ConnectionId) {
        self.flag(connection, |lane| lane.notify = true);
    }

    /// Asks for [`Client::advance`](crate::client::Client::advance) once at most half of the room on a connection is
    /// in use, as after a refused message: for a client that keeps the other half free on purpose.
    pub fn want_room(&mut self, connection: ConnectionId) {
        self.flag(connection, |lane| lane.refused = true);
    }

    /// Grants the host no further credit on a connection, until [`Outbox::release_credit`].
    pub fn hold_credit(&mut self, connection: ConnectionId) {
        self.flag(connection, |lane| lane.hold = true);
    }

    /// Grants credit again.
    pub fn release_credit(&mut self, connection: ConnectionId) {
        self.flag(connection, |lane| lane.hold = false);
    }

    /// Takes the oldest message that waits on a connection: its virtual tag and its bytes. This is how tests of
    /// clients see what was said; the engine does not use it.
    pub fn take(&mut self, connection: ConnectionId) -> Option<(u8, Vec<u8>)> {
        let front = self.front(connection)?;
        let message = (front.vtag, front.rest.to_vec());
        self.consume(connection, message.1.len());
        Some(message)
    }

    /// Whether a client asked to end the connection, and has not seen it ended.
    #[must_use]
    pub fn wants_disconnect(&self, connection: ConnectionId) -> bool {
        self.lane(connection).is_some_and(|lane| lane.disconnect)
    }

    /// Whether a client raised a notification that was not sent yet.
    #[must_use]
    pub fn wants_notification(&self, connection: ConnectionId) -> bool {
        self.lane(connection).is_some_and(|lane| lane.notify)
    }

    /// Takes the lane of a connection into use, empty.
    pub(crate) fn open(&mut self, connection: ConnectionId) {
        let lane = self.slot(connection.lane());
        lane.clear();
        lane.connection = connection;
        lane.state = LaneState::Open;
    }

    /// Empties the lane of a connection that is over.
    pub(crate) fn close(&mut self, connection: ConnectionId) {
        let lane = self.slot(connection.lane());
        if lane.connection == connection {
            lane.clear();
            lane.state = LaneState::Closed;
        }
        self.touched.remove(connection.lane());
    }

    /// The next lane from `from` on, in a circle, that was touched since it was last found idle.
    pub(crate) fn next_touched(&self, from: usize) -> Option<ConnectionId> {
        self.touched.next(from).and_then(|lane| self.lanes.get(lane)).map(|lane| lane.connection)
    }

    /// Marks a lane as needing attention.
    pub(crate) fn touch(&mut self, connection: ConnectionId) {
        self.touched.insert(connection.lane());
    }

    /// The lane needs no attention until it is touched again.
    pub(crate) fn settle(&mut self, connection: ConnectionId) {
        self.touched.remove(connection.lane());
    }

    /// Whether a client asks something of the engine beside its messages.
    pub(crate) fn asks(&self, connection: ConnectionId) -> bool {
        self.lane(connection).is_some_and(|lane| lane.disconnect | lane.notify | lane.refused)
    }

    /// Whether a lane that was just served has nothing more to say, and nothing to ask of the engine.
    pub(crate) fn is_quiet(&self, connection: ConnectionId) -> bool {
        self.lane(connection).is_none_or(|lane| lane.messages.is_empty()) && !self.asks(connection)
    }

    /// The message at the front of a lane.
    pub(crate) fn front(&self, connection: ConnectionId) -> Option<Front<'_>> {
        let lane = self.lane(connection)?;
        let entry = lane.messages.front()?;
        let start = lane.head + entry.sent;
        Some(Front {
            vtag: entry.vtag,
            started: entry.sent > 0,
            credit: entry.credit,
            rest: &lane.bytes[start..lane.head + entry.length],
        })
    }

    /// `length` bytes of the front message went out; the whole of it when none are left.
    pub(crate) fn consume(&mut self, connection: ConnectionId, length: usize) {
        let Some(lane) = self.lane_mut(connection) else { return };
        let Some(entry) = lane.messages.front_mut() else { return };
        entry.sent += length;
        if entry.sent >= entry.length {
            lane.head += entry.length;
            lane.messages.pop_front();
            if lane.messages.is_empty() {
                lane.bytes.clear();
                lane.head = 0;
            }
        }
    }

    /// Takes the notification that was raised, if one was.
    pub(crate) fn take_notification(&mut self, connection: ConnectionId) -> bool {
        self.lane_mut(connection).is_some_and(|lane| std::mem::take(&mut lane.notify))
    }

    /// Whether credit is held back.
    pub(crate) fn holds_credit(&self, connection: ConnectionId) -> bool {
        self.lane(connection).is_some_and(|lane| lane.hold)
    }

    /// Takes the fact that a message was refused, once at most half of the room is in use.
    pub(crate) fn take_refusal(&mut self, connection: ConnectionId) -> bool {
        let half = |lane: &Lane| lane.waiting() <= Self::LIMIT / 2;
        self.lane_mut(connection)
            .is_some_and(|lane| lane.refused && half(lane) && std::mem::take(&mut lane.refused))
    }

    /// Asks something of the engine that only a test client may. False when too much was asked already.
    pub(crate) fn command(&mut self, command: Command) -> bool {
        let room = self.commands.len() < MAX_ARMED;
        if room {
            self.commands.push(command);
        }
        room
    }

    /// Whether test clients asked for something.
    pub(crate) fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    /// What test clients asked for, oldest first.
    pub(crate) fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    fn flag(&mut self, connection: ConnectionId, set: impl FnOnce(&mut Lane)) {
        if let Some(lane) = self.lane_mut(connection) {
            set(lane);
            self.touched.insert(connection.lane());
        }
    }

    fn slot(&mut self, lane: usize) -> &mut Lane {
        if self.lanes.len() <= lane {
            self.lanes.resize_with(lane + 1, Lane::default);
        }
        &mut self.lanes[lane]
    }

    fn lane(&self, connection: ConnectionId) -> Option<&Lane> {
        self.lanes.get(connection.lane()).filter(|lane| lane.connection == connection)
    }

    /// The lane of `connection`; none when it belongs to another that lives.
    #[inline]
    fn lane_mut(&mut self, connection: ConnectionId) -> Option<&mut Lane> {
        let is_its = |lane: &Lane| lane.connection == connection && lane.state != LaneState::Closed;
        if self.lanes.get(connection.lane()).is_some_and(is_its) {
            return self.lanes.get_mut(connection.lane());
        }
        self.unmanaged(connection)
    }

    /// A lane that no engine manages, for whoever speaks first.
    #[cold]
    fn unmanaged(&mut self, connection: ConnectionId) -> Option<&mut Lane> {
        let lane = self.slot(connection.lane());
        if lane.state != LaneState::Unmanaged {
            return None;
        }
        lane.clear();
        lane.connection = connection;
        Some(lane)
    }
}

/// The message at the front of a lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Front<'a> {
    /// Its virtual tag, 0 without.
    pub(crate) vtag: u8,
    /// Whether a part of it has gone out.
    pub(crate) started: bool,
    pub(crate) credit: Credit,
    /// What has not.
    pub(crate) rest: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum LaneState {
    /// No engine manages it: whoever speaks first has it.
    #[default]
    Unmanaged,
    /// Belongs to a connection that lives.
    Open,
    /// Its connection is over.
    Closed,
}

#[derive(Debug)]
struct Lane {
    connection: ConnectionId,
    state: LaneState,
    /// The queued messages back to back, the first at `head`.
    bytes: Vec<u8>,
    head: usize,
    messages: std::collections::VecDeque<Entry>,
    notify: bool,
    disconnect: bool,
    hold: bool,
    refused: bool,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            connection: ConnectionId(u32::MAX),
            state: LaneState::Unmanaged,
            bytes: Vec::new(),
            head: 0,
            messages: std::collections::VecDeque::new(),
            notify: false,
            disconnect: false,
            hold: false,
            refused: false,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    vtag: u8,
    length: usize,
    /// Bytes of it that went out.
    sent: usize,
    credit: Credit,
}

/// Whether a message waits for the host's credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credit {
    /// As the protocol wants it.
    Needed,
    /// It breaks the protocol, as a test asked.
    NotNeeded,
}

impl Lane {
    fn waiting(&self) -> usize {
        self.bytes.len() - self.head - self.messages.front().map_or(0, |entry| entry.sent)
    }

    /// Moves what waits to the front when that spares the buffer from growing.
    fn make_room(&mut self, length: usize) {
        if self.head > 0 && self.bytes.len() + length > self.bytes.capacity() {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.head = 0;
        self.messages.clear();
        (self.notify, self.disconnect, self.hold, self.refused) = (false, false, false, false);
    }
}

/// A set of lanes, one bit each.
#[derive(Debug, Clone, Copy, Default)]
struct LaneSet([u64; LANES / 64]);

impl LaneSet {
    fn insert(&mut self, lane: usize) {
        self.0[lane / 64] |= 1 << (lane % 64);
    }

    fn remove(&mut self, lane: usize) {
        self.0[lane / 64] &= !(1 << (lane % 64));
    }

    /// The next member from `from` on, in a circle.
    fn next(&self, from: usize) -> Option<usize> {
        let [a, b, c, d] = self.0;
        if a | b | c | d == 0 {
            return None;
        }
        let from = from % LANES;
        let (word, bit) = (from / 64, from % 64);
        let lowest = |word: usize, bits: u64| word * 64 + bits.trailing_zeros() as usize;
        let first = self.0[word] & (u64::MAX << bit);
        if first != 0 {
            return Some(lowest(word, first));
        }
        let (before, after) = self.0.split_at(word + 1);
        let rest = (word + 1..).zip(after).chain((0..).zip(before));
        rest.filter(|&(_, &bits)| bits != 0).map(|(word, &bits)| lowest(word, bits)).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ConnectionId = ConnectionId(1);

    #[test]
    fn messages_come_out_in_order_and_whole() {
        let mut outbox = Outbox::default();
        assert!(outbox.send(ONE, 0, b"first"));
        assert!(outbox.send(ONE, 7, b""));
        assert!(outbox.send(ONE, 0, b"third"));
        assert_eq!(outbox.waiting(ONE), 10);
        outbox.consume(ONE, 2);
        assert_eq!(outbox.front(ONE).map(|front| front.rest.to_vec()), Some(b"rst".to_vec()));
        assert_eq!(outbox.waiting(ONE), 8);
        assert_eq!(outbox.take(ONE), Some((0, b"rst".to_vec())));
        assert_eq!(outbox.take(ONE), Some((7, Vec::new())));
        assert_eq!(outbox.take(ONE), Some((0, b"third".to_vec())));
        assert_eq!(outbox.take(ONE), None);
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let mut outbox = Outbox::default();
        let half = vec![0; 512 * 1024];
        assert!(outbox.send(ONE, 0, &half) && outbox.send(ONE, 0, &half));
        assert!(!outbox.send(ONE, 0, b"x"), "1 MiB waits already");
        assert!(!outbox.take_refusal(ONE));
        assert!(outbox.take(ONE).is_some());
        assert!(outbox.take_refusal(ONE));
        assert!(!outbox.take_refusal(ONE), "told once");
        assert!(outbox.send(ONE, 0, b"x"));
    }

    #[test]
    fn a_connection_that_is_over_takes_nothing_from_its_successor() {
        let (old, new) = (ConnectionId(0x105), ConnectionId(0x205));
        let mut outbox = Outbox::default();
        outbox.open(old);
        assert!(outbox.send(old, 0, b"lost"));
        outbox.close(old);
        outbox.open(new);
        assert!(outbox.send(new, 0, b"kept"));
        assert!(outbox.send(old, 0, b"late"), "dropped, not refused");
        assert_eq!(outbox.take(new), Some((0, b"kept".to_vec())));
        assert_eq!(outbox.take(new), None);
        outbox.close(new);
        assert!(outbox.send(new, 0, b"late"));
        assert_eq!(outbox.next_touched(0), None);
    }

    #[test]
    fn lanes_take_turns() {
        let mut set = LaneSet::default();
        assert_eq!(set.next(3), None);
        for lane in [3, 64, 255] {
            set.insert(lane);
        }
        assert_eq!(set.next(0), Some(3));
        assert_eq!(set.next(4), Some(64));
        assert_eq!(set.next(65), Some(255));
        assert_eq!(set.next(256), Some(3));
        set.remove(255);
        assert_eq!(set.next(65), Some(3));
    }
}
