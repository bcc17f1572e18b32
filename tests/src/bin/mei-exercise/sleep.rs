//! A machine that is to go to sleep while a program is in a call. The kernel freezes every program first: one that sleeps
//! in a call must be able to leave it.

use crate::parked::{Parked, ParkedCall};
use crate::scenarios::round_trip;
use crate::upset::{END, wait_for};
use anyhow::{Context, Result, ensure};
use std::io;
use std::path::Path;
use std::process::Command;

const EINTR: i32 = 4;

/// What the scenario is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Sleep {
    /// Shell command that puts the machine to sleep; it fails when that cannot be done.
    #[arg(long)]
    by: String,
    /// A call that lets the machine sleep.
    #[arg(long, value_enum)]
    lets: Vec<ParkedCall>,
    /// A call that keeps it awake.
    #[arg(long, value_enum)]
    keeps: Vec<ParkedCall>,
}

/// One call after the other.
pub(crate) fn sleep(device: &Path, scenario: &Sleep) -> Result<()> {
    let calls = scenario.lets.iter().map(|&call| (call, true));
    let calls = calls.chain(scenario.keeps.iter().map(|&call| (call, false)));
    for (call, expected) in calls {
        let mut program = Parked::start(device, call)?;
        let status = Command::new("sh").args(["-c", &scenario.by]).status().context("starting a shell")?;
        println!(
            "with a program in {call:?} the machine {}",
            if status.success() { "slept" } else { "did not sleep" }
        );
        ensure!(status.success() == expected, "{call:?}: {status}");
        match expected_end(call) {
            Some(end) => {
                program.gone_within(END)?;
                let outcome = program.outcome()?;
                ensure!(outcome == format!("ended: {end}"), "{call:?} {outcome}");
            }
            None => program.kill()?,
        }
        wait_for("a round trip", || round_trip(device))?;
    }
    Ok(())
}

/// How a call ends: to be frozen is a signal, which a CONNECT does not hear. A poll goes on, until its device says that it
/// was asleep.
fn expected_end(call: ParkedCall) -> Option<String> {
    match call {
        ParkedCall::Read | ParkedCall::Write => Some(io::Error::from_raw_os_error(EINTR).to_string()),
        ParkedCall::Connect => Some("success".to_owned()),
        ParkedCall::Poll => None,
    }
}
