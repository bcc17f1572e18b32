//! Calls on a MEI device that must not hang, and the deaths of those who make them.
//!
//! Every scenario prints what it saw and exits 0 when the device behaved. It needs a device with the two test
//! clients of `personas/test/echo.toml`: one that echoes, and one that answers a CONNECT late.

mod footprint;
mod load;
mod parked;
mod scenarios;
mod sleep;
mod upset;

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Exercises a MEI device: parked calls, signals, sudden deaths")]
struct Arguments {
    /// The device.
    #[arg(long, default_value = "/dev/mei0")]
    device: PathBuf,
    /// Seconds that a killed process may take to be gone. Over CUSE its exit waits for the close of the device, and
    /// that for the firmware's answer.
    #[arg(long, default_value = parked::DEATH)]
    within: u64,
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
    /// Programs parked in every call, and a command that upsets the device: each call ends as documented, and the
    /// device comes back.
    Upset(upset::Upset),
    /// Programs that are in a call when the machine is to go to sleep.
    Sleep(sleep::Sleep),
    /// Firmware resets under load, with the clients of `personas/test/parity.toml`.
    Resets {
        /// So many.
        #[arg(long)]
        times: u32,
        /// Process that serves the device.
        #[arg(long)]
        server: Option<u32>,
    },
    /// Round trips of two programs, whatever becomes of the device meanwhile.
    Endure {
        /// So many each.
        #[arg(long)]
        rounds: u64,
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
    let within = Duration::from_secs(arguments.within);
    let outcome = match arguments.scenario {
        Scenario::FullQueue => scenarios::full_queue(device, within),
        Scenario::AlarmDuringConnect => scenarios::alarm_during_connect(device),
        Scenario::KillDuringConnect => scenarios::kill_during_connect(device, within),
        Scenario::Deaths { server, order } => scenarios::deaths(device, server, order, within),
        Scenario::Upset(how) => upset::upset(device, &how),
        Scenario::Sleep(how) => sleep::sleep(device, &how),
        Scenario::Resets { times, server } => upset::resets(device, times, server),
        Scenario::Endure { rounds } => upset::endure(device, rounds),
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
