//! A firmware client: what sits behind a client id of the engine.

use mei_wire::Guid;
use std::time::Instant;

pub use crate::outbox::Outbox;

/// A connection to a client, unique within one engine for as long as it lives. For a client at a fixed address
/// every host address that has spoken is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

impl ConnectionId {
    /// Its place among the connections that live now.
    pub(crate) const fn lane(self) -> usize {
        (self.0 & 0xFF) as usize
    }
}

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

/// When a host that sent a message may send the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CreditPolicy {
    /// Once the host has taken every answer: request, answer, request (`clients.md` §1.2).
    #[default]
    AfterAnswers,
    /// At once, as long as at most half of the [`Outbox`]'s room is in use: streams either way.
    Prompt,
}

/// A firmware client. Sans I/O: events in, messages into the [`Outbox`].
///
/// What the host sends is untrusted: any bytes, any order. A client answers, ignores or disconnects; it never
/// panics.
pub trait Client: std::fmt::Debug + Send {
    /// What the engine tells the host about it. Constant.
    fn properties(&self) -> Properties;

    /// When the host gets its next credit. Constant.
    fn credit_policy(&self) -> CreditPolicy {
        CreditPolicy::AfterAnswers
    }

    /// A host client asks to connect. Refusal statuses as in `hbm.md` (CONNECT_RES).
    ///
    /// # Errors
    /// The HBM connect status to refuse with. The engine itself has checked `max_connections`.
    fn connect(&mut self, connection: ConnectionId, outbox: &mut Outbox, now: Instant) -> Result<(), u8> {
        let _ = (connection, outbox, now);
        Ok(())
    }

    /// A whole message arrived, at most `max_message_length` bytes.
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

    /// When [`Client::advance`] must be called. Asked at the end of each run of the engine, so a client may
    /// become due because of what another was told; a time that has passed means at once.
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
