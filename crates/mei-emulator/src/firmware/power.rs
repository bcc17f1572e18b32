//! Legacy power gating and D0i3, as the driver drives them (`hw.md` §6, `hbm.md` §10).

use super::Firmware;
use mei_wire::hbm::PgIsolationEntryRes;
use std::time::Instant;
use zerocopy::IntoBytes;

/// Power states of the link.
#[derive(Debug, Default)]
pub(super) struct Power {
    pub(super) gating: Gating,
    /// When the D0i3 transition in progress completes.
    pub(super) d0i3_done_at: Option<Instant>,
}

/// Legacy power gating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Gating {
    /// Messages flow.
    #[default]
    Off,
    /// The host may isolate: no client message is begun.
    Granted,
    /// The host has isolated the link: only the wish to leave passes.
    Isolated,
    /// The engine wants the host to leave isolation.
    Wanting,
    /// The engine has asked the host to leave isolation.
    Leaving,
}

impl Firmware {
    /// Follows a D0i3 transition.
    pub(super) fn run_d0i3(&mut self, begun: bool, now: Instant) {
        if begun {
            self.power.d0i3_done_at = Some(now + self.timings.d0i3);
        }
        if self.power.d0i3_done_at.is_some_and(|at| at <= now) {
            self.power.d0i3_done_at = None;
            self.registers.complete_d0i3();
        }
    }

    /// Follows H_HPG_CSR and H_D0I3C.
    pub(super) fn run_gating(&mut self) {
        let csr = self.registers.power_gating();
        match self.power.gating {
            Gating::Granted if csr.isolation() => self.power.gating = Gating::Isolated,
            // D0i3 has its own way out: data may come, and the host leaves D0i3 for it.
            Gating::Granted if self.registers.in_d0i3() => self.power.gating = Gating::Off,
            Gating::Isolated if csr.exit_request() => self.power.gating = Gating::Wanting,
            _ => {}
        }
    }

    /// PG_ISOLATION_ENTRY_REQ.
    pub(super) fn grant_isolation(&mut self) {
        self.send_hbm(PgIsolationEntryRes::new().as_bytes());
        self.power.gating = Gating::Granted;
    }

    /// PG_ISOLATION_EXIT_RES.
    pub(super) fn isolation_left(&mut self) {
        self.power.gating = Gating::Off;
        self.registers.end_isolation();
    }
}
