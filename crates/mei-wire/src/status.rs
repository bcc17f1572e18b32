//! Firmware status registers in PCI configuration space (`hw.md` §7, `mkhi.md` §7).

use bitfield_struct::bitfield;

/// Configuration-space offsets of HFS1 to HFS6, in the order of sysfs `fw_status`.
pub const HFS_OFFSETS: [u16; 6] = [0x40, 0x48, 0x60, 0x64, 0x68, 0x6C];

/// HFS1, the first firmware status register.
#[bitfield(u32)]
#[derive(PartialEq, Eq)]
pub struct Hfs1 {
    /// Current working state, [`WorkingState`].
    #[bits(4)]
    pub working_state: u8,
    /// Manufacturing mode (ME 15 and earlier).
    pub manufacturing_mode: bool,
    /// Flash partition table bad.
    pub partition_table_bad: bool,
    /// Operation state.
    #[bits(3)]
    pub operation_state: u8,
    /// Firmware initialisation complete.
    pub init_complete: bool,
    /// Bring-up loader failure.
    pub bringup_loader_failure: bool,
    /// Firmware update in progress.
    pub update_in_progress: bool,
    /// Error code, 0 none.
    #[bits(4)]
    pub error_code: u8,
    /// Operation mode: 0 normal, 15 Server Platform Services.
    #[bits(4)]
    pub operation_mode: u8,
    /// Reset count.
    #[bits(4)]
    pub reset_count: u8,
    #[bits(7)]
    __: u8,
    /// D0i3 supported.
    pub d0i3_supported: bool,
}

/// Values of [`Hfs1::working_state`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkingState(pub u8);

impl WorkingState {
    /// The state of an engine that works.
    pub const NORMAL: Self = Self(5);

    /// The state in a word, or none for a reserved value.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "reset",
            1 => "initializing",
            2 => "recovery",
            3 => "test",
            4 => "disabled",
            5 => "normal",
            6 => "disable wait",
            7 => "transition",
            8 => "invalid CPU",
            14 => "halted",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hfs1_reads_as_the_datasheet_says() {
        // 0x9000_0245: normal, M0 with UMA, init complete, D0i3.
        let status = Hfs1::from(0x9000_0245);
        assert_eq!(status.working_state(), 5);
        assert_eq!(status.operation_state(), 1);
        assert!(status.init_complete());
        assert!(status.d0i3_supported());
        assert_eq!(status.operation_mode(), 0);
        assert_eq!(Hfs1::from(0x000F_0000).operation_mode(), 15);
    }
}
