//! The kernel's watchdog ABI, `linux/watchdog.h` (`linux-watchdog.md` §4).

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Support,
    Status,
    /// Why the machine was started: no watchdog of this kind ever did.
    BootStatus,
    SetOptions,
    KeepAlive,
    SetTimeout,
    GetTimeout,
    SetPretimeout,
    GetPretimeout,
    GetTimeLeft,
}

/// Bytes of an integer argument.
pub(super) const INTEGER: usize = 4;
/// Bytes of `struct watchdog_info`.
pub(super) const INFO: usize = 40;

/// WDIOS_DISABLECARD and WDIOS_ENABLECARD.
pub(super) const DISABLE: u32 = 1;
pub(super) const ENABLE: u32 = 2;

/// WDIOF_KEEPALIVEPING in the status: somebody has pinged since it was last asked for.
pub(super) const PINGED: u32 = 0x8000;
/// WDIOF_PRETIMEOUT in the status, whatever the device: the kernel has a timer of its own for that
/// (CONFIG_WATCHDOG_HRTIMER_PRETIMEOUT, as in Debian).
pub(super) const PRETIMEOUT: u32 = 0x0200;

/// KEEPALIVEPING, SETTIMEOUT, ALARMONLY: it raises an event and resets nothing.
const OPTIONS: u32 = 0x8480;
const IDENTITY: &[u8] = b"iamt_wdt";

impl Command {
    /// The command with this code.
    pub(super) fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0x8028_5700 => Self::Support,
            0x8004_5701 => Self::Status,
            0x8004_5702 => Self::BootStatus,
            0x8004_5704 => Self::SetOptions,
            0x8004_5705 => Self::KeepAlive,
            0xC004_5706 => Self::SetTimeout,
            0x8004_5707 => Self::GetTimeout,
            0xC004_5708 => Self::SetPretimeout,
            0x8004_5709 => Self::GetPretimeout,
            0x8004_570A => Self::GetTimeLeft,
            _ => return None,
        })
    }

    /// Bytes copied in and out. Not what the codes say, some of which say it wrong.
    pub(super) fn copies(self) -> (usize, usize) {
        match self {
            Self::Support => (0, INFO),
            Self::Status | Self::BootStatus | Self::GetTimeout | Self::GetPretimeout | Self::GetTimeLeft => {
                (0, INTEGER)
            }
            Self::SetOptions | Self::SetPretimeout => (INTEGER, 0),
            Self::KeepAlive => (0, 0),
            Self::SetTimeout => (INTEGER, INTEGER),
        }
    }
}

/// `struct watchdog_info`.
pub(super) fn info(protocol_version: u8) -> [u8; INFO] {
    let mut bytes = [0; INFO];
    bytes[..4].copy_from_slice(&OPTIONS.to_ne_bytes());
    bytes[4..8].copy_from_slice(&u32::from(protocol_version).to_ne_bytes());
    bytes[8..8 + IDENTITY.len()].copy_from_slice(IDENTITY);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_kernel() {
        let code = |direction: u32, number: u32, size: u32| direction << 30 | size << 16 | 0x57 << 8 | number;
        const READ: u32 = 2;
        const BOTH: u32 = 3;
        for (code, command) in [
            (code(READ, 0, 40), Command::Support),
            (code(READ, 1, 4), Command::Status),
            (code(READ, 4, 4), Command::SetOptions),
            (code(READ, 5, 4), Command::KeepAlive),
            (code(BOTH, 6, 4), Command::SetTimeout),
            (code(READ, 7, 4), Command::GetTimeout),
            (code(READ, 10, 4), Command::GetTimeLeft),
        ] {
            assert_eq!(Command::from_code(code), Some(command), "{code:#x}");
        }
        assert_eq!(Command::from_code(code(READ, 3, 4)), None, "there is no thermometer");
    }

    #[test]
    fn it_introduces_itself() {
        let info = info(2);
        assert_eq!(info[..8], [0x80, 0x84, 0, 0, 2, 0, 0, 0]);
        assert_eq!(&info[8..17], b"iamt_wdt\0");
    }
}
