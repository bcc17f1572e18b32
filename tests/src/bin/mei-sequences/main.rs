//! Runs the sequences of known programs on a device node, whoever serves it: one line each, then the count.

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use umei_tests::sequences::SEQUENCES;

#[derive(Parser)]
#[command(about = "Does with a MEI device what known programs do; it needs an engine with AMT")]
struct Arguments {
    /// The device.
    #[arg(long, default_value = "/dev/mei0")]
    device: PathBuf,
    /// Only sequences whose name contains this.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wanted = |name: &str| arguments.only.as_ref().is_none_or(|part| name.contains(part.as_str()));
    let (mut passed, mut failed) = (0, 0);
    for (name, sequence) in SEQUENCES.iter().filter(|(name, _)| wanted(name)) {
        match sequence(&arguments.device) {
            Ok(()) => {
                passed += 1;
                println!("{name} ok");
            }
            Err(error) => {
                failed += 1;
                println!("{name} FAILED {error:#}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, 0 skipped");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
