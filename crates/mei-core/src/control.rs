//! Bus messages about connections that wait for the host's buffer, in the order they were asked for
//! (`hbm.md` §8.3).

use crate::client::Switch;
use crate::reset::CONNECT_TICKS;
use crate::state::ClientState;
use crate::{Errno, Host};
use mei_wire::Function;
use mei_wire::hbm::{
    ClientConnectReq, ClientDisconnectReq, ClientDisconnectRes, FlowControl, NotifyReq, Status,
};
use std::collections::VecDeque;
use std::time::Instant;

/// What is to be said about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    Connect,
    Disconnect,
    /// The answer to the firmware's disconnect.
    DisconnectResponse,
    /// The credit of an armed read.
    Credit,
    Notify(Switch),
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct ControlQueue(VecDeque<(u8, Control)>);

impl ControlQueue {
    pub(crate) fn push(&mut self, id: u8, control: Control) {
        self.0.push_back((id, control));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, id: u8, control: Control) -> bool {
        self.0.contains(&(id, control))
    }

    /// Drops what is queued of a client.
    pub(crate) fn drop_client(&mut self, id: u8) {
        if !self.0.is_empty() {
            self.0.retain(|&(of, _)| of != id);
        }
    }

    /// Drops one kind of a client's.
    pub(crate) fn drop_one(&mut self, id: u8, control: Control) {
        if let Some(place) = self.0.iter().rposition(|&entry| entry == (id, control)) {
            self.0.remove(place);
        }
    }
}

/// Whether an entry of the queue is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Done,
    /// Not yet, but those behind it may go.
    Later,
}

impl<F: Function> Host<F> {
    /// Sends now if the buffer is free, queues otherwise: what every caller does. A credit need not wait for a free
    /// buffer, only for room: a program that writes and reads has both on their way at once, where the driver lets
    /// the credit wait for the interrupt that follows the message (`docs/fidelity.md`, Q17).
    ///
    /// # Errors
    /// The errno of sending; nothing is queued then.
    #[inline]
    pub(crate) fn control_now(&mut self, id: u8, control: Control, now: Instant) -> Result<(), Errno> {
        let fits = || control == Control::Credit && self.control.is_empty() && self.hbm_fits::<FlowControl>();
        if self.buffer.is_ready() || fits() {
            match self.send_control(id, control, now) {
                Ok(Sent::Done) => return self.ring_checked(),
                Ok(Sent::Later) => {}
                Err(errno) => return Err(errno),
            }
        }
        self.control.push(id, control);
        Ok(())
    }

    /// Sends what waits, in order. False: no room, the pass is over.
    pub(crate) fn send_controls(&mut self, now: Instant) -> bool {
        for _ in 0..self.control.0.len() {
            let Some((id, control)) = self.control.0.pop_front() else { break };
            match self.send_control(id, control, now) {
                Ok(Sent::Done) => {}
                Ok(Sent::Later) => self.control.0.push_back((id, control)),
                Err(Errno::MSGSIZE) => {
                    // Back to the front: the rest keeps its order behind it.
                    self.control.0.push_front((id, control));
                    return false;
                }
                Err(errno) => {
                    log::debug!("host client {id}: {control:?} was not sent: {errno}");
                    self.control_failed(id, control, errno);
                    return false;
                }
            }
        }
        true
    }

    #[inline]
    fn send_control(&mut self, id: u8, control: Control, now: Instant) -> Result<Sent, Errno> {
        let Some(client) = self.client(id) else { return Ok(Sent::Done) };
        let address = client.address();
        match control {
            Control::Connect => {
                if self.is_other_connecting(id) {
                    return Ok(Sent::Later);
                }
                self.send_within::<ClientConnectReq>(&ClientConnectReq::new(address))?;
                self.start_stall_timer(id, now);
                if let Some(client) = self.client_mut(id) {
                    client.connect_sent = true;
                }
            }
            Control::Disconnect => {
                self.send_within(&ClientDisconnectReq::new(address))?;
                self.start_stall_timer(id, now);
                if let Some(client) = self.client_mut(id) {
                    client.disconnect_sent = true;
                }
            }
            Control::DisconnectResponse => {
                self.send_within(&ClientDisconnectRes::new(address, Status::SUCCESS))?;
                self.set_disconnected(id);
            }
            Control::Credit => {
                self.send_within(&FlowControl::new(address))?;
                if let Some(incoming) = self.client_mut(id).and_then(|client| client.incoming.as_mut()) {
                    incoming.granted = true;
                }
            }
            Control::Notify(switch) => {
                self.send_within(&NotifyReq::new(address, switch.is_on()))?;
                if let Some(client) = self.client_mut(id) {
                    let notifications = &mut client.notifications;
                    let sent = match switch {
                        Switch::On => &mut notifications.starts_sent,
                        Switch::Off => &mut notifications.stops_sent,
                    };
                    *sent = sent.saturating_add(1);
                }
            }
        }
        Ok(Sent::Done)
    }

    /// Sends if it fits into what is known to be free.
    fn send_within<M: zerocopy::IntoBytes + zerocopy::Immutable>(
        &mut self,
        message: &M,
    ) -> Result<(), Errno> {
        if self.hbm_fits::<M>() { self.send_hbm(message) } else { Err(Errno::MSGSIZE) }
    }

    /// One connect per ME client id at a time (`hbm.md` §5.1).
    fn is_other_connecting(&self, id: u8) -> bool {
        let Some(me) = self.client(id).map(|client| client.me_id) else { return false };
        self.stalling
            .iter()
            .filter(|&other| other != id)
            .filter_map(|other| self.client(other))
            .any(|other| other.state == ClientState::Connecting && other.me_id == me && other.connect_sent)
    }

    fn start_stall_timer(&mut self, id: u8, now: Instant) {
        if let Some(client) = self.client_mut(id) {
            client.timer = CONNECT_TICKS;
            self.stalling.insert(id);
            self.arm_tick(now);
        }
    }

    /// An entry that could not be sent for another reason than room.
    fn control_failed(&mut self, id: u8, control: Control, errno: Errno) {
        if let Some(client) = self.client_mut(id) {
            match control {
                Control::Connect | Control::Disconnect => {
                    client.status = Some(errno);
                    client.state = ClientState::DisconnectReply;
                }
                Control::Credit => {
                    client.armed = false;
                    client.incoming = None;
                }
                Control::DisconnectResponse | Control::Notify(_) => {}
            }
            self.touch(id);
        }
    }
}
