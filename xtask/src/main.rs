//! Everything a developer and the CI run: fetch, build, test, guests.

mod fetch;
mod guests;
mod process;
mod sys;
mod test;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Everything a developer and the CI run")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Gets what the tests need from package registries into target/: kernel, QEMU, clients.
    Fetch,
    /// Runs everything the project knows to test; what the CI runs.
    Test(test::Arguments),
    /// Boots guests with the stock kernel and runs jobs in them.
    Guest(guests::Arguments),
    /// Measures umei beside the kernel's driver and beside a program in C, in a guest.
    Beside(guests::beside::Arguments),
    /// Makes random calls on the kernel's driver and on umei beside it, in guests, and compares every answer.
    FuzzParity(guests::fuzz_parity::Arguments),
}

fn main() -> ExitCode {
    process::die_with_children();
    let result = match Arguments::parse().command {
        Command::Fetch => fetch::main(),
        Command::Test(arguments) => test::main(&arguments),
        Command::Guest(arguments) => guests::main(&arguments),
        Command::Beside(arguments) => guests::beside::main(&arguments),
        Command::FuzzParity(arguments) => guests::fuzz_parity::main(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}
