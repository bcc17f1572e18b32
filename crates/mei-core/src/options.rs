//! What the owner of a host may choose.

/// What the owner of a host may choose; the defaults are the kernel driver's.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The generation's configuration, from the device table.
    pub device: mei_wire::pci::Device,
    /// What the driver says to firmware clients by itself after each enumeration.
    pub fix_ups: FixUps,
    /// Whether the host holds the watchdog client.
    pub watchdog: WatchdogUse,
    /// How AMTHI is reached.
    pub amthi: AmthiUse,
}

impl Options {
    /// The kernel driver's behaviour on `device`.
    #[must_use]
    pub const fn new(device: mei_wire::pci::Device) -> Self {
        Self { device, fix_ups: FixUps::Kernel, watchdog: WatchdogUse::Off, amthi: AmthiUse::PerFile }
    }
}

/// What the driver says to firmware clients by itself after each enumeration (`client-bus.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FixUps {
    /// As the kernel: ask for the firmware version, tell the operating system's.
    #[default]
    Kernel,
    /// Nothing: no traffic but the programs'.
    None,
}

/// Whether the host connects to the AMT watchdog, which then is busy for programs (`linux-watchdog.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WatchdogUse {
    /// Programs may have it.
    #[default]
    Off,
    /// As the kernel with `mei_wdt`: [`Host::watchdog_ping`](crate::Host::watchdog_ping) and its like work.
    On,
}

/// How programs reach AMTHI (`device-abi.md` §14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AmthiUse {
    /// An ordinary client: each file has a connection of its own.
    #[default]
    PerFile,
    /// As before 4.11: one connection of the driver's for all files, one request at a time.
    Shared,
}
