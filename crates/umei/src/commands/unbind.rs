//! `umei unbind`: a PCI function back to the kernel.

use super::remedy::with_remedy;
use mei_pci_uio::{Address, Obstacles, System, unbind};
use std::path::PathBuf;
use std::process::ExitCode;

/// Give a MEI function back to the driver that it had before `umei bind`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The function, such as 0000:00:16.0 or 00:16.0; umei ls lists them
    #[arg(value_name = "ADDR")]
    address: Address,
    /// Go on although programs have it open
    #[arg(long)]
    force: bool,
    /// Another root for /sys, /proc, /dev and /run
    #[arg(long, hide = true, default_value = "/")]
    root: PathBuf,
}

pub(crate) fn main(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { address, force, root } = arguments;
    let obstacles = if force { Obstacles::Ignore } else { Obstacles::Respect };
    let change = unbind(&System::at(root), address, obstacles).map_err(|error| {
        let remedy = error.remedy();
        with_remedy(error, remedy)
    })?;
    match change.to {
        Some(driver) => println!("{address} is driven by {driver} again"),
        None => println!("{address} has no driver, as before"),
    }
    Ok(ExitCode::SUCCESS)
}
