//! Guest memory, as the monitor maps it for the function.

use crate::protocol::{DMA_MAP_READ, DMA_MAP_WRITE, DMA_UNMAP_ALL, DmaMap, DmaUnmap};
use mei_emulator::HostMemory;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

/// Most ranges that are mapped at a time, told to the monitor. Each may hold a descriptor: a guest has about
/// ten.
pub(crate) const MAX_MAPPINGS: usize = 512;

/// Whether the function may reach memory: Bus Master Enable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BusMaster {
    Enabled,
    Disabled,
}

/// One range of guest memory.
#[derive(Debug)]
struct Mapping {
    size: u64,
    flags: u32,
    offset: u64,
    /// None: the monitor keeps this memory to itself (a ROM, memory without a file).
    file: Option<File>,
}

/// The ranges by address; they do not overlap.
#[derive(Debug)]
pub(crate) struct GuestMemory {
    mappings: BTreeMap<u64, Mapping>,
    bus_master: BusMaster,
}

impl GuestMemory {
    pub(crate) fn new() -> Self {
        Self { mappings: BTreeMap::new(), bus_master: BusMaster::Disabled }
    }

    pub(crate) fn set_bus_master(&mut self, bus_master: BusMaster) {
        self.bus_master = bus_master;
    }

    /// DMA_MAP.
    ///
    /// # Errors
    /// EINVAL: empty, past the end of the address space or of any file, a descriptor that is not a file,
    /// unknown flags. EEXIST: overlaps what is mapped. ENOSPC: [`MAX_MAPPINGS`] are mapped.
    pub(crate) fn map(&mut self, request: &DmaMap, descriptor: Option<OwnedFd>) -> Result<(), Errno> {
        let last = checked_last(request.address, request.size)?;
        let file_end = request.offset.checked_add(request.size).ok_or(Errno::INVAL)?;
        if request.flags & !(DMA_MAP_READ | DMA_MAP_WRITE) != 0 || i64::try_from(file_end).is_err() {
            return Err(Errno::INVAL);
        }
        if let Some(descriptor) = &descriptor {
            // A pipe or a terminal would make the engine wait.
            if FileType::from_raw_mode(rustix::fs::fstat(descriptor)?.st_mode) != FileType::RegularFile {
                return Err(Errno::INVAL);
            }
        }
        if self
            .mappings
            .range(..=last)
            .next_back()
            .is_some_and(|(&start, mapping)| start + (mapping.size - 1) >= request.address)
        {
            return Err(Errno::EXIST);
        }
        if self.mappings.len() >= MAX_MAPPINGS {
            return Err(Errno::NOSPC);
        }
        let mapping = Mapping {
            size: request.size,
            flags: request.flags,
            offset: request.offset,
            file: descriptor.map(File::from),
        };
        self.mappings.insert(request.address, mapping);
        Ok(())
    }

    /// DMA_UNMAP: forgets the ranges that lie within; the bytes that were mapped. As with VFIO type 1, that
    /// may be none.
    ///
    /// # Errors
    /// EINVAL: the range would cut a mapping in two, is empty, or has flags other than "all" alone.
    /// EOPNOTSUPP: dirty pages are asked for.
    pub(crate) fn unmap(&mut self, request: &DmaUnmap) -> Result<u64, Errno> {
        match request.flags {
            0 => {}
            DMA_UNMAP_ALL if request.address == 0 && request.size == 0 => {
                let bytes =
                    self.mappings.values().fold(0u64, |bytes, mapping| bytes.saturating_add(mapping.size));
                self.mappings.clear();
                return Ok(bytes);
            }
            DMA_UNMAP_ALL => return Err(Errno::INVAL),
            _ => return Err(Errno::OPNOTSUPP),
        }
        let first = request.address;
        let last = checked_last(first, request.size)?;
        let cut_in_front = self
            .mappings
            .range(..first)
            .next_back()
            .is_some_and(|(&start, mapping)| start + (mapping.size - 1) >= first);
        let cut_behind = self
            .mappings
            .range(first..=last)
            .next_back()
            .is_some_and(|(&start, mapping)| start + (mapping.size - 1) > last);
        if cut_in_front || cut_behind {
            return Err(Errno::INVAL);
        }
        let mut bytes = 0u64;
        self.mappings.retain(|start, mapping| {
            let keep = !(first..=last).contains(start);
            if !keep {
                bytes = bytes.saturating_add(mapping.size);
            }
            keep
        });
        Ok(bytes)
    }

    /// Calls `access` for each piece of `address`.. that lies in one file: file, offset, bytes from and to.
    /// False as soon as one fails or something is not mapped with `permission`.
    fn for_each_piece(
        &self,
        address: u64,
        length: usize,
        permission: u32,
        mut access: impl FnMut(&File, u64, std::ops::Range<usize>) -> std::io::Result<()>,
    ) -> bool {
        if self.bus_master == BusMaster::Disabled {
            return false;
        }
        let mut done = 0;
        while done < length {
            let Some(at) = address.checked_add(done as u64) else { return false };
            let Some((&start, mapping)) = self.mappings.range(..=at).next_back() else { return false };
            let within = at - start;
            let Some(left) = mapping.size.checked_sub(within).filter(|&left| left > 0) else { return false };
            let Some(file) = mapping.file.as_ref().filter(|_| mapping.flags & permission != 0) else {
                return false;
            };
            let piece = usize::try_from(left).unwrap_or(usize::MAX).min(length - done);
            // Cannot overflow: the end of the mapping in the file was checked.
            if let Err(error) = access(file, mapping.offset + within, done..done + piece) {
                log::warn!("guest memory at {at:#x} cannot be reached: {error}");
                return false;
            }
            done += piece;
        }
        true
    }
}

impl HostMemory for GuestMemory {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        let length = bytes.len();
        self.for_each_piece(address, length, DMA_MAP_READ, |file, offset, piece| {
            file.read_exact_at(&mut bytes[piece], offset)
        })
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> bool {
        self.for_each_piece(address, bytes.len(), DMA_MAP_WRITE, |file, offset, piece| {
            file.write_all_at(&bytes[piece], offset)
        })
    }
}

/// The last address of a range.
fn checked_last(address: u64, size: u64) -> Result<u64, Errno> {
    size.checked_sub(1).and_then(|rest| address.checked_add(rest)).ok_or(Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, memfd_create};

    const READ: u32 = 1;
    const WRITE: u32 = 2;
    const ALL: u32 = 2;

    fn memfd(size: u64) -> OwnedFd {
        let fd = memfd_create("guest", MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&fd, size).unwrap();
        fd
    }

    fn map(
        memory: &mut GuestMemory,
        address: u64,
        size: u64,
        offset: u64,
        flags: u32,
        fd: Option<&OwnedFd>,
    ) -> Result<(), Errno> {
        memory.map(&DmaMap { argsz: 32, flags, offset, address, size }, fd.map(|fd| fd.try_clone().unwrap()))
    }

    fn unmap(memory: &mut GuestMemory, address: u64, size: u64, flags: u32) -> Result<u64, Errno> {
        memory.unmap(&DmaUnmap { argsz: 24, flags, address, size })
    }

    fn memory() -> GuestMemory {
        let mut memory = GuestMemory::new();
        memory.set_bus_master(BusMaster::Enabled);
        memory
    }

    #[test]
    fn a_transfer_may_span_mappings_but_no_hole() {
        let (one, two) = (memfd(0x3000), memfd(0x1000));
        let mut memory = memory();
        map(&mut memory, 0x1000, 0x1000, 0x2000, READ | WRITE, Some(&one)).unwrap();
        map(&mut memory, 0x2000, 0x1000, 0, READ | WRITE, Some(&two)).unwrap();
        assert!(memory.write(0x1FFE, b"abcd"));
        let mut bytes = [0; 4];
        assert!(memory.read(0x1FFE, &mut bytes));
        assert_eq!(&bytes, b"abcd");
        File::from(one).read_exact_at(&mut bytes[..2], 0x2FFE).unwrap();
        File::from(two).read_exact_at(&mut bytes[2..], 0).unwrap();
        assert_eq!(&bytes, b"abcd");
        for (address, length) in
            [(0xFFF, 1), (0xFFF, 2), (0x2FFF, 2), (0x3000, 1), (u64::MAX, 1), (u64::MAX, 2)]
        {
            assert!(!memory.read(address, &mut vec![0; length]), "{address:#x}");
        }
        assert!(memory.read(0x9999, &mut []));
    }

    #[test]
    fn nothing_is_reached_without_permission_descriptor_bus_master_or_file_behind() {
        let fd = memfd(0x1000);
        let mut memory = memory();
        map(&mut memory, 0x1000, 0x1000, 0, READ, Some(&fd)).unwrap();
        map(&mut memory, 0x2000, 0x1000, 0, WRITE, Some(&fd)).unwrap();
        map(&mut memory, 0x3000, 0x1000, 0, READ | WRITE, None).unwrap();
        map(&mut memory, 0x4000, 0x2000, 0, READ | WRITE, Some(&fd)).unwrap();
        assert!(memory.read(0x1000, &mut [0]) && !memory.write(0x1000, &[0]));
        assert!(!memory.read(0x2000, &mut [0]) && memory.write(0x2000, &[0]));
        assert!(!memory.read(0x3000, &mut [0]) && !memory.write(0x3000, &[0]));
        assert!(!memory.read(0x5000, &mut [0]), "past the end of the file");
        memory.set_bus_master(BusMaster::Disabled);
        assert!(!memory.read(0x1000, &mut [0]));
    }

    #[test]
    fn a_mapping_that_cannot_be_is_refused() {
        let fd = memfd(0x1000);
        let mut memory = memory();
        map(&mut memory, 0x1000, 0x1000, 0, READ, Some(&fd)).unwrap();
        map(&mut memory, u64::MAX - 0xFFF, 0x1000, 0, READ, Some(&fd)).unwrap();
        let cases = [
            (0x1000, 0x1000, 0, READ, Errno::EXIST),
            (0x1FFF, 1, 0, READ, Errno::EXIST),
            (0, u64::MAX, 0, READ, Errno::INVAL),
            (0, 0x1001, 0, READ, Errno::EXIST),
            (u64::MAX, 1, 0, READ, Errno::EXIST),
            (0x5000, 0, 0, READ, Errno::INVAL),
            (u64::MAX, 2, 0, READ, Errno::INVAL),
            (0x5000, 2, u64::MAX - 1, READ, Errno::INVAL),
            (0x5000, 2, i64::MAX as u64, READ, Errno::INVAL),
            (0x5000, 1, 0, 4, Errno::INVAL),
        ];
        for (address, size, offset, flags, errno) in cases {
            assert_eq!(
                map(&mut memory, address, size, offset, flags, Some(&fd)),
                Err(errno),
                "{address:#x}+{size:#x}"
            );
        }
        let (pipe, _other) = rustix::pipe::pipe().unwrap();
        assert_eq!(map(&mut memory, 0x8000, 1, 0, READ, Some(&pipe)), Err(Errno::INVAL));
        for index in 2..512 {
            map(&mut memory, 0x1000 * index, 0x1000, 0, READ, None).unwrap();
        }
        assert_eq!(map(&mut memory, 0x1000_0000, 1, 0, READ, None), Err(Errno::NOSPC));
    }

    #[test]
    fn unmapping_is_vfio_type_1s() {
        let mut memory = memory();
        for address in [0x1000, 0x2000, 0x4000] {
            map(&mut memory, address, 0x1000, 0, READ, None).unwrap();
        }
        assert_eq!(unmap(&mut memory, 0x9000, 0x1000, 0), Ok(0), "never mapped");
        assert_eq!(unmap(&mut memory, 0x1000, 0x1800, 0), Err(Errno::INVAL), "cuts the second");
        assert_eq!(unmap(&mut memory, 0x1800, 0x1800, 0), Err(Errno::INVAL), "cuts the first");
        assert_eq!(unmap(&mut memory, 0x1000, 0, 0), Err(Errno::INVAL));
        assert_eq!(unmap(&mut memory, u64::MAX, 2, 0), Err(Errno::INVAL));
        assert_eq!(unmap(&mut memory, 0x1000, 0x1000, 1), Err(Errno::OPNOTSUPP), "dirty pages");
        assert_eq!(unmap(&mut memory, 0x1000, 0x1000, ALL), Err(Errno::INVAL));
        assert_eq!(unmap(&mut memory, 0x0, 0x3800, 0), Ok(0x2000));
        assert_eq!(unmap(&mut memory, 0, 0, ALL), Ok(0x1000));
        assert_eq!(unmap(&mut memory, 0, 0, ALL), Ok(0));
    }
}
