//! vfio-user on the wire: message header, commands, and the structures that VFIO gave it.
//!
//! Everything is in the byte order of the machine, since both ends run on it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What every message begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) message_id: u16,
    pub(crate) command: u16,
    /// Bytes of the message, this header included.
    pub(crate) size: u32,
    pub(crate) flags: u32,
    /// Errno, in a reply that carries [`FLAG_ERROR`].
    pub(crate) error: u32,
}

pub(crate) const HEADER_SIZE: usize = size_of::<Header>();

/// Bits of [`Header::flags`] that tell a command (0) from a reply.
pub(crate) const TYPE_MASK: u32 = 0xF;
pub(crate) const TYPE_COMMAND: u32 = 0;
pub(crate) const TYPE_REPLY: u32 = 1;
/// The sender does not want a reply.
pub(crate) const FLAG_NO_REPLY: u32 = 1 << 4;
/// The reply says only that the command failed.
pub(crate) const FLAG_ERROR: u32 = 1 << 5;

/// Commands from the monitor that are understood here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Version,
    DmaMap,
    DmaUnmap,
    DeviceGetInfo,
    RegionInfo,
    IrqInfo,
    SetIrqs,
    RegionRead,
    RegionWrite,
    DeviceReset,
}

impl Command {
    pub(crate) fn parse(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Version,
            2 => Self::DmaMap,
            3 => Self::DmaUnmap,
            4 => Self::DeviceGetInfo,
            5 => Self::RegionInfo,
            7 => Self::IrqInfo,
            8 => Self::SetIrqs,
            9 => Self::RegionRead,
            10 => Self::RegionWrite,
            13 => Self::DeviceReset,
            _ => return None,
        })
    }
}

/// VERSION, before its JSON text.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct Version {
    pub(crate) major: u16,
    pub(crate) minor: u16,
}

/// DMA_MAP.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct DmaMap {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    /// Where in the file of the descriptor the range begins.
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

pub(crate) const DMA_MAP_READ: u32 = 1 << 0;
pub(crate) const DMA_MAP_WRITE: u32 = 1 << 1;

/// DMA_UNMAP, and its reply with the bytes that were unmapped.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct DmaUnmap {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) address: u64,
    pub(crate) size: u64,
}

/// "Report dirty pages" is bit 0 and not offered.
pub(crate) const DMA_UNMAP_ALL: u32 = 1 << 1;

/// DEVICE_GET_INFO.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct DeviceInfo {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) regions: u32,
    pub(crate) irqs: u32,
}

pub(crate) const DEVICE_RESETTABLE: u32 = 1 << 0;
pub(crate) const DEVICE_PCI: u32 = 1 << 1;

/// DEVICE_GET_REGION_INFO.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct RegionInfo {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) capability_offset: u32,
    pub(crate) size: u64,
    pub(crate) offset: u64,
}

pub(crate) const REGION_READ: u32 = 1 << 0;
pub(crate) const REGION_WRITE: u32 = 1 << 1;

/// Regions of a PCI function in VFIO's order: six BARs, ROM, configuration space, VGA.
pub(crate) const REGION_COUNT: u32 = 9;
pub(crate) const REGION_BAR0: u32 = 0;
pub(crate) const REGION_CONFIG: u32 = 7;

/// DEVICE_GET_IRQ_INFO.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct IrqInfo {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) count: u32,
}

pub(crate) const IRQ_EVENTFD: u32 = 1 << 0;
pub(crate) const IRQ_MASKABLE: u32 = 1 << 1;
pub(crate) const IRQ_AUTOMASKED: u32 = 1 << 2;
pub(crate) const IRQ_NORESIZE: u32 = 1 << 3;

/// Interrupts of a PCI function in VFIO's order: INTx, MSI, MSI-X, ERR, REQ.
pub(crate) const IRQ_COUNT: u32 = 5;

/// DEVICE_SET_IRQS, before its data.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct SetIrqs {
    pub(crate) argsz: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) start: u32,
    pub(crate) count: u32,
}

pub(crate) const SET_DATA_NONE: u32 = 1 << 0;
pub(crate) const SET_DATA_BOOL: u32 = 1 << 1;
pub(crate) const SET_DATA_EVENTFD: u32 = 1 << 2;
pub(crate) const SET_ACTION_MASK: u32 = 1 << 3;
pub(crate) const SET_ACTION_UNMASK: u32 = 1 << 4;
pub(crate) const SET_ACTION_TRIGGER: u32 = 1 << 5;

/// REGION_READ and REGION_WRITE, before the bytes.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub(crate) struct RegionAccess {
    pub(crate) offset: u64,
    pub(crate) region: u32,
    pub(crate) count: u32,
}

/// Most bytes of one region access, told to the monitor; no region is larger.
pub(crate) const MAX_DATA: usize = 4096;

/// Longest message that is taken: a VERSION with a generous text, or a region write.
pub(crate) const MAX_MESSAGE: usize = 16 * 1024;

/// Most descriptors in one message, told to the monitor.
pub(crate) const MAX_DESCRIPTORS: usize = 8;
