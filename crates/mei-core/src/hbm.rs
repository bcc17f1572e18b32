//! The bus protocol: bring-up, features, and what each message of the firmware means (`hbm.md` §2–§5).

use crate::client::Switch;
use crate::dma_ring::DmaRing;
use crate::state::ClientState;
use crate::{DeviceState, Errno, Host};
use mei_wire::hbm::{
    AddClientReq, AddClientRes, CapabilitiesReq, ClientConnectRes, ClientDisconnectRes, ClientPropertiesReq,
    ClientPropertiesRes, FirmwareMessage, FlowControl, HostEnumReq, HostEnumRes, HostStartRes, HostStopReq,
    NotifyRes, Status, Version, capability,
};
use mei_wire::{Address, Function};
use std::time::Instant;

/// How far the bus protocol is (`hbm.md` §4); the order is the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum HbmState {
    #[default]
    Idle,
    Starting,
    CapSetup,
    DrSetup,
    EnumClients,
    ClientProperties,
    Started,
    Stopped,
}

/// What the version in use allows (`hbm.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Features {
    pub(crate) power_gating: bool,
    /// DC, IE, DOT, EV, FA, OS: everything that came with 2.0.
    pub(crate) since_2_0: bool,
    pub(crate) dma_ring: bool,
    pub(crate) capabilities: bool,
    pub(crate) vtag: bool,
    pub(crate) client_dma: bool,
}

impl Features {
    fn of(version: Version) -> Self {
        let since = |minor| version >= Version::new(2, minor);
        Self {
            power_gating: version >= Version::new(1, 1),
            since_2_0: version.major >= 2,
            dma_ring: since(1),
            capabilities: since(2),
            vtag: since(2),
            client_dma: since(2),
        }
    }
}

/// State of the bus protocol.
#[derive(Debug)]
pub(crate) struct Hbm {
    pub(crate) state: HbmState,
    /// In use; 0.0 before the first start, kept over resets.
    pub(crate) version: Version,
    pub(crate) features: Features,
    /// Ticks left for the present step, 0 not counting.
    pub(crate) timer: u8,
    /// ME client ids that exist.
    clients: HostEnumRes,
}

impl Default for Hbm {
    fn default() -> Self {
        Self {
            state: HbmState::Idle,
            version: Version::new(0, 0),
            features: Features::default(),
            timer: 0,
            clients: HostEnumRes::new(),
        }
    }
}

impl Hbm {
    pub(crate) fn idle(&mut self) {
        self.state = HbmState::Idle;
        self.timer = 0;
    }
}

/// Longest bus message of the firmware that means anything.
pub(crate) const LONGEST: usize = 64;

impl<F: Function> Host<F> {
    /// Takes one bus message. An error resets the link.
    ///
    /// Like the driver it does not mind a short message: what is missing reads as zero.
    pub(crate) fn dispatch_hbm(&mut self, message: &[u8; LONGEST], now: Instant) -> Result<(), Errno> {
        if self.hbm.state == HbmState::Idle {
            log::debug!("a bus message before the handshake is dropped");
            return Ok(());
        }
        let message = FirmwareMessage::parse(message).map_err(|error| {
            log::error!("{error}");
            Errno::PROTO
        })?;
        log::trace!("firmware: {message:?}");
        match message {
            FirmwareMessage::FlowControl(message) => self.take_credit(*message),
            FirmwareMessage::HostStartRes(message) => return self.started(*message, now),
            FirmwareMessage::CapabilitiesRes(message) => {
                if !self.expect(HbmState::CapSetup)? {
                    return Ok(());
                }
                let granted = message.capabilities[0];
                self.hbm.features.vtag &= granted & capability::VTAG != 0;
                self.hbm.features.client_dma &= granted & capability::CLIENT_DMA != 0;
                return self.set_up_ring_or_enumerate(now);
            }
            FirmwareMessage::DmaSetupRes(message) => {
                if !self.expect(HbmState::DrSetup)? {
                    return Ok(());
                }
                if message.status != Status::SUCCESS {
                    log::info!("the firmware takes no DMA ring: {:?}", message.status);
                    self.hbm.features.dma_ring = false;
                }
                return self.enumerate(now);
            }
            FirmwareMessage::HostEnumRes(message) => {
                if !self.expect(HbmState::EnumClients)? {
                    return Ok(());
                }
                self.hbm.clients = *message;
                self.hbm.state = HbmState::ClientProperties;
                return self.ask_properties(0, now);
            }
            FirmwareMessage::ClientPropertiesRes(message) => return self.took_properties(*message, now),
            FirmwareMessage::ClientConnectRes(message) => self.connect_answered(*message),
            FirmwareMessage::ClientDisconnectRes(message) => self.disconnect_answered(*message),
            FirmwareMessage::ClientDisconnectReq(message) => self.firmware_disconnects(message.address()),
            FirmwareMessage::NotifyRes(message) => self.notify_answered(*message),
            FirmwareMessage::Notification(message) => self.notified(message.address()),
            FirmwareMessage::AddClientReq(message) => return self.add_client(*message),
            FirmwareMessage::MeStopReq(_) => {
                self.hbm.state = HbmState::Stopped;
                return self.send_hbm(&HostStopReq::new(0)).map_err(|_| Errno::IO);
            }
            FirmwareMessage::HostStopRes(_) => {
                self.hbm.timer = 0;
                if self.hbm.state == HbmState::Stopped {
                    self.set_state(DeviceState::PowerDown);
                }
                return Err(Errno::PROTO);
            }
            // Nothing waits for these: the host maps no client memory.
            FirmwareMessage::ClientDmaMapRes(_) | FirmwareMessage::ClientDmaUnmapRes(_) => {}
            // The host never gates, so that neither can be due (`hbm.md` §10).
            _ => return Err(Errno::PROTO),
        }
        Ok(())
    }

    /// Whether the answer to a step of the bring-up is due. When the device goes down it is ignored.
    fn expect(&mut self, state: HbmState) -> Result<bool, Errno> {
        self.hbm.timer = 0;
        if self.state == DeviceState::InitClients && self.hbm.state == state {
            return Ok(true);
        }
        if self.state.is_going_down() {
            return Ok(false);
        }
        log::error!("answer of {state:?} in {:?}, device {}", self.hbm.state, self.state);
        Err(Errno::PROTO)
    }

    fn started(&mut self, message: HostStartRes, now: Instant) -> Result<(), Errno> {
        self.hbm.timer = 0;
        self.hbm.version = if message.supported() { Version::DRIVER } else { message.version() };
        if self.hbm.version > Version::DRIVER {
            log::warn!("the firmware speaks {} only: stopping", self.hbm.version);
            self.hbm.state = HbmState::Stopped;
            // A first start fails on this when its time is over.
            return self.send_hbm(&HostStopReq::new(0)).map_err(|_| Errno::IO);
        }
        self.hbm.features = Features::of(self.hbm.version);
        if !self.expect(HbmState::Starting)? {
            return Ok(());
        }
        self.start_deadline = None;
        if self.hbm.features.capabilities {
            self.hbm.state = HbmState::CapSetup;
            self.send_step(&CapabilitiesReq::new(capability::VTAG | capability::CLIENT_DMA), now)
        } else {
            self.set_up_ring_or_enumerate(now)
        }
    }

    /// Sends the request of the present step and times the answer.
    pub(crate) fn send_step<M>(&mut self, message: &M, now: Instant) -> Result<(), Errno>
    where
        M: zerocopy::IntoBytes + zerocopy::Immutable,
    {
        self.send_hbm(message).map_err(|_| Errno::IO)?;
        self.arm_bring_up_timer(now);
        Ok(())
    }

    fn set_up_ring_or_enumerate(&mut self, now: Instant) -> Result<(), Errno> {
        if self.hbm.features.dma_ring {
            if self.ring.is_none()
                && let Some(sizes) = self.options.device.configuration.dma_ring
            {
                self.ring = DmaRing::allocate(&mut self.function, sizes);
            }
            if let Some(ring) = self.ring.as_mut() {
                let request = ring.reset(&mut self.function);
                let request = self.note(request)?;
                self.hbm.state = HbmState::DrSetup;
                return self.send_step(&request, now);
            }
        }
        self.hbm.features.dma_ring = false;
        self.enumerate(now)
    }

    fn enumerate(&mut self, now: Instant) -> Result<(), Errno> {
        self.hbm.state = HbmState::EnumClients;
        let flags =
            if self.hbm.features.since_2_0 { HostEnumReq::ALLOW_ADD | HostEnumReq::IMMEDIATE } else { 0 };
        self.send_step(&HostEnumReq::new(flags), now)
    }

    /// Asks for the properties of the next client from `first` on, or is done.
    fn ask_properties(&mut self, first: u16, now: Instant) -> Result<(), Errno> {
        let next =
            (first..=255).filter_map(|id| u8::try_from(id).ok()).find(|&id| self.hbm.clients.contains(id));
        if let Some(id) = next {
            return self.send_step(&ClientPropertiesReq::new(id), now);
        }
        self.hbm.state = HbmState::Started;
        self.reset_count = 0;
        self.set_state(DeviceState::Enabled);
        self.services.rescan = true;
        Ok(())
    }

    fn took_properties(&mut self, message: ClientPropertiesRes, now: Instant) -> Result<(), Errno> {
        if !self.expect(HbmState::ClientProperties)? {
            return Ok(());
        }
        match message.status {
            // Id 0 is the bus: a client there could not be told from it.
            Status::SUCCESS if message.me_addr == 0 => log::error!("a client with id 0 is skipped"),
            Status::SUCCESS => {
                self.me_clients.add(message.me_addr, message.properties).map_err(|_| Errno::PROTO)?;
            }
            Status::CLIENT_NOT_FOUND => {}
            status => {
                log::error!("no properties of ME client {}: {status:?}", message.me_addr);
                return Err(Errno::PROTO);
            }
        }
        self.ask_properties(u16::from(message.me_addr) + 1, now)
    }

    fn add_client(&mut self, message: AddClientReq) -> Result<(), Errno> {
        if self.hbm.state <= HbmState::EnumClients || self.hbm.state >= HbmState::Stopped {
            return Err(Errno::PROTO);
        }
        let added = match message.me_addr {
            0 => Err(crate::me_clients::Full),
            id => self.me_clients.add(id, message.properties),
        };
        let status = match added {
            Ok(()) => {
                self.services.rescan = self.state == DeviceState::Enabled;
                Status::SUCCESS
            }
            Err(_) => Status(1),
        };
        self.send_hbm(&AddClientRes::new(message.me_addr, status)).map_err(|_| Errno::IO)
    }

    /// The host client of an address, if it has that ME client.
    pub(crate) fn addressee(&self, address: Address) -> Option<u8> {
        let id = if address.host == 0 { self.fixed[usize::from(address.me)] } else { address.host };
        let client = self.client(id)?;
        (client.me.is_some() && client.address() == address).then_some(id)
    }

    #[inline]
    fn take_credit(&mut self, message: FlowControl) {
        let address = message.address();
        if address.host == 0 {
            let record = self.me_clients.by_id(address.me);
            let Some(record) = record.and_then(|me| self.me_clients.get_mut(me)) else { return };
            if !record.properties.single_recv_buf() {
                log::warn!("a shared credit for ME client {}, which does not share", address.me);
                return;
            }
            record.tx_credits = record.tx_credits.saturating_add(1);
            for id in self.queued.iter() {
                self.update_ready(id);
            }
        } else if let Some(id) = self.addressee(address)
            && let Some(client) = self.client_mut(id)
        {
            client.tx_credits = client.tx_credits.saturating_add(1);
            self.update_ready(id);
        }
    }

    fn connect_answered(&mut self, message: ClientConnectRes) {
        let Some(id) = self.addressee(message.address()) else { return };
        let Some(client) = self.client_mut(id) else { return };
        if !std::mem::take(&mut client.connect_sent) {
            return;
        }
        client.timer = 0;
        client.status = match message.status {
            Status::SUCCESS => None,
            Status::CLIENT_NOT_FOUND => Some(Errno::NOTTY),
            Status::ALREADY_EXISTS | Status::REJECTED | Status::NOT_ALLOWED => Some(Errno::BUSY),
            _ => Some(Errno::INVAL),
        };
        let me = client.me;
        client.state = match client.status {
            None => ClientState::Connected,
            Some(_) => ClientState::DisconnectReply,
        };
        if message.status == Status::CLIENT_NOT_FOUND
            && let Some(me) = me
        {
            self.me_clients.remove(me);
        }
        self.stalling.remove(id);
        self.touch(id);
    }

    fn disconnect_answered(&mut self, message: ClientDisconnectRes) {
        let Some(id) = self.addressee(message.address()) else { return };
        let Some(client) = self.client_mut(id) else { return };
        if !std::mem::take(&mut client.disconnect_sent) {
            return;
        }
        client.timer = 0;
        if message.status == Status::SUCCESS {
            client.state = ClientState::DisconnectReply;
        }
        client.status = None;
        self.stalling.remove(id);
        self.touch(id);
    }

    fn notify_answered(&mut self, message: NotifyRes) {
        let Some(id) = self.addressee(message.address()) else { return };
        let Some(client) = self.client_mut(id) else { return };
        let switch = if message.start != 0 { Switch::On } else { Switch::Off };
        let notifications = &mut client.notifications;
        let (sent, tolerated) = match switch {
            Switch::On => (&mut notifications.starts_sent, Status::ALREADY_STARTED),
            Switch::Off => (&mut notifications.stops_sent, Status::NOT_STARTED),
        };
        if *sent == 0 {
            return;
        }
        *sent -= 1;
        if message.status == Status::SUCCESS || message.status == tolerated {
            notifications.enabled = switch.is_on();
            notifications.refused = false;
        } else {
            notifications.refused = true;
        }
        self.touch(id);
    }

    /// An event of the firmware (`hbm.md` §9).
    fn notified(&mut self, address: Address) {
        let Some(id) = self.addressee(address) else { return };
        let Some(client) = self.client_mut(id) else { return };
        if !client.notifications.enabled {
            return;
        }
        client.notifications.event = true;
        self.touch(id);
        self.wake_client(id);
    }
}
