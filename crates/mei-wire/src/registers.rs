//! BAR0 registers (`hw.md` §2). 32-bit accesses only.

use bitfield_struct::bitfield;

/// Host circular buffer write window: each write pushes one slot.
pub const H_CB_WW: u32 = 0x000;
/// Host control and status, [`HostCsr`].
pub const H_CSR: u32 = 0x004;
/// ME circular buffer read window: each read pops one slot.
pub const ME_CB_RW: u32 = 0x008;
/// ME control and status as the host sees it, [`MeCsr`].
pub const ME_CSR_HA: u32 = 0x00C;
/// Legacy power-gating control, [`PowerGatingCsr`].
pub const H_HPG_CSR: u32 = 0x010;
/// TRC status (PCH15 and later).
pub const ME_TRC: u32 = 0x030;
/// D0i3 control, [`D0i3Control`].
pub const H_D0I3C: u32 = 0x800;
/// Bytes of BAR0 that hold registers; the window is one page.
pub const BAR0_SIZE: u32 = 0x1000;
/// Bytes of one slot of the circular buffers.
pub const SLOT_SIZE: usize = 4;

/// `H_CSR`, offset 0x004.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct HostCsr {
    /// `H_IE`: interrupt enable.
    pub interrupt_enable: bool,
    /// `H_IS`: interrupt status, write 1 to clear.
    pub interrupt_status: bool,
    /// `H_IG`: write 1 to interrupt the ME; reads 0.
    pub interrupt_generate: bool,
    /// `H_RDY`: host ready.
    pub ready: bool,
    /// `H_RST`: host reset.
    pub reset: bool,
    /// `H_D0I3C_IE`: D0i3 interrupt enable.
    pub d0i3_interrupt_enable: bool,
    /// `H_D0I3C_IS`: D0i3 interrupt status, write 1 to clear.
    pub d0i3_interrupt_status: bool,
    #[bits(1)]
    __: u8,
    /// `H_CBRP`: host-buffer read pointer, moved by the ME.
    pub read_pointer: u8,
    /// `H_CBWP`: host-buffer write pointer, moved by writes to [`H_CB_WW`].
    pub write_pointer: u8,
    /// `H_CBD`: host-buffer depth in slots.
    pub depth: u8,
}

impl HostCsr {
    /// The value with both write-1-to-clear bits 0: what a write that does not mean to acknowledge must
    /// carry (`hw.md` §2, rule 1).
    pub const fn without_acknowledge(self) -> Self {
        self.with_interrupt_status(false).with_d0i3_interrupt_status(false)
    }

    /// The value with both interrupt enables set or cleared.
    pub const fn with_interrupts(self, enabled: bool) -> Self {
        self.with_interrupt_enable(enabled).with_d0i3_interrupt_enable(enabled)
    }

    /// Whether any interrupt cause is pending.
    pub const fn pending(self) -> bool {
        self.interrupt_status() || self.d0i3_interrupt_status()
    }
}

/// `ME_CSR_HA`, offset 0x00C.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct MeCsr {
    /// `ME_IE_HRA`: interrupt enable.
    pub interrupt_enable: bool,
    /// `ME_IS_HRA`: interrupt status.
    pub interrupt_status: bool,
    /// `ME_IG_HRA`: interrupt generate.
    pub interrupt_generate: bool,
    /// `ME_RDY_HRA`: ME ready.
    pub ready: bool,
    /// `ME_RST_HRA`: ME reset.
    pub reset: bool,
    #[bits(1)]
    __: u8,
    /// `ME_PGIC_HRA`: power-gating isolation capability.
    pub power_gating_capable: bool,
    #[bits(1)]
    __: u8,
    /// `ME_CBRP_HRA`: read pointer, moved by reads of [`ME_CB_RW`].
    pub read_pointer: u8,
    /// `ME_CBWP_HRA`: write pointer, moved by the ME.
    pub write_pointer: u8,
    /// `ME_CBD_HRA`: depth in slots.
    pub depth: u8,
}

/// `H_HPG_CSR`, offset 0x010.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct PowerGatingCsr {
    /// `H_HPG_CSR_PGIHEXR`: host requests to leave isolation.
    pub exit_request: bool,
    /// `H_HPG_CSR_PGI`: isolation on.
    pub isolation: bool,
    #[bits(30)]
    __: u32,
}

/// `H_D0I3C`, offset 0x800.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct D0i3Control {
    /// `H_D0I3C_CIP`: change in progress.
    pub change_in_progress: bool,
    /// `H_D0I3C_IR`: interrupt on completion requested.
    pub interrupt_request: bool,
    /// `H_D0I3C_I3`: enter D0i3.
    pub d0i3: bool,
    /// `H_D0I3C_RR`: restore required.
    pub restore_required: bool,
    #[bits(28)]
    __: u32,
}

/// Slots filled in a circular buffer: the pointers are free-running 8-bit counters (`hw.md` §3).
///
/// A result greater than the depth is an overflow, which only a broken peer produces.
pub const fn filled_slots(read_pointer: u8, write_pointer: u8) -> u8 {
    write_pointer.wrapping_sub(read_pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn register_bits_stand_where_the_hardware_has_them() {
        let cases: [(HostCsr, u32); 10] = [
            (HostCsr::new().with_interrupt_enable(true), 1 << 0),
            (HostCsr::new().with_interrupt_status(true), 1 << 1),
            (HostCsr::new().with_interrupt_generate(true), 1 << 2),
            (HostCsr::new().with_ready(true), 1 << 3),
            (HostCsr::new().with_reset(true), 1 << 4),
            (HostCsr::new().with_d0i3_interrupt_enable(true), 1 << 5),
            (HostCsr::new().with_d0i3_interrupt_status(true), 1 << 6),
            (HostCsr::new().with_read_pointer(0xAB), 0xAB00),
            (HostCsr::new().with_write_pointer(0xAB), 0x00AB_0000),
            (HostCsr::new().with_depth(0xAB), 0xAB00_0000),
        ];
        for (register, bits) in cases {
            assert_eq!(u32::from(register), bits, "{register:?}");
        }
        assert_eq!(u32::from(MeCsr::new().with_ready(true)), 1 << 3);
        assert_eq!(u32::from(MeCsr::new().with_reset(true)), 1 << 4);
        assert_eq!(u32::from(MeCsr::new().with_power_gating_capable(true)), 1 << 6);
        assert_eq!(u32::from(MeCsr::new().with_depth(0x80)), 0x8000_0000);
        assert_eq!(u32::from(PowerGatingCsr::new().with_isolation(true)), 1 << 1);
        assert_eq!(u32::from(D0i3Control::new().with_change_in_progress(true)), 1);
        assert_eq!(u32::from(D0i3Control::new().with_interrupt_request(true)), 2);
        assert_eq!(u32::from(D0i3Control::new().with_d0i3(true)), 4);
        assert_eq!(u32::from(D0i3Control::new().with_restore_required(true)), 8);
    }

    #[test]
    fn a_write_that_does_not_acknowledge_leaves_the_causes_alone() {
        let seen = HostCsr::from(0x8000_004B);
        assert_eq!(u32::from(seen.without_acknowledge()), 0x8000_0009);
    }

    #[test]
    fn pointers_wrap_at_256_not_at_the_depth() {
        assert_eq!(filled_slots(0xFE, 0x03), 5);
        assert_eq!(filled_slots(7, 7), 0);
    }
}
