//! Every job that guests run. To add one: a name, the machine, a command, and what it must print.

pub(super) mod beside;
mod clients;
pub(super) mod exact;
mod pci;
mod watchdog;

use super::personas::Persona;
use super::setup::{self, Machine};
use crate::test::summary::Need;

/// A job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Unique, without white space.
    pub(super) name: String,
    pub(super) machine: Machine,
    /// Who judges, for the summary.
    pub(super) client: &'static str,
    /// For `sh -c`. The scripts of `tests/guest/jobs` are in `/jobs`, the workspace's programs on the path, personas
    /// in `/personas`.
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
    pub(super) fn within(self, seconds: u64) -> Self {
        Self { seconds, ..self }
    }
}

/// All jobs, with these built-in personas.
pub(super) fn all(personas: &[Persona]) -> Vec<Job> {
    let mut jobs = cuse_session();
    jobs.extend(personas.iter().map(cuse_persona));
    jobs.extend(cuse_exercise());
    for machine in [Machine::MeiMeMsi, Machine::MeiMeVariants, Machine::MeiMeIntx] {
        for (index, persona) in machine.personas(personas).enumerate() {
            jobs.push(mei_me_persona(machine, index, persona));
        }
    }
    jobs.extend(parity());
    jobs.extend(clients::jobs());
    jobs.extend(exact::jobs());
    jobs.extend(beside::jobs(personas));
    jobs.extend(pci::jobs());
    jobs.extend(watchdog::jobs());
    jobs
}

/// Further jobs, for `cargo xtask guest --long`.
pub(super) fn long() -> Vec<Job> {
    beside::long()
}

/// The session layer alone.
fn cuse_session() -> Vec<Job> {
    let tests = "CUSE_TEST_REQUIRED=1 /target/debug/deps/kernel cuse_device::";
    vec![
        job("cuse-session", Machine::Cuse, "cuse's kernel tests", tests)
            .expecting("test result: ok")
            .within(300),
    ]
}

/// A persona over CUSE, looked at by umei and by the kernel's sample.
fn cuse_persona(persona: &Persona) -> Job {
    let name = &persona.name;
    let command = format!("sh /jobs/cuse.sh {name} sh -c 'umei info && sh /jobs/sample.sh'");
    let job = job(format!("cuse:{name}"), Machine::Cuse, "umei info, mei-amt-version", command);
    expecting_amt(job, persona)
}

/// What the sample prints for this persona.
fn expecting_amt(job: Job, persona: &Persona) -> Job {
    match &persona.amt_version {
        Some(version) => job.expecting("Intel AMT: ENABLED").expecting(version),
        None => job.expecting("the sample finds no AMT"),
    }
}

/// Parked calls, signals and sudden deaths.
fn cuse_exercise() -> Vec<Job> {
    let scenarios = [
        "full-queue",
        "alarm-during-connect",
        "kill-during-connect",
        "deaths --order clients",
        "deaths --order server --server $SERVER",
        "deaths --order server-then-clients --server $SERVER",
        "deaths --order clients-then-server --server $SERVER",
    ];
    let exercise = |scenario: &&str| {
        let short = scenario.trim_end_matches(" --server $SERVER").replace(" --order ", ":");
        let command =
            format!("sh /jobs/cuse.sh /personas/test/echo.toml sh -c 'mei-exercise --within 3 {scenario}'");
        job(format!("cuse-exercise:{short}"), Machine::Cuse, "mei-exercise", command)
    };
    scenarios.iter().map(exercise).collect()
}

/// A persona behind the kernel's driver: what sysfs and debugfs say of it is what the persona says.
fn mei_me_persona(machine: Machine, index: usize, persona: &Persona) -> Job {
    let name = format!("{}:{}", machine.name(), persona.name);
    let fw_ver = persona.fw_ver().unwrap_or_default();
    let command = format!("sh /jobs/mei_me.sh {} '{fw_ver}'", setup::address(index));
    let mut job = job(name, machine, "mei-amt-version, sysfs, debugfs", command)
        .expecting(format!("device: 0x{:04x}", persona.device))
        .expecting("driver: mei_me")
        .expecting("dev_state: ENABLED")
        .expecting(format!("hbm_ver: {}", persona.hbm_version))
        .expecting(format!("fw_status: {}", persona.fw_status.join(" ")))
        .expecting(format!("fw_ver: {fw_ver}"));
    for client in &persona.clients {
        let (guid, connections, length) = (&client.guid, client.max_connections, client.max_message_length);
        job = job.expecting(format!("|{guid}|{connections:3}|{length:7}|"));
    }
    expecting_amt(job, persona)
}

/// The parity rows over both transports that need a guest.
fn parity() -> Vec<Job> {
    let mut jobs = Vec::new();
    for (index, persona) in setup::PARITY.into_iter().enumerate() {
        let file = format!("/personas/test/{persona}.toml");
        let command = format!("sh /jobs/cuse.sh {file} mei-parity --transport cuse");
        jobs.push(job(format!("cuse-parity:{persona}"), Machine::Cuse, "parity rows", command).within(900));
        let command = format!("sh /jobs/parity-mei_me.sh {}", setup::address(index));
        let name = format!("mei_me-parity:{persona}");
        jobs.push(job(name, Machine::MeiMeParity, "parity rows", command).within(900));
    }
    jobs
}
