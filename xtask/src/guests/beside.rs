//! `cargo xtask beside`: how fast umei answers beside the kernel's driver and beside a program in C, in one guest.
//! The same as the jobs `beside-smoke` and, with `--instructions`, `instructions-smoke`, with release builds and long
//! enough to mean something; what it prints goes into `docs/performance.md`.

use super::jobs::beside::{count, measure};
use super::{Show, personas, run};
use crate::fetch;
use crate::process::run_ok;
use crate::test::summary::Summary;
use crate::workspace::{self, Profile};
use anyhow::Result;
use std::process::ExitCode;
use std::time::Duration;

/// A release build on a slow machine.
const COMPILE: Duration = Duration::from_secs(3600);
/// All measurements under emulation.
const MEASURE: u64 = 7200;

/// How to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Pairs of measurements
    #[arg(long, default_value_t = 9)]
    pairs: u32,
    /// Length of one measurement
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Bytes of a message
    #[arg(long, default_value = "16,512,4096")]
    sizes: String,
    /// Open files at a time
    #[arg(long, default_value = "1,8,64")]
    handles: String,
    /// Counts instructions instead of measuring time, over CUSE only: the same on any machine and under any load
    #[arg(long)]
    instructions: bool,
    /// Takes the release programs as they were last built
    #[arg(long)]
    no_build: bool,
}

/// `cargo xtask beside`.
pub(crate) fn main(arguments: &Arguments) -> Result<ExitCode> {
    workspace::take_programs_of(Profile::Release);
    fetch::everything()?;
    if !arguments.no_build {
        let mut command = workspace::cargo(&["build", "--release", "--bins"]);
        command.args(["-p", "umei", "-p", "umei-bench", "-p", "umei-guest", "-p", "umei-tests"]);
        run_ok(&mut command, &workspace::log("build release"), COMPILE)?;
    }
    let Arguments { pairs, seconds, sizes, handles, instructions, .. } = arguments;
    let options = format!("--pairs {pairs} --seconds {seconds} --sizes {sizes} --handles {handles}");
    let job = if *instructions { count("instructions", &options) } else { measure("beside", &options) };
    let mut summary = Summary::default();
    run(&[job.within(MEASURE)], &personas::builtin()?, Show::Everything, &mut summary)?;
    let failed = summary.counts().failed > 0;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
