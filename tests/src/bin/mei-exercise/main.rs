//! Calls on a MEI device that must not hang, and the deaths of those who make them.
//!
//! Every scenario prints what it saw and exits 0 when the device behaved. It needs a device with the two test
//! clients of `personas/test/echo.toml`: one that echoes, and one that answers a CONNECT late.

mod parked;
mod scenarios;

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Exercises a MEI device: parked calls, signals, sudden deaths")]
struct Arguments {
    /// The device.
    #[arg(long, default_value = "/dev/mei0")]
    device: PathBuf,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Three programs parked on a full queue, a fourth still writes, each dies within a second of SIGKILL.
    FullQueue,
    /// A handled SIGALRM during a slow CONNECT: the connect succeeds.
    AlarmDuringConnect,
    /// A handled SIGALRM during a slow CONNECT, then SIGKILL: gone within a second.
    KillDuringConnect,
    /// Parked programs, and the sudden death of the server, of them, or of both.
    Deaths {
        /// Process that serves the device; the parent by default.
        #[arg(long)]
        server: Option<i32>,
        /// Who dies, in this order.
        #[arg(long)]
        order: Order,
    },
    /// One parked call, for the scenarios: says `parked` once it is about to block, then its outcome.
    #[command(hide = true)]
    Park { call: parked::ParkedCall },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    Server,
    Clients,
    ServerThenClients,
    ClientsThenServer,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let device = &arguments.device;
    let outcome = match arguments.scenario {
        Scenario::FullQueue => scenarios::full_queue(device),
        Scenario::AlarmDuringConnect => scenarios::alarm_during_connect(device),
        Scenario::KillDuringConnect => scenarios::kill_during_connect(device),
        Scenario::Deaths { server, order } => scenarios::deaths(device, server, order),
        Scenario::Park { call } => parked::park(device, call),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mei-exercise: {error:#}");
            ExitCode::FAILURE
        }
    }
}
