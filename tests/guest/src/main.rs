//! The first program of a guest: sets the machine up, runs the jobs of the plan, reports, switches off.

mod job;
mod machine;

use anyhow::{Context, Result};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, Write};
use umei_guest::plan::{self, Plan};
use umei_guest::report::Line;

/// The serial port of the report.
const PORT: &str = "/dev/ttyS1";

/// Where the report goes.
#[derive(Debug)]
struct Report(File);

impl Report {
    /// Opens the port and takes the terminal out of the way of the bytes.
    fn open() -> Result<Self> {
        let port = File::options().read(true).write(true).open(PORT).context("no second serial port")?;
        let mut attributes = tcgetattr(&port)?;
        attributes.make_raw();
        tcsetattr(&port, OptionalActions::Now, &attributes)?;
        Ok(Self(port))
    }

    fn say(&mut self, line: &Line) -> io::Result<()> {
        self.0.write_all(format!("{line}\n").as_bytes())
    }
}

fn main() {
    if let Err(error) = run() {
        eprintln!("agent: {error:#}");
        if let Ok(mut report) = Report::open() {
            let _ = report.say(&Line::Failed(format!("{error:#}")));
        }
    }
    machine::switch_off();
}

fn run() -> Result<()> {
    machine::mount_basics()?;
    let mut report = Report::open()?;
    let text = std::fs::read(plan::PATH).context("no plan")?;
    let plan: Plan = serde_json::from_slice(&text).context("the plan is no plan")?;
    for module in &plan.modules {
        machine::load_module(module)?;
    }
    if plan.packages == plan::Packages::Shared {
        machine::mount_packages()?;
    }
    for job in &plan.jobs {
        report.say(&Line::Begun(job.name.clone()))?;
        let (ending, took) = job::run(job, &mut report)?;
        report.say(&Line::Ended(ending, took))?;
        machine::end_left_overs();
    }
    report.say(&Line::Done)?;
    Ok(())
}
