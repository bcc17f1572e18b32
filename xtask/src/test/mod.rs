//! `cargo xtask test`: the stages, in order. A stage that fails does not keep the others from running.

pub(crate) mod libtest;
pub(crate) mod programs;
pub(crate) mod summary;

use crate::process::{self, run_ok};
use crate::{fetch, guests, workspace};
use anyhow::{Result, bail};
use clap::ValueEnum;
use programs::ByCargo;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use summary::{Need, Summary};

/// A compilation of the whole workspace on a slow machine.
const COMPILE: Duration = Duration::from_secs(2400);

/// What to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leaves out the guests and what is fetched for them alone.
    #[arg(long)]
    no_guest: bool,
    /// Runs this stage alone.
    #[arg(long, value_name = "STAGE")]
    only: Option<Stage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    Format,
    Clippy,
    Doc,
    Fetch,
    Build,
    Tests,
    Fuzz,
    Guests,
}

impl Stage {
    const ALL: [Self; 8] = [
        Self::Format,
        Self::Clippy,
        Self::Doc,
        Self::Fetch,
        Self::Build,
        Self::Tests,
        Self::Fuzz,
        Self::Guests,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Clippy => "clippy",
            Self::Doc => "doc",
            Self::Fetch => "fetch",
            Self::Build => "build",
            Self::Tests => "tests",
            Self::Fuzz => "fuzz",
            Self::Guests => "guests",
        }
    }

    fn run(self, summary: &mut Summary) -> Result<()> {
        match self {
            Self::Format => check(&["fmt", "--all", "--check"]),
            Self::Clippy => {
                check(&["clippy", "--workspace", "--all-targets", "--keep-going", "--", "-D", "warnings"])
            }
            Self::Doc => document(),
            Self::Fetch => fetch::everything(),
            Self::Build => build(),
            Self::Tests => tests(summary),
            Self::Fuzz => fuzz(summary),
            Self::Guests => guests::judge(summary),
        }
    }
}

/// `cargo xtask test`.
pub(crate) fn main(arguments: &Arguments) -> Result<ExitCode> {
    let mut summary = Summary::default();
    for stage in Stage::ALL {
        let wanted = arguments.only.is_none_or(|only| only == stage);
        if !wanted || (arguments.no_guest && stage == Stage::Guests) {
            continue;
        }
        println!("==== {}", stage.name());
        let start = Instant::now();
        let outcome = stage.run(&mut summary).map_err(|error| format!("{error:#}"));
        let took = start.elapsed();
        if let Err(error) = &outcome {
            println!("---- {} failed: {error}", stage.name());
        }
        println!("==== {}: {} s", stage.name(), took.as_secs());
        // The log has the whole story; the table its first line.
        let outcome = outcome.map_err(|error| error.lines().next().unwrap_or_default().to_owned());
        summary.stage(stage.name(), took, outcome);
    }
    print!("{}", summary.text());
    let failed = summary.counts().failed > 0;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn check(arguments: &[&str]) -> Result<()> {
    let name = arguments.first().copied().unwrap_or_default();
    run_ok(&mut workspace::cargo(arguments), &workspace::log(name), COMPILE).map(|_| ())
}

fn document() -> Result<()> {
    let mut command =
        workspace::cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--keep-going"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    run_ok(&mut command, &workspace::log("doc"), COMPILE).map(|_| ())
}

/// Builds every program and test of the workspace, once for all that use them.
pub(crate) fn build() -> Result<()> {
    let mut command = workspace::cargo(&["build", "--workspace", "--all-targets"]);
    command.args(["--message-format", "json-render-diagnostics"]);
    let log = workspace::log("build");
    let finished = process::run_split(&mut command, &programs::build_messages(), &log, COMPILE)?;
    if !finished.succeeded() {
        bail!("cargo build: {}\n{}", finished.end, finished.tail());
    }
    Ok(())
}

fn tests(summary: &mut Summary) -> Result<()> {
    // Cheap when the build stage has just run, and right when only this stage does.
    build()?;
    let programs = programs::built(&process::read_log(&programs::build_messages()));
    if programs.is_empty() {
        bail!("cargo has built no test program");
    }
    for program in programs {
        program.judge(summary)?;
    }
    let documentation = ByCargo {
        client: "documentation",
        arguments: &["test", "--workspace", "--doc", "--no-fail-fast"],
        target: None,
        need: Need::Optional,
    };
    documentation.judge(summary)
}

/// The fuzz targets, as far as a stable toolchain goes: every input that was ever kept replays.
fn fuzz(summary: &mut Summary) -> Result<()> {
    let corpus = ByCargo {
        client: "fuzz corpus",
        arguments: &["test", "--manifest-path", "fuzz/Cargo.toml", "--no-default-features", "--no-fail-fast"],
        target: Some("fuzz"),
        need: Need::Required,
    };
    corpus.judge(summary)
}
