//! Why a function cannot be opened, and what to do about it.

use crate::address::Address;
use crate::open::{Interrupt, Way};
use mei_wire::pci::Quirk;
use rustix::io::Errno;
use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// A step of opening that has no file of its own to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Talking to the VFIO container.
    Container,
    /// Putting the function's group into the container.
    Group,
    /// Choosing the IOMMU.
    Iommu,
    /// Getting the device out of the group.
    Device,
    /// Asking for BAR0 or configuration space.
    Region,
    /// Mapping BAR0.
    Mapping,
    /// Connecting the interrupt.
    Interrupt,
}

impl Step {
    /// Makes the error of this step of an errno.
    pub(crate) fn failed(self) -> impl Fn(Errno) -> OpenError {
        move |errno| OpenError::Step { step: self, errno }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Container => "use the VFIO container",
            Self::Group => "use the function's IOMMU group",
            Self::Iommu => "set up the IOMMU",
            Self::Device => "get the device from its group",
            Self::Region => "find the function's registers",
            Self::Mapping => "map BAR0",
            Self::Interrupt => "connect the interrupt",
        })
    }
}

/// Why a function cannot be opened. [`OpenError::remedy`] says what can be done about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such PCI function.
    #[error("there is no PCI function {address}")]
    Absent {
        /// The address.
        address: Address,
    },
    /// It is another kind of function.
    #[error("{address} ({vendor:04x}:{device:04x}) is not a MEI function that is known here")]
    Unknown {
        /// The address.
        address: Address,
        /// Its vendor id.
        vendor: u16,
        /// Its device id.
        device: u16,
    },
    /// There is no such generation.
    #[error("there is no generation called {0:?}")]
    NoGeneration(String),
    /// Its registers are laid out differently from those that are driven here.
    #[error("{address} is a {generation} function, whose registers are laid out differently")]
    OtherLayout {
        /// The address.
        address: Address,
        /// Its generation.
        generation: &'static str,
    },
    /// Server firmware sits behind it, which the kernel's driver leaves alone too (`hw.md` §7).
    #[error("{address} belongs to {}: it is no interface for this machine's programs", firmware(*quirk))]
    Refused {
        /// The address.
        address: Address,
        /// How it was recognised.
        quirk: Quirk,
    },
    /// A driver of the kernel is in charge.
    #[error("{address} is driven by {driver}")]
    InUse {
        /// The address.
        address: Address,
        /// The driver.
        driver: String,
    },
    /// The chosen way needs another driver.
    #[error("{way} needs {address} to be bound to {}", way.driver().unwrap_or("no driver"))]
    NotBound {
        /// The address.
        address: Address,
        /// The way.
        way: Way,
    },
    /// The function has no IOMMU group.
    #[error("{address} has no IOMMU group")]
    NoGroup {
        /// The address.
        address: Address,
    },
    /// Other functions of its group are in the kernel's hands.
    #[error("the IOMMU group of {address} is shared with {}", list(others))]
    GroupNotViable {
        /// The address.
        address: Address,
        /// The others, with their drivers.
        others: Vec<(Address, String)>,
    },
    /// uio_pci_generic made no device.
    #[error("uio_pci_generic made no device for {address}")]
    NoUioDevice {
        /// The address.
        address: Address,
    },
    /// A file cannot be opened.
    #[error("cannot open {}: {errno}", path.display())]
    Node {
        /// The file.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// A step failed.
    #[error("cannot {step}: {errno}")]
    Step {
        /// The step.
        step: Step,
        /// Why.
        errno: Errno,
    },
    /// BAR0 is not what a MEI function has.
    #[error("BAR0 has no registers of a MEI function ({size} bytes of memory)")]
    NoRegisters {
        /// Its size in bytes.
        size: u64,
    },
    /// Only the public part of configuration space can be read.
    #[error("the status registers of {address} cannot be read")]
    ConfigHidden {
        /// The address.
        address: Address,
    },
    /// The function has no interrupt of that kind.
    #[error("the function has no interrupt by {wanted}")]
    NoInterrupt {
        /// The kind.
        wanted: Interrupt,
    },
    /// The function does not answer.
    #[error("{address} does not answer")]
    Gone {
        /// The address.
        address: Address,
    },
}

impl OpenError {
    /// Bytes up to and including `ME_CSR_HA`: the smallest BAR0 of a MEI function.
    pub(crate) const SMALLEST_BAR: u32 = 16;

    /// What the person in front of it can do.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            Self::Absent { .. } => {
                "umei ls lists the MEI functions; if there is none, the firmware's setup may hide it"
            }
            Self::Unknown { .. } => {
                "if it is a MEI function of a newer generation, name one that it resembles: --as PCH15"
            }
            Self::NoGeneration(_) => "umei ls shows the generation of each function",
            Self::Refused { .. } => "--force tries nevertheless; it may disturb the server firmware",
            Self::InUse { .. } => "hand it over first: umei bind",
            Self::NotBound { .. } => "umei bind binds it; or choose another way with --access",
            Self::NoGroup { .. } => {
                "switch the IOMMU on (in the firmware's setup, and intel_iommu=on on the kernel's command line), or \
                 use uio_pci_generic"
            }
            Self::GroupNotViable { .. } => {
                "bind the others to vfio-pci too, or to no driver, or use uio_pci_generic"
            }
            Self::NoUioDevice { .. } => "look at the kernel log: the function may have no interrupt line",
            Self::Node { errno: Errno::NOENT, path } if path.starts_with("/dev/vfio") => "modprobe vfio-pci",
            Self::Node { errno: Errno::BUSY, .. } => "another program drives the function: umei ls names it",
            Self::Node { errno: Errno::PERM, .. } => {
                "run as root; where the kernel is locked down (secure boot), only vfio-pci works"
            }
            Self::Node { errno: Errno::ACCESS, .. } | Self::ConfigHidden { .. } => "run as root",
            Self::Step { step: Step::Iommu, errno: Errno::PERM } => {
                "without interrupt remapping: echo 1 > \
                 /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts; noiommu needs root"
            }
            Self::Step { step: Step::Mapping, errno: Errno::PERM | Errno::ACCESS } => {
                "the kernel is locked down (secure boot): only vfio-pci works"
            }
            Self::NoInterrupt { .. } => "leave the choice to umei, or poll: --interrupt polling",
            Self::Gone { .. } => "a cold boot brings it back",
            _ => return None,
        })
    }
}

/// Whose firmware a quirk recognises.
pub(crate) fn firmware(quirk: Quirk) -> &'static str {
    match quirk {
        Quirk::NodeManager => "Node Manager firmware",
        Quirk::Sps4 => "Server Platform Services",
        Quirk::SpsOrIgnition => "Server Platform Services or ignition firmware",
    }
}

fn list(others: &[(Address, String)]) -> String {
    let mut names: Vec<String> =
        others.iter().map(|(address, driver)| format!("{address} (driven by {driver})")).collect();
    if names.is_empty() {
        names.push("functions in the kernel's hands".to_owned());
    }
    names.join(", ")
}
