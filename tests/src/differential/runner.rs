//! Runs a sequence on one device.

use super::generate::SLOTS;
use super::step::Step;
use crate::files::{Call, Errno, FileId, Files, Outcome, POLLIN, POLLPRI, POLLRDNORM, Pointer, Restart};
use crate::parity::bench::{CONNECT, CONNECT_VTAG, NOTIFY_GET, NOTIFY_SET};
use crate::parity::{Bench, LIMIT, Stop};
use crate::test_client::{ECHO, Event, FIXED, TestClient};
use mei_wire::Guid;
use std::time::Duration;

/// What the program knows of a file of a sequence; for the table of hits and for rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    /// Not open.
    Closed,
    /// Never connected.
    Fresh,
    /// Connected, as far as the program knows.
    Connected,
    /// Was connected, and an event that may have ended it has happened.
    Maybe,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The call was made.
    Said(Outcome),
    /// The slot was not open, or the engine has no such client.
    Nothing,
    /// The device did not do what it must; the rest of the sequence was not run.
    Broken(String),
}

/// One step's trace.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) before: State,
    pub(super) answer: Answer,
}

/// Runs `steps`; a call that sleeps for `patience` is ended by a signal.
pub(super) fn run(files: &dyn Files, steps: &[Step], patience: Duration) -> Vec<Trace> {
    let mut run = Run {
        files,
        bench: Bench::new(files),
        patience,
        slots: [None; SLOTS],
        states: [State::Closed; SLOTS],
        fixed: [false; SLOTS],
    };
    let mut traces = Vec::new();
    for step in steps {
        let before = step.slot().map_or(State::Fresh, |slot| run.states[slot]);
        let answer = run.step(step);
        let broken = matches!(answer, Answer::Broken(_));
        traces.push(Trace { before, answer });
        if broken {
            break;
        }
    }
    for slot in 0..SLOTS {
        run.close(slot);
    }
    traces
}

struct Run<'a> {
    files: &'a dyn Files,
    bench: Bench<'a>,
    patience: Duration,
    slots: [Option<(FileId, bool)>; SLOTS],
    states: [State; SLOTS],
    /// Whether a slot is connected to the client at a fixed address. What the firmware says of notifications there
    /// depends on whether anybody has spoken to it before, which is not a sequence's own.
    fixed: [bool; SLOTS],
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Answer {
        match step {
            Step::Open { slot, nonblocking } => self.open(*slot, *nonblocking),
            Step::Close { slot } => self.close(*slot).map_or(Answer::Nothing, Answer::Said),
            Step::Connect { slot, client } => {
                let answer = self.connect(*slot, CONNECT, client.0.to_vec());
                self.fixed[*slot] |= *client == FIXED;
                answer
            }
            Step::ConnectVtag { slot, client, vtag } => {
                let mut argument = client.0.to_vec();
                argument.extend([*vtag, 0, 0, 0]);
                self.connect(*slot, CONNECT_VTAG, argument)
            }
            Step::Refuse { slot, client, status } => self.refuse(*slot, *client, *status),
            Step::NotifySet { slot, .. } | Step::RefuseNotify { slot, .. } if self.fixed[*slot] => {
                Answer::Nothing
            }
            Step::NotifySet { slot, value } => self.ioctl(*slot, NOTIFY_SET, value.to_le_bytes().to_vec()),
            Step::RefuseNotify { slot, status } => self.refuse_notify(*slot, *status),
            Step::NotifyGet { slot } => self.ioctl(*slot, NOTIFY_GET, vec![0; 4]),
            Step::Ioctl { slot, command } => self.ioctl(*slot, *command, vec![0; 32]),
            Step::Read { slot, size } => self.read(*slot, *size),
            Step::Write { slot, length, fill } => self.on(*slot, |file| {
                let data = vec![*fill; *length];
                Call::Write { file, data, pointer: Pointer::Good }
            }),
            Step::Poll { slot, events } => {
                // What only comes by itself is waited for, so that both devices have had the time.
                let comes = events & (POLLIN | POLLRDNORM | POLLPRI) != 0;
                let timeout = if comes { self.patience } else { Duration::ZERO };
                self.on(*slot, |file| Call::Poll { file, events: *events, timeout })
            }
            Step::Fsync { slot } => self.on(*slot, Call::Fsync),
            Step::SetNonblocking { slot, on } => {
                if let Some(file) = &mut self.slots[*slot] {
                    file.1 = *on;
                }
                self.on(*slot, |file| Call::SetNonblocking(file, *on))
            }
            Step::Event(event) => self.event(event),
            Step::Reset(event) => self.reset(event),
        }
    }

    /// Makes a call; one that sleeps too long gets a signal.
    fn call(&self, call: Call) -> Answer {
        // A poll ends by itself, and not at the moment of a signal.
        let patience = if matches!(call, Call::Poll { .. }) { LIMIT } else { self.patience };
        let Ok(ticket) = self.files.begin(call) else { return Answer::Nothing };
        if let Some(outcome) = self.files.wait(ticket, patience) {
            return Answer::Said(outcome);
        }
        if self.files.asleep(ticket) {
            self.files.signal(ticket, Restart::No);
        }
        match self.files.wait(ticket, LIMIT) {
            Some(outcome) => Answer::Said(outcome),
            None => Answer::Broken(format!("a call did not end within {LIMIT:?}")),
        }
    }

    fn on(&self, slot: usize, call: impl FnOnce(FileId) -> Call) -> Answer {
        match self.slots[slot] {
            Some((file, _)) => self.call(call(file)),
            None => Answer::Nothing,
        }
    }

    fn open(&mut self, slot: usize, nonblocking: bool) -> Answer {
        self.close(slot);
        let answer = self.call(Call::Open { nonblocking });
        if let Answer::Said(outcome) = &answer
            && let Ok(file) = outcome.result
        {
            self.slots[slot] = Some((FileId(u32::try_from(file).expect("a file id")), nonblocking));
            self.states[slot] = State::Fresh;
            self.fixed[slot] = false;
            // Numbers of files are each device's own.
            return Answer::Said(Outcome::value(0));
        }
        answer
    }

    fn close(&mut self, slot: usize) -> Option<Outcome> {
        let (file, _) = self.slots[slot].take()?;
        self.states[slot] = State::Closed;
        let ticket = self.files.begin(Call::Close(file)).ok()?;
        self.files.wait(ticket, LIMIT)
    }

    fn ioctl(&self, slot: usize, command: u32, argument: Vec<u8>) -> Answer {
        self.on(slot, |file| Call::Ioctl { file, command, argument, pointer: Pointer::Good })
    }

    fn connect(&mut self, slot: usize, command: u32, argument: Vec<u8>) -> Answer {
        let answer = self.ioctl(slot, command, argument);
        if matches!(&answer, Answer::Said(outcome) if outcome.result.is_ok()) {
            self.states[slot] = State::Connected;
        }
        answer
    }

    fn refuse(&mut self, slot: usize, client: Guid, status: u8) -> Answer {
        if self.slots[slot].is_none() {
            return Answer::Nothing;
        }
        if let Some(answer) = self.event_failed(&Event::ConnectStatus { client, status }) {
            return answer;
        }
        let answer = self.connect(slot, CONNECT, client.0.to_vec());
        // Used up even where the call never reached the firmware.
        if let Ok(Ok(file)) = self.bench.try_open() {
            drop(file.connect(client));
        }
        answer
    }

    fn refuse_notify(&mut self, slot: usize, status: u8) -> Answer {
        if self.slots[slot].is_none() {
            return Answer::Nothing;
        }
        if let Some(answer) = self.event_failed(&Event::NotifyStatus { client: ECHO, status }) {
            return answer;
        }
        let answer = self.ioctl(slot, NOTIFY_SET, 1_u32.to_le_bytes().to_vec());
        if let Ok(file) = self.bench.connected(ECHO) {
            drop(file.notify_set(1));
        }
        answer
    }

    /// On a non-blocking file only after it was given time: EAGAIN is then a statement.
    fn read(&self, slot: usize, size: usize) -> Answer {
        if let Some((file, true)) = self.slots[slot]
            && size > 0
        {
            self.call(Call::Poll { file, events: POLLIN, timeout: self.patience });
        }
        self.on(slot, |file| Call::Read { file, size, pointer: Pointer::Good })
    }

    fn event_failed(&self, event: &Event) -> Option<Answer> {
        match TestClient::connect(&self.bench).and_then(|engine| engine.arm(event.clone())) {
            Ok(()) => None,
            Err(Stop::NotHere(_)) => Some(Answer::Nothing),
            Err(Stop::Failed(reason)) => Some(Answer::Broken(reason)),
        }
    }

    fn event(&mut self, event: &Event) -> Answer {
        if let Some(answer) = self.event_failed(event) {
            return answer;
        }
        if matches!(event, Event::Disconnect { .. }) {
            self.unsettle();
        }
        Answer::Said(Outcome::value(0))
    }

    fn unsettle(&mut self) {
        for state in &mut self.states {
            if *state == State::Connected {
                *state = State::Maybe;
            }
        }
    }

    fn reset(&mut self, event: &Event) -> Answer {
        let outcome = TestClient::connect(&self.bench).and_then(|engine| engine.reset(event));
        self.unsettle();
        match outcome {
            Ok(()) => Answer::Said(Outcome::value(0)),
            Err(Stop::NotHere(_)) => Answer::Nothing,
            Err(Stop::Failed(reason)) => Answer::Broken(reason),
        }
    }
}

/// Whether an answer is that errno.
pub(super) fn is(answer: &Answer, errno: Errno) -> bool {
    matches!(answer, Answer::Said(outcome) if outcome.result == Err(errno))
}
