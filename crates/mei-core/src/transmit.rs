//! From the queues to the host's buffer (`hbm.md` §8).

use crate::client::{HostClient, Origin, Outgoing, Writing};
use crate::slots::pack;
use crate::{Errno, Host};
use mei_wire::{ExtendedHeader, Function, MessageHeader, VtagTlv};
use std::time::Instant;
use zerocopy::IntoBytes;

/// What became of a message that was to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// What was left of it went out.
    Sent,
    /// So many bytes of it went out, and there are more.
    Part(usize),
    /// No credit, or it does not fit beside what is in the buffer.
    Skipped,
}

/// A message, or what is left of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) vtag: u8,
    pub(crate) origin: Origin,
    /// Whether a part of the message went out already.
    pub(crate) started: bool,
    pub(crate) rest: &'a [u8],
}

impl<F: Function> Host<F> {
    /// What the interrupt thread sends when the buffer is empty (`hbm.md` §8.3).
    #[inline]
    pub(crate) fn transmit_pass(&mut self, now: Instant) -> Result<(), Errno> {
        if !self.buffer.is_ready() && (self.look_at_buffer().is_err() || !self.buffer.is_ready()) {
            return if self.gone { Err(Errno::NODEV) } else { Ok(()) };
        }
        if !self.draining.is_empty() {
            self.complete_drained();
        }
        if !self.control.is_empty() && !self.send_controls(now) {
            return Ok(());
        }
        if !self.ready.is_empty() {
            self.send_writes();
        }
        Ok(())
    }

    /// The firmware took what was in the buffer: those writes are complete.
    fn complete_drained(&mut self) {
        let drained = std::mem::take(&mut self.draining);
        for id in drained.iter() {
            if let Some(client) = self.client_mut(id) {
                client.draining = 0;
                client.writing = Writing::Complete;
                self.touch(id);
                self.wake_client(id);
            }
        }
    }

    /// Sends queued messages in the order they were written, passing over clients that may not or cannot send.
    fn send_writes(&mut self) {
        let mut candidates = self.ready;
        loop {
            let oldest = candidates
                .iter()
                .filter_map(|id| Some((self.client(id)?.unsent.front()?.sequence, id)))
                .min();
            let Some((_, id)) = oldest else { return };
            match self.send_front(id) {
                Ok(Progress::Sent) if self.ready.contains(id) => {}
                Ok(_) => candidates.remove(id),
                Err(errno) => {
                    log::warn!("host client {id}: a queued message was lost: {errno}");
                    self.drop_front(id);
                    return;
                }
            }
        }
    }

    /// Sends the oldest message of a client, or as much of it as fits.
    ///
    /// # Errors
    /// The errno that a caller gets.
    pub(crate) fn send_front(&mut self, id: u8) -> Result<Progress, Errno> {
        if !self.may_send(id) {
            self.ready.remove(id);
            return Ok(Progress::Skipped);
        }
        let Some(mut message) = self.client_mut(id).and_then(|client| client.unsent.pop_front()) else {
            return Ok(Progress::Skipped);
        };
        let Outgoing { vtag, origin, started, sent, .. } = message;
        let rest = message.buffer.get(sent..).unwrap_or_default();
        let progress = self.put(id, &Piece { vtag, origin, started, rest });
        if let Ok(Progress::Part(count)) = progress {
            message.sent += count;
            message.started = true;
        }
        if let Some(client) = self.client_mut(id) {
            client.unsent.push_front(message);
        }
        match progress {
            Ok(Progress::Sent) => {
                self.drop_front(id);
                self.count_draining(id);
            }
            Ok(Progress::Part(_)) => self.update_ready(id),
            Ok(Progress::Skipped) | Err(_) => {}
        }
        progress
    }

    /// Puts a message into the buffer, or as much of it as fits, and takes the credit for it.
    ///
    /// # Errors
    /// The errno that a caller gets.
    #[inline]
    pub(crate) fn put(&mut self, id: u8, piece: &Piece<'_>) -> Result<Progress, Errno> {
        let dma_ring = self.hbm.features.dma_ring;
        let Self { clients, frame, buffer, ring, function, .. } = self;
        let Some(client) = clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut) else {
            return Ok(Progress::Skipped);
        };
        let address = client.address();
        let Piece { vtag, origin, started, rest } = *piece;
        let mut at = 1;
        if !started && vtag != 0 {
            let meta = ExtendedHeader { count: 1, size: 1, reserved: [0; 2] };
            at += pack(meta.as_bytes(), &mut frame[at..]);
            at += pack(VtagTlv::new(vtag).as_bytes(), &mut frame[at..]);
        }
        let extended = 4 * (at - 1);
        let room = (4 * usize::from(buffer.free)).saturating_sub(4 + extended);
        let largest = MessageHeader::MAX_LENGTH - extended;
        let ring = ring.as_mut().filter(|_| dma_ring && rest.len() > room.min(largest) && room >= 4);
        let by_ring = match ring {
            Some(ring) => {
                let count = rest.len().min(ring.free(function).unwrap_or(0));
                (count > 0 && ring.write(function, &rest[..count]).is_ok()).then_some(count)
            }
            None => None,
        };
        let length_slot = by_ring.and_then(|count| u32::try_from(count).ok()).map(u32::to_le_bytes);
        let (count, complete) = if let Some(count) = by_ring {
            (count, count == rest.len())
        } else if rest.len() <= room.min(largest) {
            (rest.len(), true)
        } else if buffer.is_ready() {
            // Whole slots, so that only the last fragment is padded.
            (room.min(largest), false)
        } else {
            return Ok(Progress::Skipped);
        };
        if count == 0 && !complete {
            return Err(Errno::MSGSIZE);
        }
        let payload = length_slot.as_ref().map_or(&rest[..count], |slot| &slot[..]);
        let slots = at + pack(payload, &mut frame[at..]);
        let length = extended + payload.len();
        frame[0] = MessageHeader::new()
            .with_me_addr(address.me)
            .with_host_addr(address.host)
            .with_length(u16::try_from(length).map_err(|_| Errno::MSGSIZE)?)
            .with_extended(extended > 0)
            .with_dma_ring(by_ring.is_some())
            .with_internal(origin == Origin::Internal)
            .with_msg_complete(complete)
            .to_word();
        client.writing = Writing::Begun;
        self.push(slots)?;
        if !started {
            self.spend_credit(id)?;
        }
        Ok(if complete { Progress::Sent } else { Progress::Part(count) })
    }

    /// A message went out whole; the firmware has to take it.
    pub(crate) fn count_draining(&mut self, id: u8) {
        if let Some(client) = self.client_mut(id) {
            client.draining += 1;
            self.draining.insert(id);
        }
    }

    /// Takes the oldest message off the queue.
    fn drop_front(&mut self, id: u8) {
        if let Some(client) = self.client_mut(id)
            && let Some(message) = client.unsent.pop_front()
        {
            client.unsent_bytes -= message.buffer.len();
            self.pool.put(message.buffer);
        }
        self.update_ready(id);
    }

    /// Queues a message.
    pub(crate) fn queue_write(&mut self, id: u8, mut message: Outgoing) {
        self.sequence += 1;
        message.sequence = self.sequence;
        if let Some(client) = self.client_mut(id) {
            client.unsent_bytes += message.buffer.len();
            client.unsent.push_back(message);
        }
        self.update_ready(id);
    }

    /// Whether a new message of a client may go out at once: it has credit, and nothing waits before it.
    pub(crate) fn may_begin(&self, id: u8) -> bool {
        self.client(id).is_some_and(|client| client.unsent.is_empty() && self.has_credit(client))
    }

    /// Whether the oldest message of a client may go out: a fragment needs no credit of its own.
    fn may_send(&self, id: u8) -> bool {
        let Some(client) = self.client(id) else { return false };
        client.unsent.front().is_some_and(|message| message.started) || self.has_credit(client)
    }

    fn has_credit(&self, client: &HostClient) -> bool {
        let shared = || {
            let record = client.me.and_then(|me| self.me_clients.get(me));
            client.single_recv_buf && record.is_some_and(|record| record.tx_credits > 0)
        };
        // What is written to the shared AMTHI is taken from the queue by its service.
        !client.shared && (client.tx_credits > 0 || client.fixed || shared())
    }

    /// Keeps the sets of clients with queued and with sendable messages.
    #[inline]
    pub(crate) fn update_ready(&mut self, id: u8) {
        let queued = self.client(id).is_some_and(|client| !client.unsent.is_empty());
        self.queued.set(id, queued);
        self.ready.set(id, queued && self.may_send(id));
    }

    /// One message costs one credit (`hbm.md` §6).
    fn spend_credit(&mut self, id: u8) -> Result<(), Errno> {
        let Self { clients, me_clients, .. } = self;
        let Some(client) = clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut) else {
            return Ok(());
        };
        if client.fixed {
            return Ok(());
        }
        let credits = if client.single_recv_buf {
            &mut client.me.and_then(|me| me_clients.get_mut(me)).ok_or(Errno::INVAL)?.tx_credits
        } else {
            &mut client.tx_credits
        };
        *credits = credits.checked_sub(1).ok_or(Errno::INVAL)?;
        Ok(())
    }
}
