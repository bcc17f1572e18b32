//! From the host's window to the clients (`hbm.md` §1, §7).

use super::connections::State;
use super::transmit::MAX_QUEUED;
use super::{Firmware, Gating};
use crate::HostMemory;
use crate::client::{ConnectionId, Message};
use mei_wire::registers::SLOT_SIZE;
use mei_wire::{Address, ExtendedHeader, MessageHeader, TlvType, VtagTlv};
use std::mem;
use std::time::Instant;
use zerocopy::{FromBytes, IntoBytes};

/// Longest frame behind its header, in whole slots.
const MAX_FRAME: usize = 512;

/// Memory for what is being received, used again for each frame.
#[derive(Debug)]
pub(super) struct Buffers {
    /// Always [`MAX_FRAME`] long.
    frame: Vec<u8>,
    ring: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { frame: vec![0; MAX_FRAME], ring: Vec::new() }
    }
}

/// A frame that cannot be understood, after which nothing can: the link is reset.
type Violation = &'static str;

/// What stands between the header and the payload.
struct Envelope<'a> {
    vtag: u8,
    /// The payload, or the slot that says how much of it is in the ring.
    rest: &'a [u8],
}

impl Firmware {
    /// Takes every whole frame that the host has written, as long as answers find room. Whether it took any.
    pub(super) fn receive(&mut self, memory: &mut (impl HostMemory + ?Sized), now: Instant) -> bool {
        if self.registers.host_window.is_empty() {
            return false;
        }
        let before = self.statistics.frames_received;
        let mut frame = mem::take(&mut self.receive.frame);
        let outcome = self.take_frames(&mut frame, memory, now);
        self.receive.frame = frame;
        if let Err(violation) = outcome {
            self.statistics.violations += 1;
            self.reset_link(violation, now);
            return true;
        }
        let took = self.statistics.frames_received != before;
        if took && self.link_is_up() {
            // The host transmits only when it sees an empty buffer, and looks when it is interrupted.
            self.registers.interrupt();
        }
        took
    }

    fn take_frames(
        &mut self,
        frame: &mut [u8],
        memory: &mut (impl HostMemory + ?Sized),
        now: Instant,
    ) -> Result<(), Violation> {
        while self.link_is_up() && self.transmit.queued() < MAX_QUEUED {
            let Some((header, length)) = self.take_frame(frame)? else { break };
            self.frame(header, &frame[..length], memory, now)?;
            self.statistics.frames_received += 1;
        }
        Ok(())
    }

    /// Takes the next frame from the window; none before it is there as a whole.
    #[inline]
    fn take_frame(&mut self, frame: &mut [u8]) -> Result<Option<(MessageHeader, usize)>, Violation> {
        let window = &mut self.registers.host_window;
        let filled = window.filled();
        if filled == 0 {
            return Ok(None);
        }
        if filled > usize::from(window.depth()) {
            return Err("the host overran its buffer");
        }
        let header = MessageHeader::from(window.front());
        header.validate().map_err(|_| "a message header that breaks the rules")?;
        let length = usize::from(header.length());
        let slots = 1 + length.div_ceil(SLOT_SIZE);
        if slots > usize::from(window.depth()) {
            return Err("a frame longer than the buffer");
        }
        if filled < slots {
            return Ok(None);
        }
        window.pop();
        window.pop_bytes(&mut frame[..length]);
        Ok(Some((header, length)))
    }

    fn frame(
        &mut self,
        header: MessageHeader,
        bytes: &[u8],
        memory: &mut (impl HostMemory + ?Sized),
        now: Instant,
    ) -> Result<(), Violation> {
        let address = header.address();
        let Envelope { vtag, rest } = envelope(header, bytes)?;
        if self.power.gating == Gating::Granted {
            // The host changed its mind.
            self.power.gating = Gating::Off;
        }
        if address == Address::BUS {
            self.bus_message(rest, memory, now);
            return Ok(());
        }
        if !header.dma_ring() {
            self.fragment(header, vtag, rest, now);
            return Ok(());
        }
        self.ring_fragment(header, vtag, rest, memory, now)
    }

    /// A fragment that is in the host's ring, from there if it lies in one piece in this process, else from a copy.
    fn ring_fragment(
        &mut self,
        header: MessageHeader,
        vtag: u8,
        slot: &[u8],
        memory: &mut (impl HostMemory + ?Sized),
        now: Instant,
    ) -> Result<(), Violation> {
        const ABSENT: Violation = "a ring message that the ring does not hold";
        let length = u32::read_from_bytes(slot).map_err(|_| "a ring message without its length slot")?;
        let ring = self.ring.as_ref().ok_or("a ring message without a ring")?;
        let found = ring.find(length, memory).ok_or(ABSENT)?;
        match found.in_place(memory) {
            Some(data) => self.fragment(header, vtag, data, now),
            None => {
                let mut data = mem::take(&mut self.receive.ring);
                let read = found.read(&mut data, memory);
                if read {
                    self.fragment(header, vtag, &data, now);
                }
                self.receive.ring = data;
                read.then_some(()).ok_or(ABSENT)?;
            }
        }
        // Not before: the host may write over it from then on. If it cannot be told, the client has the message all the
        // same, and the link is reset behind it.
        let consumed = self.ring.as_mut().is_none_or(|ring| ring.consume(&found, memory));
        consumed.then_some(()).ok_or(ABSENT)
    }

    /// A fragment for a client.
    #[inline]
    fn fragment(&mut self, header: MessageHeader, vtag: u8, data: &[u8], now: Instant) {
        let address = header.address();
        let Some(id) = self.recipient(address, now) else {
            log::debug!("a message for {address:?}, where nobody is");
            return;
        };
        let Some(connection) = self.connections.get_mut(id) else { return };
        let slot = &mut self.clients[connection.client];
        let partial = &mut connection.partial;
        let first = !partial.begun;
        if first && slot.properties.fixed_address == 0 {
            let credits = match slot.properties.single_receive_buffer {
                true => &mut slot.shared_granted,
                false => &mut connection.granted,
            };
            match credits.checked_sub(1) {
                Some(left) => *credits = left,
                None => return self.break_off(id, "a message without credit", now),
            }
        }
        if first {
            partial.bytes.clear();
            partial.vtag = vtag;
            partial.begun = true;
        }
        let limit = slot.properties.max_message_length as usize;
        if partial.bytes.len() + data.len() > limit {
            return self.break_off(id, "a message longer than the client takes", now);
        }
        if !header.msg_complete() {
            partial.bytes.extend_from_slice(data);
            return;
        }
        partial.begun = false;
        let vtag = partial.vtag;
        self.statistics.messages += 1;
        connection.credit_due = true;
        if slot.properties.single_receive_buffer {
            slot.shared_due = Some(id);
        }
        if partial.bytes.is_empty() {
            slot.client.message(Message { connection: id, vtag, data }, &mut self.outbox, now);
        } else {
            partial.bytes.extend_from_slice(data);
            let data = &partial.bytes;
            slot.client.message(Message { connection: id, vtag, data }, &mut self.outbox, now);
            partial.bytes.clear();
        }
        self.outbox.touch(id);
    }

    /// The open connection at `address`; a fixed-address client's comes to be with its first message.
    fn recipient(&mut self, address: Address, now: Instant) -> Option<ConnectionId> {
        if let Some(connection) = self.connections.find(address) {
            return (connection.state == State::Open).then_some(connection.id);
        }
        let client = self.client_at(address.me).filter(|&index| self.is_present(index))?;
        if self.clients[client].properties.fixed_address == 0 {
            return None;
        }
        self.open(address, client, now).ok()
    }

    /// Ends a connection whose host side broke a rule.
    fn break_off(&mut self, id: ConnectionId, violation: Violation, now: Instant) {
        log::warn!("connection {id:?} ends: {violation}");
        self.statistics.violations += 1;
        self.disconnect(id, now);
    }
}

/// Splits off the extended header block (`hbm.md` §1.2). Unknown TLVs are skipped.
fn envelope(header: MessageHeader, bytes: &[u8]) -> Result<Envelope<'_>, Violation> {
    if !header.extended() {
        return Ok(Envelope { vtag: 0, rest: bytes });
    }
    const SHORT: Violation = "an extended header block longer than its frame";
    let (block, rest) = ExtendedHeader::ref_from_prefix(bytes).map_err(|_| SHORT)?;
    let (mut tlvs, rest) = rest.split_at_checked(usize::from(block.size) * SLOT_SIZE).ok_or(SHORT)?;
    let mut vtag = 0;
    for _ in 0..block.count {
        let &[tlv_type, slots, ..] = tlvs else { return Err(SHORT) };
        let length = usize::from(slots) * SLOT_SIZE;
        let (tlv, others) = tlvs.split_at_checked(length).ok_or(SHORT)?;
        if length == 0 {
            return Err("an extended header of no length");
        }
        if TlvType(tlv_type) == TlvType::VTAG {
            vtag = VtagTlv::ref_from_prefix(tlv).map_err(|_| SHORT)?.0.vtag;
        }
        tlvs = others;
    }
    Ok(Envelope { vtag, rest })
}

/// The extended header block that carries `vtag`.
pub(super) fn vtag_block(vtag: u8) -> [u8; 8] {
    let mut block = [0; 8];
    let header = ExtendedHeader { count: 1, size: 1, reserved: [0; 2] };
    block[..4].copy_from_slice(header.as_bytes());
    block[4..].copy_from_slice(VtagTlv::new(vtag).as_bytes());
    block
}
