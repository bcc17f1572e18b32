//! Every job that guests run. To add one: a name, the machine, a command, a time limit, what it must print.

use super::setup::{FIRST_SLOT, Machine};
use crate::test::summary::Need;

/// A job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Unique, without white space.
    pub(super) name: String,
    pub(super) machine: Machine,
    /// Who judges, for the summary.
    pub(super) client: &'static str,
    /// For `sh -c`. The scripts of `tests/guest/jobs` are in `/jobs`, the workspace's programs on the path.
    pub(super) command: String,
    /// Seconds on a slow machine under emulation; a limit, not an expectation.
    pub(super) seconds: u64,
    /// Text that has to be in some line of the output, each.
    pub(super) expect: Vec<String>,
    pub(super) need: Need,
}

/// A job that has to run, with two minutes for it.
fn job(name: impl Into<String>, machine: Machine, client: &'static str, command: impl Into<String>) -> Job {
    let (name, command) = (name.into(), command.into());
    Job { name, machine, client, command, seconds: 120, expect: Vec::new(), need: Need::Required }
}

impl Job {
    /// Expects this in the output.
    fn expecting(mut self, text: impl Into<String>) -> Self {
        self.expect.push(text.into());
        self
    }

    /// Gives it more or less time.
    fn within(self, seconds: u64) -> Self {
        Self { seconds, ..self }
    }
}

/// All jobs, with these built-in personas.
pub(super) fn all(personas: &[String]) -> Vec<Job> {
    let mut jobs = vec![
        job(
            "cuse-kernel-tests",
            Machine::Cuse,
            "cuse's tests",
            "CUSE_TEST_REQUIRED=1 /target/debug/deps/kernel cuse_device::",
        )
        .expecting("test result: ok")
        .within(300),
    ];
    for machine in [Machine::MeiMeMsi, Machine::MeiMeIntx] {
        for (slot, persona) in (FIRST_SLOT..).zip(personas) {
            let name = format!("{}:{persona}", machine.name());
            let command = format!("sh /jobs/kernel-driver.sh 0000:00:{slot:02x}.0");
            jobs.push(job(name, machine, "mei_me, mei-amt-version", command).expecting("dev_state: ENABLED"));
        }
    }
    jobs
}
