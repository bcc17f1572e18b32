//! How a session speaks.

use crate::client::{ConnectionId, Outbox};
use mei_wire::apf::Message;

/// One connection's way into the outbox.
///
/// Data may fill half of the outbox's room; the other half is for what a session must be able to say, which is a
/// few short messages per message of the host. The host gets no credit for another while more than half is in
/// use, so that the whole is never full.
pub(super) struct Voice<'o> {
    outbox: &'o mut Outbox,
    connection: ConnectionId,
}

impl<'o> Voice<'o> {
    pub(super) fn new(outbox: &'o mut Outbox, connection: ConnectionId) -> Self {
        Self { outbox, connection }
    }

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
