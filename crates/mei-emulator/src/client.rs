//! A firmware client: what sits behind a client id of the engine.

use mei_wire::Guid;
use std::time::Instant;

/// A connection to a client, unique within one engine for as long as it lives. For a client at a fixed address
/// every host address that has spoken is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

/// What the engine tells the host about a client (`hbm.md`, HOST_CLIENT_PROPERTIES).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Properties {
    /// Its GUID.
    pub guid: Guid,
    /// Version of its protocol.
    pub protocol_version: u8,
    /// Connections at a time; 0 for fixed addresses.
    pub max_connections: u8,
    /// Fixed address, 0 for a dynamic client.
    pub fixed_address: u8,
    /// One receive buffer for all connections.
    pub single_receive_buffer: bool,
    /// Longest message either way, bytes.
    pub max_message_length: u32,
    /// Takes virtual tags (only shown to a host that negotiated them).
    pub vtag: bool,
}

/// A firmware client. Sans I/O: events in, messages into the [`Outbox`].
///
/// What the host sends is untrusted: any bytes, any order. A client answers, ignores or disconnects; it never
/// panics.
pub trait Client: std::fmt::Debug + Send {
    /// What the engine tells the host about it. Constant.
    fn properties(&self) -> Properties;

    /// A host client asks to connect. Refusal statuses as in `hbm.md` (CONNECT_RES).
    ///
    /// # Errors
    /// The HBM connect status to refuse with. The engine itself has checked `max_connections`.
    fn connect(&mut self, connection: ConnectionId, outbox: &mut Outbox, now: Instant) -> Result<(), u8> {
        let _ = (connection, outbox, now);
        Ok(())
    }

    /// A whole message arrived.
    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, now: Instant);

    /// The connection is over, whoever ended it. Messages still queued for it are dropped.
    fn disconnected(&mut self, connection: ConnectionId, now: Instant) {
        let _ = (connection, now);
    }

    /// The link was reset: all connections are over (each was told), timers that belong to the link too.
    fn reset(&mut self, now: Instant) {
        let _ = now;
    }

    /// Time passed, at [`Client::deadline`] at the latest; also called when room in the outbox comes back.
    fn advance(&mut self, outbox: &mut Outbox, now: Instant) {
        let _ = (outbox, now);
    }

    /// When [`Client::advance`] must be called.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// A message from a host client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Where it came from, and where an answer goes.
    pub connection: ConnectionId,
    /// Its virtual tag, 0 without.
    pub vtag: u8,
    /// Its bytes.
    pub data: &'a [u8],
}

/// Where a client puts what it says. The engine sends it as the host's credits allow; per connection in order.
///
/// Bounded: a client that says more than [`Outbox::LIMIT`] bytes on a connection without credit is refused and
/// asks again in [`Client::advance`].
#[derive(Debug, Default)]
pub struct Outbox {
    // The engine's author gives it what it needs; reuse buffers, no allocation per message once warm.
}

impl Outbox {
    /// Most bytes that wait for credit on one connection.
    pub const LIMIT: usize = 1 << 20;

    /// Queues one message. False: no room, nothing was queued.
    #[must_use]
    pub fn send(&mut self, connection: ConnectionId, vtag: u8, message: &[u8]) -> bool {
        let _ = (connection, vtag, message);
        true
    }

    /// Ends a connection from the firmware's side (DISCONNECT_REQ), after what is queued when `drain`.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        let _ = connection;
    }

    /// Raises a notification (event) on a connection.
    pub fn notify(&mut self, connection: ConnectionId) {
        let _ = connection;
    }
}
