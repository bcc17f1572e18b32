//! `umei-bench beside`: two devices that are served already, measured in turn. Which they are and who serves them is
//! the caller's to say: the guest of `cargo xtask beside` sets the kernel's driver, umei and a program in C beside
//! each other.

use crate::client::{Kind, Measured};
use crate::servers::{Load, Placement, Users, run_client};
use crate::statistics::beside;
use anyhow::{Result, ensure};
use std::path::PathBuf;
use std::str::FromStr;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The device that is judged: KIND:FILE:PROCESS, where KIND is mei or plain and PROCESS the one that serves it, a
    /// thread of the kernel's for the kernel's driver
    #[arg(long, value_name = "DEVICE")]
    device: Device,
    /// The device that it is judged by
    #[arg(long, value_name = "DEVICE")]
    beside: Device,
    /// Pairs of measurements
    #[arg(long, default_value_t = 9)]
    pairs: usize,
    /// Length of one measurement
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Bytes of a message
    #[arg(long, value_delimiter = ',', default_value = "16,512,4096", value_parser = clap::value_parser!(u16).range(4..=4096))]
    sizes: Vec<u16>,
    /// Open files at a time, each with a thread
    #[arg(long, value_delimiter = ',', default_value = "1,8,64", value_parser = clap::value_parser!(u16).range(1..=254))]
    handles: Vec<u16>,
}

/// A device and who serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Device {
    kind: Kind,
    file: PathBuf,
    process: u32,
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "it is KIND:FILE:PROCESS, as in mei:/dev/mei0:123";
        let (kind, rest) = text.split_once(':').ok_or(FORM)?;
        let (file, process) = rest.rsplit_once(':').ok_or(FORM)?;
        let kind = match kind {
            "mei" => Kind::Mei,
            "plain" => Kind::Plain,
            _ => return Err(FORM.to_owned()),
        };
        let process = process.parse().map_err(|_| FORM)?;
        Ok(Self { kind, file: file.into(), process })
    }
}

impl Device {
    fn measure(&self, load: Load) -> Result<Measured> {
        run_client(&self.file, self.kind, self.process, load)
    }
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.pairs > 0, "at least one pair is needed");
    println!(
        "| bytes | handles | µs | µs of the other | quotient | quotient of work | busiest by idlest | of the other |"
    );
    println!("|--:|--:|--:|--:|---|---|--:|--:|");
    for size in &arguments.sizes {
        for handles in &arguments.handles {
            let load = Load {
                placement: Placement::Together,
                handles: usize::from(*handles),
                users: Users::Each,
                size: usize::from(*size),
                seconds: arguments.seconds,
            };
            let mut pairs = Vec::new();
            for _ in 0..arguments.pairs {
                pairs.push((arguments.device.measure(load)?, arguments.beside.measure(load)?));
            }
            println!("| {size} | {handles} | {} |", beside(&pairs)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Device, Kind};

    #[test]
    fn a_device_is_a_kind_a_file_and_a_process() {
        let expected = Device { kind: Kind::Mei, file: "/dev/a:b".into(), process: 7 };
        assert_eq!("mei:/dev/a:b:7".parse(), Ok(expected));
        for wrong in ["", "mei", "mei:/dev/mei0", "mei:/dev/mei0:x", "uio:/dev/mei0:7"] {
            assert!(wrong.parse::<Device>().is_err(), "{wrong}");
        }
    }
}
