//! The VFIO ioctls, one function each (`linux/vfio.h`).

use rustix::io::{self, Errno};
use std::ffi::{CStr, c_int, c_ulong};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use vfio_bindings::bindings::vfio as abi;

pub(crate) use abi::{vfio_irq_info, vfio_region_info};

/// What `SET_IOMMU` and `CHECK_EXTENSION` take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum IommuKind {
    /// The first version of type 1.
    Type1 = abi::VFIO_TYPE1_IOMMU,
    /// The second.
    Type1V2 = abi::VFIO_TYPE1v2_IOMMU,
    /// No IOMMU at all: no DMA either.
    None = abi::VFIO_NOIOMMU_IOMMU,
}

/// An interrupt of a PCI function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Irq {
    /// The level-triggered line.
    IntX = abi::VFIO_PCI_INTX_IRQ_INDEX,
    /// A message.
    Msi = abi::VFIO_PCI_MSI_IRQ_INDEX,
    /// VFIO wants the device back.
    Request = abi::VFIO_PCI_REQ_IRQ_INDEX,
}

const API_VERSION: c_ulong = 0x3B64;
const CHECK_EXTENSION: c_ulong = 0x3B65;
const SET_IOMMU: c_ulong = 0x3B66;
const GROUP_GET_STATUS: c_ulong = 0x3B67;
const GROUP_SET_CONTAINER: c_ulong = 0x3B68;
const GROUP_GET_DEVICE_FD: c_ulong = 0x3B6A;
const DEVICE_GET_REGION_INFO: c_ulong = 0x3B6C;
const DEVICE_GET_IRQ_INFO: c_ulong = 0x3B6D;
const DEVICE_SET_IRQS: c_ulong = 0x3B6E;
pub(super) const IOMMU_MAP_DMA: c_ulong = 0x3B71;
pub(super) const IOMMU_UNMAP_DMA: c_ulong = 0x3B72;

fn result(value: c_int) -> io::Result<u32> {
    // Not negative: a result. Negative: the errno is set.
    u32::try_from(value)
        .map_err(|_| Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}

/// An ioctl that takes a number.
fn with_number(fd: BorrowedFd<'_>, command: c_ulong, argument: c_ulong) -> io::Result<u32> {
    // SAFETY: the commands that are called this way take a number and touch no memory.
    result(unsafe { libc::ioctl(fd.as_raw_fd(), command as _, argument) })
}

/// An ioctl that takes a structure.
///
/// # Safety
/// `command` reads and writes no more than a `T`, and does with it nothing that outlives the call.
pub(super) unsafe fn with_structure<T>(
    fd: BorrowedFd<'_>,
    command: c_ulong,
    argument: &mut T,
) -> io::Result<u32> {
    // SAFETY: the caller vouches for the command.
    result(unsafe { libc::ioctl(fd.as_raw_fd(), command as _, std::ptr::from_mut(argument)) })
}

/// Bytes of a structure, as it states its own size.
#[expect(clippy::cast_possible_truncation, reason = "structures of a few dozen bytes")]
pub(super) const fn size<T>() -> u32 {
    size_of::<T>() as u32
}

/// `VFIO_GET_API_VERSION` of a container.
pub(crate) fn api_version(container: BorrowedFd<'_>) -> io::Result<u32> {
    with_number(container, API_VERSION, 0)
}

/// `VFIO_CHECK_EXTENSION`: whether the container knows that kind of IOMMU.
pub(crate) fn knows(container: BorrowedFd<'_>, kind: IommuKind) -> bool {
    with_number(container, CHECK_EXTENSION, kind as c_ulong).is_ok_and(|answer| answer != 0)
}

/// `VFIO_SET_IOMMU` of a container that has a group.
pub(crate) fn set_iommu(container: BorrowedFd<'_>, kind: IommuKind) -> io::Result<()> {
    with_number(container, SET_IOMMU, kind as c_ulong).map(drop)
}

/// `VFIO_GROUP_GET_STATUS`: whether every function of the group is free for user space.
pub(crate) fn is_viable(group: BorrowedFd<'_>) -> io::Result<bool> {
    let mut status = abi::vfio_group_status { argsz: size::<abi::vfio_group_status>(), flags: 0 };
    // SAFETY: the command fills in that structure.
    unsafe { with_structure(group, GROUP_GET_STATUS, &mut status)? };
    Ok(status.flags & abi::VFIO_GROUP_FLAGS_VIABLE != 0)
}

/// `VFIO_GROUP_SET_CONTAINER`.
pub(crate) fn set_container(group: BorrowedFd<'_>, container: BorrowedFd<'_>) -> io::Result<()> {
    let mut descriptor = container.as_raw_fd();
    // SAFETY: the command reads an int.
    unsafe { with_structure(group, GROUP_SET_CONTAINER, &mut descriptor) }.map(drop)
}

/// `VFIO_GROUP_GET_DEVICE_FD` for the function called `name`.
pub(crate) fn device(group: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: the command reads a C string.
    let fd = result(unsafe { libc::ioctl(group.as_raw_fd(), GROUP_GET_DEVICE_FD as _, name.as_ptr()) })?;
    let fd = c_int::try_from(fd).map_err(|_| Errno::BADF)?;
    // SAFETY: the command returned a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `VFIO_DEVICE_GET_REGION_INFO`.
pub(crate) fn region(device: BorrowedFd<'_>, index: u32) -> io::Result<vfio_region_info> {
    let mut info =
        vfio_region_info { argsz: size::<vfio_region_info>(), index, ..vfio_region_info::default() };
    // SAFETY: the command fills in that structure, no longer than its argsz.
    unsafe { with_structure(device, DEVICE_GET_REGION_INFO, &mut info)? };
    Ok(info)
}

/// `VFIO_DEVICE_GET_IRQ_INFO`.
pub(crate) fn irq(device: BorrowedFd<'_>, irq: Irq) -> io::Result<vfio_irq_info> {
    let mut info =
        vfio_irq_info { argsz: size::<vfio_irq_info>(), index: irq as u32, ..vfio_irq_info::default() };
    // SAFETY: the command fills in that structure.
    unsafe { with_structure(device, DEVICE_GET_IRQ_INFO, &mut info)? };
    Ok(info)
}

/// `vfio_irq_set` with room for one descriptor.
#[repr(C)]
struct IrqSet {
    argsz: u32,
    flags: u32,
    index: u32,
    start: u32,
    count: u32,
    descriptor: c_int,
}

/// `VFIO_DEVICE_SET_IRQS`: lets `irq` count up `event`.
pub(crate) fn trigger(device: BorrowedFd<'_>, irq: Irq, event: BorrowedFd<'_>) -> io::Result<()> {
    let mut set = IrqSet {
        argsz: size::<IrqSet>(),
        flags: abi::VFIO_IRQ_SET_DATA_EVENTFD | abi::VFIO_IRQ_SET_ACTION_TRIGGER,
        index: irq as u32,
        start: 0,
        count: 1,
        descriptor: event.as_raw_fd(),
    };
    // SAFETY: the command reads the structure and, with these flags, one int after it.
    unsafe { with_structure(device, DEVICE_SET_IRQS, &mut set) }.map(drop)
}

/// `VFIO_DEVICE_SET_IRQS`: opens the line that was masked when it fired.
pub(crate) fn unmask(device: BorrowedFd<'_>, irq: Irq) -> io::Result<()> {
    let mut set = abi::vfio_irq_set {
        argsz: size::<abi::vfio_irq_set>(),
        flags: abi::VFIO_IRQ_SET_DATA_NONE | abi::VFIO_IRQ_SET_ACTION_UNMASK,
        index: irq as u32,
        start: 0,
        count: 1,
        ..Default::default()
    };
    // SAFETY: the command reads the structure and, with these flags, nothing after it.
    unsafe { with_structure(device, DEVICE_SET_IRQS, &mut set) }.map(drop)
}
