//! Sending: the write itself, once there is room for it (`device-abi.md` §7).

use crate::client::{FileIndex, Origin, Outgoing, Writing};
use crate::read::LONGEST_MESSAGE;
use crate::transmit::Progress;
use crate::{Errno, Host};
use mei_wire::Function;
use std::time::Instant;

impl<F: Function> Host<F> {
    /// Sends a message or queues it; the number of bytes taken.
    ///
    /// # Errors
    /// ENOMEM, or the errno of sending: the message is lost then.
    pub(crate) fn write_now(
        &mut self,
        id: u8,
        file: FileIndex,
        buffer: Vec<u8>,
        now: Instant,
    ) -> Result<usize, Errno> {
        let vtag = self.files.get(file).and_then(|file| file.vtag).unwrap_or(0);
        let count = self.write_message(id, file, vtag, Origin::Program, buffer)?;
        if self.client(id).is_some_and(|client| client.shared) {
            self.amthi_next(now);
        }
        Ok(count)
    }

    /// As [`Host::write_now`], for the driver's own messages too.
    pub(crate) fn write_message(
        &mut self,
        id: u8,
        file: FileIndex,
        vtag: u8,
        origin: Origin,
        buffer: Vec<u8>,
    ) -> Result<usize, Errno> {
        let count = buffer.len();
        if count > LONGEST_MESSAGE {
            return Err(Errno::NOMEM);
        }
        if let Some(client) = self.client_mut(id) {
            client.writing = Writing::Idle;
        }
        self.queue_write(id, Outgoing { buffer, file, vtag, origin, sent: 0, started: false, sequence: 0 });
        let alone = self.client(id).is_some_and(|client| client.unsent.len() == 1);
        if alone && self.ready.contains(id) && self.buffer.is_ready() {
            match self.send_front(id) {
                Ok(Progress::Skipped) => {}
                Ok(Progress::Sent | Progress::Part) => self.ring_checked()?,
                Err(errno) => {
                    self.drop_front(id);
                    return Err(errno);
                }
            }
        }
        Ok(count)
    }
}
