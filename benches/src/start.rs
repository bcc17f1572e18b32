//! `umei-bench start`: how long a program waits for its device.

use crate::servers::umei_program;
use crate::statistics::Summary;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// umei, built for release; beside this program by default.
    #[arg(long)]
    umei: Option<PathBuf>,
    /// Runs.
    #[arg(long, default_value_t = 25)]
    runs: usize,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let umei = umei_program(arguments.umei.as_deref())?;
    let mut bare = Vec::new();
    let mut whole = Vec::new();
    for _ in 0..arguments.runs {
        bare.push(milliseconds(&mut Command::new("true"))?);
        whole.push(milliseconds(run(&mut Command::new(&umei)))?);
    }
    println!("median of {} runs (lowest–highest), ms, beginning to end:", arguments.runs);
    println!("true                {:.1}", Summary::of(bare)?);
    println!("umei run -- true    {:.1}", Summary::of(whole)?);
    Ok(())
}

fn run(command: &mut Command) -> &mut Command {
    command.args(["run", "--", "true"])
}

fn milliseconds(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    let status = command.status().with_context(|| Path::new(command.get_program()).display().to_string())?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(start.elapsed().as_secs_f64() * 1e3)
}
