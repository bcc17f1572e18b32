//! umei beside the kernel's driver in one guest: what programs ask of both and get, how fast both answer, and what a
//! server does when nobody asks for anything.

use super::{Job, job};
use crate::guests::personas::Persona;
use crate::guests::setup::{self, Machine};

/// The functions of [`Machine::Beside`].
const FULL: usize = 0;
const TAGGED: usize = 1;
/// With the DMA ring and without, the kernel's and ours.
const ECHOES: [usize; 4] = [2, 3, 4, 5];

/// The personas whose engines have a DMA ring: those of Cannon Point and later.
const WITH_RING: [&str; 6] =
    ["cannon-point", "comet-lake", "tiger-lake", "alder-lake", "arrow-lake", "meteor-lake"];

pub(super) fn jobs(personas: &[Persona]) -> Vec<Job> {
    let mut jobs = calls();
    jobs.extend(idle());
    jobs.extend(rings(personas));
    jobs.extend(recoveries());
    jobs.push(measure("beside-smoke", "--pairs 1 --seconds 0.1 --sizes 512 --handles 1").within(300));
    jobs.push(count("instructions-smoke", "--pairs 1 --seconds 0.02 --sizes 512 --handles 1").within(300));
    jobs
}

/// The same calls with the same results, as `strace` and a 32-bit program see them.
fn calls() -> Vec<Job> {
    let full = setup::address(FULL);
    let persona = setup::FULL;
    let traced = |client: &'static str, how: &str, program: &str| {
        let command = format!("sh /jobs/strace.sh {full} {persona} {how} {program}");
        job(format!("strace:{client}"), Machine::Beside, client, command).expecting("the same calls: ")
    };
    let sample = traced("mei-amt-version", "--whole", "/target/clients/mei-amt-version -v");
    let meshcmd = traced("MeshCmd", "--", "sh /jobs/meshcmd.sh AmtInfo --json");
    let command =
        format!("sh /jobs/compat.sh {} /personas/test/{}.toml", setup::address(TAGGED), setup::PARITY[1]);
    let compat = job("compat", Machine::Beside, "32-bit program", command);
    vec![
        sample.expecting("Intel AMT: ENABLED"),
        meshcmd.expecting("ProvisioningState").within(600),
        compat.expecting("a 32-bit program: all as it should be").expecting("the same lines: "),
    ]
}

/// Servers that nobody uses. A function that is reached through its sysfs resource has no interrupt and is polled: it
/// is not among them.
fn idle() -> Vec<Job> {
    const QUIET: &str = "threads in ten seconds: 0";
    let engine = format!("sh /jobs/cuse.sh {} sh /jobs/idle.sh", setup::FULL);
    let mut jobs = vec![job("idle:engine", Machine::Cuse, "umei serve", engine).expecting(QUIET)];
    for driver in ["vfio-pci", "uio_pci_generic"] {
        let command =
            format!("NAME=mei80 sh /jobs/pci.sh {} {driver} sh /jobs/idle.sh", setup::address(FULL));
        jobs.push(job(format!("idle:{driver}"), Machine::Beside, "umei serve", command).expecting(QUIET));
    }
    jobs
}

/// A long message goes through the ring where there is one.
fn rings(personas: &[Persona]) -> Vec<Job> {
    let machine = Machine::MeiMeMsi;
    let has_ring = |(_, persona): &(usize, &Persona)| WITH_RING.contains(&persona.name.as_str());
    let ring = |(index, persona): (usize, &Persona)| {
        let command = format!("sh /jobs/ring.sh {}", setup::address(index));
        job(format!("mei_me-ring:{}", persona.name), machine, "mei-large", command)
            .expecting("4096 bytes there")
            .expecting("messages through the ring: ")
    };
    machine.personas(personas).enumerate().filter(has_ring).map(ring).collect()
}

/// What the kernel's driver survives with every persona, all of them at a time.
fn recoveries() -> Vec<Job> {
    let every = |upset: &str, options: &str| recovery(Machine::MeiMeMsi, "mei_me-recovery", upset, options);
    vec![
        every("rebind", ""),
        every("function-reset", ""),
        every("remove", ""),
        every("suspend", ""),
        every("firmware-reset", "--times 20"),
        // A driver whose function is gone waits for each of its bits: five seconds and more for each function.
        recovery(Machine::MeiMePackages, "mei_me-recovery:one", "pull", ""),
    ]
}

/// What is too long for each day: as often as real hardware would hardly do it, and every persona pulled.
pub(super) fn long() -> Vec<Job> {
    let every = |upset: &str, options: &str| {
        recovery(Machine::MeiMeMsi, "mei_me-recovery-long", upset, options).within(1800)
    };
    vec![every("firmware-reset", "--times 100"), every("rebind", "--times 10"), every("pull", "--times 2")]
}

fn recovery(machine: Machine, name: &str, upset: &str, options: &str) -> Job {
    let client = "sh /jobs/sample.sh | grep -E 'Intel AMT: ENABLED|the sample finds no AMT'";
    let command = format!("mei-recover {upset} {options} --client \"{client}\"");
    job(format!("{name}:{upset}"), machine, "mei-amt-version", command)
        .expecting("the client succeeds")
        .within(600)
}

/// What is measured over CUSE in instructions, with these options of `umei-bench beside`.
pub(in crate::guests) fn count(name: &str, options: &str) -> Job {
    job(name, Machine::Counted, "umei-bench", format!("sh /jobs/beside-cuse.sh {options}"))
}

/// All that is measured, with these options of `umei-bench beside`.
pub(in crate::guests) fn measure(name: &str, options: &str) -> Job {
    let functions = ECHOES.map(setup::address).join(" ");
    let command = format!("sh /jobs/beside.sh {functions} {options}");
    job(name, Machine::Beside, "umei-bench", command)
}
