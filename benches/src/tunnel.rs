//! `umei-bench tunnel`: bytes per second through the example `lms` and LME, beside a relay of TCP by socat.

mod relay;

use crate::servers::{Server, umei_program};
use crate::statistics::Summary;
use anyhow::{Context, Result, ensure};
use relay::Relay;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// umei, built for release; beside this program by default.
    #[arg(long)]
    umei: Option<PathBuf>,
    /// `lms` of the examples; beside this program by default.
    #[arg(long)]
    lms: Option<PathBuf>,
    /// Pairs of measurements.
    #[arg(long, default_value_t = 9)]
    pairs: usize,
    /// Length of one measurement.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
}

/// Which way the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From a service that says as much as it can.
    Down,
    /// To a service that gives back what it gets.
    ThereAndBack,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Down => "to the program",
            Self::ThereAndBack => "there and back",
        }
    }

    /// The port of `tunnel.toml`.
    fn port(self) -> u16 {
        match self {
            Self::Down => 20019,
            Self::ThereAndBack => 20007,
        }
    }
}

/// How long a service may take to listen, and a byte to come.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let persona = Path::new(env!("CARGO_MANIFEST_DIR")).join("tunnel.toml");
    let umei = Server::umei_as(&umei_program(arguments.umei.as_deref())?, &persona)?;
    let lms = match &arguments.lms {
        Some(path) => path.clone(),
        None => std::env::current_exe().context("the path of umei-bench")?.with_file_name("lms"),
    };
    let mut service = Command::new(lms);
    let _service = Running::start(service.arg(umei.file()).stdout(Stdio::null()))?;
    let relays = [Way::Down, Way::ThereAndBack].map(|way| (way, Relay::start(way)));
    println!("Medians of {} pairs (lowest–highest); one connection.", arguments.pairs);
    println!();
    println!("| bytes go | umei, MiB/s | socat, MiB/s | quotient |");
    println!("|---|--:|--:|--:|");
    for (way, relay) in relays {
        let relay = relay?;
        let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, way.port()));
        let length = Duration::from_secs_f64(arguments.seconds);
        let mut pairs = Vec::new();
        for _ in 0..arguments.pairs {
            pairs.push((measure(way, ours, length)?, measure(way, relay.address(), length)?));
        }
        let summary = |number: fn(&(f64, f64)) -> f64| Summary::of(pairs.iter().map(number));
        println!(
            "| {} | {:.1} | {:.0} | {:.3} |",
            way.name(),
            summary(|(ours, _)| *ours)?,
            summary(|(_, theirs)| *theirs)?,
            summary(|(ours, theirs)| ours / theirs)?,
        );
    }
    Ok(())
}

/// MiB per second that come.
fn measure(way: Way, address: SocketAddr, length: Duration) -> Result<f64> {
    let mut stream = connect(address)?;
    let mut buffer = vec![0; 64 * 1024];
    std::thread::scope(|scope| {
        if way == Way::ThereAndBack {
            let mut writer = stream.try_clone().context("a second descriptor")?;
            // Until the reader has had enough.
            scope.spawn(move || while writer.write_all(&[0x55; 64 * 1024]).is_ok() {});
        }
        // What the first byte waits for is not measured.
        let mut read = |stream: &mut TcpStream| -> Result<usize> {
            let count = stream.read(&mut buffer).with_context(|| format!("from {address}"))?;
            ensure!(count > 0, "{address} ends the connection");
            Ok(count)
        };
        let first = read(&mut stream);
        let start = Instant::now();
        let mut bytes = 0;
        let mut outcome = first.map(drop);
        while outcome.is_ok() && start.elapsed() < length {
            outcome = read(&mut stream).map(|count| bytes += count);
        }
        let seconds = start.elapsed().as_secs_f64();
        let _ = stream.shutdown(Shutdown::Both);
        outcome.map(|()| bytes as f64 / seconds / f64::from(1 << 20))
    })
}

/// A connection, once somebody listens.
fn connect(address: SocketAddr) -> Result<TcpStream> {
    let start = Instant::now();
    let stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused && start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error).with_context(|| format!("connect to {address}")),
        }
    };
    stream.set_read_timeout(Some(PATIENCE)).context("a time-out")?;
    Ok(stream)
}

/// A program that ends with this.
#[derive(Debug)]
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).spawn().map(Self).with_context(|| format!("{command:?}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
