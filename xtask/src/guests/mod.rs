//! Guests with the stock kernel: many jobs in one boot, two boots at a time, failed jobs once more.

pub(crate) mod beside;
mod boot;
mod cpio;
pub(crate) mod fuzz_parity;
mod image;
mod jobs;
mod modules;
mod personas;
mod setup;

use crate::process::tail;
use crate::test::libtest::{self, Verdict};
use crate::test::summary::{Counts, Row, Summary};
use crate::{fetch, test};
use anyhow::{Context, Result, bail};
use boot::Outcome;
use jobs::Job;
use personas::Persona;
use setup::Machine;
use std::process::ExitCode;
use std::sync::Mutex;
use umei_guest::report::Ending;

/// Guests that run at the same time: one per core of a small machine.
const AT_A_TIME: usize = 2;

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only jobs whose name contains one of these.
    #[arg(long = "job", value_name = "NAME")]
    jobs: Vec<String>,
    /// Lists the jobs and runs none.
    #[arg(long)]
    list: bool,
    /// Takes the workspace's programs as they were last built.
    #[arg(long)]
    no_build: bool,
    /// Shows what the jobs print even when they pass.
    #[arg(long)]
    show: bool,
    /// Adds the jobs that are too long for each day.
    #[arg(long)]
    long: bool,
}

/// `cargo xtask guest`.
pub(crate) fn main(arguments: &Arguments) -> Result<ExitCode> {
    fetch::everything()?;
    if !arguments.no_build {
        test::build()?;
    }
    let personas = personas::builtin()?;
    let mut jobs = jobs::all(&personas);
    if arguments.long {
        jobs.extend(jobs::long());
    }
    let wanted = |job: &Job| arguments.jobs.is_empty() || arguments.jobs.iter().any(|n| job.name.contains(n));
    jobs.retain(wanted);
    if jobs.is_empty() {
        bail!("no job has such a name: `cargo xtask guest --list` shows them");
    }
    if arguments.list {
        for job in jobs {
            println!("{:<16}{:<40}{}", job.machine.name(), job.name, job.command);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut summary = Summary::default();
    let show = if arguments.show { Show::Everything } else { Show::Failures };
    run(&jobs, &personas, show, &mut summary)?;
    print!("{}", summary.text());
    let failed = summary.counts().failed > 0;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs all jobs, for the stage of `cargo xtask test`.
pub(crate) fn judge(summary: &mut Summary) -> Result<()> {
    let personas = personas::builtin();
    // Without personas there is no engine to test, but the machines without one still boot.
    let known = personas.as_deref().unwrap_or_default();
    let result = run(&jobs::all(known), known, Show::Failures, summary);
    personas.map(|_| ()).and(result)
}

/// Whose output is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    Failures,
    Everything,
}

/// A job's result.
struct Judged {
    counts: Counts,
    /// Why it failed; `None` if it passed.
    failure: Option<String>,
    output: String,
    note: String,
}

fn run(jobs: &[Job], personas: &[Persona], show: Show, summary: &mut Summary) -> Result<()> {
    let kernel = fetch::kernel_version()?;
    let mut again = Vec::new();
    for (job, judged) in boot_all(jobs, personas, "", AT_A_TIME) {
        print(&job, &judged, show);
        if judged.failure.is_some() {
            again.push(job);
        } else {
            summary.row(row(&job, &kernel, judged.counts));
        }
    }
    // One at a time: what failed for want of processor time should not for the same reason again.
    for (job, judged) in boot_all(&again, personas, "-again", 1) {
        print(&job, &judged, show);
        summary.row(row(&job, &kernel, judged.counts));
        match judged.failure {
            None => summary.passed_when_repeated(format!("guest {}", job.name)),
            Some(_) => summary.failed(format!("guest {}", job.name)),
        }
    }
    Ok(())
}

fn row(job: &Job, kernel: &str, counts: Counts) -> Row {
    let transport = job.machine.transport().into();
    Row { transport, kernel: kernel.into(), client: job.client.into(), counts, need: job.need }
}

/// Boots the machines that these jobs need, `at_a_time` of them; every job with its result.
fn boot_all(jobs: &[Job], personas: &[Persona], suffix: &str, at_a_time: usize) -> Vec<(Job, Judged)> {
    let machines = Machine::ALL.map(|machine| {
        (machine, jobs.iter().filter(|job| job.machine == machine).cloned().collect::<Vec<_>>())
    });
    let queue = Mutex::new(machines.into_iter().filter(|(_, jobs)| !jobs.is_empty()));
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some((machine, jobs)) = next(&queue) {
            let name = format!("{}{suffix}", machine.name());
            let judged = boot_one(&name, machine, &jobs, personas);
            lock(&results).extend(jobs.into_iter().zip(judged));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(work);
        }
    });
    results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn next<I: Iterator>(queue: &Mutex<I>) -> Option<I::Item> {
    lock(queue).next()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn boot_one(name: &str, machine: Machine, jobs: &[Job], personas: &[Persona]) -> Vec<Judged> {
    println!("guest {name}: {} jobs", jobs.len());
    let outcomes = machine.setup(personas).and_then(|setup| boot::boot(name, &setup, jobs));
    match outcomes.with_context(|| format!("cannot boot {name}")) {
        Ok(outcomes) => jobs.iter().zip(outcomes).map(|(job, outcome)| verdict(job, outcome)).collect(),
        Err(error) => jobs.iter().map(|_| Judged::lost(format!("{error:#}"), String::new())).collect(),
    }
}

impl Judged {
    fn lost(failure: String, output: String) -> Self {
        Self { counts: Counts::FAILED, failure: Some(failure), output, note: String::new() }
    }
}

fn verdict(job: &Job, outcome: Outcome) -> Judged {
    let (ending, took, output) = match outcome {
        Outcome::Ended { ending, took, output } => (ending, took, output),
        Outcome::Lost { reason, output } => return Judged::lost(reason, output),
    };
    let mut counts = libtest::closing_line(&output).unwrap_or_default();
    if counts == Counts::default() {
        libtest::verdicts(&output).into_values().for_each(|verdict| counts.count(verdict));
    }
    let missing = job.expect.iter().filter(|text| !output.lines().any(|line| line.contains(*text)));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    let failure = if ending != Ending::Exited(0) {
        Some(ending.to_string())
    } else if !missing.is_empty() {
        Some(format!("the output lacks {missing:?}"))
    } else if counts.failed > 0 {
        Some(format!("{} tests failed", counts.failed))
    } else {
        None
    };
    // A job that is no test program is one test itself.
    if counts == Counts::default() || (failure.is_some() && counts.failed == 0) {
        counts.count(if failure.is_some() { Verdict::Failed } else { Verdict::Passed });
    }
    Judged { counts, failure, output, note: format!("{:.1} s", took.as_secs_f32()) }
}

fn print(job: &Job, judged: &Judged, show: Show) {
    match &judged.failure {
        Some(failure) => println!("---- guest {}: {failure}\n{}", job.name, tail(&judged.output)),
        None if show == Show::Everything => {
            println!("---- guest {}: passed, {}\n{}", job.name, judged.note, tail(&judged.output));
        }
        None => println!("guest {}: passed, {}", job.name, judged.note),
    }
}
