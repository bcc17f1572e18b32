//! Connections: opening, ending, credit (`hbm.md` §5, §6).

use super::armed::Verdict;
use super::connections::State;
use super::{Firmware, NO_CLIENT};
use crate::client::{ConnectionId, CreditPolicy, Outbox};
use crate::outbox;
use crate::test_client::Response;
use mei_wire::Address;
use mei_wire::hbm::{ClientConnectRes, ClientDisconnectReq, Command, FlowControl, Status};
use std::time::Instant;
use zerocopy::IntoBytes;

/// Most connects that wait for a slow client.
const MAX_PENDING: usize = 64;

/// A connect that is answered later.
#[derive(Debug, Clone, Copy)]
pub(super) struct PendingConnect {
    address: Address,
    client: usize,
    pub(super) due: Instant,
}

impl Firmware {
    /// CLIENT_CONNECT_REQ.
    pub(super) fn connect(&mut self, address: Address, now: Instant) {
        let client = self.client_at(address.me);
        let verdict = self.armed.verdict(Response::Bus(Command::CLIENT_CONNECT_RES.0), client);
        let outcome = match verdict {
            Some(Verdict::Swallow) => return,
            Some(Verdict::Status(status)) if status != Status::SUCCESS => Err(status),
            _ => self.admit(address, now),
        };
        let status = match outcome {
            Ok(client) => {
                let delay = match verdict {
                    Some(Verdict::Delay(delay)) => delay,
                    _ => self.clients[client].connect_delay,
                };
                if !delay.is_zero() {
                    self.pending_connects.push(PendingConnect { address, client, due: now + delay });
                    return;
                }
                self.open(address, client, now).map(|id| self.greet(address, id)).err()
            }
            Err(status) => Some(status),
        };
        if let Some(status) = status {
            self.send_hbm(ClientConnectRes::new(address, status).as_bytes());
        }
    }

    /// Answers the connects that have waited long enough.
    pub(super) fn advance_connects(&mut self, now: Instant) {
        while let Some(index) = self.pending_connects.iter().position(|connect| connect.due <= now) {
            let PendingConnect { address, client, .. } = self.pending_connects.swap_remove(index);
            let outcome = match self.is_present(client) {
                true => self.open(address, client, now),
                false => Err(Status::CLIENT_NOT_FOUND),
            };
            match outcome {
                Ok(id) => self.greet(address, id),
                Err(status) => self.send_hbm(ClientConnectRes::new(address, status).as_bytes()),
            }
        }
    }

    /// Whether a connect may go on, and to which client.
    fn admit(&mut self, address: Address, now: Instant) -> Result<usize, Status> {
        let client = self
            .client_at(address.me)
            .filter(|&index| self.is_present(index))
            .ok_or(Status::CLIENT_NOT_FOUND)?;
        let properties = &self.clients[client].properties;
        if address.host == 0 || properties.fixed_address != 0 {
            return Err(Status::INVALID_PARAMETER);
        }
        let limit = usize::from(properties.max_connections);
        match self.connections.find(address).map(|connection| (connection.id, connection.state)) {
            Some((id, State::Closing)) => self.close(id, now),
            Some(_) => return Err(Status::ALREADY_EXISTS),
            None => {}
        }
        let mut pending = self.pending_connects.iter();
        if pending.any(|connect| connect.address == address) {
            return Err(Status::ALREADY_EXISTS);
        }
        let waiting = self.pending_connects.iter().filter(|connect| connect.client == client).count();
        if self.connections.open_to(client) + waiting >= limit || self.pending_connects.len() >= MAX_PENDING {
            return Err(Status::REJECTED);
        }
        Ok(client)
    }

    /// Opens a connection and asks the client; nothing is sent yet.
    pub(super) fn open(
        &mut self,
        address: Address,
        client: usize,
        now: Instant,
    ) -> Result<ConnectionId, Status> {
        let connection = self.connections.open(address, client).ok_or(Status::REJECTED)?;
        let id = connection.id;
        self.outbox.open(id);
        let slot = &mut self.clients[client];
        let outcome = slot.client.connect(id, &mut self.outbox, now);
        if let Err(status) = outcome {
            connection.state = State::Free;
            self.outbox.close(id);
            return Err(Status(status));
        }
        Ok(id)
    }

    /// Accepts a connect, and gives the host its first credit.
    fn greet(&mut self, address: Address, id: ConnectionId) {
        self.send_hbm(ClientConnectRes::new(address, Status::SUCCESS).as_bytes());
        let Some(connection) = self.connections.get_mut(id) else { return };
        let slot = &mut self.clients[connection.client];
        if !slot.properties.single_receive_buffer {
            connection.credit_due = true;
        } else if slot.shared_granted == 0 && slot.shared_due.is_none() {
            connection.credit_due = true;
            slot.shared_due = Some(id);
        }
        self.outbox.touch(id);
    }

    /// Gives the host back the credit that it has spent, when the client's policy lets it.
    #[inline]
    pub(super) fn grant_credit(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if !connection.credit_due || connection.state != State::Open || self.outbox.holds_credit(id) {
            return;
        }
        let slot = &mut self.clients[connection.client];
        let ready = match slot.policy {
            CreditPolicy::AfterAnswers => self.outbox.front(id).is_none(),
            CreditPolicy::Prompt => self.outbox.waiting(id) <= Outbox::LIMIT / 2,
        };
        if !ready {
            return;
        }
        connection.credit_due = false;
        let mut address = connection.address;
        if slot.properties.fixed_address != 0 {
            return;
        }
        if slot.properties.single_receive_buffer {
            if slot.shared_due != Some(id) {
                return;
            }
            slot.shared_due = None;
            slot.shared_granted = slot.shared_granted.saturating_add(1);
            address.host = 0;
        } else {
            connection.granted = connection.granted.saturating_add(1);
        }
        self.send_hbm_now(FlowControl::new(address).as_bytes());
    }

    /// FLOW_CONTROL from the host: the engine may send one more message.
    pub(super) fn add_host_credit(&mut self, address: Address) {
        let Some(connection) = self.connections.find(address) else { return };
        if connection.state == State::Open {
            connection.host_credits = connection.host_credits.saturating_add(1);
            self.outbox.touch(connection.id);
        }
    }

    /// CLIENT_DISCONNECT_REQ: nothing is sent on the connection any more. One that nobody knows is over already.
    pub(super) fn host_disconnects(&mut self, address: Address, now: Instant) {
        self.pending_connects.retain(|connect| connect.address != address);
        if let Some(id) = self.connections.find(address).map(|connection| connection.id) {
            self.close(id, now);
        }
    }

    /// CLIENT_DISCONNECT_RES: the host agrees that a connection is over.
    pub(super) fn host_agrees(&mut self, address: Address, now: Instant) {
        let closing = self.connections.find(address).filter(|connection| connection.state == State::Closing);
        if let Some(id) = closing.map(|connection| connection.id) {
            self.close(id, now);
        }
    }

    /// Ends a connection from the engine's side.
    pub(super) fn disconnect(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.state != State::Open {
            return;
        }
        let address = connection.address;
        if self.clients[connection.client].properties.fixed_address != 0 {
            // There is no connection on the wire to end.
            self.close(id, now);
            return;
        }
        connection.state = State::Closing;
        self.leave(id, now);
        self.send_hbm(ClientDisconnectReq::new(address).as_bytes());
    }

    /// Frees a connection's place, whatever its state.
    pub(super) fn close(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let open = connection.state == State::Open;
        connection.state = State::Free;
        if open {
            self.leave(id, now);
        }
    }

    /// What a connection leaves behind: the client is told, its queue dropped, a shared credit passed on.
    fn leave(&mut self, id: ConnectionId, now: Instant) {
        self.outbox.close(id);
        let Some(client) = self.connections.client_of(id) else { return };
        let slot = &mut self.clients[client];
        slot.client.disconnected(id, now);
        if !slot.properties.single_receive_buffer {
            return;
        }
        let coming = self.pending_connects.iter().any(|connect| connect.client == client);
        let due = slot.shared_due.take_if(|due| *due == id).is_some();
        match self.connections.first_open_to(client) {
            Some(heir) if due => {
                slot.shared_due = Some(heir.id);
                heir.credit_due = true;
                self.outbox.touch(heir.id);
            }
            Some(_) => {}
            // The host forgets the credit with the last connection, those that are coming up included.
            None if !coming => slot.shared_granted = 0,
            None => {}
        }
    }
}

const _: () = assert!(outbox::LANES == 256 && NO_CLIENT == u8::MAX);
