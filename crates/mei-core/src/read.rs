//! Receiving: credits for the firmware, messages for readers (`device-abi.md` §6, `hbm.md` §6).

use crate::call::CallId;
use crate::client::{FileIndex, Incoming};
use crate::control::Control;
use crate::{Errno, Host};
use mei_wire::Function;
use std::time::Instant;

/// Longest buffer that the kernel allocates for one message, bytes; a read that needs more gets ENOMEM.
pub(crate) const LONGEST_MESSAGE: usize = 4 << 20;

impl<F: Function> Host<F> {
    /// Lets the firmware send one message, unless it may already.
    ///
    /// # Errors
    /// ENODEV, ENOTTY (the client has vanished), ENOMEM, or the errno of sending the credit.
    #[inline]
    pub(crate) fn read_start(
        &mut self,
        id: u8,
        file: FileIndex,
        size: usize,
        now: Instant,
    ) -> Result<(), Errno> {
        let client = self.client(id).filter(|client| client.is_connected()).ok_or(Errno::NODEV)?;
        if !self.is_active(client) {
            return Err(Errno::NOTTY);
        }
        if client.is_local() {
            return Ok(());
        }
        let armed = client.armed;
        let limit = size.max(usize::try_from(client.mtu).unwrap_or(usize::MAX));
        if !armed && limit > LONGEST_MESSAGE {
            return Err(Errno::NOMEM);
        }
        if let Some(file) = self.files.get_mut(file) {
            file.read_pending = true;
        }
        if armed {
            return Ok(());
        }
        let buffer = self.pool.take();
        let incoming = Incoming { buffer, limit, granted: false, file, vtag: 0, status: None };
        if let Some(client) = self.client_mut(id) {
            client.armed = true;
            client.incoming = Some(incoming);
        }
        let result = self.control_now(id, Control::Credit, now);
        if result.is_err()
            && let Some(client) = self.client_mut(id)
        {
            client.armed = false;
            client.incoming = None;
        }
        result
    }

    /// Answers a read from the message at `place`.
    #[inline]
    pub(crate) fn take_message(&mut self, call: CallId, id: u8, place: usize, size: usize, now: Instant) {
        let Self { clients, pool, outputs, .. } = self;
        let Some(client) = clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut) else { return };
        let Some(message) = client.completed.get_mut(place) else { return };
        if message.expires.is_some_and(|expires| expires <= now) {
            message.status = message.status.or(Some(Errno::TIME));
        }
        let left = message.buffer.len() - message.consumed;
        if message.status.is_none() && size < left {
            let mut part = pool.take();
            let end = message.consumed + size;
            part.extend_from_slice(&message.buffer[message.consumed..end]);
            message.consumed = end;
            return outputs.data(call, part, 0, size);
        }
        let taken = match place {
            0 => client.completed.pop_front(),
            _ => client.completed.remove(place),
        };
        let Some(message) = taken else { return };
        client.completed_bytes -= message.buffer.len();
        match message.status {
            Some(errno) => {
                pool.put(message.buffer);
                outputs.error(call, errno);
            }
            None => {
                let end = message.buffer.len();
                outputs.data(call, message.buffer, message.consumed, end);
            }
        }
    }
}
