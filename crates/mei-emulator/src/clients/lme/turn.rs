//! What a session acts with: what it goes by, its voice, and the time.

use super::Settings;
use crate::client::{ConnectionId, Outbox};
use mei_wire::apf::Message;
use std::time::Instant;

/// What every session goes by.
#[derive(Debug)]
pub(super) struct Facts {
    /// The platform's UUID.
    pub(super) uuid: [u8; 16],
    /// Longest message, bytes.
    pub(super) longest: usize,
    /// Most bytes in one message of data.
    pub(super) chunk: usize,
    pub(super) settings: Settings,
}

/// One turn of a session.
pub(super) struct Turn<'t> {
    pub(super) facts: &'t Facts,
    pub(super) voice: Voice<'t>,
    pub(super) now: Instant,
}

impl<'t> Turn<'t> {
    pub(super) fn new(
        facts: &'t Facts,
        outbox: &'t mut Outbox,
        connection: ConnectionId,
        now: Instant,
    ) -> Self {
        Self { facts, voice: Voice { outbox, connection }, now }
    }
}

/// One connection's way into the outbox.
///
/// Data may fill half of the outbox's room; the other half is for what a session must be able to say, which is a
/// few short messages per message of the host. The host gets no credit for another while more than half is in
/// use, so that the whole is never full.
pub(super) struct Voice<'o> {
    outbox: &'o mut Outbox,
    connection: ConnectionId,
}

impl Voice<'_> {
    /// Says something.
    pub(super) fn say(&mut self, message: &Message<'_>) {
        let length = message.length();
        let taken = self.outbox.send_with(self.connection, 0, length, |bytes| {
            message.write(&mut |part| bytes.extend_from_slice(part));
        });
        if !taken {
            log::warn!("LME: a host that does not listen is cut off");
            self.hang_up();
        }
    }

    /// Whether data can be sent now. When not, the client's `advance` is called once they can.
    pub(super) fn takes_data(&mut self) -> bool {
        if self.outbox.waiting(self.connection) <= Outbox::LIMIT / 2 {
            return true;
        }
        self.outbox.want_room(self.connection);
        false
    }

    /// Ends the connection; what it was told and has not taken is lost.
    pub(super) fn hang_up(&mut self) {
        self.outbox.disconnect(self.connection);
    }
}
