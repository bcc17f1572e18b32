//! `umei bind`: a PCI function from the kernel to user space.

use super::remedy::with_remedy;
use mei_pci_uio::{Address, BindRequest, Obstacles, System, Target, bind};
use std::path::PathBuf;
use std::process::ExitCode;

/// Hand a MEI function of this machine to user space
///
/// Takes the function from its driver (mei_me: /dev/mei0 disappears) and gives it to vfio-pci, uio_pci_generic or
/// nobody. How it was before is kept in /run/umei/bound until `umei unbind` gives it back, also when the program that
/// used it has died. Then: umei serve --backend pci:ADDR.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The function, such as 0000:00:16.0 or 00:16.0; umei ls lists them
    #[arg(value_name = "ADDR")]
    address: Address,
    /// The driver: vfio-pci, uio_pci_generic, none (the sysfs resource, polled) or auto, the best of them
    #[arg(long, default_value = "auto")]
    driver: String,
    /// The generation of a function that is not known yet, such as PCH15
    #[arg(long = "as", value_name = "GENERATION")]
    generation: Option<String>,
    /// Go on although the kernel would refuse the function (server firmware) or programs have it open
    #[arg(long)]
    force: bool,
    /// Another root for /sys, /proc, /dev and /run
    #[arg(long, hide = true, default_value = "/")]
    root: PathBuf,
}

pub(crate) fn main(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { address, driver, generation, force, root } = arguments;
    let target = match driver.as_str() {
        "auto" => Target::Automatic,
        "none" => Target::Nobody,
        _ => Target::Driver(driver),
    };
    let obstacles = if force { Obstacles::Ignore } else { Obstacles::Respect };
    let request = BindRequest { target, generation, obstacles };
    let change = bind(&System::at(root), address, &request).map_err(|error| {
        let remedy = error.remedy();
        with_remedy(error, remedy)
    })?;
    for note in &change.notes {
        println!("note: {note}");
    }
    let to = change.to.as_deref().unwrap_or("nobody: it is reached through its sysfs resource");
    match change.from {
        from if from == change.to => println!("{address} is already bound to {to}"),
        Some(from) => println!("{address} is bound to {to} (it was {from}'s)"),
        None => println!("{address} is bound to {to}"),
    }
    Ok(ExitCode::SUCCESS)
}
