//! The Management Engine Interface in user space.

mod arguments;
mod backend;
mod commands;
mod facilities;
mod notify;
mod ready;
mod sys;
mod sysfs;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The Management Engine Interface in user space.
#[derive(Debug, Parser)]
#[command(name = "umei", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(commands::run::Arguments),
    Serve(commands::serve::Arguments),
    Info(commands::info::Arguments),
    Ls(commands::ls::Arguments),
    Bind(commands::bind::Arguments),
    Unbind(commands::unbind::Arguments),
    Personas(commands::personas::Arguments),
    VmDevice(commands::vm_device::Arguments),
    Doctor(commands::doctor::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| arguments::refuse(&error));
    env_logger::Builder::from_env(env_logger::Env::new().filter_or("UMEI_LOG", "warn")).init();
    let result = match arguments.command {
        Command::Run(arguments) => commands::run::main(arguments),
        Command::Serve(arguments) => commands::serve::main(arguments),
        Command::Info(arguments) => commands::info::main(arguments),
        Command::Ls(arguments) => commands::ls::main(arguments),
        Command::Bind(arguments) => commands::bind::main(arguments),
        Command::Unbind(arguments) => commands::unbind::main(arguments),
        Command::Personas(arguments) => commands::personas::main(arguments),
        Command::VmDevice(arguments) => commands::vm_device::main(arguments),
        Command::Doctor(arguments) => commands::doctor::main(arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("umei: {error:#}");
        ExitCode::FAILURE
    })
}
