//! Many sequences on pairs of devices, one at a time on each pair.

use super::generate::{self, Reach};
use super::history::History;
use super::hits::Hits;
use super::kept;
use super::random::Random;
use super::rules::{Case, Known, Then, known, parts};
use super::runner::{self, Answer, Trace};
use super::step::Step;
use super::still;
use crate::files::{Files, InProcess, System, Transport};
use crate::parity::Bench;
use crate::test_client::wait_until_enabled;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// A device to compare.
#[derive(Debug, Clone)]
pub enum Side {
    /// A device node and who serves it.
    Node(PathBuf, Transport),
    /// A host in this process over an engine of this persona.
    Host(Box<mei_emulator::Persona>),
}

impl Side {
    /// Who answers.
    #[must_use]
    pub fn transport(&self) -> Transport {
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

/// Two devices with engines of the same persona.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What the other is held against.
    pub reference: Side,
    /// What is judged.
    pub other: Side,
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Pairs, which share the sequences.
    pub pairs: Vec<Pair>,
    /// Calls to make on each side, at least.
    pub calls: u64,
    /// What the sequences come from.
    pub seed: u64,
    /// Differences after which there is no point in going on.
    pub enough: usize,
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
    /// Sequences that differed once and not when they were run again: what a machine without time may bring about.
    pub unsteady: Vec<String>,
    /// What was met.
    pub hits: Hits,
}

/// Calls after which it is told how many there were.
const PROGRESS: u64 = 1000;
/// How often a sequence that differs is run again, to tell what always happens from what may.
const REPEATS: usize = 3;
/// How long a sequence is cut down: one that waits for timers, or for a call that never ends, takes a minute each time.
const CUTTING: Duration = Duration::from_secs(120);
/// Of so many sequences one may differ once and never again.
const UNSTEADY_EVERY: u64 = 200;

impl Campaign {
    /// Runs all sequences: first those that were kept, on every pair, then random ones. `tell` gets each difference as it
    /// is found, and how far the run is, in case there is no end.
    ///
    /// # Errors
    /// When a device does not start.
    pub fn run(&self, tell: &(dyn Fn(&str) + Sync)) -> Result<Totals, String> {
        let totals = Mutex::new(Totals::default());
        let numbers = Mutex::new(0..);
        let outcome: Result<Vec<()>, String> = std::thread::scope(|scope| {
            let (_running, over) = channel::<()>();
            let calls = || totals.lock().expect("no worker panics with the totals").calls;
            scope.spawn(move || still::watch(calls, &over, tell));
            let workers: Vec<_> = self
                .pairs
                .iter()
                .map(|pair| {
                    scope.spawn(|| {
                        let next = || {
                            let made = totals.lock().expect("no worker panics with the totals").calls;
                            let mut numbers = numbers.lock().expect("no worker panics with the numbers");
                            if made < self.calls { numbers.next() } else { None }
                        };
                        self.work(pair, next, &totals, tell)
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect()
        });
        outcome?;
        Ok(totals.into_inner().expect("no worker panics with the totals"))
    }

    fn work(
        &self,
        pair: &Pair,
        mut next: impl FnMut() -> Option<u64>,
        totals: &Mutex<Totals>,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<(), String> {
        pair.wait_until_there()?;
        let judge = |name: &str, steps: &[Step]| -> Result<bool, String> {
            let report = pair.judge(name, steps, tell)?;
            let mut totals = totals.lock().expect("no worker panics with the totals");
            totals.sequences += 1;
            let thousands = totals.calls / PROGRESS;
            totals.calls += report.calls;
            if totals.calls / PROGRESS > thousands {
                tell(&format!("{} calls", totals.calls));
            }
            totals.hits.add(report.hits);
            if let Some(place) = &report.difference {
                tell(&format!("found after {} calls: {}", totals.calls, place.text.trim_end()));
            }
            match report.difference {
                Some(Place { text, repeats: Repeats::Yes, .. }) => totals.differences.push(text),
                Some(Place { text, repeats: Repeats::No, .. }) => totals.unsteady.push(text),
                None => {}
            }
            // A few of them are chance; more are a difference that only shows now and then.
            if totals.unsteady.len() as u64 > 1 + totals.sequences / UNSTEADY_EVERY {
                let unsteady = std::mem::take(&mut totals.unsteady);
                totals.differences.extend(unsteady);
            }
            Ok(totals.differences.len() < self.enough)
        };
        for (name, steps) in kept::sequences(pair.reach())? {
            if !judge(&format!("kept {name}"), &steps)? {
                return Ok(());
            }
        }
        while let Some(number) = next() {
            let mut random = Random::new(self.seed ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03));
            let steps = generate::sequence(&mut random, pair.reach(), number);
            if !judge(&format!("seed {} sequence {number}", self.seed), &steps)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Pair {
    fn reach(&self) -> Reach {
        let host = [&self.reference, &self.other].iter().any(|side| side.transport() == Transport::Host);
        if host { Reach::Host } else { Reach::Kernel }
    }

    /// Waits until both devices can be opened.
    fn wait_until_there(&self) -> Result<(), String> {
        for side in [&self.reference, &self.other] {
            let device = side.device()?;
            let there = wait_until_enabled(&Bench::new(&*device));
            there.map_err(|stop| format!("{}: {stop:?}", side.transport()))?;
        }
        Ok(())
    }

    /// Runs one sequence and says what came of it, as text.
    ///
    /// # Errors
    /// When a device does not start.
    pub fn replay(&self, steps: &[Step]) -> Result<String, String> {
        let [one, two] = self.traces(steps)?;
        let mut text = String::new();
        for (index, step) in steps.iter().enumerate() {
            let side = |traces: &[Trace]| traces.get(index).map_or("not made".to_owned(), show);
            let (one, two) = (side(&one), side(&two));
            let mark = if one == two { "" } else { "  <<<" };
            writeln!(text, "{}\n    {one}\n    {two}{mark}", step.text()).expect("a string takes it");
        }
        if let Some(place) = self.judge_once(steps)?.difference {
            writeln!(text, "DIFFERENCE {}", place.text).expect("a string takes it");
        }
        Ok(text)
    }

    fn traces(&self, steps: &[Step]) -> Result<[Vec<Trace>; 2], String> {
        let run = |side: &Side| -> Result<Vec<Trace>, String> {
            Ok(runner::run(&*side.device()?, self.reach(), steps))
        };
        std::thread::scope(|scope| {
            let other = scope.spawn(|| run(&self.other));
            let first = run(&self.reference)?;
            Ok([first, other.join().expect("a side does not panic")?])
        })
    }

    fn judge_once(&self, steps: &[Step]) -> Result<Report, String> {
        let [a, b] = self.traces(steps)?;
        let mut report = Report::default();
        let mut history = History::default();
        for (index, (one, two)) in a.iter().zip(&b).enumerate() {
            // One more trace than steps: what went wrong when all was closed.
            let Some(step) = steps.get(index) else {
                let text = format!("at the end: {} and {}", show(one), show(two));
                report.difference = Some(Place::new(index - 1, text));
                break;
            };
            report.calls += 1;
            let broken = matches!(one.answer, Answer::Broken(_)) || matches!(two.answer, Answer::Broken(_));
            let case = Case {
                reference: self.reference.transport(),
                other: self.other.transport(),
                history: &history,
                step,
                traces: [one, two],
            };
            if one != two || broken {
                match known(&case).filter(|_| !broken) {
                    Some(Known { fidelity, then }) => {
                        report.hits.rule(fidelity);
                        report.hits.met(step, history.state(step), history.of(step.slot()), one);
                        if then == Then::Parted {
                            break;
                        }
                    }
                    None => {
                        let text = format!("step {index}: {} and {}", show(one), show(two));
                        report.difference = Some(Place::new(index, text));
                        break;
                    }
                }
            } else {
                report.hits.met(step, history.state(step), history.of(step.slot()), one);
                if parts(&case).is_some() {
                    break;
                }
            }
            history.add(step, one);
        }
        // A side that broke after the other had no more to say.
        if report.difference.is_none() && a.len() != b.len() {
            let longer = if a.len() > b.len() { &a } else { &b };
            if let Some(Trace { answer: Answer::Broken(reason), .. }) = longer.last() {
                let index = steps.len().saturating_sub(1);
                report.difference = Some(Place::new(index, format!("at the end: {reason}")));
            }
        }
        Ok(report)
    }

    /// Runs a sequence; one that differs is run again, and cut down when it always does.
    fn judge(&self, name: &str, steps: &[Step], tell: &(dyn Fn(&str) + Sync)) -> Result<Report, String> {
        let mut report = self.judge_once(steps)?;
        let Some(place) = report.difference.take() else { return Ok(report) };
        // At once: who repeats it may wait for long.
        tell(&format!("{name} differs: {}", place.text));
        let mut steps = steps[..=place.index].to_vec();
        let mut repeated = 0;
        for _ in 0..REPEATS {
            repeated += usize::from(self.judge_once(&steps)?.difference.is_some());
        }
        let mut last = place.text;
        if repeated == REPEATS {
            let begun = Instant::now();
            // From the end: what a step needs stands before it.
            for index in (0..steps.len().saturating_sub(1)).rev() {
                if begun.elapsed() > CUTTING {
                    break;
                }
                let mut fewer = steps.clone();
                fewer.remove(index);
                if let Some(place) = self.judge_once(&fewer)?.difference {
                    // A difference at another step is another difference.
                    if place.index + 1 == fewer.len() {
                        steps = fewer;
                        last = place.text;
                    }
                }
            }
        }
        let sides = format!("{} and {}", self.reference.transport(), self.other.transport());
        let mut text = format!("{name}, {sides}, {repeated} of {REPEATS} times again; {last}\n");
        for step in &steps {
            writeln!(text, "STEP {}", step.text()).expect("a string takes it");
        }
        let repeats = if repeated > 0 { Repeats::Yes } else { Repeats::No };
        report.difference = Some(Place { index: 0, text, repeats });
        Ok(report)
    }
}

/// A trace in a line; long data shortened.
fn show(trace: &Trace) -> String {
    let outcome = |outcome: &crate::files::Outcome| {
        let bytes = &outcome.bytes[..outcome.bytes.len().min(24)];
        format!("{:?} {bytes:02x?}", outcome.result)
    };
    let mut text = match &trace.answer {
        Answer::Said(said) => outcome(said),
        Answer::Both([one, two]) => format!("{}, {}", outcome(one), outcome(two)),
        other => format!("{other:?}"),
    };
    for ended in &trace.ended {
        write!(text, "; file {}: {} {}", ended.file, ended.kind, outcome(&ended.outcome))
            .expect("a string takes it");
    }
    text
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
    repeats: Repeats,
}

impl Place {
    fn new(index: usize, text: String) -> Self {
        Self { index, text, repeats: Repeats::Yes }
    }
}

/// Whether a difference showed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    Yes,
    No,
}
