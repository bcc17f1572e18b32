//! The register file of BAR0 (`hw.md` §2, §9).

use super::window::Window;
use mei_wire::registers::{
    D0i3Control, H_CB_WW, H_CSR, H_D0I3C, H_HPG_CSR, HostCsr, ME_CB_RW, ME_CSR_HA, ME_TRC, MeCsr,
    PowerGatingCsr,
};

/// What a write by the host does to the bits of a register. Bits in neither mask are read-only.
#[derive(Debug, Clone, Copy)]
struct Access {
    /// Take the written value.
    read_write: u32,
    /// Are cleared by a written 1.
    write_1_clear: u32,
}

impl Access {
    const fn apply(self, old: u32, written: u32) -> u32 {
        let kept = old & !self.read_write & !(self.write_1_clear & written);
        kept | written & self.read_write
    }
}

/// H_IE, H_RDY, H_RST, H_D0I3C_IE; H_IS, H_D0I3C_IS. H_IG rings the bell and reads 0.
const HOST_CSR: Access = Access {
    read_write: HostCsr::new()
        .with_interrupt_enable(true)
        .with_ready(true)
        .with_reset(true)
        .with_d0i3_interrupt_enable(true)
        .into_bits(),
    write_1_clear: HostCsr::new().with_interrupt_status(true).with_d0i3_interrupt_status(true).into_bits(),
};
/// PGIHEXR and PGI; what ends isolation clears both.
const POWER_GATING_CSR: Access = Access {
    read_write: PowerGatingCsr::new().with_exit_request(true).with_isolation(true).into_bits(),
    write_1_clear: 0,
};
/// IR, I3 and RR; CIP belongs to the engine.
const D0I3_CONTROL: Access = Access {
    read_write: D0i3Control::new()
        .with_interrupt_request(true)
        .with_d0i3(true)
        .with_restore_required(true)
        .into_bits(),
    write_1_clear: 0,
};

/// Which of the optional registers exist.
#[derive(Debug, Clone, Copy)]
pub(super) struct Optional {
    /// The value of `ME_TRC`.
    pub(super) trc: Option<u32>,
    /// `H_D0I3C`, and whether it takes time.
    pub(super) d0i3: Option<Completion>,
    /// The PGI capability, and `H_HPG_CSR` with it.
    pub(super) power_gating: bool,
}

/// When a D0i3 transition is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completion {
    /// Before the write ends: CIP is never seen.
    Immediate,
    /// Later, with an interrupt if one was requested.
    Later,
}

/// What the host did since the engine looked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Events {
    /// H_RST went from 0 to 1.
    pub(super) reset: bool,
    /// A D0i3 transition began.
    pub(super) d0i3: bool,
    /// Anything that the engine must look at, the above included.
    pub(super) attention: bool,
    /// The bell, with nothing new to look at: of use only to an engine that waits for room.
    pub(super) rung: bool,
}

/// The register file.
#[derive(Debug, Clone)]
pub(super) struct RegisterFile {
    /// Without the pointers and the depth, which the window has.
    host: HostCsr,
    /// Without the pointers and the depth, which the window has.
    me: MeCsr,
    power_gating: PowerGatingCsr,
    d0i3: D0i3Control,
    optional: Optional,
    /// Written by the host, read by the engine.
    pub(super) host_window: Window,
    /// Written by the engine, read by the host.
    pub(super) me_window: Window,
    events: Events,
    /// The interrupt line, and whether it rose since that was asked.
    level: bool,
    edge: bool,
}

impl RegisterFile {
    /// As after power-on: the engine is ready.
    pub(super) fn new(depth: u8, optional: Optional) -> Self {
        Self {
            host: HostCsr::new(),
            me: MeCsr::new().with_ready(true).with_power_gating_capable(optional.power_gating),
            power_gating: PowerGatingCsr::new(),
            d0i3: D0i3Control::new(),
            optional,
            host_window: Window::new(depth),
            me_window: Window::new(depth),
            events: Events::default(),
            level: false,
            edge: false,
        }
    }

    #[inline]
    pub(super) fn read(&mut self, offset: u32) -> u32 {
        match offset {
            H_CSR => self
                .host
                .with_read_pointer(self.host_window.read_pointer())
                .with_write_pointer(self.host_window.write_pointer())
                .with_depth(self.host_window.depth())
                .into(),
            ME_CB_RW => self.me_window.pop(),
            ME_CSR_HA => self
                .me
                .with_read_pointer(self.me_window.read_pointer())
                .with_write_pointer(self.me_window.write_pointer())
                .with_depth(self.me_window.depth())
                .into(),
            H_HPG_CSR => self.power_gating.into(),
            ME_TRC => self.optional.trc.unwrap_or(0),
            H_D0I3C => self.d0i3.into(),
            _ => 0,
        }
    }

    #[inline]
    pub(super) fn write(&mut self, offset: u32, value: u32) {
        match offset {
            H_CB_WW => self.host_window.push(value),
            H_CSR => self.write_host_csr(HostCsr::from(value)),
            H_HPG_CSR if self.optional.power_gating => {
                self.power_gating = POWER_GATING_CSR.apply(self.power_gating.into(), value).into();
                self.events.attention = true;
            }
            H_D0I3C => self.write_d0i3(value),
            _ => {}
        }
    }

    #[inline]
    fn write_host_csr(&mut self, written: HostCsr) {
        let before = self.host;
        self.host = HOST_CSR.apply(before.into(), written.into()).into();
        // A host rings after it has read, too, and then there is nothing to take.
        self.events.attention |= !self.host_window.is_empty();
        self.events.rung = true;
        if self.host == before {
            return;
        }
        if self.host.reset() && !before.reset() {
            self.reset_link();
            self.host = self.host.with_interrupt_status(false);
            self.events.reset = true;
        }
        if self.host.reset() {
            self.host = self.host.with_ready(false);
        }
        let changed = (u32::from(self.host) ^ u32::from(before)) & HOST_CSR.read_write != 0;
        self.events.attention |= changed;
        self.update_line();
    }

    /// What a host reset does at once: nobody is ready, both buffers are empty.
    fn reset_link(&mut self) {
        self.me = self.me.with_ready(false);
        self.host_window.reset();
        self.me_window.reset();
        self.power_gating = PowerGatingCsr::new();
    }

    fn write_d0i3(&mut self, value: u32) {
        let Some(completion) = self.optional.d0i3 else { return };
        if self.d0i3.change_in_progress() {
            return;
        }
        let before = self.d0i3;
        self.d0i3 = D0I3_CONTROL.apply(before.into(), value).into();
        match completion {
            Completion::Later if self.d0i3.d0i3() != before.d0i3() => {
                self.d0i3 = self.d0i3.with_change_in_progress(true);
                self.events.d0i3 = true;
            }
            _ => self.d0i3 = self.d0i3.with_interrupt_request(false),
        }
        self.events.attention = true;
    }

    /// A function reset: everything as after power-on.
    pub(super) fn power_on(&mut self) {
        *self = Self::new(self.host_window.depth(), self.optional);
    }

    /// The D0i3 transition is complete.
    pub(super) fn complete_d0i3(&mut self) {
        if self.d0i3.interrupt_request() {
            self.host = self.host.with_d0i3_interrupt_status(true);
        }
        self.d0i3 = self.d0i3.with_change_in_progress(false).with_interrupt_request(false);
        self.update_line();
    }

    /// Whether the host put the engine into D0i3.
    pub(super) fn in_d0i3(&self) -> bool {
        self.d0i3.d0i3()
    }

    pub(super) fn power_gating(&self) -> PowerGatingCsr {
        self.power_gating
    }

    /// Isolation is over.
    pub(super) fn end_isolation(&mut self) {
        self.power_gating = PowerGatingCsr::new();
    }

    /// Whether there is anything to look at.
    pub(super) fn wants_attention(&self) -> bool {
        self.events.attention
    }

    /// Whether there may be more room than there was.
    pub(super) fn was_rung(&self) -> bool {
        self.events.rung
    }

    /// What the host did since this was asked.
    pub(super) fn take_events(&mut self) -> Events {
        std::mem::take(&mut self.events)
    }

    /// Both sides ready, no reset.
    pub(super) fn link_is_up(&self) -> bool {
        const READY: u32 = HostCsr::new().with_ready(true).into_bits();
        const RESET: u32 = HostCsr::new().with_reset(true).into_bits();
        self.host.into_bits() & (READY | RESET) == READY && self.me.ready()
    }

    pub(super) fn host_is_ready(&self) -> bool {
        self.host.ready()
    }

    pub(super) fn me_is_ready(&self) -> bool {
        self.me.ready()
    }

    /// The engine becomes ready and says so.
    pub(super) fn set_me_ready(&mut self) {
        self.me = self.me.with_ready(true).with_reset(false);
        self.interrupt();
    }

    /// The engine resets the link: not ready, until the host has reset it too.
    pub(super) fn drop_me_ready(&mut self) {
        self.me = self.me.with_ready(false).with_reset(true);
        self.interrupt();
    }

    /// H_IS.
    pub(super) fn interrupt(&mut self) {
        self.host = self.host.with_interrupt_status(true);
        self.update_line();
    }

    /// Level of the interrupt line.
    pub(super) fn level(&self) -> bool {
        self.level
    }

    /// Whether the line rose since this was asked.
    pub(super) fn take_edge(&mut self) -> bool {
        std::mem::take(&mut self.edge)
    }

    fn update_line(&mut self) {
        const ANY: u32 = HostCsr::new().with_interrupt_enable(true).with_interrupt_status(true).into_bits();
        const D0I3: u32 =
            HostCsr::new().with_d0i3_interrupt_enable(true).with_d0i3_interrupt_status(true).into_bits();
        let host = self.host.into_bits();
        let level = host & ANY == ANY || host & D0I3 == D0I3;
        self.edge |= level && !self.level;
        self.level = level;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IE: u32 = 1;
    const IS: u32 = 2;
    const IG: u32 = 4;
    const RDY: u32 = 8;
    const RST: u32 = 16;
    const CSR: u32 = 0x004;
    const ME: u32 = 0x00C;
    const D0I3C: u32 = 0x800;

    fn registers(d0i3: Option<Completion>) -> RegisterFile {
        RegisterFile::new(128, Optional { trc: None, d0i3, power_gating: false })
    }

    #[test]
    fn a_status_bit_is_cleared_by_1_and_kept_by_0() {
        let mut file = registers(None);
        file.interrupt();
        file.write(CSR, IE);
        assert_eq!(file.read(CSR), 0x8000_0000 | IE | IS);
        file.write(CSR, IE | IS);
        assert_eq!(file.read(CSR), 0x8000_0000 | IE);
    }

    #[test]
    fn generate_reads_0_and_pointers_and_depth_are_read_only() {
        let mut file = registers(None);
        file.write(CSR, 0xFFFF_FF00 | IG);
        assert_eq!(file.read(CSR), 0x8000_0000);
        let events = file.take_events();
        assert!(events.rung && !events.attention, "nothing was written and nothing changed");
        file.write(CSR, IE);
        assert!(file.take_events().attention, "an enable changed");
        file.write(0, 1);
        file.write(CSR, IE | IG);
        assert!(file.take_events().attention, "there is something to take");
    }

    #[test]
    fn reset_takes_ready_from_both_and_empties_the_buffers() {
        let mut file = registers(None);
        file.write(CSR, RDY);
        file.write(0, 1);
        file.me_window.push(2);
        assert!(file.link_is_up());
        file.write(CSR, RST | RDY | IE | IS | IG);
        assert_eq!(file.read(CSR), 0x8000_0000 | RST | IE);
        assert_eq!(file.read(ME), 0x8000_0000);
        assert!(file.take_events().reset);
        file.write(CSR, RST | IE);
        assert!(!file.take_events().reset, "asserting an asserted reset is ignored");
        file.set_me_ready();
        assert_eq!(file.read(ME), 0x8000_0008);
        assert!(file.level(), "ready comes with an interrupt while H_RST is still set");
        file.write(CSR, IE | IG);
        assert!(!file.link_is_up());
        file.write(CSR, IE | RDY | IG);
        assert!(file.link_is_up());
    }

    #[test]
    fn the_line_follows_cause_and_enable_and_each_rise_is_an_edge() {
        let mut file = registers(None);
        file.interrupt();
        assert!(!file.level() && !file.take_edge());
        file.write(CSR, IE);
        assert!(file.level() && file.take_edge() && !file.take_edge());
        file.interrupt();
        assert!(!file.take_edge(), "the line was high already");
        file.write(CSR, 0);
        assert!(!file.level());
        file.write(CSR, IE);
        assert!(file.take_edge(), "enabling with a pending cause is a rise");
        file.write(CSR, IE | IS);
        assert!(!file.level());
    }

    #[test]
    fn d0i3_completes_later_with_the_interrupt_that_was_asked_for() {
        let mut file = registers(Some(Completion::Later));
        file.write(CSR, 0x20);
        file.write(D0I3C, 0b0110);
        assert_eq!(file.read(D0I3C), 0b0111);
        file.write(D0I3C, 0);
        assert_eq!(file.read(D0I3C), 0b0111, "a change in progress takes no other");
        assert!(file.take_events().d0i3);
        file.complete_d0i3();
        assert_eq!(file.read(D0I3C), 0b0100);
        assert_eq!(file.read(CSR), 0x8000_0060);
        assert!(file.level());
        let mut immediate = registers(Some(Completion::Immediate));
        immediate.write(D0I3C, 0b0110);
        assert_eq!(immediate.read(D0I3C), 0b0100);
        let mut absent = registers(None);
        absent.write(D0I3C, 0b0110);
        assert_eq!(absent.read(D0I3C), 0);
    }
}
