//! Why a function cannot be handed over, and what to do about it.

use crate::OpenError;
use crate::address::Address;
use crate::holders::Holder;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a function cannot be handed over. [`BindError::remedy`] says what can be done about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// It could not be opened either.
    #[error(transparent)]
    Function(#[from] OpenError),
    /// The driver is not there.
    #[error("the kernel has no PCI driver {driver}")]
    NoDriver {
        /// The driver.
        driver: String,
    },
    /// VFIO needs an IOMMU.
    #[error("{address} is behind no IOMMU")]
    NoIommu {
        /// The function.
        address: Address,
    },
    /// UIO needs an interrupt line.
    #[error("{address} has no interrupt line")]
    NoLine {
        /// The function.
        address: Address,
    },
    /// The kernel keeps BARs to itself.
    #[error("the kernel is locked down ({mode}): BARs are not for user space")]
    LockedDown {
        /// The mode.
        mode: String,
    },
    /// Somebody uses the device.
    #[error("{address} is in use by {}", list(holders))]
    Held {
        /// The function.
        address: Address,
        /// Who.
        holders: Vec<Holder>,
    },
    /// It was not taken from the kernel.
    #[error("{address} is not in user space's hands: {}", match driver {
        Some(driver) => format!("it is driven by {driver}"),
        None => "it has no driver, and nothing is recorded about it".to_owned(),
    })]
    NotTaken {
        /// The function.
        address: Address,
        /// Its driver.
        driver: Option<String>,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The driver does not take the function.
    #[error("{driver} does not take {address}: {error}")]
    DriverRefuses {
        /// The driver.
        driver: String,
        /// The function.
        address: Address,
        /// Why.
        error: io::Error,
    },
    /// The kernel did as it was told, and something else came of it.
    #[error("{address} is now driven by {}", now.as_deref().unwrap_or("nobody"))]
    Elsewhere {
        /// The function.
        address: Address,
        /// Its driver.
        now: Option<String>,
    },
    /// A step failed, and then putting back what was changed failed.
    #[error("{error}; then giving it back failed: {second}")]
    NotRestored {
        /// The first failure.
        error: Box<BindError>,
        /// The second.
        second: Box<BindError>,
    },
}

impl BindError {
    /// What the person in front of it can do.
    pub fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Function(error) => return error.remedy().map(str::to_owned),
            Self::NoDriver { driver } => format!("modprobe {driver}"),
            Self::NoIommu { .. } => {
                "switch it on in the firmware's setup (VT-d) and with intel_iommu=on on the kernel's command line; or \
                 use uio_pci_generic"
                    .to_owned()
            }
            Self::NoLine { .. } => "use vfio-pci, or --driver none, which polls".to_owned(),
            Self::LockedDown { .. } => {
                "use vfio-pci behind an IOMMU, or switch secure boot off".to_owned()
            }
            Self::Held { .. } => {
                "stop it first; --force takes the function away from it: its calls then fail with ENODEV".to_owned()
            }
            Self::NotTaken { driver: None, .. } => "echo its address to /sys/bus/pci/drivers_probe".to_owned(),
            Self::Write { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                "run as root".to_owned()
            }
            Self::DriverRefuses { .. } | Self::Elsewhere { .. } => "look at the kernel log".to_owned(),
            Self::NotRestored { .. } => "try again with umei unbind".to_owned(),
            _ => return None,
        })
    }
}

fn list(holders: &[Holder]) -> String {
    holders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
