//! `umei-bench host`: a message through host and engine without a kernel.

use anyhow::{Result, ensure};
use mei_core::Options;
use mei_emulator::{Engine, Persona};
use mei_wire::Device;
use std::time::Instant;
use umei_bench::{Machine, PERSONA, Rote};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Messages there and back.
    #[arg(long, default_value_t = 1_000_000)]
    rounds: u32,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let persona = Persona::parse(PERSONA, "echo.toml")?;
    let engine = || Engine::new(&persona, Instant::now());
    let mut rote = Machine::start(Rote::new(engine()), Options::new(*persona.device))?;
    rote.function_mut().learn();
    let mut whole = Machine::start(engine(), Options::new(*persona.device))?;
    println!("| what | bytes | ns there and back | allocations |");
    println!("|---|--:|--:|--:|");
    measure("host alone", &mut rote, 64, arguments.rounds)?;
    for size in [64, 508, 512] {
        measure("host and engine", &mut whole, size, arguments.rounds)?;
    }
    Ok(())
}

fn measure(what: &str, machine: &mut Machine<impl Device>, size: usize, rounds: u32) -> Result<()> {
    let message = [0x5A; 512];
    let message = &message[..size];
    let run = |machine: &mut Machine<_>, rounds: u32| -> Result<()> {
        for _ in 0..rounds {
            ensure!(machine.echo(message)? == size, "a short echo");
        }
        Ok(())
    };
    run(machine, 1000)?;
    let start = Instant::now();
    let mut outcome = Ok(());
    let allocated = allocation_counter::measure(|| outcome = run(machine, rounds));
    outcome?;
    let each = start.elapsed() / rounds.max(1);
    println!("| {what} | {size} | {} | {} |", each.as_nanos(), allocated.count_total);
    Ok(())
}
