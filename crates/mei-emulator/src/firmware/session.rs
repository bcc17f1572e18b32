//! Reset, ready, link up and link down (`hw.md` §4).

use super::{Firmware, power, transmit};
use crate::persona::Presence;
use mei_wire::hbm::Version;
use std::time::Instant;

/// The link's state beyond the registers.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Both sides were ready when the engine last looked.
    up: bool,
    /// The protocol, as far as it has come on this link.
    pub(super) protocol: Protocol,
    /// When ME_RDY comes.
    pub(super) ready_at: Option<Instant>,
}

/// How far the Host Bus Message protocol has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Protocol {
    /// Nothing but HOST_START_REQ is understood.
    #[default]
    Idle,
    /// A version was agreed on.
    Started {
        /// The version in use.
        version: Version,
        /// Virtual tags were granted.
        vtag: bool,
        /// Client DMA was granted.
        client_dma: bool,
    },
}

impl Firmware {
    /// Follows what the host did to the registers, and time.
    #[inline]
    pub(super) fn run_session(&mut self, now: Instant) {
        let events = self.registers.take_events();
        if events.reset {
            self.statistics.host_resets += 1;
            self.end_link(now);
            self.session.ready_at = Some(now + self.timings.ready);
        }
        if self.session.ready_at.is_some_and(|at| at <= now) {
            self.session.ready_at = None;
            self.registers.set_me_ready();
        }
        self.run_d0i3(events.d0i3, now);
        self.run_gating();
        match (self.session.up, self.registers.link_is_up()) {
            (false, true) => {
                self.session.up = true;
                log::debug!("link up");
            }
            (true, false) => self.end_link(now),
            _ => {}
        }
    }

    /// Whether frames may flow.
    pub(super) fn link_is_up(&self) -> bool {
        self.session.up && self.registers.link_is_up()
    }

    /// Resets the link from the engine's side: ME_RDY falls, with an interrupt. Nothing is taken or given until
    /// the host has reset it too (`hw.md` §9, 6).
    pub(super) fn reset_link(&mut self, reason: &str, now: Instant) {
        log::warn!("the engine resets the link: {reason}");
        self.statistics.engine_resets += 1;
        let host_listens = self.registers.host_is_ready();
        if self.registers.me_is_ready() {
            self.registers.drop_me_ready();
        }
        self.end_link(now);
        if !host_listens {
            // No host will ask for it.
            self.session.ready_at = Some(now + self.timings.ready);
        }
    }

    /// Function reset (FLR, D3hot to D0): as after power-on, without an interrupt.
    pub fn function_reset(&mut self, now: Instant) {
        self.end_link(now);
        self.registers.power_on();
        self.session = Session::default();
        self.power = power::Power::default();
        self.refresh_deadline();
    }

    /// The engine resets by itself, as after a fault or an update: its host must notice and reset the link.
    pub fn firmware_reset(&mut self, now: Instant) {
        self.reset_link("it was asked to", now);
        self.refresh_deadline();
    }

    /// Everything that belongs to the link is over.
    fn end_link(&mut self, now: Instant) {
        self.session.up = false;
        self.end_protocol(now);
        self.power.gating = power::Gating::Off;
        for slot in &mut self.clients {
            slot.client.reset(now);
        }
    }

    /// Everything that was agreed on with HBM is over: connections, credit, what waited to be sent.
    pub(super) fn end_protocol(&mut self, now: Instant) {
        self.session.protocol = Protocol::Idle;
        self.transmit = transmit::Transmit::default();
        self.pending_connects.clear();
        self.ring = None;
        for place in 0..crate::outbox::LANES {
            if let Some(id) = self.connections.id_at(place) {
                self.close(id, now);
            }
        }
    }

    /// Whether a host can find the client at `index`.
    pub(super) fn is_present(&self, index: usize) -> bool {
        self.clients[index].presence == Presence::Present
    }
}
