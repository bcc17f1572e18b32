//! Runs the parity rows on a device node, whoever serves it, or on a host in this process: one line per row, then the
//! count.

use anyhow::{Context, Result};
use clap::Parser;
use mei_emulator::Persona;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use umei_tests::files::{InProcess, System, Transport};
use umei_tests::parity::{self, Count};

#[derive(Parser)]
#[command(about = "Runs the parity rows on a MEI device with the test clients of personas/test/parity*.toml")]
struct Arguments {
    /// The device.
    #[arg(long, default_value = "/dev/mei0")]
    device: PathBuf,
    /// Who serves it.
    #[arg(long)]
    transport: Transport,
    /// Persona file of the engine, for the transport `host`.
    #[arg(long, required_if_eq("transport", "host"))]
    persona: Option<PathBuf>,
    /// Only rows whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Only every COUNT-th row, from INDEX on: several devices share the rows.
    #[arg(long, value_name = "INDEX/COUNT", value_parser = shard, default_value = "0/1")]
    shard: (usize, usize),
    /// Lists the rows and runs none.
    #[arg(long)]
    list: bool,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let (index, count) = text.split_once('/').ok_or("write it as 0/3")?;
    let number = |text: &str| text.parse::<usize>().map_err(|error| error.to_string());
    match (number(index)?, number(count)?) {
        (index, count) if index < count => Ok((index, count)),
        _ => Err("the index is below the count".to_owned()),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mei-parity: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The rows that failed.
fn run() -> Result<usize> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout();
    let wanted = |name: &str| arguments.only.as_ref().is_none_or(|part| name.contains(part.as_str()));
    let (first, step) = arguments.shard;
    let rows = parity::rows().into_iter().skip(first).step_by(step).filter(|row| wanted(row.name));
    if arguments.list {
        rows.into_iter().try_for_each(|row| writeln!(out, "{}", row.name))?;
        return Ok(0);
    }
    let mut count = Count::default();
    if let (Transport::Host, Some(path)) = (arguments.transport, &arguments.persona) {
        let origin = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| origin.clone())?;
        let persona = Persona::parse(&text, &origin)?;
        for row in rows {
            let device = InProcess::start(&persona).map_err(anyhow::Error::msg)?;
            parity::run(&row, &device, &mut count, &mut out).context("printing a row")?;
        }
    } else {
        anyhow::ensure!(arguments.device.exists(), "{}: there is no such device", arguments.device.display());
        let device = System::new(arguments.device, arguments.transport);
        for row in rows {
            parity::run(&row, &device, &mut count, &mut out).context("printing a row")?;
        }
    }
    writeln!(out, "{count}")?;
    Ok(count.failed)
}
