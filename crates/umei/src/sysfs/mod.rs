//! What sysfs shows of a device, as a file system of its own: the class, the PCI function, the client bus
//! (`device-abi.md` §12, §13, `clients.md` §1.12).

mod model;
mod server;
mod source;

use std::path::Path;

use anyhow::Result;
use cuse_frontend::Remote;
use mei_wire::{Device, pci};

pub(crate) use self::model::Placement;
pub(crate) use self::server::Serving;

/// Where an ME sits on every machine that has one, and an emulated one.
pub(crate) const ADDRESS: &str = "0000:00:16.0";

/// Mounts the tree of the device behind `remote` on `mountpoint` and serves it from a thread of its own.
///
/// # Errors
/// When it cannot be mounted.
pub(crate) fn serve<D: Device + 'static>(
    mountpoint: &Path,
    remote: Remote<D>,
    function: pci::Device,
    placement: Placement,
) -> Result<Serving> {
    let source = source::Host::new(remote);
    let watch = source.watch()?;
    server::start(mountpoint, source, watch, function, &placement)
}
