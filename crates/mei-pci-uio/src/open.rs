//! Opening a function: which way, and why.

use crate::address::Address;
use crate::config::Config;
use crate::error::OpenError;
use crate::function::{Access, PciFunction, Polled};
use crate::identity::{Identity, Refusal};
use crate::polling::Polling;
use crate::system::System;
use crate::uio::Uio;
use crate::undo::Undo;
use crate::{resource, vfio};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;
use thiserror::Error;

/// How the function is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// By the driver that it is bound to.
    #[default]
    Automatic,
    /// VFIO: interrupts by message, memory for DMA behind an IOMMU.
    Vfio,
    /// UIO: the interrupt line.
    Uio,
    /// The sysfs resource alone: no interrupt, polled.
    Resource,
}

impl Way {
    /// The driver that this way needs.
    pub fn driver(self) -> Option<&'static str> {
        match self {
            Self::Vfio => Some("vfio-pci"),
            Self::Uio => Some("uio_pci_generic"),
            Self::Automatic | Self::Resource => None,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Automatic => "auto",
            Self::Vfio => "vfio",
            Self::Uio => "uio",
            Self::Resource => "resource",
        })
    }
}

/// A word that stands for none of the choices.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{word:?} is not one of {choices}")]
pub struct ChoiceError {
    word: String,
    choices: &'static str,
}

impl FromStr for Way {
    type Err = ChoiceError;

    fn from_str(word: &str) -> Result<Self, ChoiceError> {
        let all = [Self::Automatic, Self::Vfio, Self::Uio, Self::Resource];
        let choices = "auto, vfio, uio, resource";
        let found = all.into_iter().find(|way| way.to_string() == word);
        found.ok_or_else(|| ChoiceError { word: word.to_owned(), choices })
    }
}

/// How the function interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interrupt {
    /// A message where there is one, else the line, else polling.
    #[default]
    Automatic,
    /// A message (MSI).
    Message,
    /// The line (INTx).
    Line,
    /// Not at all: it is looked at.
    Polling,
}

impl fmt::Display for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Automatic => "auto",
            Self::Message => "msi",
            Self::Line => "intx",
            Self::Polling => "polling",
        })
    }
}

impl FromStr for Interrupt {
    type Err = ChoiceError;

    fn from_str(word: &str) -> Result<Self, ChoiceError> {
        let all = [Self::Automatic, Self::Message, Self::Line, Self::Polling];
        let choices = "auto, msi, intx, polling";
        let found = all.into_iter().find(|kind| kind.to_string() == word);
        found.ok_or_else(|| ChoiceError { word: word.to_owned(), choices })
    }
}

/// What to do about functions that the kernel's driver leaves alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refused {
    /// Leave them alone too.
    #[default]
    LeaveAlone,
    /// Drive them nevertheless.
    DriveAnyway,
}

/// How to open a function.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// The way.
    pub way: Way,
    /// The interrupt.
    pub interrupt: Interrupt,
    /// What the kernel refuses.
    pub refused: Refused,
    /// The generation of a function that the device table does not have, such as `PCH15`. None: what was said when
    /// it was bound.
    pub generation: Option<String>,
}

/// Opens the MEI function at `address`.
///
/// # Errors
/// [`OpenError`]; the function is then as it was before.
pub fn open(address: Address, choice: &Choice) -> Result<PciFunction, OpenError> {
    open_at(&System::here(), address, choice)
}

/// Opens the MEI function at `address` of `system`.
///
/// # Errors
/// [`OpenError`]; the function is then as it was before.
pub fn open_at(system: &System, address: Address, choice: &Choice) -> Result<PciFunction, OpenError> {
    let identity = Identity::of(system, address, choice.generation.as_deref())?;
    // Before the function is touched at all (`hw.md` §1).
    if let Refusal::Refused(quirk) = identity.refusal(system) {
        match choice.refused {
            Refused::LeaveAlone => return Err(OpenError::Refused { address, quirk }),
            Refused::DriveAnyway => log::warn!("{address} is driven although the kernel would refuse it"),
        }
    }
    let way = choose(system, address, choice.way)?;
    match way {
        Way::Vfio => open_vfio(system, identity, choice.interrupt),
        Way::Uio => open_uio(system, identity, choice.interrupt),
        Way::Automatic | Way::Resource => open_resource(system, identity, choice.interrupt),
    }
}

/// The way that the function's driver allows.
fn choose(system: &System, address: Address, wanted: Way) -> Result<Way, OpenError> {
    let directory = system.sys(format!("bus/pci/devices/{address}"));
    let driver = system.link_name(directory.join("driver"));
    let possible = match driver.as_deref() {
        Some("vfio-pci") => Way::Vfio,
        Some("uio_pci_generic") => Way::Uio,
        None => match (wanted, system.read(directory.join("driver_override")).as_deref()) {
            // Between two drivers there is none: who waits for a function must not take it from under `umei bind`.
            (Way::Automatic, Ok("vfio-pci")) => return Err(OpenError::NotBound { address, way: Way::Vfio }),
            (Way::Automatic, Ok("uio_pci_generic")) => {
                return Err(OpenError::NotBound { address, way: Way::Uio });
            }
            _ => Way::Resource,
        },
        Some(driver) => return Err(OpenError::InUse { address, driver: driver.to_owned() }),
    };
    match wanted {
        Way::Automatic => {
            let driver = driver.as_deref().unwrap_or("no driver");
            log::info!("{address}: by {possible}, because it is bound to {driver}");
            Ok(possible)
        }
        // The resource can be mapped beside UIO, which then only lends its driver; not beside VFIO, which puts the
        // function to sleep while nobody has it open.
        Way::Resource if possible == Way::Uio => Ok(Way::Resource),
        wanted if wanted == possible => Ok(wanted),
        way => Err(OpenError::NotBound { address, way }),
    }
}

fn open_vfio(system: &System, identity: Identity, interrupt: Interrupt) -> Result<PciFunction, OpenError> {
    let address = identity.address;
    let device = vfio::Device::open(system, address)?;
    let config = Config::new(Arc::clone(&device.device), device.config_offset()?);
    let command = config.enable().map_err(|_| OpenError::Gone { address })?;
    log::debug!("{address}: command register was {command:#06x}");
    let bar = device.bar()?;
    let interrupts = vfio::Interrupts::new(Arc::clone(&device.device), interrupt)?;
    let polling = match interrupts.irq() {
        Some(irq) => {
            log::info!("{address}: interrupts by {irq:?}");
            None
        }
        None => Some(polling(address)),
    };
    let memory = device.memory();
    let access = Access::Vfio { interrupts, polling, memory, _device: device };
    // VFIO itself resets the function and puts its configuration back.
    PciFunction::new(identity, bar, config, access, Undo::default())
}

fn open_uio(system: &System, identity: Identity, interrupt: Interrupt) -> Result<PciFunction, OpenError> {
    let address = identity.address;
    let uio = Uio::open(system, address)?;
    let directory = system.sys(format!("bus/pci/devices/{address}"));
    let mut undo = Undo::default();
    let config = resource::config(&directory, address)?;
    undo.enable_in_config(&config).map_err(|_| OpenError::Gone { address })?;
    let bar = resource::bar(system, address)?;
    let line = system.read(directory.join("irq")).is_ok_and(|irq| !matches!(irq.as_str(), "0" | "255"));
    let access = match interrupt {
        Interrupt::Message => return Err(OpenError::NoInterrupt { wanted: interrupt }),
        Interrupt::Line if !line => return Err(OpenError::NoInterrupt { wanted: interrupt }),
        Interrupt::Automatic | Interrupt::Line if line => {
            log::info!("{address}: interrupts by the line");
            config.open_line().map_err(|_| OpenError::Gone { address })?;
            Access::Uio(uio)
        }
        _ => Access::Polled(Polled { polling: polling(address), _uio: Some(uio) }),
    };
    PciFunction::new(identity, bar, config, access, undo)
}

fn open_resource(
    system: &System,
    identity: Identity,
    interrupt: Interrupt,
) -> Result<PciFunction, OpenError> {
    let address = identity.address;
    if !matches!(interrupt, Interrupt::Automatic | Interrupt::Polling) {
        return Err(OpenError::NoInterrupt { wanted: interrupt });
    }
    let directory = system.sys(format!("bus/pci/devices/{address}"));
    let mut undo = Undo::default();
    let config = resource::config(&directory, address)?;
    // Without a driver nobody has woken the function up.
    if !directory.join("driver").exists() {
        undo.enable_in_kernel(system, directory.join("enable"))?;
    }
    undo.enable_in_config(&config).map_err(|_| OpenError::Gone { address })?;
    let bar = resource::bar(system, address)?;
    let access = Access::Polled(Polled { polling: polling(address), _uio: None });
    PciFunction::new(identity, bar, config, access, undo)
}

fn polling(address: Address) -> Polling {
    log::warn!("{address}: no interrupt is used, the function is polled");
    Polling::new(Instant::now())
}

#[cfg(test)]
mod tests;
