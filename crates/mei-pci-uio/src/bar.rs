//! BAR0, mapped where that is possible.

use crate::sys::Mapping;
use mei_wire::Gone;
use rustix::io::{pread, pwrite};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// BAR0 of a function. Accesses outside of it do not happen: what lies beside a BAR of 16 bytes (ICH8 to 5 Series)
/// may be another device.
#[derive(Debug)]
pub(crate) struct Bar {
    access: Access,
    size: u32,
    told: bool,
}

#[derive(Debug)]
enum Access {
    /// Registers from `offset` of the mapping on.
    Mapped { mapping: Mapping, offset: usize },
    /// Registers from `offset` of the file on: VFIO does not map BARs that share a page.
    File { file: Arc<OwnedFd>, offset: u64 },
}

impl Bar {
    pub(crate) fn mapped(mapping: Mapping, offset: usize, size: u32) -> Self {
        Self { access: Access::Mapped { mapping, offset }, size, told: false }
    }

    pub(crate) fn file(file: Arc<OwnedFd>, offset: u64, size: u32) -> Self {
        Self { access: Access::File { file, offset }, size, told: false }
    }

    /// Whether an access found that nobody answers.
    pub(crate) fn lost(&self) -> bool {
        matches!(&self.access, Access::Mapped { mapping, .. } if mapping.lost())
    }

    /// One access to the register at `offset`. A register that the BAR does not have reads 0.
    pub(crate) fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        if !self.has(offset) {
            return Ok(0);
        }
        match &self.access {
            Access::Mapped { mapping, offset: base } => {
                let value = mapping.read32(base + offset as usize).ok_or(Gone)?;
                if value == u32::MAX && mapping.lost() { Err(Gone) } else { Ok(value) }
            }
            Access::File { file, offset: base } => {
                let mut bytes = [0; 4];
                let place = base + u64::from(offset);
                // Not repeated when a signal comes: VFIO does not stop half-way through a register.
                match pread(&**file, &mut bytes[..], place) {
                    Ok(4) => Ok(u32::from_le_bytes(bytes)),
                    Ok(_) | Err(_) => Err(Gone),
                }
            }
        }
    }

    /// One write of the register at `offset`. A register that the BAR does not have is not written.
    pub(crate) fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        if !self.has(offset) {
            return Ok(());
        }
        match &self.access {
            Access::Mapped { mapping, offset: base } => {
                mapping.write32(base + offset as usize, value).ok_or(Gone)?;
                if mapping.lost() { Err(Gone) } else { Ok(()) }
            }
            Access::File { file, offset: base } => {
                match pwrite(&**file, &value.to_le_bytes(), base + u64::from(offset)) {
                    Ok(4) => Ok(()),
                    Ok(_) | Err(_) => Err(Gone),
                }
            }
        }
    }

    fn has(&mut self, offset: u32) -> bool {
        let has = offset.is_multiple_of(4) && offset.checked_add(4).is_some_and(|end| end <= self.size);
        if !has && !self.told {
            self.told = true;
            log::warn!("no register at {offset:#x}: BAR0 has {:#x} bytes", self.size);
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd;

    fn file(length: u64) -> File {
        let file = File::from(rustix::fs::memfd_create("bar", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        file.set_len(length).unwrap();
        file
    }

    #[test]
    fn a_small_bar_in_a_page_of_others_keeps_to_itself() {
        let file = file(4096);
        pwrite(&file, &[0xAA; 4096], 0).unwrap();
        let mut bar = Bar::mapped(Mapping::new(file.as_fd(), 0, 4096).unwrap(), 0x7F0, 16);
        assert_eq!(bar.write32(0xC, 0x1234_5678), Ok(()));
        assert_eq!(bar.read32(0xC), Ok(0x1234_5678));
        for outside in [0x10, 0x800, 0xE, u32::MAX] {
            assert_eq!(bar.read32(outside), Ok(0), "{outside:#x}");
            assert_eq!(bar.write32(outside, 1), Ok(()), "{outside:#x}");
        }
        let mut page = [0; 4096];
        pread(&file, &mut page[..], 0).unwrap();
        assert_eq!(page[0x7FC..0x800], [0x78, 0x56, 0x34, 0x12]);
        assert!(page[..0x7FC].iter().chain(&page[0x800..]).all(|&byte| byte == 0xAA));
    }

    #[test]
    fn a_file_that_ends_is_gone() {
        let file = Arc::new(OwnedFd::from(file(8)));
        let mut bar = Bar::file(Arc::clone(&file), 0, 16);
        assert_eq!(bar.write32(4, 7), Ok(()));
        assert_eq!(bar.read32(4), Ok(7));
        assert_eq!(bar.read32(8), Err(Gone));
    }

    #[test]
    fn a_mapping_that_is_lost_is_gone() {
        let file = file(4096);
        let mut bar = Bar::mapped(Mapping::new(file.as_fd(), 0, 4096).unwrap(), 0, 4096);
        file.set_len(0).unwrap();
        assert_eq!(bar.read32(4), Err(Gone));
        assert_eq!(bar.write32(4, 0), Err(Gone));
        assert!(bar.lost());
    }
}
