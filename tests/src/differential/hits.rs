//! How often what was met: each call in each state with each outcome, and the rows of `docs/parity.md` that those are.

use super::history::{File, State};
use super::rows::{EVENTS, ROWS};
use super::runner::{Answer, Trace};
use super::step::Step;
use crate::files::Errno;
use std::collections::BTreeMap;
use std::fmt;

/// Counts of calls, events, rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    met: BTreeMap<(&'static str, &'static str, String), u64>,
    rows: BTreeMap<&'static str, u64>,
    events: BTreeMap<&'static str, u64>,
    rules: BTreeMap<&'static str, u64>,
}

/// What rows are told by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) step: &'a Step,
    pub(super) state: State,
    pub(super) file: Option<&'a File>,
    /// Of the call; none for one that sleeps on.
    pub(super) result: Option<Result<i64, Errno>>,
}

impl Hits {
    pub(super) fn met(&mut self, step: &Step, state: State, file: Option<&File>, trace: &Trace) {
        let results = match &trace.answer {
            Answer::Said(outcome) => vec![Some(outcome.result)],
            Answer::Both(outcomes) => outcomes.iter().map(|outcome| Some(outcome.result)).collect(),
            Answer::Asleep => vec![None],
            Answer::Nothing | Answer::Broken(_) => return,
        };
        let at = match state {
            State::Closed => "closed",
            State::Fresh => "fresh",
            State::Connected => "connected",
            State::Ended => "ended",
        };
        if let Some(event) = EVENTS.into_iter().find(|event| *event == step.kind()) {
            *self.events.entry(event).or_default() += 1;
        }
        for result in results {
            let said = match result {
                None => "asleep".to_owned(),
                Some(Ok(_)) => "success".to_owned(),
                Some(Err(errno)) => errno.to_string(),
            };
            *self.met.entry((step.kind(), at, said)).or_default() += 1;
            let seen = Seen { step, state, file, result };
            for (row, is) in ROWS {
                if is(&seen) {
                    *self.rows.entry(row).or_default() += 1;
                }
            }
        }
        for ended in &trace.ended {
            let said = match ended.outcome.result {
                Ok(_) => "success".to_owned(),
                Err(errno) => errno.to_string(),
            };
            *self.met.entry((ended.kind, "asleep before", said)).or_default() += 1;
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
        let maps =
            [(&mut self.rows, other.rows), (&mut self.events, other.events), (&mut self.rules, other.rules)];
        for (mine, others) in maps {
            for (key, count) in others {
                *mine.entry(key).or_default() += count;
            }
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
        for (row, _) in ROWS {
            writeln!(f, "parity {row}: {}", self.rows.get(row).copied().unwrap_or(0))?;
        }
        for event in EVENTS {
            let count = self.events.get(event).copied().unwrap_or(0);
            writeln!(f, "event {}: {count}", event.trim_start_matches("event "))?;
        }
        for (rule, count) in &self.rules {
            writeln!(f, "rule {rule}: {count}")?;
        }
        Ok(())
    }
}
