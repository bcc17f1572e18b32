//! States of the device and of a host client (`device-abi.md` §1).

use core::fmt;

/// What sysfs `dev_state` shows (`device-abi.md` §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceState {
    /// Start-up, before or within the first reset.
    Initializing,
    /// The link is up; handshake and enumeration run.
    InitClients,
    /// Enumeration is complete: the only state in which the character device works.
    Enabled,
    /// A link reset is in progress.
    Resetting,
    /// Given up, stopped, suspended or removed.
    Disabled,
    /// A stop has begun.
    PoweringDown,
    /// A stop is in progress, or the firmware's stop handshake has finished.
    PowerDown,
    /// Resume from system sleep.
    PowerUp,
}

impl DeviceState {
    /// The text of sysfs `dev_state`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initializing => "INITIALIZING",
            Self::InitClients => "INIT_CLIENTS",
            Self::Enabled => "ENABLED",
            Self::Resetting => "RESETTING",
            Self::Disabled => "DISABLED",
            Self::PoweringDown => "POWERING_DOWN",
            Self::PowerDown => "POWER_DOWN",
            Self::PowerUp => "POWER_UP",
        }
    }

    /// Whether the device is going down, when protocol errors no longer matter.
    pub(crate) const fn is_going_down(self) -> bool {
        matches!(self, Self::PoweringDown | Self::PowerDown)
    }
}

impl fmt::Display for DeviceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// State of a host client; the numbers are those of debugfs `active` (`device-abi.md` §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientState {
    /// Opened, never connected.
    Initializing = 1,
    /// A connect is under way.
    Connecting = 2,
    /// Connected.
    Connected = 3,
    /// A disconnect is under way, from either side.
    Disconnecting = 4,
    /// The firmware answered a disconnect, or refused a connect.
    DisconnectReply = 5,
    /// A connect stalled and has to be taken back.
    DisconnectRequired = 6,
    /// Was connected, or tried to.
    Disconnected = 7,
}

impl ClientState {
    /// Whether a connect may begin.
    pub(crate) const fn may_connect(self) -> bool {
        matches!(self, Self::Initializing | Self::Disconnected)
    }

    /// Whether something is under way that ends by itself.
    pub(crate) const fn is_transitional(self) -> bool {
        !matches!(self, Self::Initializing | Self::Disconnected | Self::Connected)
    }
}
