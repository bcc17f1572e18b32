//! The connections that live now.

use crate::ConnectionId;
use crate::outbox::LANES;
use mei_wire::Address;
use std::time::Instant;

/// A connection, or a host address that has spoken to a fixed-address client.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) address: Address,
    /// Index of its client.
    pub(super) client: usize,
    pub(super) state: State,
    /// Messages that the engine may send; meaningless for fixed addresses.
    pub(super) host_credits: u8,
    /// Messages that the host may send; meaningless for fixed addresses and shared buffers.
    pub(super) granted: u8,
    /// The host has spent a credit that it gets back.
    pub(super) credit_due: bool,
    /// The host wants notifications.
    pub(super) notifications: bool,
    /// The message that is being received.
    pub(super) partial: Partial,
    /// Nothing is sent on it before that.
    pub(super) silent_until: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The place is free.
    Free,
    /// Messages flow.
    Open,
    /// The engine sent DISCONNECT_REQ and waits for the answer.
    Closing,
}

/// A message of which fragments have arrived.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// Kept when emptied, so that the next message finds its memory.
    pub(super) bytes: Vec<u8>,
    pub(super) vtag: u8,
    /// Whether a fragment has arrived and the last has not.
    pub(super) begun: bool,
}

/// All connections; a [`ConnectionId`]'s low byte is the place, the rest counts the place's uses.
#[derive(Debug)]
pub(super) struct Connections {
    places: Vec<Connection>,
    /// The place that was last given to a connection of each host client.
    latest: [u8; 256],
}

impl Default for Connections {
    fn default() -> Self {
        Self { places: Vec::new(), latest: [0; 256] }
    }
}

impl Connections {
    /// Opens one; none when every place is taken.
    pub(super) fn open(&mut self, address: Address, client: usize) -> Option<&mut Connection> {
        let place = match self.places.iter().position(|connection| connection.state == State::Free) {
            Some(place) => place,
            None if self.places.len() < LANES => {
                let id = ConnectionId(u32::try_from(self.places.len()).ok()?);
                self.places.push(Connection {
                    id,
                    address,
                    client,
                    state: State::Free,
                    host_credits: 0,
                    granted: 0,
                    credit_due: false,
                    notifications: false,
                    partial: Partial::default(),
                    silent_until: None,
                });
                self.places.len() - 1
            }
            None => return None,
        };
        // At most LANES places, whose numbers fit.
        self.latest[usize::from(address.host)] = u8::try_from(place).unwrap_or(0);
        let connection = &mut self.places[place];
        connection.id = ConnectionId(connection.id.0.wrapping_add(1 << 8));
        (connection.address, connection.client, connection.state) = (address, client, State::Open);
        (connection.host_credits, connection.granted) = (0, 0);
        (connection.credit_due, connection.notifications) = (false, false);
        connection.partial.bytes.clear();
        connection.partial.begun = false;
        connection.silent_until = None;
        Some(connection)
    }

    /// The connection with that id, unless its place is free or another's.
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.places.get(id.lane()).filter(|connection| connection.id == id && connection.state != State::Free)
    }

    /// The connection with that id, unless its place is free or another's.
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.places
            .get_mut(id.lane())
            .filter(|connection| connection.id == id && connection.state != State::Free)
    }

    /// The connection between those two.
    pub(super) fn find(&mut self, address: Address) -> Option<&mut Connection> {
        let is_it =
            |connection: &Connection| connection.address == address && connection.state != State::Free;
        // Where it is unless the host uses one id for several clients.
        let latest = usize::from(self.latest[usize::from(address.host)]);
        if self.places.get(latest).is_some_and(is_it) {
            return self.places.get_mut(latest);
        }
        self.places.iter_mut().find(|connection| is_it(connection))
    }

    /// Who has that place, if anyone.
    pub(super) fn id_at(&self, place: usize) -> Option<ConnectionId> {
        self.places
            .get(place)
            .filter(|connection| connection.state != State::Free)
            .map(|connection| connection.id)
    }

    /// Every connection.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.places.iter().filter(|connection| connection.state != State::Free)
    }

    /// The client of the connection that has or last had that id.
    pub(super) fn client_of(&self, id: ConnectionId) -> Option<usize> {
        self.places
            .get(id.lane())
            .filter(|connection| connection.id == id)
            .map(|connection| connection.client)
    }

    /// Any open connection of a client.
    pub(super) fn first_open_to(&mut self, client: usize) -> Option<&mut Connection> {
        self.places
            .iter_mut()
            .find(|connection| connection.client == client && connection.state == State::Open)
    }

    /// Open connections of a client.
    pub(super) fn open_to(&self, client: usize) -> usize {
        self.iter()
            .filter(|connection| connection.client == client && connection.state == State::Open)
            .count()
    }
}
