//! The client side of a measurement: the same for every server.

use crate::servers::Users;
use crate::sys;
use anyhow::{Context, Result, anyhow, ensure};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// The echo client of `echo.toml`, as it is on the wire.
const ECHO: [u8; 16] =
    [0x3A, 0x1B, 0x6E, 0x5D, 0x7C, 0x0B, 0x5E, 0x4C, 0x9F, 0x2A, 0x7A, 0x1D, 0x4E, 0x8C, 0, 1];
/// Before a measurement, for caches, branch predictors and what is allocated once.
const WARM_UP: Duration = Duration::from_millis(50);
/// Stack of a thread that has two messages on it.
const STACK: usize = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The file.
    #[arg(long)]
    file: PathBuf,
    /// Whether it wants a CONNECT.
    #[arg(long, value_enum)]
    kind: Kind,
    /// Open files.
    #[arg(long)]
    handles: usize,
    /// Who uses them.
    #[arg(long, value_enum)]
    users: Users,
    /// Bytes of a message.
    #[arg(long)]
    size: usize,
    /// Length of the measurement.
    #[arg(long)]
    seconds: f64,
    /// Process that serves the file.
    #[arg(long)]
    server: u32,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A MEI device.
    Mei,
    /// A file that echoes by itself.
    Plain,
}

/// What a client prints and `echo` reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// Microseconds per round trip, by the clock.
    pub(crate) time: f64,
    /// Processor time of client and server per round trip, microseconds.
    pub(crate) work: f64,
    /// Round trips of the busiest handle for one of the idlest.
    pub(crate) evenness: f64,
}

impl FromStr for Measured {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [time, work, evenness] = numbers[..] else { return Err(anyhow!("the client printed {text:?}")) };
        Ok(Self { time, work, evenness })
    }
}

/// Opens the file, ready for messages.
pub(crate) fn open(path: &Path, kind: Kind) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.with_context(|| path.display().to_string())?;
    if kind == Kind::Mei {
        sys::connect(file.as_fd(), ECHO).context("CONNECT")?;
    }
    Ok(file)
}

/// Prints a [`Measured`].
pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let length = Duration::try_from_secs_f64(arguments.seconds)?;
    let files: Vec<File> =
        (0..arguments.handles).map(|_| open(&arguments.file, arguments.kind)).collect::<Result<_>>()?;
    let shares: Vec<&[File]> = match arguments.users {
        Users::Each => files.chunks(1).collect(),
        Users::One => vec![&files[..]],
    };
    // All of them and this thread, which keeps the time.
    let barrier = Barrier::new(shares.len() + 1);
    let work = || Ok::<_, anyhow::Error>(sys::processor_time(0)? + sys::processor_time(arguments.server)?);
    let (rounds, elapsed, work) = thread::scope(|scope| {
        let mut threads = Vec::new();
        for files in shares {
            let barrier = &barrier;
            let run = move || {
                let warm = echo(files, arguments.size, WARM_UP);
                barrier.wait();
                barrier.wait();
                warm?;
                echo(files, arguments.size, length)
            };
            threads.push(thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run)?);
        }
        barrier.wait();
        let before = work()?;
        let start = Instant::now();
        barrier.wait();
        let mut rounds: Vec<u32> = Vec::new();
        for thread in threads {
            rounds.extend(thread.join().map_err(|_| anyhow!("a thread panicked"))??);
        }
        let elapsed = start.elapsed();
        Ok::<_, anyhow::Error>((rounds, elapsed, work()? - before))
    })?;
    let all: u32 = rounds.iter().sum();
    let (least, most) = rounds.iter().min().zip(rounds.iter().max()).context("no handle")?;
    ensure!(*least > 0, "a handle had no round trip");
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(all);
    println!("{} {} {}", each(elapsed), each(work), f64::from(*most) / f64::from(*least));
    Ok(())
}

/// Writes to one file after the other and reads back until the time is over; round trips of each.
fn echo(files: &[File], size: usize, length: Duration) -> Result<Vec<u32>> {
    let mut message = vec![0x5A; size];
    let mut answer = vec![0; size];
    let mut rounds = vec![0u32; files.len()];
    let end = Instant::now() + length;
    loop {
        for (mut file, round) in files.iter().zip(&mut rounds) {
            if Instant::now() >= end {
                return Ok(rounds);
            }
            message[..4].copy_from_slice(&round.to_le_bytes());
            ensure!(file.write(&message).context("write")? == size, "a short write");
            ensure!(file.read(&mut answer).context("read")? == size, "a short read");
            ensure!(answer == message, "the echo differs in round {round}");
            *round += 1;
        }
    }
}
