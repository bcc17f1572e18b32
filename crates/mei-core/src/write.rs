//! Sending: the write itself, once there is room for it (`device-abi.md` §7).

use crate::client::{FileIndex, Origin, Outgoing, Writing};
use crate::read::LONGEST_MESSAGE;
use crate::transmit::{Piece, Progress};
use crate::{Errno, Host};
use mei_wire::Function;
use std::time::Instant;

impl<F: Function> Host<F> {
    /// Sends a message or queues it; the number of bytes taken.
    ///
    /// # Errors
    /// ENOMEM, or the errno of sending: the message is lost then.
    #[inline]
    pub(crate) fn write_now(
        &mut self,
        id: u8,
        file: FileIndex,
        data: &[u8],
        now: Instant,
    ) -> Result<usize, Errno> {
        let vtag = self.files.get(file).and_then(|file| file.vtag).unwrap_or(0);
        let count = self.write_message(id, file, vtag, Origin::Program, data)?;
        if self.client(id).is_some_and(|client| client.shared) {
            self.amthi_next(now);
        }
        Ok(count)
    }

    /// As [`Host::write_now`], for the driver's own messages too.
    #[inline(always)]
    pub(crate) fn write_message(
        &mut self,
        id: u8,
        file: FileIndex,
        vtag: u8,
        origin: Origin,
        data: &[u8],
    ) -> Result<usize, Errno> {
        if data.len() > LONGEST_MESSAGE {
            return Err(Errno::NOMEM);
        }
        if let Some(client) = self.client_mut(id) {
            client.writing = Writing::Idle;
        }
        // Straight from the caller's memory, if nothing is before it.
        let progress = if self.buffer.is_ready() && self.may_begin(id) {
            self.put(id, &Piece { vtag, origin, started: false, rest: data })?
        } else {
            Progress::Skipped
        };
        let sent = match progress {
            Progress::Sent => {
                self.count_draining(id);
                return self.ring_checked().map(|()| data.len());
            }
            Progress::Part(count) => count,
            Progress::Skipped => 0,
        };
        let started = progress != Progress::Skipped;
        let mut buffer = self.pool.take();
        buffer.extend_from_slice(data);
        self.queue_write(id, Outgoing { buffer, file, vtag, origin, sent, started, sequence: 0 });
        if started {
            self.ring_checked()?;
        }
        Ok(data.len())
    }
}
