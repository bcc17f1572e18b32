//! What a function is: its ids, its entry in the device table, and whether the kernel would drive it.

use crate::address::Address;
use crate::error::OpenError;
use crate::record;
use crate::system::System;
use mei_wire::pci::{self, Configuration, Quirk, VENDOR_INTEL};
use std::fs::File;
use std::os::unix::fs::FileExt;

/// A MEI function and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Where it is.
    pub address: Address,
    /// PCI device id; the vendor is Intel.
    pub device: u16,
    /// The part that has that id; none for a function whose generation was named by hand.
    pub part: Option<&'static pci::Device>,
    /// What its generation has.
    pub generation: &'static Configuration,
}

/// Whether the kernel's driver would leave the function alone (`hw.md` §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It drives it.
    None,
    /// It does not.
    Refused(Quirk),
    /// Function 0 of the slot cannot be read: nobody knows.
    Unreadable(Quirk),
}

impl Identity {
    /// The function at `address`. `generation` names the generation of one that the device table does not have; what
    /// was said when it was bound serves as well.
    ///
    /// # Errors
    /// [`OpenError::Absent`], [`OpenError::Unknown`], [`OpenError::NoGeneration`], [`OpenError::OtherLayout`].
    pub fn of(system: &System, address: Address, generation: Option<&str>) -> Result<Self, OpenError> {
        let (vendor, device) = ids(system, address).ok_or(OpenError::Absent { address })?;
        let part = (vendor == VENDOR_INTEL).then(|| pci::lookup(device)).flatten();
        let recorded = record::Record::load(system, address).and_then(|record| record.generation);
        let generation = match (generation.map(str::to_owned).or(recorded), part) {
            (Some(name), _) => {
                let found = pci::configuration(&name.to_uppercase());
                found.ok_or(OpenError::NoGeneration(name))?
            }
            (None, Some(part)) => part.configuration,
            (None, None) => return Err(OpenError::Unknown { address, vendor, device }),
        };
        // Registers at another place and no configuration space of its own.
        if generation.name == pci::CSC.name {
            return Err(OpenError::OtherLayout { address, generation: generation.name });
        }
        Ok(Self { address, device, part, generation })
    }

    /// Its entry in the device table; for a function that the table does not have, what was said about it.
    pub fn table_entry(&self) -> pci::Device {
        match self.part {
            // A generation that was named overrides the table's.
            Some(part) => pci::Device { configuration: self.generation, ..*part },
            None => pci::Device {
                id: self.device,
                name: "unknown",
                product: "unknown",
                configuration: self.generation,
            },
        }
    }

    /// Asks function 0 of the slot whether the kernel would drive this one.
    pub fn refusal(&self, system: &System) -> Refusal {
        let Some(quirk) = self.generation.quirk else { return Refusal::None };
        let zero = self.address.function_zero();
        let mut word = [0; 4];
        let path = system.sys(format!("bus/pci/devices/{zero}/config"));
        let read = match File::open(path) {
            Ok(file) => file.read_exact_at(&mut word, u64::from(quirk.offset())).is_ok(),
            // An absent function 0 reads as all-ones.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                word = [0xFF; 4];
                true
            }
            Err(_) => false,
        };
        match read {
            false => Refusal::Unreadable(quirk),
            true if quirk.refuses(u32::from_le_bytes(word)) => Refusal::Refused(quirk),
            true => Refusal::None,
        }
    }
}

/// Vendor and device id of the function at `address`.
pub(crate) fn ids(system: &System, address: Address) -> Option<(u16, u16)> {
    let id = |file: &str| {
        let text = system.read(system.sys(format!("bus/pci/devices/{address}/{file}"))).ok()?;
        u16::from_str_radix(text.strip_prefix("0x")?, 16).ok()
    };
    Some((id("vendor")?, id("device")?))
}
