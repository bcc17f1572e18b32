//! Handing a function to user space and back.

mod error;
mod plan;
#[cfg(test)]
mod tests;

pub use error::BindError;
pub use plan::{Plan, plan};

use crate::address::Address;
use crate::holders;
use crate::identity;
use crate::record::Record;
use crate::system::System;
use std::io;

/// A `driver_override` that no driver has: nobody takes the function.
const NOBODY: &str = "umei-none";

/// To whom a function is handed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Target {
    /// vfio-pci behind an IOMMU, else uio_pci_generic, else nobody.
    #[default]
    Automatic,
    /// That driver.
    Driver(String),
    /// Nobody: it is reached through its sysfs resource.
    Nobody,
}

/// What to do about an obstacle that could be ignored: firmware that the kernel refuses, programs with open handles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Obstacles {
    /// Stop.
    #[default]
    Respect,
    /// Go on.
    Ignore,
}

/// What to bind, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BindRequest {
    /// To whom.
    pub target: Target,
    /// The generation of a function that the device table does not have.
    pub generation: Option<String>,
    /// What stands in the way.
    pub obstacles: Obstacles,
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The driver before.
    pub from: Option<String>,
    /// The driver now.
    pub to: Option<String>,
    /// Why it is that driver and no better one.
    pub notes: Vec<String>,
}

/// Hands the function at `address` to user space. How it was before is recorded first, and restored when a step fails.
///
/// # Errors
/// [`BindError`].
pub fn bind(system: &System, address: Address, request: &BindRequest) -> Result<Change, BindError> {
    let Plan { driver: to, notes } = plan(system, address, request)?;
    let from = driver(system, address);
    let recorded = Record::load(system, address);
    if from == to && (to.is_some() || recorded.is_some()) {
        return Ok(Change { from, to, notes });
    }
    let obstacles = request.obstacles;
    free_of_holders(system, address, obstacles)?;
    let mut record = recorded.unwrap_or_else(|| Record {
        driver: from.clone(),
        driver_override: driver_override(system, address),
        generation: None,
    });
    if let Some(generation) = &request.generation {
        record.generation = Some(generation.to_uppercase());
    }
    let path = system.state();
    record.save(system, address).map_err(|error| BindError::Write { path, error })?;
    match rebind(system, address, to.as_deref().unwrap_or(NOBODY), to.as_deref()) {
        Ok(()) => Ok(Change { from, to, notes }),
        Err(error) => {
            log::info!("{address}: {error}; putting it back");
            match unbind(system, address, obstacles) {
                Ok(_) => Err(error),
                Err(second) => {
                    Err(BindError::NotRestored { error: Box::new(error), second: Box::new(second) })
                }
            }
        }
    }
}

/// Gives the function at `address` back to the driver that it had, also after whoever took it died.
///
/// # Errors
/// [`BindError`]; what was recorded is kept, so that it can be tried again.
pub fn unbind(system: &System, address: Address, obstacles: Obstacles) -> Result<Change, BindError> {
    if identity::ids(system, address).is_none() {
        return Err(crate::OpenError::Absent { address }.into());
    }
    let from = driver(system, address);
    let record = Record::load(system, address);
    let taken = matches!(from.as_deref(), Some("vfio-pci" | "uio_pci_generic"));
    if record.is_none() && !taken {
        return Err(BindError::NotTaken { address, driver: from });
    }
    let wanted = record.as_ref().and_then(|record| record.driver.clone());
    let before = record.as_ref().and_then(|record| record.driver_override.clone());
    if from != wanted || record.is_none() {
        free_of_holders(system, address, obstacles)?;
    }
    match (&record, &wanted) {
        // Nobody remembers what it had: whichever driver wants it.
        (None, _) => {
            rebind(system, address, "", None)?;
            let path = system.sys("bus/pci/drivers_probe");
            // Nobody may want it, which is fine.
            if let Err(error) = system.write(&path, &address.to_string()) {
                log::info!("{}: {error}", path.display());
            }
        }
        (Some(_), wanted) => {
            rebind(system, address, before.as_deref().unwrap_or(""), wanted.as_deref())?;
        }
    }
    let path = system.state();
    Record::remove(system, address).map_err(|error| BindError::Write { path, error })?;
    Ok(Change { from, to: driver(system, address), notes: Vec::new() })
}

/// The driver in charge.
fn driver(system: &System, address: Address) -> Option<String> {
    system.link_name(system.sys(format!("bus/pci/devices/{address}/driver")))
}

/// The function's override, if it has one.
fn driver_override(system: &System, address: Address) -> Option<String> {
    let text = system.read(system.sys(format!("bus/pci/devices/{address}/driver_override"))).ok()?;
    crate::record::name(&text)
}

/// Sets the override (empty: none), takes the function from its driver and gives it to `to`.
fn rebind(system: &System, address: Address, over: &str, to: Option<&str>) -> Result<(), BindError> {
    let directory = system.sys(format!("bus/pci/devices/{address}"));
    let write = |path: std::path::PathBuf, text: &str| {
        system.write(&path, text).map_err(|error| BindError::Write { path, error })
    };
    write(directory.join("driver_override"), &format!("{over}\n"))?;
    let now = driver(system, address);
    if now.as_deref() == to {
        return Ok(());
    }
    let name = address.to_string();
    if now.is_some() {
        write(directory.join("driver/unbind"), &name)?;
    }
    if let Some(driver) = to {
        let place = system.sys(format!("bus/pci/drivers/{driver}"));
        if !place.is_dir() {
            return Err(BindError::NoDriver { driver: driver.to_owned() });
        }
        let refused =
            |error: io::Error| BindError::DriverRefuses { driver: driver.to_owned(), address, error };
        system.write(place.join("bind"), &name).map_err(refused)?;
    }
    match driver(system, address) {
        now if now.as_deref() == to => Ok(()),
        now => Err(BindError::Elsewhere { address, now }),
    }
}

fn free_of_holders(system: &System, address: Address, obstacles: Obstacles) -> Result<(), BindError> {
    let holders = holders::holders(system, &holders::nodes(system, address));
    match obstacles {
        _ if holders.is_empty() => Ok(()),
        Obstacles::Respect => Err(BindError::Held { address, holders }),
        Obstacles::Ignore => {
            for holder in holders {
                log::warn!("{address} is taken from {holder}");
            }
            Ok(())
        }
    }
}
