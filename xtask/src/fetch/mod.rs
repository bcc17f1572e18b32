//! What the tests need from package registries, in `target/fetch` and `target/clients`.
//!
//! A thing is there whole or not at all: it is made in a folder of its own and moved into place with a note of
//! the recipe that made it. A changed recipe makes it again.

mod apt;
mod clients;
mod kernel;
mod noiommu;
mod qemu;
mod store;
mod system;

use anyhow::Result;
use std::process::ExitCode;

pub(crate) use clients::packages_root;
pub(crate) use kernel::{busybox, modules, version as kernel_version, vmlinux};
pub(crate) use noiommu::vfio_module;
pub(crate) use qemu::command as qemu;

/// `cargo xtask fetch`.
pub(crate) fn main() -> Result<ExitCode> {
    everything()?;
    println!("everything is in {}", crate::workspace::fetched().display());
    Ok(ExitCode::SUCCESS)
}

/// Gets everything that is not there yet.
pub(crate) fn everything() -> Result<()> {
    let _alone = store::lock()?;
    system::ensure_tools()?;
    qemu::ensure()?;
    kernel::ensure()?;
    noiommu::ensure()?;
    clients::ensure()
}
