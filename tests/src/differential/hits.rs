//! How often what was met: each call in each state with each outcome, and the row of `docs/parity.md` that it is.

use super::runner::{Answer, State, Trace};
use super::step::Step;
use crate::files::{Errno, POLLERR};
use std::collections::BTreeMap;
use std::fmt;

/// Counts of calls, events, rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    met: BTreeMap<(&'static str, &'static str, String), u64>,
    rows: BTreeMap<&'static str, u64>,
    rules: BTreeMap<&'static str, u64>,
}

impl Hits {
    pub(super) fn met(&mut self, step: &Step, trace: &Trace) {
        let Answer::Said(outcome) = &trace.answer else { return };
        let state = match trace.before {
            State::Closed => "closed",
            State::Fresh => "fresh",
            State::Connected => "connected",
            State::Maybe => "after an event",
        };
        let result = match outcome.result {
            Ok(_) => "success".to_owned(),
            Err(errno) => errno.to_string(),
        };
        *self.met.entry((step.kind(), state, result)).or_default() += 1;
        if let Some(row) = row(step, trace.before, outcome.result) {
            *self.rows.entry(row).or_default() += 1;
        }
    }

    pub(super) fn rule(&mut self, fidelity: &'static str) {
        *self.rules.entry(fidelity).or_default() += 1;
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: Self) {
        for (key, count) in other.met {
            *self.met.entry(key).or_default() += count;
        }
        for (key, count) in other.rows {
            *self.rows.entry(key).or_default() += count;
        }
        for (key, count) in other.rules {
            *self.rules.entry(key).or_default() += count;
        }
    }

    /// How often rules were used.
    #[must_use]
    pub fn rules(&self) -> u64 {
        self.rules.values().sum()
    }
}

impl fmt::Display for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((kind, state, result), count) in &self.met {
            writeln!(f, "met {kind} | {state} | {result}: {count}")?;
        }
        for (row, count) in &self.rows {
            writeln!(f, "parity {row}: {count}")?;
        }
        for (rule, count) in &self.rules {
            writeln!(f, "rule {rule}: {count}")?;
        }
        Ok(())
    }
}

/// The parity row that a call, a state and an outcome are.
fn row(step: &Step, state: State, result: Result<i64, Errno>) -> Option<&'static str> {
    use State::{Connected, Fresh, Maybe};
    Some(match (step.kind(), state, result) {
        ("open", _, Ok(_)) => "O1",
        ("open", _, Err(Errno::EMFILE)) => "O3",
        ("close", Fresh, Ok(_)) => "C1",
        ("close", Connected, Ok(_)) => "C3",
        ("close", Maybe, Ok(_)) => "C7",
        ("ioctl", Fresh, Err(Errno::ENOTTY)) => "I1",
        ("ioctl", Connected | Maybe, Err(Errno::ENOTTY)) => "I2",
        ("connect", Fresh, Err(Errno::ENOTTY)) => "K1",
        ("connect", Fresh, Ok(_)) => "K5",
        ("connect", Connected, Err(Errno::EBUSY)) => "K7",
        ("connect", Connected, Err(Errno::ENOTTY)) => "K10",
        ("connect", Fresh, Err(Errno::EBUSY)) => "K11",
        ("connect", Maybe, Ok(_)) => "K45",
        ("connect-refused", _, Err(Errno::EBUSY)) => "K26",
        ("connect-refused", _, Err(Errno::EINVAL)) => "K27",
        ("connect-vtag", Fresh, Err(Errno::EOPNOTSUPP)) => "V1",
        ("connect-vtag", Fresh, Err(Errno::ENOTTY)) => "V4",
        ("connect-vtag", Fresh, Err(Errno::EINVAL)) => "V7",
        ("connect-vtag", Fresh, Ok(_)) => "V8",
        ("connect-vtag", Connected, Err(Errno::EBUSY)) => "V10",
        ("notify-set", Fresh, Err(Errno::ENODEV)) => "N1",
        ("notify-set", Fresh, Err(Errno::EINVAL)) => "N2",
        ("notify-set", Connected, Ok(_)) => "N6",
        ("notify-set", Connected, Err(Errno::EINVAL)) => "N8",
        ("notify-set", Maybe, Err(Errno::ENODEV)) => "N14",
        ("notify-refused", Connected, Err(Errno::EINVAL)) => "N10",
        ("notify-get", Fresh, Err(Errno::ENODEV)) => "G1",
        ("notify-get", _, Ok(_)) => "G4",
        ("notify-get", _, Err(Errno::EAGAIN)) => "G8",
        ("notify-get", _, Err(Errno::EINTR)) => "G9",
        ("notify-get", Maybe, Err(Errno::ENODEV)) => "G26",
        ("read", Fresh, Ok(0)) => "R1",
        ("read", Fresh, Err(Errno::ENODEV)) => "R2",
        ("read", Connected, Ok(_)) => "R6",
        ("read", _, Err(Errno::EAGAIN)) => "R11",
        ("read", _, Err(Errno::EINTR)) => "R13",
        ("read", _, Err(Errno::EMSGSIZE)) => "R23",
        ("read", Maybe, Err(Errno::ENODEV)) => "R41",
        ("read", Maybe, Ok(_)) => "R42",
        ("write", Fresh, Err(Errno::ENODEV)) => "W2",
        ("write", Connected, Ok(0)) => "W10",
        ("write", Connected, Ok(_)) => "W15",
        ("write", _, Err(Errno::EFBIG)) => "W6",
        ("write", Maybe, Err(Errno::ENODEV)) => "W33",
        ("poll", Fresh, Ok(_)) => "P1",
        ("poll", Connected, Ok(_)) => "P8",
        ("poll", Maybe, Ok(ready)) if ready == i64::from(POLLERR) => "P24",
        ("fsync", Fresh, Err(Errno::ENODEV)) => "S1",
        ("fsync", Connected, Ok(_)) => "S4",
        ("fsync", _, Err(Errno::EINTR)) => "S8",
        ("fsync", Maybe, Err(Errno::ENODEV)) => "S13",
        ("event disconnect", ..) => "L1",
        ("event reset", ..) => "L10",
        _ => return None,
    })
}
