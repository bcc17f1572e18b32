//! Compares what `strace -ff -y -x -o PREFIX` logged of a program on two devices. Prints what differs and fails then;
//! fails also when a log has not the calls that a program makes on a MEI device, so that it cannot pass for nothing.

use anyhow::{Result, ensure};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use umei_tests::strace::{Calls, Log, compare};

#[derive(Parser)]
#[command(about = "Compares what strace logged of a program on two devices")]
struct Arguments {
    /// The device, as the program was told.
    #[arg(long, default_value = "/dev/mei0")]
    device: String,
    /// Looks at every call, not only at those on the device.
    #[arg(long)]
    whole: bool,
    /// Prefix of the files of the run on the kernel's device.
    theirs: PathBuf,
    /// Prefix of the files of the run on ours.
    ours: PathBuf,
}

/// What any program does on a MEI device.
const NEEDED: [&str; 5] = ["openat", "ioctl", "write", "read", "close"];

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(is_equal) => {
            if is_equal {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("mei-strace: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    let on_device = Calls::Device(arguments.device.clone());
    let mut made = 0;
    for prefix in [&arguments.theirs, &arguments.ours] {
        made = used(prefix, &on_device)?;
    }
    let calls = if arguments.whole { Calls::All } else { on_device };
    let theirs = Log::read(&arguments.theirs, &calls)?;
    let ours = Log::read(&arguments.ours, &calls)?;
    match compare(&ours, &theirs) {
        Ok(()) => {
            let lines: usize = ours.threads.iter().map(Vec::len).sum();
            println!("the same calls: {lines} lines compared, {made} of them on {}", arguments.device);
            Ok(true)
        }
        Err(difference) => {
            print!("the calls differ\n{difference}");
            Ok(false)
        }
    }
}

/// Calls on the device in a log, which must have some of each kind.
fn used(prefix: &Path, on_device: &Calls) -> Result<usize> {
    let log = Log::read(prefix, on_device)?;
    for call in NEEDED {
        ensure!(log.count(call) > 0, "{}: no {call} on the device", prefix.display());
    }
    Ok(log.threads.iter().map(Vec::len).sum())
}
