//! How fast a device answers, beside a program in C on the same kernel.
//!
//! `umei-bench echo` measures 512-byte messages and their echoes, through umei's FUSE front end with an engine
//! behind it and through a libfuse file system that does nothing else (`peers/fuse-echo.c`). Both serve all the
//! time and are measured in turn, pair by pair, so that whatever else the machine does meets both. `umei-bench
//! start` times what a person waits for, `umei-bench memory` weighs handles. Figures and commands are in
//! `docs/performance.md`.

mod beside;
mod client;
mod echo;
mod host;
mod memory;
mod servers;
mod start;
mod statistics;
mod sys;
mod tunnel;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "umei-bench", about = "How fast a device answers, beside a program in C on the same kernel")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures umei beside the program in C.
    Echo(echo::Arguments),
    /// Measures two devices that are served already, in turn.
    Beside(beside::Arguments),
    /// Measures a message through host and engine, without a kernel between.
    Host(host::Arguments),
    /// Measures the time until a program has the device, and until it is gone again.
    Start(start::Arguments),
    /// Measures what open handles weigh in the server.
    Memory(memory::Arguments),
    /// Measures bytes through AMT's tunnel beside a relay by socat.
    Tunnel(tunnel::Arguments),
    /// One measurement on one file; what `echo` starts.
    #[command(hide = true)]
    Client(client::Arguments),
}

fn main() -> ExitCode {
    let outcome: Result<()> = match Arguments::parse().command {
        Command::Echo(arguments) => echo::main(&arguments),
        Command::Beside(arguments) => beside::main(&arguments),
        Command::Host(arguments) => host::main(&arguments),
        Command::Start(arguments) => start::main(&arguments),
        Command::Memory(arguments) => memory::main(&arguments),
        Command::Tunnel(arguments) => tunnel::main(&arguments),
        Command::Client(arguments) => client::main(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("umei-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
