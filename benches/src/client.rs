//! The client side of a measurement: the same for every server.

use crate::sys;
use anyhow::{Context, Result, ensure};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Instant;

/// Bytes of a message.
const MESSAGE: usize = 512;
/// The echo client of `echo.toml`, as it is on the wire.
const ECHO: [u8; 16] =
    [0x3A, 0x1B, 0x6E, 0x5D, 0x7C, 0x0B, 0x5E, 0x4C, 0x9F, 0x2A, 0x7A, 0x1D, 0x4E, 0x8C, 0, 1];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file.
    #[arg(long)]
    file: PathBuf,
    /// Whether it wants a CONNECT.
    #[arg(long, value_enum)]
    kind: Kind,
    /// Open files, used in turn.
    #[arg(long)]
    handles: usize,
    /// Round trips.
    #[arg(long)]
    rounds: u32,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A MEI device.
    Mei,
    /// A file that echoes by itself.
    Plain,
}

/// Prints nanoseconds per round trip.
pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let mut files = Vec::new();
    for _ in 0..arguments.handles {
        let file = OpenOptions::new().read(true).write(true).open(&arguments.file);
        let file = file.with_context(|| arguments.file.display().to_string())?;
        if arguments.kind == Kind::Mei {
            sys::connect(file.as_fd(), ECHO).context("CONNECT")?;
        }
        files.push(file);
    }
    // Caches and branch predictors of both sides, and what is allocated once.
    run(&mut files, arguments.rounds / 10)?;
    let start = Instant::now();
    run(&mut files, arguments.rounds)?;
    println!("{}", start.elapsed().as_nanos() / u128::from(arguments.rounds.max(1)));
    Ok(())
}

fn run(files: &mut [File], rounds: u32) -> Result<()> {
    let mut message = [0x5A; MESSAGE];
    let mut answer = [0; MESSAGE];
    let mut next = 0;
    for round in 0..rounds {
        message[..4].copy_from_slice(&round.to_le_bytes());
        let file = &mut files[next];
        ensure!(file.write(&message).context("write")? == MESSAGE, "a short write");
        ensure!(file.read(&mut answer).context("read")? == MESSAGE, "a short read");
        ensure!(answer == message, "the echo differs in round {round}");
        next = (next + 1) % files.len();
    }
    Ok(())
}
