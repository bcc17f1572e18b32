//! The same random calls on the kernel's driver and on umei beside it, in one guest.

use super::{Job, job};
use crate::guests::setup::{self, Machine};

/// Calls in `cargo xtask test`, and what they come from: some two minutes. `cargo xtask fuzz-parity` makes more.
const CALLS: u64 = 5000;
const SEED: u64 = 1;
/// Who judges.
const CLIENT: &str = "mei-differential";

/// Those of `cargo xtask test`.
pub(super) fn jobs() -> Vec<Job> {
    vec![run("exact", CALLS, SEED).expecting(", 0 differences, ").within(1800)]
}

/// A job that makes so many calls on every pair of devices together.
pub(in crate::guests) fn run(name: &str, calls: u64, seed: u64) -> Job {
    with_options(name, &format!("--calls {calls} --seed {seed}"))
}

/// A job that makes the calls of one file of the guest on every pair.
pub(in crate::guests) fn replay(name: &str, file: &str) -> Job {
    with_options(name, &format!("--replay {file}"))
}

fn with_options(name: &str, options: &str) -> Job {
    let pair = |(index, persona): (usize, &str)| {
        format!(" {} '--persona /personas/test/{persona}.toml'", setup::address(index))
    };
    let pairs: String = setup::PARITY.into_iter().enumerate().map(pair).collect();
    let command = format!("sh /jobs/exact.sh '{options}'{pairs}");
    job(name, Machine::Exact, CLIENT, command)
}
