//! Upsets every function that the kernel's driver has, all at once, and judges how they come back: each device is
//! ENABLED again, a client has its answer from each, and the kernel says no more than it would on real hardware.
//!
//! What only the machine can do to its functions, the harness outside is asked for by a line on standard output.

mod functions;
mod kernel_log;
mod upset;

use anyhow::{Result, ensure};
use clap::Parser;
use functions::Function;
use kernel_log::KernelLog;
use std::process::ExitCode;
use std::time::Instant;
use upset::Upset;

#[derive(Parser)]
#[command(about = "Upsets functions that mei_me drives, and judges how they come back")]
struct Arguments {
    /// How they are upset
    #[arg(value_enum)]
    upset: Upset,
    /// So often
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// A shell command for each device, which is /dev/mei0 for it; it has to succeed in the end
    #[arg(long)]
    client: String,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mei-recover: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let functions = Function::all()?;
    ensure!(!functions.is_empty(), "mei_me has no function");
    functions::wait_until_enabled(&functions)?;
    let mut log = KernelLog::from_now_on()?;
    let start = Instant::now();
    for _ in 0..arguments.times {
        arguments.upset.carry_out(&functions, &mut log)?;
        functions::wait_until_enabled(&functions)?;
    }
    println!("upset {} functions {} times in {:.1?}", functions.len(), arguments.times, start.elapsed());
    functions::serve(&functions, &arguments.client)?;
    functions::wait_until_enabled(&functions)?;
    log.judge(&functions, arguments.upset.allowed())
}
