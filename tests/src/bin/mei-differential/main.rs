//! Makes the same random calls on two MEI devices and compares every answer.

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use mei_emulator::Persona;
use std::path::PathBuf;
use std::process::ExitCode;
use umei_tests::differential::{Campaign, Pair, Side, Step};
use umei_tests::files::Transport;

#[derive(Parser)]
#[command(about = "Makes the same random calls on pairs of MEI devices and compares every answer")]
struct Arguments {
    /// Two devices with engines of the same persona, REFERENCE=OTHER, each as TRANSPORT:PATH (fuse, cuse, mei_me) or
    /// host:PERSONA-FILE for one in this process. Pairs share the work.
    #[arg(long = "pair", required = true, value_name = "REFERENCE=OTHER")]
    pairs: Vec<String>,
    /// Calls on each side.
    #[arg(long, default_value_t = 10_000)]
    calls: u64,
    /// What the calls come from; a run is repeated with its seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Differences after which there is no point in going on.
    #[arg(long, default_value_t = 10)]
    enough: usize,
    /// Runs the sequence in this file once on each pair, and shows every answer.
    #[arg(long)]
    replay: Option<PathBuf>,
}

fn side(text: &str) -> Result<Side> {
    let (transport, path) = text.split_once(':').unwrap_or(("", text));
    let transport = match transport {
        "fuse" => Transport::Fuse,
        "cuse" => Transport::Cuse,
        "mei_me" => Transport::MeiMe,
        "host" => {
            let persona = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
            return Ok(Side::Host(Box::new(Persona::parse(&persona, path)?)));
        }
        other => bail!("{other:?}: no such transport; there are fuse, cuse, mei_me and host"),
    };
    Ok(Side::Node(path.into(), transport))
}

fn pair(text: &str) -> Result<Pair> {
    let (reference, other) = text.split_once('=').context("a pair is REFERENCE=OTHER")?;
    let pair = Pair { reference: side(reference)?, other: side(other)? };
    let judges = matches!(pair.reference.transport(), Transport::MeiMe | Transport::Host);
    ensure!(judges, "{reference}: the reference is mei_me or host");
    Ok(pair)
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
    let pairs = arguments.pairs.iter().map(|text| pair(text)).collect::<Result<Vec<_>>>()?;
    if let Some(file) = arguments.replay {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let steps = Step::parse_all(&text).map_err(anyhow::Error::msg)?;
        let mut differences = 0;
        for (pair, text) in pairs.iter().zip(&arguments.pairs) {
            let told = pair.replay(&steps).map_err(anyhow::Error::msg)?;
            print!("{text}\n{told}");
            differences += usize::from(told.contains("DIFFERENCE"));
        }
        return Ok(differences);
    }
    let campaign = Campaign { pairs, calls: arguments.calls, seed: arguments.seed, enough: arguments.enough };
    let totals = campaign.run(&|text| eprintln!("{text}")).map_err(anyhow::Error::msg)?;
    print!("{}", totals.hits);
    for unsteady in &totals.unsteady {
        print!("UNSTEADY {unsteady}");
    }
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
