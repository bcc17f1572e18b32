//! From interrupts to messages (`hw.md` §5, `hbm.md` §7).

use crate::client::{Completed, FileIndex, HostClient, Incoming, Owner};
use crate::hbm::LONGEST;
use crate::read::LONGEST_MESSAGE;
use crate::reset::Phase;
use crate::slots::{append, slots_for};
use crate::{DeviceState, Errno, Host};
use mei_wire::registers::{H_CSR, MeCsr, filled_slots};
use mei_wire::{Function, MessageHeader, TlvType};
use std::time::Instant;
use zerocopy::IntoBytes;

/// A message that is complete, before its reader hears of it.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) id: u8,
    pub(crate) message: Incoming,
}

/// One frame in the inbox: its header, its extended header's result, where its payload is.
#[derive(Debug, Clone, Copy)]
struct Frame {
    header: MessageHeader,
    tag: Tag,
    /// Slots of the inbox.
    payload: (usize, usize),
    /// Bytes of the payload, here or in the ring.
    length: usize,
    /// The frame's end in the inbox.
    end: usize,
}

/// What the extended header said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// There is none.
    None,
    Vtag(u8),
    /// A tag among things that are not known: delivered as an error.
    Doubtful(u8),
    /// No tag in it.
    Bad,
}

impl<F: Function> Host<F> {
    /// The driver's interrupt thread (`hw.md` §5.3).
    pub(crate) fn service_interrupt(&mut self, now: Instant) -> Result<(), Errno> {
        let csr = self.host_csr()?;
        if !csr.pending() {
            return Ok(());
        }
        // Acknowledges what was seen, before anything is read.
        self.write(H_CSR, csr.with_interrupts(true).into())?;
        let me = self.me_csr()?;
        if !me.ready() && self.state != DeviceState::Resetting {
            if self.state.is_going_down() {
                self.disconnect_all();
            } else {
                log::warn!("the firmware is not ready any more in {}: resetting", self.state);
                self.reset_scheduled = true;
            }
            return Ok(());
        }
        if me.reset() {
            self.modify_csr(|csr| csr.with_interrupt_generate(true))?;
        }
        if csr.d0i3_interrupt_status() && matches!(self.phase, Phase::LeavingD0i3(_)) {
            self.d0i3_left(now);
            return Ok(());
        }
        match self.phase {
            Phase::WaitingReady(_) if !csr.ready() => {
                if me.ready() {
                    self.link_up(now);
                }
                return Ok(());
            }
            Phase::Up if csr.ready() => {}
            Phase::Up => {
                log::warn!("the host's ready bit was lost: resetting");
                self.reset_scheduled = true;
                return Ok(());
            }
            _ => return Ok(()),
        }
        if let Err(errno) = self.receive(me, now) {
            self.drop_arrived();
            if !self.gone && !self.state.is_going_down() {
                log::error!("receiving failed ({errno}): resetting");
                self.reset_scheduled = true;
            }
            return Ok(());
        }
        self.transmit_pass(now)?;
        self.deliver_arrived();
        Ok(())
    }

    /// Empties the firmware's buffer and takes every frame that is complete.
    fn receive(&mut self, me: MeCsr, now: Instant) -> Result<(), Errno> {
        let filled = filled_slots(me.read_pointer(), me.write_pointer());
        if filled == 0 || filled > me.depth() {
            return Ok(());
        }
        let count = usize::from(filled);
        let Some(room) = self.inbox.room(count) else { return Err(Errno::RANGE) };
        let result = self.function.read_window(room);
        self.note(result)?;
        self.inbox.length += count;
        self.bell = true;
        let mut start = 0;
        while let Some(frame) = self.next_frame(start)? {
            self.take_frame(frame, now)?;
            start = frame.end;
        }
        self.inbox.consume(start);
        Ok(())
    }

    /// The frame that begins at `start`, if all of it is there.
    fn next_frame(&self, start: usize) -> Result<Option<Frame>, Errno> {
        let slots = &self.inbox.slots[..self.inbox.length];
        let Some(&word) = slots.get(start) else { return Ok(None) };
        let header = MessageHeader::from(word);
        if let Err(error) = header.validate() {
            log::error!("{error}: {word:#010x}");
            return Err(Errno::BADMSG);
        }
        let mut left = usize::from(header.length());
        let end = start + 1 + slots_for(left);
        if end > slots.len() {
            return Ok(None);
        }
        let mut at = start + 1;
        let mut tag = Tag::None;
        if header.extended() {
            let meta = slots[at].to_le_bytes();
            let size = usize::from(meta[1]);
            left = left.checked_sub(4 + 4 * size).ok_or(Errno::BADMSG)?;
            tag = walk_extended(&slots[at + 1..at + 1 + size]);
            at += 1 + size;
        }
        let mut length = left;
        if header.dma_ring() {
            if left != 4 {
                return Err(Errno::BADMSG);
            }
            length = usize::try_from(slots[at]).map_err(|_| Errno::BADMSG)?;
            at += 1;
        }
        Ok(Some(Frame { header, tag, payload: (at, end), length, end }))
    }

    fn take_frame(&mut self, frame: Frame, now: Instant) -> Result<(), Errno> {
        let address = frame.header.address();
        if address.me == 0 && address.host == 0 {
            // What is missing reads as zero, and what is beyond means nothing.
            let mut message = [0; LONGEST];
            let given = self.inbox.slots[frame.payload.0..frame.payload.1].as_bytes();
            let length = frame.length.min(given.len()).min(LONGEST);
            message[..length].copy_from_slice(&given[..length]);
            return self.dispatch_hbm(&message, now);
        }
        let Some(id) = self.addressee(address) else {
            if address.host == 0 || self.state == DeviceState::PowerDown {
                return self.discard(frame);
            }
            log::error!(
                "a message for host client {}, ME client {}: no such connection",
                address.host,
                address.me
            );
            return Err(Errno::BADMSG);
        };
        self.take_payload(id, frame)
    }

    /// Appends a frame to the message it belongs to.
    fn take_payload(&mut self, id: u8, frame: Frame) -> Result<(), Errno> {
        let Self { clients, pool, ring, function, .. } = self;
        let Some(client) = clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut) else {
            return Ok(());
        };
        if client.incoming.as_ref().is_none_or(|incoming| !incoming.granted) {
            if !client.fixed {
                log::error!("a message for host client {id}, which reads nothing, is dropped");
                return self.discard(frame);
            }
            let limit = usize::try_from(client.mtu).unwrap_or(usize::MAX);
            if limit > LONGEST_MESSAGE {
                return self.discard(frame);
            }
            let file = client.files.first().copied().unwrap_or(FileIndex::MAX);
            let buffer = pool.take();
            client.incoming = Some(Incoming { buffer, limit, granted: true, file, vtag: 0, status: None });
        }
        let connected = client.is_connected();
        let Some(incoming) = client.incoming.as_mut() else { return Ok(()) };
        let mut broken = None;
        match frame.tag {
            Tag::None => {}
            Tag::Bad => broken = Some(Errno::PROTO),
            Tag::Vtag(vtag) | Tag::Doubtful(vtag) => {
                if incoming.vtag != 0 && incoming.vtag != vtag {
                    broken = Some(Errno::PROTO);
                } else {
                    incoming.vtag = vtag;
                }
                if matches!(frame.tag, Tag::Doubtful(_)) {
                    incoming.status = Some(Errno::PROTO);
                }
            }
        }
        if !connected {
            broken = broken.or(Some(Errno::NODEV));
        }
        if incoming.buffer.len().checked_add(frame.length).is_none_or(|total| total > incoming.limit) {
            broken = broken.or(Some(Errno::MSGSIZE));
        }
        if broken.is_some() {
            incoming.status = broken;
            self.complete(id);
            return self.discard(frame);
        }
        if frame.header.dma_ring() {
            let ring = ring.as_mut().filter(|ring| ring.holds(frame.length)).ok_or(Errno::BADMSG)?;
            let result = ring.read(function, frame.length, &mut incoming.buffer);
            self.note(result)?;
        } else {
            let slots = &self.inbox.slots[frame.payload.0..frame.payload.1];
            append(slots, frame.length, &mut incoming.buffer);
        }
        if frame.header.msg_complete() {
            self.complete(id);
        }
        Ok(())
    }

    /// The message of `id` is complete, for better or worse.
    #[inline]
    fn complete(&mut self, id: u8) {
        if let Some(message) = self.client_mut(id).and_then(|client| client.incoming.take()) {
            self.arrived.push_back(Arrived { id, message });
        }
    }

    /// Steps over a frame that nobody wants.
    fn discard(&mut self, frame: Frame) -> Result<(), Errno> {
        if !frame.header.dma_ring() {
            return Ok(());
        }
        let Self { ring, function, .. } = self;
        let ring = ring.as_mut().filter(|ring| ring.holds(frame.length)).ok_or(Errno::BADMSG)?;
        let result = ring.skip(function, frame.length);
        self.note(result)
    }

    /// The pass broke off: what was complete in it is not delivered, as in the driver.
    fn drop_arrived(&mut self) {
        while let Some(arrived) = self.arrived.pop_front() {
            self.pool.put(arrived.message.buffer);
        }
    }

    /// Gives each complete message to its file.
    #[inline]
    fn deliver_arrived(&mut self) {
        while let Some(Arrived { id, message }) = self.arrived.pop_front() {
            self.deliver(id, message);
        }
    }

    #[inline]
    fn deliver(&mut self, id: u8, message: Incoming) {
        let tagged = self.uses_vtags(id);
        let Some(client) = self.client(id) else { return self.pool.put(message.buffer) };
        let file = if tagged { self.file_by_vtag(client, message.vtag) } else { Some(message.file) };
        let Some(client) = self.client_mut(id) else { return };
        if !client.fixed {
            client.armed = false;
        }
        let full = client.completed.len() >= HostClient::MAX_COMPLETED
            || client.completed_bytes >= HostClient::MAX_COMPLETED_BYTES;
        let Some(file) = file.filter(|_| !full) else {
            log::warn!("host client {id}: a message with tag {} that nobody reads is dropped", message.vtag);
            self.pool.put(message.buffer);
            if tagged {
                self.rearm_for_sharers(id);
            }
            return self.touch(id);
        };
        client.completed_bytes += message.buffer.len();
        let status = message.status;
        client.completed.push_back(Completed {
            buffer: message.buffer,
            file,
            status,
            consumed: 0,
            expires: None,
        });
        let owner = client.owner;
        if tagged {
            if let Some(file) = self.files.get_mut(file) {
                file.read_pending = false;
            }
            self.rearm_for_sharers(id);
        }
        self.touch(id);
        if owner == Owner::Files {
            self.wake_file(file);
        }
    }
}

/// Looks for the tag among the TLVs of an extended header (`hbm.md` §1.2).
fn walk_extended(mut tlvs: &[u32]) -> Tag {
    let mut found = None;
    let mut doubtful = false;
    while let Some(&first) = tlvs.first() {
        let [tlv_type, length, vtag, _] = first.to_le_bytes();
        if TlvType(tlv_type) == TlvType::VTAG {
            found = Some(vtag);
        } else {
            doubtful = true;
        }
        // A length of 0, or past the end, leaves nothing to go on with.
        match tlvs.get(usize::from(length)..) {
            Some(rest) if length > 0 => tlvs = rest,
            _ => {
                doubtful = true;
                break;
            }
        }
    }
    match found {
        Some(vtag) if doubtful => Tag::Doubtful(vtag),
        Some(vtag) => Tag::Vtag(vtag),
        None => Tag::Bad,
    }
}
