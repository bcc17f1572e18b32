//! Connections: how they begin and all the ways they end (`device-abi.md` §5.4, `hbm.md` §5).

use crate::call::CallId;
use crate::client::{ConnectStage, FileIndex, HostClient, Parked, Wait};
use crate::control::Control;
use crate::host::CLIENT_TIMEOUT;
use crate::me_clients::MeRef;
use crate::state::ClientState;
use crate::{Errno, Host};
use mei_wire::hbm::ClientProperties;
use mei_wire::ioctl::ConnectedClient;
use mei_wire::{Address, Function, Guid};
use std::time::Instant;
use zerocopy::IntoBytes;

impl<F: Function> Host<F> {
    /// A plain connect of a file.
    pub(crate) fn connect(
        &mut self,
        call: Option<CallId>,
        file: FileIndex,
        guid: Guid,
        now: Instant,
    ) -> Result<(), Errno> {
        let id = self.files.get(file).ok_or(Errno::NODEV)?.client;
        if !self.client(id).ok_or(Errno::NODEV)?.state.may_connect() {
            return Err(Errno::BUSY);
        }
        let me = self.me_clients.by_guid(guid).ok_or(Errno::NOTTY)?;
        let properties = self.me_clients.get(me).ok_or(Errno::NOTTY)?.properties;
        if properties.is_fixed() && !self.allow_fixed_address.unwrap_or(self.hbm.features.since_2_0) {
            return Err(Errno::NOTTY);
        }
        if self.is_shared(guid) {
            self.amthi_attach(id, me, now)?;
        } else {
            self.begin_connect(id, me, now)?;
        }
        if self.client(id).is_some_and(HostClient::is_connected) {
            self.wake_client(id);
            self.answer_connect(call, properties);
        } else {
            let deadline = now + CLIENT_TIMEOUT;
            let wait = Wait::Connect { properties, stage: ConnectStage::Asked, deadline };
            self.park(id, Parked { call, file, wait });
        }
        Ok(())
    }

    /// Binds a host client to a firmware client and asks for the connection, which a fixed address does not
    /// need.
    ///
    /// # Errors
    /// EBUSY when the fixed address is taken, the errno of sending.
    pub(crate) fn begin_connect(&mut self, id: u8, me: MeRef, now: Instant) -> Result<(), Errno> {
        let Self { clients, me_clients, .. } = self;
        let record = me_clients.get_mut(me).ok_or(Errno::NOTTY)?;
        let client = clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut).ok_or(Errno::NODEV)?;
        let properties = record.properties;
        let fixed = properties.is_fixed();
        if fixed && record.connections > 0 {
            return Err(Errno::BUSY);
        }
        record.connections += 1;
        client.me = Some(me);
        client.me_id = record.id;
        client.fixed = fixed;
        client.shared = false;
        client.single_recv_buf = properties.single_recv_buf();
        client.mtu = properties.max_msg_length.get();
        client.guid = properties.guid;
        client.status = None;
        client.state = ClientState::Connecting;
        if fixed {
            client.state = ClientState::Connected;
            self.fixed[usize::from(client.me_id)] = id;
            return Ok(());
        }
        let result = self.control_now(id, Control::Connect, now);
        if result.is_err() {
            self.set_disconnected(id);
        }
        result
    }

    /// The properties of the client, as the answer to a connect.
    pub(crate) fn answer_connect(&mut self, call: Option<CallId>, properties: ClientProperties) {
        if let Some(call) = call {
            let answer = ConnectedClient {
                max_msg_length: properties.max_msg_length,
                protocol_version: properties.protocol_version,
            };
            self.outputs.bytes(call, answer.as_bytes());
        }
    }

    /// Whether the record that a client is connected to is still in the list.
    pub(crate) fn is_active(&self, client: &HostClient) -> bool {
        client.me.and_then(|me| self.me_clients.get(me)).is_some_and(|record| record.listed)
    }

    /// One step of a connect that waits: `Some` when it is over, with its outcome.
    pub(crate) fn step_connect(
        &mut self,
        id: u8,
        stage: &mut ConnectStage,
        deadline: &mut Instant,
        now: Instant,
    ) -> Option<Result<(), Errno>> {
        let client = self.client_mut(id)?;
        let expired = *deadline <= now;
        match (client.state, *stage) {
            (ClientState::Connected, ConnectStage::Asked) => {
                self.wake_client(id);
                return Some(Ok(()));
            }
            (ClientState::DisconnectRequired, ConnectStage::Asked) => {
                client.connect_sent = false;
                self.control.drop_one(id, Control::Connect);
                *stage = ConnectStage::TakenBack;
                *deadline = now + CLIENT_TIMEOUT;
                if self.begin_disconnect(id, now).is_ok() {
                    return None;
                }
            }
            (ClientState::DisconnectReply | ClientState::Disconnected, _) => {}
            _ if expired => {}
            _ => return None,
        }
        let status = match *stage {
            ConnectStage::Asked => self.client(id).and_then(|client| client.status),
            ConnectStage::TakenBack => None,
        };
        self.set_disconnected(id);
        Some(Err(status.unwrap_or(Errno::FAULT)))
    }

    /// No answer to a connect or a disconnect for three ticks (`hbm.md` §5.2).
    pub(crate) fn connect_stalled(&mut self, id: u8) {
        log::error!("host client {id}: the firmware does not answer a connect or disconnect");
        let can_take_back = self.hbm.features.since_2_0;
        match self.client_mut(id) {
            Some(client) if client.state == ClientState::Connecting && can_take_back => {
                client.state = ClientState::DisconnectRequired;
                self.touch(id);
            }
            _ => self.reset_scheduled = true,
        }
    }

    /// The firmware ends a connection: an answer, then it is over (`hbm.md` §5.4). Without one nothing happens.
    pub(crate) fn firmware_disconnects(&mut self, address: Address) {
        let Some(id) = self.addressee(address) else { return };
        let Some(client) = self.client_mut(id) else { return };
        client.state = ClientState::Disconnecting;
        client.timer = 0;
        self.stalling.remove(id);
        self.touch(id);
        if !self.control.contains(id, Control::DisconnectResponse) {
            self.control.push(id, Control::DisconnectResponse);
        }
    }

    /// The local end of a connection (`device-abi.md` §11): queues are dropped, credits are void, everyone who
    /// waits is woken; what was received and not read stays.
    pub(crate) fn set_disconnected(&mut self, id: u8) {
        let Self { clients, me_clients, pool, fixed, control, .. } = self;
        let Some(client) = clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut) else { return };
        if client.state.may_connect() {
            return;
        }
        client.state = ClientState::Disconnected;
        for message in client.unsent.drain(..) {
            pool.put(message.buffer);
        }
        client.unsent_bytes = 0;
        client.draining = 0;
        if let Some(incoming) = client.incoming.take() {
            pool.put(incoming.buffer);
        }
        client.armed = false;
        client.tx_credits = 0;
        client.timer = 0;
        client.connect_sent = false;
        client.disconnect_sent = false;
        client.notifications = Default::default();
        control.drop_client(id);
        if let Some(me) = client.me.take() {
            me_clients.disconnect(me);
            if client.fixed {
                fixed[usize::from(client.me_id)] = 0;
            }
        }
        for set in [&mut self.ready, &mut self.queued, &mut self.draining, &mut self.stalling] {
            set.remove(id);
        }
        self.touch(id);
        self.wake_client(id);
    }

    /// The local end of all connections.
    pub(crate) fn disconnect_all(&mut self) {
        for id in self.used_ids.iter() {
            self.set_disconnected(id);
        }
    }
}
