//! From the outbox to the ME window (`hbm.md` §6, §8.4).

use super::armed::Verdict;
use super::connections::State;
use super::receive::vtag_block;
use super::{Firmware, Gating};
use crate::HostMemory;
use crate::client::ConnectionId;
use crate::outbox::Credit;
use crate::test_client::Response;
use mei_wire::hbm::{Notification, PgIsolationExitReq};
use mei_wire::registers::SLOT_SIZE;
use mei_wire::{Address, MessageHeader};
use std::collections::VecDeque;
use std::time::Instant;
use zerocopy::IntoBytes;

/// HBM frames that may wait before the engine stops to take the host's: a host that never reads gets no more
/// answers queued.
pub(super) const MAX_QUEUED: usize = 64;
/// Longest HBM message that firmware sends, bytes.
pub(super) const MAX_BUS_MESSAGE: usize = 40;

/// What waits for room in the ME window.
#[derive(Debug, Default)]
pub(super) struct Transmit {
    bus: VecDeque<BusFrame>,
    /// The lane to serve next.
    turn: usize,
    /// HBM frames that tests delay.
    later: Vec<(Instant, BusFrame)>,
    /// When a lane that a test silenced may go on.
    silent_until: Option<Instant>,
    /// Something waits for room in the window.
    pub(super) blocked: bool,
}

impl Transmit {
    /// HBM frames that wait.
    pub(super) fn queued(&self) -> usize {
        self.bus.len() + self.later.len()
    }

    /// When something that waits for time may go on.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.later.is_empty() {
            return self.silent_until;
        }
        self.later.iter().map(|(due, _)| *due).chain(self.silent_until).min()
    }

    /// A lane says nothing until then.
    fn silence(&mut self, until: Instant) {
        self.silent_until = Some(self.silent_until.map_or(until, |other| other.min(until)));
    }

    /// Changes a byte of the HBM frame that was queued last.
    pub(super) fn patch_last(&mut self, place: usize, value: u8) {
        if let Some(frame) = self.bus.back_mut() {
            frame.bytes[place] = value;
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct BusFrame {
    bytes: [u8; MAX_BUS_MESSAGE],
    length: usize,
}

impl BusFrame {
    fn new(message: &[u8]) -> Self {
        let mut bytes = [0; MAX_BUS_MESSAGE];
        bytes[..message.len()].copy_from_slice(message);
        Self { bytes, length: message.len() }
    }
}

/// What became of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    /// It put something into the window; there may be more.
    Sent,
    /// It has nothing to say, or must wait for the host or for time.
    Idle,
    /// It must wait for room in the window.
    Blocked,
}

/// Whether a message may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    Send,
    Wait,
}

impl Firmware {
    /// Queues an HBM message.
    pub(super) fn send_hbm(&mut self, message: &[u8]) {
        self.transmit.bus.push_back(BusFrame::new(message));
    }

    /// Sends an HBM message, while the window is being filled: at once if nothing is before it.
    #[inline]
    pub(super) fn send_hbm_now(&mut self, message: &[u8]) {
        let window = &mut self.registers.me_window;
        if self.transmit.bus.is_empty() && push_frame(window, Address::BUS, message) {
            self.statistics.frames_sent += 1;
        } else {
            self.send_hbm(message);
        }
    }

    /// Queues an HBM message for later.
    pub(super) fn send_hbm_at(&mut self, message: &[u8], due: Instant) {
        self.transmit.later.push((due, BusFrame::new(message)));
    }

    /// Fills the ME window with what may be sent. Whether it put anything there.
    pub(super) fn transmit(&mut self, memory: &mut (impl HostMemory + ?Sized), now: Instant) -> bool {
        let before = self.statistics.frames_sent;
        self.wake(now);
        self.transmit.blocked = true;
        while self.link_is_up() && self.transmit_bus() {
            if matches!(self.power.gating, Gating::Granted) {
                break;
            }
            match self.transmit_lane(memory, now) {
                Served::Sent => {}
                Served::Idle if self.transmit.bus.is_empty() => {
                    self.transmit.blocked = false;
                    break;
                }
                Served::Idle => {}
                Served::Blocked => break,
            }
        }
        let sent = self.statistics.frames_sent != before;
        if sent {
            self.registers.interrupt();
        }
        sent
    }

    /// Lets go on what has waited long enough.
    #[inline]
    fn wake(&mut self, now: Instant) {
        while let Some(index) = self.transmit.later.iter().position(|(due, _)| *due <= now) {
            let (_, frame) = self.transmit.later.remove(index);
            self.transmit.bus.push_back(frame);
        }
        if self.transmit.silent_until.is_some_and(|until| until <= now) {
            self.transmit.silent_until = None;
            self.connections.iter().for_each(|connection| self.outbox.touch(connection.id));
        }
    }

    /// Sends HBM frames; whether all of them found room.
    #[inline]
    fn transmit_bus(&mut self) -> bool {
        match self.power.gating {
            Gating::Off | Gating::Granted => {}
            Gating::Isolated | Gating::Wanting => {
                let has_something = !self.transmit.bus.is_empty() || self.outbox.next_touched(0).is_some();
                if has_something || self.power.gating == Gating::Wanting {
                    self.ask_to_leave();
                }
                return false;
            }
            Gating::Leaving => return false,
        }
        while let Some(frame) = self.transmit.bus.front() {
            if !push_frame(&mut self.registers.me_window, Address::BUS, &frame.bytes[..frame.length]) {
                return false;
            }
            self.transmit.bus.pop_front();
            self.statistics.frames_sent += 1;
        }
        true
    }

    /// Sends PG_ISOLATION_EXIT_REQ; nothing else passes before its answer.
    fn ask_to_leave(&mut self) {
        let request = PgIsolationExitReq::new();
        let sent = push_frame(&mut self.registers.me_window, Address::BUS, request.as_bytes());
        self.power.gating = if sent { Gating::Leaving } else { Gating::Wanting };
        self.statistics.frames_sent += u64::from(sent);
    }

    /// Lets the next lane speak.
    fn transmit_lane(&mut self, memory: &mut (impl HostMemory + ?Sized), now: Instant) -> Served {
        let Some(id) = self.outbox.next_touched(self.transmit.turn) else { return Served::Idle };
        let served = self.serve(id, memory, now);
        match served {
            Served::Idle => {
                self.outbox.settle(id);
                self.transmit.turn = id.lane() + 1;
                // Another lane may have something to say.
                match self.outbox.next_touched(self.transmit.turn) {
                    Some(_) => Served::Sent,
                    None => Served::Idle,
                }
            }
            Served::Sent => {
                self.transmit.turn = id.lane() + 1;
                Served::Sent
            }
            Served::Blocked => Served::Blocked,
        }
    }

    fn serve(&mut self, id: ConnectionId, memory: &mut (impl HostMemory + ?Sized), now: Instant) -> Served {
        let Some(connection) = self.connections.get(id).filter(|found| found.state == State::Open) else {
            self.outbox.close(id);
            return Served::Idle;
        };
        let (address, client) = (connection.address, connection.client);
        if self.outbox.asks(id) {
            let notifications = connection.notifications;
            if self.outbox.wants_disconnect(id) {
                self.disconnect(id, now);
                return Served::Idle;
            }
            if self.outbox.take_notification(id) && notifications {
                self.send_hbm(Notification::new(address).as_bytes());
            }
        }
        let served = match self.judge_front(id, client, now) {
            Judged::Send => self.send_front(id, memory),
            Judged::Wait => Served::Idle,
        };
        if served == Served::Blocked {
            return served;
        }
        self.grant_credit(id);
        if self.outbox.asks(id) && self.outbox.take_refusal(id) {
            let slot = &mut self.clients[client];
            slot.client.advance(&mut self.outbox, now);
            // It may have more to say: the lane stays in turn.
            return Served::Sent;
        }
        if served == Served::Sent && self.outbox.is_quiet(id) {
            // Not asked in vain whether there is more.
            self.outbox.settle(id);
        }
        served
    }

    /// Applies what a test asked for to the message at the front of a lane.
    #[inline]
    fn judge_front(&mut self, id: ConnectionId, client: usize, now: Instant) -> Judged {
        let Some(connection) = self.connections.get_mut(id) else { return Judged::Wait };
        if connection.silent_until.take_if(|until| *until <= now).is_some() {
            return Judged::Send;
        }
        if let Some(until) = connection.silent_until {
            // Another lane's time may have come first.
            self.transmit.silence(until);
            return Judged::Wait;
        }
        let Some(front) = self.outbox.front(id).filter(|front| !front.started) else { return Judged::Send };
        let length = front.rest.len();
        match self.armed.verdict(Response::Message, Some(client)) {
            Some(Verdict::Swallow) => {
                self.outbox.consume(id, length);
                Judged::Send
            }
            Some(Verdict::Delay(delay)) => {
                let until = now + delay;
                connection.silent_until = Some(until);
                self.transmit.silence(until);
                Judged::Wait
            }
            Some(Verdict::Status(_)) | None => Judged::Send,
        }
    }

    /// Sends as much of a lane's front message as one frame takes.
    fn send_front(&mut self, id: ConnectionId, memory: &mut (impl HostMemory + ?Sized)) -> Served {
        let Some(front) = self.outbox.front(id) else { return Served::Idle };
        let Some(connection) = self.connections.get_mut(id) else { return Served::Idle };
        let fixed = self.clients[connection.client].properties.fixed_address != 0;
        let may = fixed || front.started || connection.host_credits > 0 || front.credit == Credit::NotNeeded;
        if !may {
            return Served::Idle;
        }
        let window = &mut self.registers.me_window;
        let block = vtag_block(front.vtag);
        let block = if front.vtag != 0 && !front.started { &block[..] } else { &[] };
        let room = (window.free() * SLOT_SIZE).saturating_sub(SLOT_SIZE + block.len());
        let most = room.min(MessageHeader::MAX_LENGTH - block.len());
        let whole = front.rest.len() <= most;
        let header = MessageHeader::for_message(connection.address, 0).with_extended(!block.is_empty());
        let sent = if whole {
            if window.free() * SLOT_SIZE < SLOT_SIZE + block.len() {
                return Served::Blocked;
            }
            push(window, header, block, front.rest);
            front.rest.len()
        } else if !window.is_empty() {
            return Served::Blocked;
        } else if self.ring.as_mut().is_some_and(|ring| ring.put(front.rest, memory)) {
            let length = u32::try_from(front.rest.len()).unwrap_or(u32::MAX);
            push(window, header.with_dma_ring(true), block, length.as_bytes());
            front.rest.len()
        } else {
            let part = most - most % SLOT_SIZE;
            push(window, header.with_msg_complete(false), block, &front.rest[..part]);
            part
        };
        if !front.started {
            connection.host_credits = connection.host_credits.saturating_sub(1);
        }
        self.outbox.consume(id, sent);
        self.statistics.frames_sent += 1;
        Served::Sent
    }
}

/// Pushes a frame that fits.
#[inline]
fn push(window: &mut super::window::Window, header: MessageHeader, block: &[u8], payload: &[u8]) {
    // At most MAX_LENGTH, which the field holds.
    let length = u16::try_from(block.len() + payload.len()).unwrap_or(u16::MAX);
    window.push(header.with_length(length).to_word());
    if !block.is_empty() {
        window.push_bytes(block);
    }
    window.push_bytes(payload);
}

/// Pushes a complete, plain message if it fits.
fn push_frame(window: &mut super::window::Window, address: Address, payload: &[u8]) -> bool {
    let fits = window.free() > payload.len().div_ceil(SLOT_SIZE);
    if fits {
        push(window, MessageHeader::for_message(address, 0), &[], payload);
    }
    fits
}
