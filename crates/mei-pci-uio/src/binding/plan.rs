//! To which driver a function can be handed, and why not to a better one.

use super::{BindError, BindRequest, Obstacles, Target};
use crate::address::Address;
use crate::group;
use crate::identity::{Identity, Refusal};
use crate::system::System;
use crate::{OpenError, record};

/// What `bind` would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The driver; none: the sysfs resource.
    pub driver: Option<String>,
    /// Why it is no better one, each with its remedy.
    pub notes: Vec<String>,
}

/// Finds the driver that the function at `address` can be handed to. Changes nothing.
///
/// # Errors
/// [`BindError`]: why it cannot.
pub fn plan(system: &System, address: Address, request: &BindRequest) -> Result<Plan, BindError> {
    let identity = Identity::of(system, address, request.generation.as_deref())?;
    match (identity.refusal(system), request.obstacles) {
        (Refusal::None, _) => {}
        (refusal, Obstacles::Ignore) => log::warn!("{address}: {refusal:?} is ignored"),
        (Refusal::Refused(quirk), Obstacles::Respect) => {
            return Err(OpenError::Refused { address, quirk }.into());
        }
        (Refusal::Unreadable(_), Obstacles::Respect) => {
            return Err(OpenError::ConfigHidden { address: address.function_zero() }.into());
        }
    }
    match &request.target {
        Target::Automatic => automatic(system, address),
        Target::Nobody => {
            not_locked_down(system)?;
            Ok(Plan { driver: None, notes: Vec::new() })
        }
        Target::Driver(driver) => {
            let driver =
                record::name(driver).ok_or_else(|| BindError::NoDriver { driver: driver.clone() })?;
            match driver.as_str() {
                "vfio-pci" => vfio(system, address)?,
                "uio_pci_generic" => uio(system, address)?,
                _ => present(system, &driver)?,
            }
            Ok(Plan { driver: Some(driver), notes: Vec::new() })
        }
    }
}

/// The best way there is: each that does not work says why.
fn automatic(system: &System, address: Address) -> Result<Plan, BindError> {
    let mut notes = Vec::new();
    let mut note = |error: BindError| {
        let remedy = error.remedy().map(|remedy| format!(" ({remedy})")).unwrap_or_default();
        notes.push(format!("{error}{remedy}"));
    };
    let behind_iommu = group::number(system, address).is_some();
    match vfio(system, address) {
        Ok(()) if behind_iommu => return Ok(Plan { driver: Some("vfio-pci".to_owned()), notes }),
        // It works, but taints the kernel: the last but one choice.
        Ok(()) => note(BindError::NoIommu { address }),
        Err(error) => note(error),
    }
    match uio(system, address) {
        Ok(()) => return Ok(Plan { driver: Some("uio_pci_generic".to_owned()), notes }),
        Err(error) => note(error),
    }
    if !behind_iommu && vfio(system, address).is_ok() {
        return Ok(Plan { driver: Some("vfio-pci".to_owned()), notes });
    }
    not_locked_down(system)?;
    Ok(Plan { driver: None, notes })
}

fn vfio(system: &System, address: Address) -> Result<(), BindError> {
    present(system, "vfio-pci")?;
    if group::number(system, address).is_none() && !without_iommu(system) {
        return Err(BindError::NoIommu { address });
    }
    let others = group::others_held(system, address);
    if others.is_empty() { Ok(()) } else { Err(OpenError::GroupNotViable { address, others }.into()) }
}

fn uio(system: &System, address: Address) -> Result<(), BindError> {
    not_locked_down(system)?;
    present(system, "uio_pci_generic")?;
    let irq = system.read(system.sys(format!("bus/pci/devices/{address}/irq"))).unwrap_or_default();
    match irq.as_str() {
        "0" | "" => Err(BindError::NoLine { address }),
        _ => Ok(()),
    }
}

fn present(system: &System, driver: &str) -> Result<(), BindError> {
    let there = system.sys(format!("bus/pci/drivers/{driver}")).is_dir();
    if there { Ok(()) } else { Err(BindError::NoDriver { driver: driver.to_owned() }) }
}

/// Whether VFIO may do without an IOMMU.
fn without_iommu(system: &System) -> bool {
    let path = system.sys("module/vfio/parameters/enable_unsafe_noiommu_mode");
    system.read(path).is_ok_and(|text| matches!(text.as_str(), "Y" | "1"))
}

/// A kernel that is locked down keeps BARs and configuration space from user space, except through VFIO.
fn not_locked_down(system: &System) -> Result<(), BindError> {
    let text = system.read(system.sys("kernel/security/lockdown")).unwrap_or_default();
    // The mode in force is in brackets.
    let mode = text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
    match mode {
        None | Some("none") => Ok(()),
        Some(mode) => Err(BindError::LockedDown { mode: mode.to_owned() }),
    }
}
