//! What was taken from the kernel, kept on disk until it is given back.
//!
//! One small text file per function below `/run/umei/bound`, written before the first change and removed after the
//! last one: whoever is interrupted in between can be cleaned up after. `/run` is empty after a boot, and so are the
//! bindings.

use crate::address::Address;
use crate::system::System;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::PathBuf;

/// How a function was before `bind`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Its driver; none if it had none.
    pub driver: Option<String>,
    /// Its `driver_override`; none if it had none.
    pub driver_override: Option<String>,
    /// The generation that was named for a function that the device table does not have.
    pub generation: Option<String>,
}

impl Record {
    fn path(system: &System, address: Address) -> PathBuf {
        system.state().join(address.to_string())
    }

    /// The record of a function, if it was taken.
    pub fn load(system: &System, address: Address) -> Option<Self> {
        let text = system.read(Self::path(system, address)).ok()?;
        let mut record = Self::default();
        for line in text.lines() {
            match line.split_once('=') {
                Some(("driver", value)) => record.driver = name(value),
                Some(("driver_override", value)) => record.driver_override = name(value),
                Some(("generation", value)) => record.generation = name(value),
                // Written by a later version.
                _ => log::debug!("{address}: unknown line in its record: {line:?}"),
            }
        }
        Some(record)
    }

    /// Writes the record, whole or not at all.
    pub(crate) fn save(&self, system: &System, address: Address) -> io::Result<()> {
        let fields = [
            ("driver", &self.driver),
            ("driver_override", &self.driver_override),
            ("generation", &self.generation),
        ];
        let mut text = String::new();
        for (field, value) in fields {
            if let Some(value) = value {
                writeln!(text, "{field}={value}").map_err(io::Error::other)?;
            }
        }
        fs::create_dir_all(system.state())?;
        let path = Self::path(system, address);
        let draft = system.state().join(format!(".{address}.new"));
        fs::write(&draft, text)?;
        fs::rename(draft, path)
    }

    /// Forgets the record.
    pub(crate) fn remove(system: &System, address: Address) -> io::Result<()> {
        match fs::remove_file(Self::path(system, address)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A driver's or generation's name; nothing that could be a path.
pub(crate) fn name(text: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(fits)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    #[test]
    fn a_record_is_what_it_was_until_it_is_removed() {
        let tree = Tree::new();
        let system = tree.system();
        let address = "00:16.0".parse().unwrap();
        assert_eq!(Record::load(&system, address), None);
        for record in [
            Record::default(),
            Record { driver: Some("mei_me".to_owned()), ..Record::default() },
            Record {
                driver: Some("mei_me".to_owned()),
                driver_override: Some("pci-stub".to_owned()),
                generation: Some("PCH15".to_owned()),
            },
        ] {
            record.save(&system, address).unwrap();
            assert_eq!(Record::load(&system, address), Some(record));
        }
        Record::remove(&system, address).unwrap();
        Record::remove(&system, address).unwrap();
        assert_eq!(Record::load(&system, address), None);
    }

    #[test]
    fn a_record_cannot_name_anything_but_a_driver() {
        for text in ["", "../../module", "a b", "a\nb", "\u{e9}"] {
            assert_eq!(name(text), None, "{text:?}");
        }
        assert_eq!(name("uio_pci_generic").as_deref(), Some("uio_pci_generic"));
    }
}
