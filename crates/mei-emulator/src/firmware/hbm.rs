//! The Host Bus Message responder (`hbm.md` §2–§5, §13).

use super::Firmware;
use super::armed::Verdict;
use super::connections::State;
use super::ring::Ring;
use super::session::Protocol;
use crate::HostMemory;
use crate::client::Properties;
use crate::test_client::Response;
use mei_wire::hbm::{
    AddClientReq, CapabilitiesRes, ClientDisconnectRes, ClientDmaMapRes, ClientDmaUnmapRes, ClientProperties,
    ClientPropertiesRes, Command, DmaSetupReq, DmaSetupRes, HostEnumRes, HostMessage, HostStartRes,
    HostStopRes, NotifyReq, NotifyRes, Status, Version, capability,
};
use std::time::Instant;
use zerocopy::IntoBytes;

impl Firmware {
    /// A message to the bus. What cannot be understood is ignored, as firmware does.
    pub(super) fn bus_message(
        &mut self,
        bytes: &[u8],
        memory: &mut (impl HostMemory + ?Sized),
        now: Instant,
    ) {
        let message = match HostMessage::parse(bytes) {
            Ok(message) => message,
            Err(error) => {
                log::warn!("ignored: {error}");
                self.statistics.violations += 1;
                return;
            }
        };
        match (message, self.session.protocol) {
            (HostMessage::HostStartReq(request), _) => self.start(request.version(), now),
            (HostMessage::HostStopReq(_), _) => {
                self.end_protocol(now);
                self.respond(None, HostStopRes::new().as_bytes(), now);
            }
            (message, Protocol::Idle) => log::debug!("ignored before HOST_START_REQ: {message:?}"),
            (message, Protocol::Started { version, vtag, .. }) => {
                self.started_message(message, version, vtag, memory, now);
            }
        }
    }

    fn started_message(
        &mut self,
        message: HostMessage<'_>,
        version: Version,
        vtag: bool,
        memory: &mut (impl HostMemory + ?Sized),
        now: Instant,
    ) {
        match message {
            HostMessage::HostEnumReq(_) => self.enumerate(now),
            HostMessage::ClientPropertiesReq(request) => self.tell_properties(request.me_addr, vtag, now),
            HostMessage::CapabilitiesReq(request) => {
                self.grant_capabilities(request.capabilities[0], version, now)
            }
            HostMessage::DmaSetupReq(request) => self.set_up_ring(request, version, memory, now),
            HostMessage::ClientConnectReq(request) => self.connect(request.address(), now),
            HostMessage::ClientDisconnectReq(request) => {
                let address = request.address();
                self.host_disconnects(address, now);
                let response = ClientDisconnectRes::new(address, Status::SUCCESS);
                self.respond(Some(address.me), response.as_bytes(), now);
            }
            HostMessage::ClientDisconnectRes(response) => self.host_agrees(response.address(), now),
            HostMessage::FlowControl(credit) => self.add_host_credit(credit.address()),
            HostMessage::NotifyReq(request) => self.switch_notifications(request, version, now),
            HostMessage::PgIsolationEntryReq(_) => self.grant_isolation(),
            HostMessage::PgIsolationExitRes(_) => self.isolation_left(),
            HostMessage::AddClientRes(response) => log::debug!("the host says {response:?}"),
            HostMessage::ClientDmaMapReq(_) => {
                let status = self.client_dma_status();
                self.send_hbm(ClientDmaMapRes { command: ClientDmaMapRes::COMMAND, status }.as_bytes());
            }
            HostMessage::ClientDmaUnmapReq(_) => {
                let status = self.client_dma_status();
                self.send_hbm(ClientDmaUnmapRes { command: ClientDmaUnmapRes::COMMAND, status }.as_bytes());
            }
            other => log::debug!("ignored: {other:?}"),
        }
    }

    /// HOST_START_REQ. Also in the middle of a session: the host begins anew.
    fn start(&mut self, offered: Version, now: Instant) {
        if self.session.protocol != Protocol::Idle {
            self.end_protocol(now);
        }
        let supported = offered <= self.hbm;
        let version = offered.min(self.hbm);
        self.session.protocol = Protocol::Started { version, vtag: false, client_dma: false };
        self.respond(None, HostStartRes::new(supported, self.hbm).as_bytes(), now);
    }

    fn enumerate(&mut self, now: Instant) {
        let mut response = HostEnumRes::new();
        for index in 0..self.clients.len() {
            if self.is_present(index) {
                response.insert(self.clients[index].address);
            }
        }
        self.respond(None, response.as_bytes(), now);
    }

    fn tell_properties(&mut self, me: u8, vtag: bool, now: Instant) {
        let response = match self.client_at(me).filter(|&index| self.is_present(index)) {
            Some(index) => {
                ClientPropertiesRes::new(me, Status::SUCCESS, wire(&self.clients[index].properties, vtag))
            }
            None => ClientPropertiesRes::new(me, Status::CLIENT_NOT_FOUND, ClientProperties::EMPTY),
        };
        self.respond(Some(me), response.as_bytes(), now);
    }

    fn grant_capabilities(&mut self, asked: u8, version: Version, now: Instant) {
        let mut own = 0;
        if version >= Version::new(2, 2) {
            own |= if self.features.vtag { capability::VTAG } else { 0 };
            own |= if self.features.client_dma { capability::CLIENT_DMA } else { 0 };
        }
        let granted = asked & own;
        self.session.protocol = Protocol::Started {
            version,
            vtag: granted & capability::VTAG != 0,
            client_dma: granted & capability::CLIENT_DMA != 0,
        };
        self.respond(None, CapabilitiesRes::new(granted).as_bytes(), now);
    }

    fn set_up_ring(
        &mut self,
        request: &DmaSetupReq,
        version: Version,
        memory: &mut (impl HostMemory + ?Sized),
        now: Instant,
    ) {
        let status = if !self.features.dma_ring || version < Version::new(2, 1) {
            Status::NOT_ALLOWED
        } else {
            match Ring::new(&request.descriptors, memory) {
                Some(ring) => {
                    self.ring = Some(ring);
                    Status::SUCCESS
                }
                None => Status::INVALID_PARAMETER,
            }
        };
        self.respond(None, DmaSetupRes::new(status).as_bytes(), now);
    }

    fn switch_notifications(&mut self, request: &NotifyReq, version: Version, now: Instant) {
        let start = request.start != 0;
        let connection = self.connections.find(request.address()).filter(|found| found.state == State::Open);
        let status = match connection {
            _ if version < Version::new(2, 0) => Status::NOT_ALLOWED,
            None => Status::CLIENT_NOT_FOUND,
            Some(connection) => {
                let before = std::mem::replace(&mut connection.notifications, start);
                match (before, start) {
                    (true, true) => Status::ALREADY_STARTED,
                    (false, false) => Status::NOT_STARTED,
                    _ => Status::SUCCESS,
                }
            }
        };
        let response = NotifyRes::new(request.address(), status, start);
        self.respond(Some(request.me_addr), response.as_bytes(), now);
    }

    /// Client DMA buffers are accepted where the capability was granted; no client of ours looks into them.
    fn client_dma_status(&self) -> Status {
        match self.session.protocol {
            Protocol::Started { client_dma: true, .. } => Status::SUCCESS,
            _ => Status::NOT_ALLOWED,
        }
    }

    /// Tells the host of a client that came to be after enumeration.
    pub(super) fn announce(&mut self, index: usize) {
        if let Protocol::Started { vtag, .. } = self.session.protocol {
            let slot = &self.clients[index];
            let request = AddClientReq::new(slot.address, wire(&slot.properties, vtag));
            self.send_hbm(request.as_bytes());
        }
    }

    /// Sends a response about client id `me`, unless a test asked for something else.
    fn respond(&mut self, me: Option<u8>, response: &[u8], now: Instant) {
        let client = me.and_then(|me| self.client_at(me));
        match self.armed.verdict(Response::Bus(response[0]), client) {
            None => self.send_hbm(response),
            Some(Verdict::Swallow) => {}
            Some(Verdict::Delay(delay)) => self.send_hbm_at(response, now + delay),
            Some(Verdict::Status(status)) => {
                self.send_hbm(response);
                if let Some(place) = status_place(Command(response[0])) {
                    self.transmit.patch_last(place, status.0);
                }
            }
        }
    }
}

/// Where the status of a response stands.
fn status_place(response: Command) -> Option<usize> {
    match response {
        Command::CLIENT_PROPERTIES_RES => Some(2),
        Command::CLIENT_CONNECT_RES | Command::CLIENT_DISCONNECT_RES | Command::NOTIFY_RES => Some(3),
        Command::DMA_SETUP_RES => Some(1),
        _ => None,
    }
}

/// Properties as the wire has them; virtual tags are no business of a host that did not get them.
fn wire(properties: &Properties, vtag: bool) -> ClientProperties {
    let single = if properties.single_receive_buffer { ClientProperties::SINGLE_RECV_BUF } else { 0 };
    let tags = if properties.vtag && vtag { ClientProperties::VT_SUPPORTED } else { 0 };
    ClientProperties {
        guid: properties.guid,
        protocol_version: properties.protocol_version,
        max_number_of_connections: properties.max_connections,
        fixed_address: properties.fixed_address,
        flags: single | tags,
        max_msg_length: properties.max_message_length.into(),
    }
}
