//! `umei info`: what is behind a MEI device.

mod amt;
mod firmware;
mod problems;
mod report;
mod text;

use super::output::{print, print_json};
use super::remedy::with_remedy;
use mei_client::{Error, Node, Timeouts, sysfs::Attributes};
use problems::Problems;
use report::{Link, Report};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Show what is behind a MEI device: versions, status registers, state of AMT
///
/// Works on any MEI device, the kernel driver's or an emulated one, and prints what there is. Exit status: 0 when
/// everything that the device has was read, 1 when something failed; what failed is explained.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The device node [default: the first of /dev/mei, /dev/mei0 … /dev/mei3 that exists]
    #[arg(long, short, value_name = "NODE")]
    device: Option<PathBuf>,
    /// The sysfs tree with the device's attributes [default: /sys, for a node in /dev]
    #[arg(long, value_name = "DIR")]
    sysfs: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A local answer takes milliseconds; a person waits this long for each part that does not come.
const TIMEOUTS: Timeouts = Timeouts { send: Duration::from_secs(3), answer: Duration::from_secs(5) };

pub(crate) fn main(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let usual = || Node::USUAL.into_iter().map(Path::new).find(|path| path.exists());
    let device = match &arguments.device {
        Some(device) => device.as_path(),
        None => usual().unwrap_or(Path::new("/dev/mei0")),
    };
    let sysfs =
        arguments.sysfs.as_deref().or_else(|| device.starts_with("/dev").then_some(Path::new("/sys")));
    let report = match collect(device, sysfs) {
        Ok(report) => report,
        Err(error) => {
            let remedy = error.remedy();
            return Err(with_remedy(error, remedy));
        }
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&text::render(&report))?;
    }
    Ok(if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads everything there is.
///
/// # Errors
/// When the device itself cannot be opened and sysfs does not know it either. Whatever else fails is in the report.
fn collect(device: &Path, sysfs: Option<&Path>) -> Result<Report, Error> {
    let name = Attributes::name_of(device);
    let attributes = sysfs.zip(name).and_then(|(sysfs, name)| Attributes::read(sysfs, &name));
    let mut problems = Problems::default();
    let opened = Node::open(device).map(drop);
    let reachable = match opened {
        Ok(()) => true,
        Err(error) if attributes.is_none() => return Err(error),
        Err(error) => {
            problems.add("device", &error);
            false
        }
    };
    let link = attributes.map(Link::from);
    let (mut firmware, mut amt) = (None, None);
    if reachable {
        firmware = firmware::collect(device, &mut problems);
        amt = amt::collect(device, &mut problems);
    }
    Ok(Report { device: device.display().to_string(), link, firmware, amt, problems: problems.into_list() })
}
