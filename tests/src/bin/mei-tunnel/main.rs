//! Carries bytes through AMT's tunnel and back: on a device, or on the ports of a local management service.

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use umei_tests::tunnel::{self, DeviceWire, Load, Manners, tcp};

#[derive(Parser)]
#[command(about = "Carries bytes through AMT's tunnel; it needs the persona `tunnel`")]
struct Arguments {
    #[command(subcommand)]
    way: Way,
    /// Says everything about a run but when messages come.
    #[arg(long, default_value_t = 1, global = true)]
    seed: u64,
    /// Bytes that are to come back.
    #[arg(long, default_value_t = 10 << 20, global = true)]
    bytes: u64,
}

#[derive(Subcommand)]
enum Way {
    /// As the host of a session.
    Device {
        /// The device.
        #[arg(default_value = "/dev/mei0")]
        device: PathBuf,
        /// Channels at a time.
        #[arg(long, default_value_t = 64)]
        channels: usize,
        /// Sends one byte more than the engine's window: it must end the session.
        #[arg(long)]
        trespass: bool,
    },
    /// As programs on the ports that a local management service listens on.
    Tcp {
        /// Connections at a time.
        #[arg(long, default_value_t = 32)]
        connections: u64,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("mei-tunnel: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<String> {
    let (seed, bytes) = (arguments.seed, arguments.bytes);
    match &arguments.way {
        Way::Device { device, channels, trespass } => {
            let manners = if *trespass { Manners::OneByteTooMany } else { Manners::Good };
            let mut wire = DeviceWire::connect(device)?;
            let report = tunnel::load(&mut wire, Load { seed, bytes, channels: *channels, manners })?;
            Ok(report.to_string())
        }
        Way::Tcp { connections } => {
            let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let load = tcp::Load { echo: local(20007), seed, bytes, connections: *connections };
            let echoed = tcp::load(load)?;
            tcp::page(local(16992))?;
            Ok(format!("{echoed} bytes echoed"))
        }
    }
}
