//! What the owner of a host may choose.

/// What the owner of a host may choose; the defaults are the kernel driver's.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The generation's configuration, from the device table.
    pub device: mei_wire::pci::Device,
    /// What the driver says to firmware clients by itself after each enumeration.
    pub fix_ups: FixUps,
}

impl Options {
    /// The kernel driver's behaviour on `device`.
    #[must_use]
    pub const fn new(device: mei_wire::pci::Device) -> Self {
        Self { device, fix_ups: FixUps::Kernel }
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
