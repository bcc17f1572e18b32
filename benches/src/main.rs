//! How fast a device answers, beside a program in C on the same kernel.
//!
//! `umei-bench echo` measures a 512-byte write and the read of its echo, through umei's FUSE front end with an engine
//! behind it and through a libfuse file system that does nothing else (`peers/fuse-echo.c`). The two run in turn, pair
//! by pair, so that whatever else the machine does meets both; medians are told, and their quotient.

mod client;
mod echo;
mod servers;
mod sys;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "How fast a device answers, beside a program in C on the same kernel")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures umei beside the program in C.
    Echo(echo::Arguments),
    /// One measurement on one file; what `echo` starts.
    #[command(hide = true)]
    Client(client::Arguments),
}

fn main() -> ExitCode {
    let outcome: Result<()> = match Arguments::parse().command {
        Command::Echo(arguments) => echo::main(&arguments),
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
