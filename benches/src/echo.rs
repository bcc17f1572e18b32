//! `umei-bench echo`: pairs of measurements, their medians, their quotient.

use crate::servers::{Load, Peer, Placement, umei};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// What it takes in turn.
const HANDLES: [usize; 3] = [1, 16, 254];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// umei, built for release; beside this program by default.
    #[arg(long)]
    umei: Option<PathBuf>,
    /// `fuse-echo`, built from `peers/fuse-echo.c`.
    #[arg(long)]
    peer: PathBuf,
    /// Pairs of measurements.
    #[arg(long, default_value_t = 9)]
    pairs: usize,
    /// Round trips of one measurement.
    #[arg(long, default_value_t = 20_000)]
    rounds: u32,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let umei_program = match &arguments.umei {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("umei"),
    };
    let persona = Path::new(env!("CARGO_MANIFEST_DIR")).join("echo.toml");
    println!("512-byte write and read, median of {} pairs, microseconds", arguments.pairs);
    println!("| processors | handles | umei | fuse-echo | quotient | fastest, slowest umei |");
    println!("|---|--:|--:|--:|--:|---|");
    for placement in [Placement::Together, Placement::Apart] {
        for handles in HANDLES {
            let load = Load { placement, handles, rounds: arguments.rounds };
            let peer = Peer::start(&arguments.peer)?;
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..arguments.pairs {
                ours.push(umei(&umei_program, &persona, load)?);
                theirs.push(peer.measure(load)?);
            }
            print_row(load, &mut ours, &mut theirs)?;
        }
    }
    Ok(())
}

fn print_row(load: Load, ours: &mut [u64], theirs: &mut [u64]) -> Result<()> {
    let (own, other) = (median(ours)?, median(theirs)?);
    let micros = |nanos: u64| format!("{}.{:02}", nanos / 1000, nanos % 1000 / 10);
    let percent = own * 100 / other.max(1);
    println!(
        "| {} | {} | {} | {} | {}.{:02} | {}, {} |",
        load.placement.name(),
        load.handles,
        micros(own),
        micros(other),
        percent / 100,
        percent % 100,
        micros(*ours.first().context("no measurement")?),
        micros(*ours.last().context("no measurement")?),
    );
    Ok(())
}

/// The median; the numbers are sorted after it.
fn median(numbers: &mut [u64]) -> Result<u64> {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().context("no measurement")
}
