//! The DMA ring, engine's side (`hbm.md` §11).

use crate::HostMemory;
use mei_wire::hbm::DmaDescriptor;
use mei_wire::registers::SLOT_SIZE;

/// Largest area that is taken, bytes; the driver offers 128 KiB.
const MAX_SIZE: u32 = 1 << 20;
/// Bytes of a slot, as sizes on the wire are counted.
const SLOT: u32 = 4;
const _: () = assert!(SLOT as usize == SLOT_SIZE);

/// Bytes of the control block.
const CONTROL_SIZE: u32 = 32;

/// Byte offsets of the indices in the control block.
const HOST_WRITE: u64 = 0;
const HOST_READ: u64 = 8;
const DEVICE_WRITE: u64 = 16;
const DEVICE_READ: u64 = 24;

/// Both rings and the control block.
#[derive(Debug)]
pub(super) struct Ring {
    host: Area,
    device: Area,
    control: u64,
    /// Free-running slot indices that the engine moves.
    host_read: u32,
    device_write: u32,
}

#[derive(Debug, Clone, Copy)]
struct Area {
    address: u64,
    /// Slots, a power of two.
    depth: u32,
}

impl Area {
    fn new(descriptor: &DmaDescriptor, memory: &(impl HostMemory + ?Sized)) -> Option<Self> {
        let (address, size) = location(descriptor);
        let valid = size.is_power_of_two() && (SLOT..=MAX_SIZE).contains(&size);
        let last = address.checked_add(u64::from(size.checked_sub(1)?)).filter(|_| valid)?;
        (memory.read(address, &mut [0]) && memory.read(last, &mut [0]))
            .then_some(Self { address, depth: size / SLOT })
    }

    /// Where `bytes` bytes from slot `index` on lie: the piece up to the end, and the piece from the start.
    fn pieces(self, index: u32, bytes: usize) -> [(u64, std::ops::Range<usize>); 2] {
        let start = (index & (self.depth - 1)) as usize * SLOT_SIZE;
        let first = bytes.min(self.depth as usize * SLOT_SIZE - start);
        [(self.address + start as u64, 0..first), (self.address, first..bytes)]
    }
}

/// Bytes in the host's ring.
#[derive(Debug)]
pub(super) struct Found {
    pieces: [(u64, std::ops::Range<usize>); 2],
    slots: u32,
}

impl Found {
    /// The bytes themselves, where they can be looked at.
    pub(super) fn in_place<'m>(&self, memory: &'m (impl HostMemory + ?Sized)) -> Option<&'m [u8]> {
        let [(address, first), (_, second)] = &self.pieces;
        if second.is_empty() { memory.borrow(*address, first.len()) } else { None }
    }

    /// Copies the bytes in place of what is in `data`. False when they are in no memory.
    pub(super) fn read(&self, data: &mut Vec<u8>, memory: &(impl HostMemory + ?Sized)) -> bool {
        data.resize(self.pieces[1].1.end, 0);
        self.pieces
            .iter()
            .all(|(address, piece)| piece.is_empty() || memory.read(*address, &mut data[piece.clone()]))
    }
}

fn location(descriptor: &DmaDescriptor) -> (u64, u32) {
    let address = u64::from(descriptor.addr_hi.get()) << 32 | u64::from(descriptor.addr_lo.get());
    (address, descriptor.size.get())
}

fn slots(bytes: usize) -> Option<u32> {
    u32::try_from(bytes.div_ceil(SLOT_SIZE)).ok()
}

impl Ring {
    /// Takes what the host offers: host ring, device ring, control block; none when it cannot work.
    pub(super) fn new(descriptors: &[DmaDescriptor; 3], memory: &(impl HostMemory + ?Sized)) -> Option<Self> {
        let [host, device, control] = descriptors;
        let (control, size) = location(control);
        control.checked_add(CONTROL_SIZE.into()).filter(|_| size >= CONTROL_SIZE)?;
        memory.read(control, &mut [0; CONTROL_SIZE as usize]).then_some(())?;
        Some(Self {
            host: Area::new(host, memory)?,
            device: Area::new(device, memory)?,
            control,
            host_read: 0,
            device_write: 0,
        })
    }

    /// Finds the `length` bytes that the host has put into its ring. None when they are not there.
    pub(super) fn find(&self, length: u32, memory: &(impl HostMemory + ?Sized)) -> Option<Found> {
        let bytes = usize::try_from(length).ok()?;
        let filled = self.index(HOST_WRITE, memory)?.wrapping_sub(self.host_read);
        let slots = slots(bytes).filter(|&slots| filled <= self.host.depth && slots <= filled)?;
        Some(Found { pieces: self.host.pieces(self.host_read, bytes), slots })
    }

    /// The host may use the place of those bytes again. False when it cannot be told.
    pub(super) fn consume(&mut self, found: &Found, memory: &mut (impl HostMemory + ?Sized)) -> bool {
        self.host_read = self.host_read.wrapping_add(found.slots);
        memory.write(self.control + HOST_READ, &self.host_read.to_le_bytes())
    }

    /// Puts `data` into the device ring. False, and nothing done, when there is no room.
    pub(super) fn put(&mut self, data: &[u8], memory: &mut (impl HostMemory + ?Sized)) -> bool {
        let Some(device_read) = self.index(DEVICE_READ, memory) else { return false };
        let filled = self.device_write.wrapping_sub(device_read);
        let Some(slots) = slots(data.len()) else { return false };
        if filled > self.device.depth || slots > self.device.depth - filled {
            return false;
        }
        for (address, piece) in self.device.pieces(self.device_write, data.len()) {
            if !piece.is_empty() && !memory.write(address, &data[piece]) {
                return false;
            }
        }
        self.device_write = self.device_write.wrapping_add(slots);
        memory.write(self.control + DEVICE_WRITE, &self.device_write.to_le_bytes())
    }

    fn index(&self, offset: u64, memory: &(impl HostMemory + ?Sized)) -> Option<u32> {
        let mut bytes = [0; 4];
        memory.read(self.control + offset, &mut bytes).then_some(u32::from_le_bytes(bytes))
    }
}
