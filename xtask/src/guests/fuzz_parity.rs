//! `cargo xtask fuzz-parity`: random calls on the kernel's driver and on umei beside it, as many as wanted.
//!
//! A boot takes a batch of them; batches run side by side, and their tables are added up. A batch is repeated by its own
//! seed, which it prints.

use super::boot::{self, Outcome};
use super::image::Program;
use super::jobs::{Job, exact};
use super::setup::{Machine, Setup};
use super::{AT_A_TIME, lock, next, personas};
use crate::{fetch, test, workspace};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use umei_guest::report::Ending;

/// Calls of one boot.
const BATCH: u64 = 10_000;
/// Seconds that a thousand calls may take on a slow machine.
const SECONDS_PER_THOUSAND: u64 = 300;
/// From so many calls on a run has to have met every row and every event, [`LEAST`] times each.
const LONG: u64 = 100_000;
const LEAST: u64 = 20;

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Calls on each side, in all.
    #[arg(long, default_value_t = BATCH)]
    calls: u64,
    /// What the calls come from; a run is repeated with its seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Guests at a time.
    #[arg(long, default_value_t = AT_A_TIME)]
    guests: usize,
    /// Makes the calls of this file instead, which a run kept, and shows every answer.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Takes the workspace's programs as they were last built.
    #[arg(long)]
    no_build: bool,
}

/// `cargo xtask fuzz-parity`.
pub(crate) fn main(arguments: &Arguments) -> Result<ExitCode> {
    fetch::everything()?;
    if !arguments.no_build {
        test::build()?;
    }
    let mut setup = Machine::Exact.setup(&personas::builtin()?)?;
    if let Some(file) = &arguments.replay {
        return replay(file, &mut setup);
    }
    let batches = Mutex::new(batches(arguments.calls, arguments.seed).into_iter());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..arguments.guests.max(1) {
            scope.spawn(|| {
                while let Some(job) = next(&batches) {
                    let result = run(&job, &setup);
                    lock(&results).push((job.name, result));
                }
            });
        }
    });
    let mut table = Table::default();
    let mut failures = Vec::new();
    for (name, result) in results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        match result {
            Ok(output) => {
                table.add(&output);
                failures.extend(keep(&name, &output)?);
            }
            Err(error) => failures.push(format!("{name}: {error:#}")),
        }
    }
    print!("{table}");
    if arguments.calls >= LONG {
        failures.extend(table.seldom());
    }
    for failure in &failures {
        println!("FAILED {failure}");
    }
    println!("{}", table.last_line());
    Ok(if failures.is_empty() && table.differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the calls of a file on the host.
fn replay(file: &Path, setup: &mut Setup) -> Result<ExitCode> {
    const THERE: &str = "/replay.jsonl";
    ensure!(file.is_file(), "{}: no such file", file.display());
    setup.programs.push(Program { from: file.to_owned(), to: THERE.into() });
    let job = exact::replay("replay", THERE);
    let outcomes = boot::boot(&job.name, setup, std::slice::from_ref(&job))?;
    match outcomes.into_iter().next().context("a boot without an outcome")? {
        Outcome::Ended { ending, output, .. } => {
            print!("{output}");
            Ok(if ending == Ending::Exited(0) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Outcome::Lost { reason, output } => Err(anyhow::anyhow!("{reason}\n{output}")),
    }
}

/// A job for each boot.
fn batches(calls: u64, seed: u64) -> Vec<Job> {
    (0..calls.div_ceil(BATCH))
        .map(|index| {
            let calls = (calls - index * BATCH).min(BATCH);
            let seconds = 120 + calls.div_ceil(1000) * SECONDS_PER_THOUSAND;
            exact::run(&format!("exact-{index}"), calls, seed.wrapping_add(index)).within(seconds)
        })
        .collect()
}

/// Boots a guest for one batch; what it printed.
fn run(job: &Job, setup: &Setup) -> Result<String> {
    println!("{}: {}", job.name, job.command);
    let outcomes = boot::boot(&job.name, setup, std::slice::from_ref(job))?;
    match outcomes.into_iter().next().context("a boot without an outcome")? {
        Outcome::Ended { ending, took, output } => {
            println!("{}: {ending} after {} s", job.name, took.as_secs());
            // Differences are status 1; anything else has no table.
            let told = matches!(ending, Ending::Exited(0 | 1)) && output.contains(" differences, ");
            ensure!(told, "{ending}\n{output}");
            Ok(output)
        }
        Outcome::Lost { reason, output } => Err(anyhow::anyhow!("{reason}\n{output}")),
    }
}

/// Writes the sequences that differ where they can be replayed from (`mei-differential --replay`); what to say of them.
fn keep(name: &str, output: &str) -> Result<Vec<String>> {
    let folder = workspace::scratch("differences");
    let mut said = Vec::new();
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(what) = line.strip_prefix("DIFFERENCE ") else { continue };
        let mut text = format!("# {what}\n");
        while let Some(step) = lines.next_if(|line| line.starts_with("STEP ")) {
            text.push_str(step.trim_start_matches("STEP "));
            text.push('\n');
        }
        fs::create_dir_all(&folder)?;
        let place = folder.join(format!("{name}-{}.jsonl", said.len()));
        fs::write(&place, &text).with_context(|| format!("cannot write {}", place.display()))?;
        said.push(format!("{name}: {what}\n  kept as {}\n{text}", place.display()));
    }
    Ok(said)
}

/// The sums of all batches.
#[derive(Debug, Default)]
struct Table {
    counts: BTreeMap<String, u64>,
    calls: u64,
    sequences: u64,
    differences: u64,
}

impl Table {
    /// Adds what one batch printed.
    fn add(&mut self, output: &str) {
        for line in output.lines() {
            if let Some(numbers) = closing(line) {
                self.calls += numbers[0];
                self.sequences += numbers[1];
                self.differences += numbers[2];
                continue;
            }
            let counted = ["met ", "parity ", "event ", "rule "].iter().any(|kind| line.starts_with(kind));
            if let Some((what, count)) = line.rsplit_once(": ").filter(|_| counted)
                && let Ok(count) = count.parse::<u64>()
            {
                *self.counts.entry(what.to_owned()).or_default() += count;
            }
        }
    }

    fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let all = self.counts.iter();
        all.filter(move |(what, _)| what.starts_with(kind)).map(|(what, count)| (what.as_str(), *count))
    }

    /// What a long run should have met more often.
    fn seldom(&self) -> Vec<String> {
        let all = self.of("parity ").chain(self.of("event "));
        let seldom = all.filter(|(_, count)| *count < LEAST);
        seldom.map(|(what, count)| format!("{what}: {count} hits, fewer than {LEAST}")).collect()
    }

    fn last_line(&self) -> String {
        let rules: u64 = self.of("rule ").map(|(_, count)| count).sum();
        format!(
            "{} calls, {} sequences, {} differences, {rules} rules hit",
            self.calls, self.sequences, self.differences
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.counts {
            writeln!(f, "{count:>8}  {what}")?;
        }
        Ok(())
    }
}

/// The numbers of a batch's last line.
fn closing(line: &str) -> Option<[u64; 4]> {
    let mut numbers = [0; 4];
    let mut parts = line.split(", ");
    for (number, word) in numbers.iter_mut().zip(["calls", "sequences", "differences", "rules hit"]) {
        let (count, rest) = parts.next()?.split_once(' ')?;
        *number = count.parse().ok().filter(|_| rest == word)?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "met read | fresh | ENODEV: 3\nparity R2: 3\nparity R6: 20\nevent notify: 20\n\
        rule Q6: 2\nDIFFERENCE seed 1 sequence 4; step 0: a and b\nSTEP {\"close\":{\"slot\":0}}\n\
        25 calls, 2 sequences, 1 differences, 2 rules hit\n";

    #[test]
    fn batches_add_up() {
        let mut table = Table::default();
        table.add(ONE);
        table.add(ONE);
        assert_eq!(table.last_line(), "50 calls, 4 sequences, 2 differences, 4 rules hit");
        assert_eq!(table.seldom(), ["parity R2: 6 hits, fewer than 20"]);
        assert!(table.to_string().contains("      40  parity R6\n"), "{table}");
    }

    #[test]
    fn every_call_is_in_one_batch() {
        let commands: Vec<String> = batches(25_000, 7).into_iter().map(|job| job.command).collect();
        assert_eq!(commands.len(), 3);
        for (command, (calls, seed)) in commands.iter().zip([(10_000, 7), (10_000, 8), (5_000, 9)]) {
            assert!(command.contains(&format!("--calls {calls} --seed {seed}")), "{command}");
        }
    }
}
