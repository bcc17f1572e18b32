//! BAR0 and configuration space through sysfs, for every way but VFIO.

use crate::address::Address;
use crate::bar::Bar;
use crate::config::Config;
use crate::error::{OpenError, Step};
use crate::sys::Mapping;
use crate::system::System;
use rustix::fs::{Mode, OFlags};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// Memory resource, in the third column of sysfs `resource` (`linux/ioport.h`).
const IORESOURCE_MEM: u64 = 0x200;

/// Maps BAR0 through `resource0`, which the kernel maps uncached.
pub(crate) fn bar(system: &System, address: Address) -> Result<Bar, OpenError> {
    let directory = system.sys(format!("bus/pci/devices/{address}"));
    let table = system.read(directory.join("resource")).unwrap_or_default();
    let range =
        Range::parse(table.lines().next().unwrap_or_default()).ok_or(OpenError::NoRegisters { size: 0 })?;
    let size = u32::try_from(range.size).unwrap_or(u32::MAX).min(mei_wire::registers::BAR0_SIZE);
    if size < OpenError::SMALLEST_BAR {
        return Err(OpenError::NoRegisters { size: range.size });
    }
    let page = rustix::param::page_size();
    // The kernel maps the page that holds a smaller BAR: its registers start where it starts in that page.
    let offset = usize::try_from(range.start % page as u64).unwrap_or(0);
    let file = open(&directory.join("resource0"))?;
    let mapping = Mapping::new(file.as_fd(), 0, page).map_err(Step::Mapping.failed())?;
    Ok(Bar::mapped(mapping, offset, size))
}

/// Configuration space through sysfs `config`, all of it.
pub(crate) fn config(directory: &Path, address: Address) -> Result<Config<Arc<OwnedFd>>, OpenError> {
    let config = Config::new(Arc::new(open(&directory.join("config"))?), 0);
    if config.is_whole() { Ok(config) } else { Err(OpenError::ConfigHidden { address }) }
}

fn open(path: &Path) -> Result<OwnedFd, OpenError> {
    rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC | OFlags::SYNC, Mode::empty())
        .map_err(|errno| OpenError::Node { path: path.to_owned(), errno })
}

/// A range of bus addresses that a BAR decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    start: u64,
    size: u64,
}

impl Range {
    /// Reads a line of `resource`: start, last and flags. None for anything but memory.
    fn parse(line: &str) -> Option<Self> {
        let mut columns = line
            .split_whitespace()
            .map(|column| column.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()));
        let (start, last, flags) = (columns.next()??, columns.next()??, columns.next()??);
        let size = last.checked_sub(start)?.checked_add(1)?;
        (flags & IORESOURCE_MEM != 0 && start != 0).then_some(Self { start, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_sysfs_writes_them() {
        let line = "0x0000006001131000 0x0000006001131fff 0x0000000000140204";
        assert_eq!(Range::parse(line), Some(Range { start: 0x60_0113_1000, size: 0x1000 }));
        let small = "0x00000000f7f1a7f0 0x00000000f7f1a7ff 0x0000000000140204";
        assert_eq!(Range::parse(small), Some(Range { start: 0xF7F1_A7F0, size: 16 }));
        for other in [
            "0x0000000000000000 0x0000000000000000 0x0000000000000000",
            "0x000000000000f040 0x000000000000f05f 0x0000000000040101",
            "0x0000000000001000 0x0000000000000fff",
            "",
        ] {
            assert_eq!(Range::parse(other), None, "{other}");
        }
    }
}
