//! A function behind vfio-pci: container, group, device (`Documentation/driver-api/vfio.rst`).

mod interrupts;
mod memory;

pub(crate) use interrupts::Interrupts;
pub(crate) use memory::Memory;

use crate::address::Address;
use crate::bar::Bar;
use crate::error::{OpenError, Step};
use crate::sys::{Mapping, vfio};
use crate::system::System;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use vfio_bindings::bindings::vfio as abi;

/// An opened device, and what keeps it open. Dropping it gives it back to VFIO, which resets it.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) device: Arc<OwnedFd>,
    // Both must stay open for as long as the device is used.
    _group: OwnedFd,
    container: Arc<OwnedFd>,
    kind: vfio::IommuKind,
}

impl Device {
    /// Opens the function at `address`, which is bound to vfio-pci.
    pub(crate) fn open(system: &System, address: Address) -> Result<Self, OpenError> {
        let link = system.sys(format!("bus/pci/devices/{address}/iommu_group"));
        let number = system.link_name(link).ok_or(OpenError::NoGroup { address })?;
        let container = open(&system.dev("vfio/vfio"))?;
        if vfio::api_version(container.as_fd()).map_err(Step::Container.failed())? != abi::VFIO_API_VERSION {
            return Err(Step::Container.failed()(Errno::PROTO));
        }
        let (path, without_iommu) = match system.dev(format!("vfio/{number}")) {
            path if path.exists() => (path, false),
            _ => (system.dev(format!("vfio/noiommu-{number}")), true),
        };
        let group = open(&path)?;
        if !vfio::is_viable(group.as_fd()).map_err(Step::Group.failed())? {
            return Err(OpenError::GroupNotViable {
                address,
                others: crate::group::others_held(system, address),
            });
        }
        vfio::set_container(group.as_fd(), container.as_fd()).map_err(Step::Group.failed())?;
        let kind = if without_iommu {
            vfio::IommuKind::None
        } else if vfio::knows(container.as_fd(), vfio::IommuKind::Type1V2) {
            vfio::IommuKind::Type1V2
        } else {
            vfio::IommuKind::Type1
        };
        vfio::set_iommu(container.as_fd(), kind).map_err(Step::Iommu.failed())?;
        let name = CString::new(address.to_string()).expect("an address has no NUL");
        let device = vfio::device(group.as_fd(), &name).map_err(Step::Device.failed())?;
        log::info!("{address}: {} with {kind:?}", path.display());
        Ok(Self { device: Arc::new(device), _group: group, container: Arc::new(container), kind })
    }

    /// BAR0.
    pub(crate) fn bar(&self) -> Result<Bar, OpenError> {
        let region = vfio::region(self.device.as_fd(), abi::VFIO_PCI_BAR0_REGION_INDEX)
            .map_err(Step::Region.failed())?;
        let size = u32::try_from(region.size).unwrap_or(u32::MAX).min(mei_wire::registers::BAR0_SIZE);
        if size < OpenError::SMALLEST_BAR {
            return Err(OpenError::NoRegisters { size: region.size });
        }
        let page = rustix::param::page_size();
        if region.flags & abi::VFIO_REGION_INFO_FLAG_MMAP != 0 && region.size >= page as u64 {
            match Mapping::new(self.device.as_fd(), region.offset, page) {
                Ok(mapping) => return Ok(Bar::mapped(mapping, 0, size)),
                Err(errno) => log::info!("BAR0 cannot be mapped ({errno}): it is read and written by calls"),
            }
        }
        Ok(Bar::file(Arc::clone(&self.device), region.offset, size))
    }

    /// Where configuration space is in the device's descriptor.
    pub(crate) fn config_offset(&self) -> Result<u64, OpenError> {
        let region = vfio::region(self.device.as_fd(), abi::VFIO_PCI_CONFIG_REGION_INDEX)
            .map_err(Step::Region.failed())?;
        Ok(region.offset)
    }

    /// Memory for DMA, where there is an IOMMU that lets the function at nothing else.
    pub(crate) fn memory(&self) -> Option<Memory> {
        (self.kind != vfio::IommuKind::None).then(|| Memory::new(Arc::clone(&self.container)))
    }
}

fn open(path: &Path) -> Result<OwnedFd, OpenError> {
    rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| OpenError::Node { path: path.to_owned(), errno })
}
