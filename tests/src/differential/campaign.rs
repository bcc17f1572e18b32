//! Many sequences on two devices, several at a time.

use super::generate::{self, Company};
use super::hits::Hits;
use super::random::Random;
use super::rules::known;
use super::runner::{self, Answer, Trace};
use super::step::Step;
use crate::files::{Files, InProcess, System, Transport};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, RwLock};
use std::time::Duration;

/// A device to compare.
#[derive(Debug, Clone)]
pub enum Side {
    /// A device node and who serves it.
    Node(PathBuf, Transport),
    /// A host in this process over an engine of this persona.
    Host(Box<mei_emulator::Persona>),
}

impl Side {
    fn transport(&self) -> Transport {
        match self {
            Self::Node(_, transport) => *transport,
            Self::Host(_) => Transport::Host,
        }
    }

    fn device(&self) -> Result<Box<dyn Files>, String> {
        match self {
            Self::Node(path, transport) => Ok(Box::new(System::new(path.clone(), *transport))),
            Self::Host(persona) => Ok(Box::new(InProcess::start(persona)?)),
        }
    }
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The two devices.
    pub sides: [Side; 2],
    /// Calls to make on each, about.
    pub calls: u64,
    /// What the sequences come from.
    pub seed: u64,
    /// Sequences at a time.
    pub threads: usize,
    /// How long a call may sleep before a signal ends it.
    pub patience: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Totals {
    /// Steps that both devices made.
    pub calls: u64,
    /// Sequences.
    pub sequences: u64,
    /// Sequences that differ, each cut down to what it needs.
    pub differences: Vec<String>,
    /// What was met.
    pub hits: Hits,
}

/// Steps of a sequence.
const LENGTH: usize = 30;
/// Of so many sequences one runs alone on its devices, with events.
const ALONE_EVERY: u64 = 3;
/// Repetitions in which a difference has to show: what a slow machine brings about does not.
const REPEATS: usize = 3;

impl Campaign {
    /// Runs all sequences.
    ///
    /// # Errors
    /// When a device does not start.
    pub fn run(&self) -> Result<Totals, String> {
        let totals = Mutex::new(Totals::default());
        // Sequences with events have the devices to themselves.
        let floor = RwLock::new(());
        let numbers = Mutex::new(0..self.calls.div_ceil(LENGTH as u64));
        let outcome: Result<Vec<()>, String> = std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.threads).map(|_| scope.spawn(|| self.work(&numbers, &floor, &totals))).collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
        });
        outcome?;
        Ok(totals.into_inner().expect("no worker panics with the totals"))
    }

    fn work(
        &self,
        numbers: &Mutex<std::ops::Range<u64>>,
        floor: &RwLock<()>,
        totals: &Mutex<Totals>,
    ) -> Result<(), String> {
        let next = || numbers.lock().expect("no worker panics with the numbers").next();
        while let Some(number) = next() {
            let company = if number % ALONE_EVERY == 0 { Company::Alone } else { Company::Shared };
            let mut random = Random::new(self.seed ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03));
            let steps = generate::sequence(&mut random, company, LENGTH);
            let report = match company {
                Company::Alone => {
                    let _alone = floor.write().expect("no worker panics on the floor");
                    self.judge(number, &steps)?
                }
                Company::Shared => {
                    let shared = floor.read().expect("no worker panics on the floor");
                    let report = self.judge_once(&steps)?;
                    drop(shared);
                    if report.difference.is_none() {
                        report
                    } else {
                        // Whether it is real is found out without company.
                        let _alone = floor.write().expect("no worker panics on the floor");
                        self.judge(number, &steps)?
                    }
                }
            };
            let mut totals = totals.lock().expect("no worker panics with the totals");
            totals.sequences += 1;
            totals.calls += report.calls;
            totals.hits.add(report.hits);
            totals.differences.extend(report.difference.map(|place| place.text));
        }
        Ok(())
    }

    fn traces(&self, steps: &[Step]) -> Result<[Vec<Trace>; 2], String> {
        let side = |index: usize| -> Result<Vec<Trace>, String> {
            let device = self.sides[index].device()?;
            Ok(runner::run(&*device, steps, self.patience))
        };
        std::thread::scope(|scope| {
            let other = scope.spawn(|| side(1));
            let first = side(0)?;
            Ok([first, other.join().expect("a side does not panic")?])
        })
    }

    fn judge_once(&self, steps: &[Step]) -> Result<Report, String> {
        let [a, b] = self.traces(steps)?;
        let sides = [self.sides[0].transport(), self.sides[1].transport()];
        let mut report = Report::default();
        for (index, (one, two)) in a.iter().zip(&b).enumerate() {
            report.calls += 1;
            let step = &steps[index];
            report.hits.met(step, one);
            if one.answer == two.answer && !matches!(one.answer, Answer::Broken(_)) {
                continue;
            }
            match known(&steps[..=index], sides, [one, two]) {
                Some(rule) => {
                    report.hits.rule(rule.fidelity);
                    if rule.parted {
                        break;
                    }
                }
                None => {
                    let text = format!("step {index} {step:?}: {:?} and {:?}", one.answer, two.answer);
                    report.difference = Some(Place { index, text });
                    break;
                }
            }
        }
        Ok(report)
    }

    /// Runs a sequence; a difference has to repeat itself, and is cut down.
    fn judge(&self, number: u64, steps: &[Step]) -> Result<Report, String> {
        let mut report = self.judge_once(steps)?;
        let Some(place) = report.difference.take() else { return Ok(report) };
        let mut steps = steps[..=place.index].to_vec();
        if !self.always_differs(&steps)? {
            return Ok(report);
        }
        // From the end: what a step needs stands before it.
        for index in (0..steps.len().saturating_sub(1)).rev() {
            let mut fewer = steps.clone();
            fewer.remove(index);
            if self.always_differs(&fewer)? {
                steps = fewer;
            }
        }
        let last = self.judge_once(&steps)?.difference.map_or(place.text, |place| place.text);
        let mut text = format!("seed {} sequence {number}, {last}\n", self.seed);
        for step in &steps {
            writeln!(text, "  {step:?}").expect("a string takes it");
        }
        report.difference = Some(Place { index: 0, text });
        Ok(report)
    }

    fn always_differs(&self, steps: &[Step]) -> Result<bool, String> {
        for _ in 0..REPEATS {
            if self.judge_once(steps)?.difference.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[derive(Debug, Default)]
struct Report {
    calls: u64,
    hits: Hits,
    difference: Option<Place>,
}

#[derive(Debug)]
struct Place {
    index: usize,
    text: String,
}
