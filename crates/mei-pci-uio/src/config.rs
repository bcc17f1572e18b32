//! Configuration space of one function, through VFIO or sysfs.

use mei_wire::Gone;
use rustix::io::{Errno, pread, pwrite};
use std::os::fd::AsFd;

/// The command register.
const COMMAND: u64 = 0x04;
/// Its upper byte, where the interrupt line is masked.
const COMMAND_HIGH: u64 = 0x05;
/// Memory decoding.
const MEMORY: u16 = 1 << 1;
/// Bus mastering: DMA, and the writes that are message interrupts.
const MASTER: u16 = 1 << 2;
/// INTx disable, in [`COMMAND_HIGH`].
const INTX_DISABLE: u8 = 1 << 2;

/// Configuration space: `file` from `base` on.
#[derive(Debug, Clone)]
pub(crate) struct Config<F> {
    file: F,
    base: u64,
}

impl<F: AsFd> Config<F> {
    pub(crate) fn new(file: F, base: u64) -> Self {
        Self { file, base }
    }

    /// Whether all that the driver needs can be read: without privileges sysfs shows 64 bytes.
    pub(crate) fn is_whole(&self) -> bool {
        self.read::<4>(u64::from(mei_wire::status::HFS_OFFSETS[5])).is_ok()
    }

    fn read<const N: usize>(&self, offset: u64) -> Result<[u8; N], Gone> {
        let mut bytes = [0; N];
        loop {
            match pread(&self.file, &mut bytes[..], self.base + offset) {
                Ok(length) if length == N => return Ok(bytes),
                Err(Errno::INTR) => {}
                // ENODEV: removed; EIO: no longer answers; short: not as long as configuration space is.
                Ok(_) | Err(_) => return Err(Gone),
            }
        }
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Gone> {
        loop {
            match pwrite(&self.file, bytes, self.base + offset) {
                Ok(length) if length == bytes.len() => return Ok(()),
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return Err(Gone),
            }
        }
    }

    /// The word at `offset`.
    pub(crate) fn read32(&self, offset: u16) -> Result<u32, Gone> {
        let word = u32::from_le_bytes(self.read(u64::from(offset))?);
        // All-ones can be a register's value; it cannot be the vendor id's.
        if word == u32::MAX && u32::from_le_bytes(self.read(0)?) == u32::MAX {
            return Err(Gone);
        }
        Ok(word)
    }

    /// Whether the function is there and decodes memory.
    pub(crate) fn decodes_memory(&self) -> bool {
        let command = self.read(COMMAND).map(u16::from_le_bytes);
        // All-ones: nobody is there.
        command.is_ok_and(|command| command != u16::MAX && command & MEMORY != 0)
    }

    /// Switches memory decoding and bus mastering on; what the command register was before.
    pub(crate) fn enable(&self) -> Result<u16, Gone> {
        let command = u16::from_le_bytes(self.read(COMMAND)?);
        if command == u16::MAX {
            return Err(Gone);
        }
        self.write(COMMAND, &(command | MEMORY | MASTER).to_le_bytes())?;
        Ok(command)
    }

    /// Puts the command register back.
    pub(crate) fn restore(&self, command: u16) -> Result<(), Gone> {
        self.write(COMMAND, &command.to_le_bytes())
    }

    /// Opens the interrupt line, which UIO masked when it fired. Only the byte with its bit is written: the other
    /// may have been changed by the kernel meanwhile, and must not be switched back on.
    pub(crate) fn open_line(&self) -> Result<(), Gone> {
        let [high] = self.read::<1>(COMMAND_HIGH)?;
        self.write(COMMAND_HIGH, &[high & !INTX_DISABLE])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    fn config(bytes: &[u8]) -> Config<File> {
        let file = File::from(rustix::fs::memfd_create("config", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        pwrite(&file, bytes, 0).unwrap();
        Config::new(file, 0)
    }

    fn function() -> [u8; 256] {
        let mut bytes = [0; 256];
        bytes[..8].copy_from_slice(&[0x86, 0x80, 0xE0, 0x51, 0x00, 0x04, 0x10, 0x00]);
        bytes
    }

    #[test]
    fn only_what_is_needed_is_switched_on_and_put_back() {
        let config = config(&function());
        assert!(!config.decodes_memory());
        assert_eq!(config.enable(), Ok(0x0400));
        assert_eq!(config.read32(4), Ok(0x0010_0406));
        assert!(config.decodes_memory());
        assert_eq!(config.open_line(), Ok(()));
        assert_eq!(config.read32(4), Ok(0x0010_0006));
        assert_eq!(config.restore(0x0400), Ok(()));
        assert_eq!(config.read32(4), Ok(0x0010_0400));
    }

    #[test]
    fn all_ones_are_a_value_only_while_there_is_a_vendor() {
        let mut bytes = function();
        bytes[0x40..0x44].fill(0xFF);
        assert_eq!(config(&bytes).read32(0x40), Ok(u32::MAX));
        let gone = config(&[0xFF; 256]);
        assert_eq!(gone.read32(0x40), Err(Gone));
        assert_eq!(gone.enable(), Err(Gone));
        assert!(!gone.decodes_memory());
    }

    #[test]
    fn without_privileges_there_are_64_bytes() {
        assert!(config(&function()).is_whole());
        assert!(!config(&function()[..64]).is_whole());
        assert_eq!(config(&function()[..64]).read32(0x40), Err(Gone));
    }
}
