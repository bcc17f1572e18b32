//! Makes the same random calls on two MEI devices and compares every answer.

use anyhow::{Context, Result, bail};
use clap::Parser;
use mei_emulator::Persona;
use std::process::ExitCode;
use std::time::Duration;
use umei_tests::differential::{Campaign, Side};
use umei_tests::files::Transport;

#[derive(Parser)]
#[command(about = "Makes the same random calls on two MEI devices and compares every answer")]
struct Arguments {
    /// A device, as PATH or TRANSPORT:PATH (fuse, cuse, mei_me), or host:PERSONA-FILE for one in this process.
    #[arg(long)]
    a: String,
    /// The other, served with the same persona.
    #[arg(long)]
    b: String,
    /// Calls on each device.
    #[arg(long, default_value_t = 10_000)]
    calls: u64,
    /// What the calls come from; a run is repeated with its seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Sequences at a time: the driver's timers are slept through side by side.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=20))]
    threads: u8,
    /// Milliseconds that a call may sleep before a signal ends it.
    #[arg(long, default_value_t = 100)]
    patience: u64,
}

fn side(text: &str) -> Result<Side> {
    let (transport, path) = text.split_once(':').unwrap_or(("mei_me", text));
    let transport = match transport {
        "fuse" => Transport::Fuse,
        "cuse" => Transport::Cuse,
        "mei_me" => Transport::MeiMe,
        "host" => {
            let persona = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
            return Ok(Side::Host(Box::new(Persona::parse(&persona, path)?)));
        }
        other => bail!("{other}: no such transport; there are fuse, cuse, mei_me and host"),
    };
    Ok(Side::Node(path.into(), transport))
}

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mei-differential: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The differences.
fn run() -> Result<usize> {
    let arguments = Arguments::parse();
    let campaign = Campaign {
        sides: [side(&arguments.a)?, side(&arguments.b)?],
        calls: arguments.calls,
        seed: arguments.seed,
        threads: arguments.threads.into(),
        patience: Duration::from_millis(arguments.patience),
    };
    let totals = campaign.run().map_err(anyhow::Error::msg)?;
    print!("{}", totals.hits);
    for difference in &totals.differences {
        print!("DIFFERENCE {difference}");
    }
    let (differences, rules) = (totals.differences.len(), totals.hits.rules());
    println!(
        "{} calls, {} sequences, {differences} differences, {rules} rules hit",
        totals.calls, totals.sequences
    );
    Ok(differences)
}
