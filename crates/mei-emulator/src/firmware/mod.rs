//! The engine: register file and everything behind it.
//!
//! | file | subject |
//! |---|---|
//! | `registers`, `window` | what the host sees of BAR0 |
//! | `session` | reset, ready, link up and down |
//! | `receive` | from the host's window to clients |
//! | `hbm` | the Host Bus Message responder |
//! | `connect` | connections: opening, ending, credit |
//! | `transmit` | from the outbox to the ME window |
//! | `ring` | the DMA ring |
//! | `power` | legacy power gating and D0i3 |
//! | `armed` | what the test client asked for |

mod armed;
mod connect;
mod connections;
mod hbm;
mod power;
mod receive;
mod registers;
mod ring;
mod session;
mod transmit;
mod window;

use crate::client::{Client, ConnectionId, Outbox};
use crate::persona::{Features, Persona, Presence, Timings};
use crate::{HostMemory, client};
use connections::Connections;
use mei_wire::hbm::Version;
use mei_wire::pci::Device;
use mei_wire::status::{HFS_OFFSETS, Hfs1};
use power::Gating;
use registers::{Completion, Optional, RegisterFile};
use std::time::{Duration, Instant};

/// How often clients are given time within one run, should they never have enough.
const MAX_TURNS: usize = 8;

/// No client has that id.
const NO_CLIENT: u8 = u8::MAX;

/// The engine: register file and everything behind it. Never touches time or I/O by itself.
///
/// The host's accesses take effect at once where hardware's do (pointers, bits of the registers); what they
/// cause happens in [`Firmware::run`].
#[derive(Debug)]
pub struct Firmware {
    device: &'static Device,
    status: [u32; 6],
    hbm: Version,
    features: Features,
    timings: Timings,
    registers: RegisterFile,
    session: session::Session,
    power: power::Power,
    clients: Vec<ClientSlot>,
    /// Index of the client with each ME client id.
    by_address: [u8; 256],
    connections: Connections,
    pending_connects: Vec<connect::PendingConnect>,
    outbox: Outbox,
    transmit: transmit::Transmit,
    ring: Option<ring::Ring>,
    receive: receive::Buffers,
    armed: armed::Armed,
    statistics: Statistics,
    deadline: Option<Instant>,
}

/// A client and what the engine knows about it.
#[derive(Debug)]
struct ClientSlot {
    address: u8,
    client: Box<dyn Client>,
    properties: client::Properties,
    policy: client::CreditPolicy,
    connect_delay: Duration,
    presence: Presence,
    /// Messages that the host may send to a shared receive buffer, and whether it gets one back.
    shared_granted: u8,
    shared_due: Option<ConnectionId>,
}

/// What has happened since power-on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Frames taken from the host's window.
    pub frames_received: u64,
    /// Frames put into the ME window.
    pub frames_sent: u64,
    /// Complete messages handed to clients.
    pub messages: u64,
    /// Times that the host broke a rule of the protocol.
    pub violations: u64,
    /// Link resets by the host.
    pub host_resets: u64,
    /// Link resets by the engine.
    pub engine_resets: u64,
}

impl Firmware {
    /// An engine as after power-on.
    #[must_use]
    pub fn new(persona: &Persona, now: Instant) -> Self {
        let trc = persona.device.configuration.trc.then_some(persona.trc);
        let d0i3 = Hfs1::from(persona.status[0]).d0i3_supported().then_some(match persona.timings.d0i3 {
            Duration::ZERO => Completion::Immediate,
            _ => Completion::Later,
        });
        let optional = Optional { trc, d0i3, power_gating: persona.features.power_gating };
        let mut by_address = [NO_CLIENT; 256];
        let mut clients = Vec::new();
        for (entry, client) in persona.build_clients() {
            // At most 255 ids exist, so the index fits below the mark.
            by_address[usize::from(entry.address)] = u8::try_from(clients.len()).unwrap_or(NO_CLIENT);
            clients.push(ClientSlot {
                address: entry.address,
                properties: client.properties(),
                policy: client.credit_policy(),
                connect_delay: entry.connect_delay,
                presence: entry.presence,
                shared_granted: 0,
                shared_due: None,
                client,
            });
        }
        let mut firmware = Self {
            device: persona.device,
            status: persona.status,
            hbm: persona.hbm,
            features: persona.features,
            timings: persona.timings,
            registers: RegisterFile::new(persona.buffer_depth, optional),
            session: session::Session::default(),
            power: power::Power::default(),
            clients,
            by_address,
            connections: Connections::default(),
            pending_connects: Vec::new(),
            outbox: Outbox::default(),
            transmit: transmit::Transmit::default(),
            ring: None,
            receive: receive::Buffers::default(),
            armed: armed::Armed::default(),
            statistics: Statistics::default(),
            deadline: None,
        };
        firmware.advance_clients(now);
        firmware.refresh_deadline();
        firmware
    }

    /// PCI device id of the function it is.
    #[must_use]
    pub fn device_id(&self) -> u16 {
        self.device.id
    }

    /// What has happened since power-on.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// A read of BAR0 by the host. Offsets without a register read 0.
    #[inline]
    pub fn read32(&mut self, offset: u32) -> u32 {
        self.registers.read(offset)
    }

    /// A write of BAR0 by the host. What it causes happens in [`Firmware::run`].
    #[inline]
    pub fn write32(&mut self, offset: u32, value: u32) {
        self.registers.write(offset, value);
    }

    /// Pops a slot per element, as that many reads of ME_CB_RW.
    #[inline]
    pub fn read_window(&mut self, slots: &mut [u32]) {
        self.registers.me_window.pop_slots(slots);
    }

    /// Pushes every slot, as that many writes of H_CB_WW.
    #[inline]
    pub fn write_window(&mut self, slots: &[u32]) {
        self.registers.host_window.push_slots(slots);
    }

    /// The word of configuration space that is the engine's own (status registers HFS1..6); None elsewhere.
    #[must_use]
    pub fn status_word(&self, offset: u16) -> Option<u32> {
        HFS_OFFSETS.iter().position(|&own| own == offset).map(|index| self.status[index])
    }

    /// Works: consumes frames, answers, acts on time.
    #[inline]
    pub fn run(&mut self, memory: &mut (impl HostMemory + ?Sized), now: Instant) {
        let room = self.transmit.blocked && self.registers.was_rung();
        if room || self.registers.wants_attention() || self.is_due(now) {
            self.work(memory, now);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    fn work(&mut self, memory: &mut (impl HostMemory + ?Sized), now: Instant) {
        let due = self.is_due(now);
        self.run_session(now);
        if due {
            self.advance_connects(now);
            self.advance_clients(now);
        }
        for _ in 0..MAX_TURNS {
            self.exchange(memory, now);
            self.refresh_deadline();
            if !self.is_due(now) {
                break;
            }
            // What one client was told is another's business at once.
            self.advance_clients(now);
        }
    }

    /// Takes from the host and gives to it until neither is possible.
    fn exchange(&mut self, memory: &mut (impl HostMemory + ?Sized), now: Instant) {
        loop {
            let received = self.receive(memory, now);
            let commanded = self.run_commands(now);
            let sent = self.transmit(memory, now);
            let answered = self.answer_commands();
            // What was sent makes room for answers, and so for what they answer.
            let more = (received || sent) && !self.registers.host_window.is_empty();
            if !more && !commanded && !answered {
                break;
            }
        }
    }

    /// When [`Firmware::run`] must be called.
    #[must_use]
    #[inline]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Level of the interrupt line: a cause is pending and enabled. An MSI is due on each rising edge, see
    /// [`Firmware::take_interrupt_edge`].
    #[must_use]
    pub fn interrupt_level(&self) -> bool {
        self.registers.level()
    }

    /// Whether the interrupt line rose since this was asked last, if only for a moment: an MSI is due.
    #[inline]
    pub fn take_interrupt_edge(&mut self) -> bool {
        self.registers.take_edge()
    }

    fn client_at(&self, address: u8) -> Option<usize> {
        let index = self.by_address[usize::from(address)];
        (index != NO_CLIENT).then_some(index.into())
    }

    /// Gives time to the clients that asked for it.
    fn advance_clients(&mut self, now: Instant) {
        for slot in &mut self.clients {
            if slot.client.deadline().is_some_and(|deadline| deadline <= now) {
                slot.client.advance(&mut self.outbox, now);
            }
        }
    }

    #[inline]
    fn refresh_deadline(&mut self) {
        // Asked for with each message, when there is none most of the time.
        let mut deadline = None;
        let mut consider = |other: Option<Instant>| {
            if let Some(other) = other {
                deadline = Some(deadline.map_or(other, |deadline: Instant| deadline.min(other)));
            }
        };
        self.clients.iter().for_each(|slot| consider(slot.client.deadline()));
        self.pending_connects.iter().for_each(|connect| consider(Some(connect.due)));
        consider(self.session.ready_at);
        consider(self.power.d0i3_done_at);
        consider(self.transmit.deadline());
        consider(self.armed.deadline());
        self.deadline = deadline;
    }
}
