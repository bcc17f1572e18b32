//! Runs a sequence on one device.
//!
//! Nothing here waits for time to pass: what a step brings about is through when a command to the engine's test client
//! has been answered, because the engine answers after what it had to say before, and the device passes that on in
//! order. A call that still sleeps then sleeps until a later step or a signal ends it.

use super::calls::{Stir, may_spin, prepared};
use super::generate::{Reach, SLOTS};
use super::step::{Client, Do, Handler, Place, Step, Upset};
use crate::files::{Call, Errno, FileId, Files, Outcome, Restart, Ticket};
use crate::parity::{Bench, LIMIT, Stop};
use crate::test_client::{Event, TestClient, wait_until_enabled};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The call was made.
    Said(Outcome),
    /// Two calls were made at the same time; the outcomes in some order of their own.
    Both([Outcome; 2]),
    /// The call sleeps on.
    Asleep,
    /// The slot was not open, or the engine has no such client.
    Nothing,
    /// The device did not do what it must; the rest of the sequence was not run.
    Broken(String),
}

/// A call that slept through a step before, and ended in this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// Which file of the sequence, by the order in which they were opened.
    pub(super) file: usize,
    pub(super) kind: &'static str,
    pub(super) outcome: Outcome,
}

/// One step's trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) answer: Answer,
    /// In the order of files, kinds and outcomes: which of two sleepers that ask for the same is served first is the
    /// device's affair.
    pub(super) ended: Vec<Ended>,
}

/// Sleepers that a sequence may have.
pub(super) const MOST_PARKED: usize = 4;
/// A round trip for what the step before caused, one for what that caused.
const ROUND_TRIPS: usize = 2;
/// What a signal ends is over within this, unless it waits for a timer or spins.
const SIGNALLED: Duration = Duration::from_secs(2);
/// More writes than any queue takes here.
const MORE_THAN_A_QUEUE: i64 = 80;
/// Times that the test client is connected again, each after the device was seen to be ENABLED.
const ATTEMPTS: usize = 50;

/// Runs `steps`, no more of them than `reach` has.
pub(super) fn run(files: &dyn Files, reach: Reach, steps: &[Step]) -> Vec<Trace> {
    let mut run = Run {
        files,
        reach,
        bench: Bench::new(files),
        engine: None,
        slots: [None; SLOTS],
        opened: 0,
        parked: Vec::new(),
        unsettled: false,
        fixed: BTreeSet::new(),
        untagged: BTreeSet::new(),
        added: BTreeSet::new(),
        removed: BTreeSet::new(),
        held: BTreeSet::new(),
    };
    let mut traces = Vec::new();
    for step in steps {
        let answer = run.step(step).unwrap_or_else(Answer::Broken);
        let ended = run.ended();
        let broken = match (&answer, ended) {
            (Answer::Broken(_), _) => {
                traces.push(Trace { answer, ended: Vec::new() });
                true
            }
            (_, Ok(ended)) => {
                traces.push(Trace { answer, ended });
                false
            }
            (_, Err(reason)) => {
                traces.push(Trace { answer: Answer::Broken(reason), ended: Vec::new() });
                true
            }
        };
        if broken {
            break;
        }
    }
    if let Err(reason) = run.finish() {
        traces.push(Trace { answer: Answer::Broken(reason), ended: Vec::new() });
    }
    traces
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    id: FileId,
    /// Descriptors of one file have the same number.
    file: usize,
}

#[derive(Debug)]
struct Parked {
    id: FileId,
    file: usize,
    kind: &'static str,
    /// Whether a signal may not end it.
    spins: bool,
    ticket: Ticket,
}

struct Run<'a> {
    files: &'a dyn Files,
    reach: Reach,
    bench: Bench<'a>,
    engine: Option<TestClient<'a>>,
    slots: [Option<Slot>; SLOTS],
    opened: usize,
    parked: Vec<Parked>,
    /// Whether the engine may have something to do or to say.
    unsettled: bool,
    /// Files that are connected to the client at a fixed address. What the firmware says of notifications there depends
    /// on whether anybody has spoken to it before, which is not a sequence's own.
    fixed: BTreeSet<usize>,
    /// Files that have asked for a client without tags. One that goes on to a client with tags makes the driver free what
    /// is still in use (Q19), and the kernel is not to be trusted any more.
    untagged: BTreeSet<usize>,
    added: BTreeSet<[u8; 16]>,
    removed: BTreeSet<[u8; 16]>,
    held: BTreeSet<[u8; 16]>,
}

type Result<T = Answer> = std::result::Result<T, String>;

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Result {
        let replaced = match *step {
            Step::Open { slot, .. } | Step::Close { slot } | Step::SilentClose { slot } => Some(slot),
            Step::Duplicate { to, .. } => Some(to),
            _ => None,
        };
        // That a call holds its file is the kernel's doing. A poll that wakes looks at its descriptor's number again, which
        // may be any file's by then.
        let busy = |slot| match self.reach {
            Reach::Host => self.is_asleep_on(slot),
            Reach::Kernel => self.is_polled(slot),
        };
        if replaced.is_some_and(busy) {
            return Ok(Answer::Nothing);
        }
        match *step {
            Step::Open { slot, way, nonblocking } => {
                self.close(slot)?;
                let call = match way.mode() {
                    None => Call::Open { nonblocking },
                    Some(mode) => Call::OpenAs { mode, nonblocking },
                };
                let answer = self.call(call)?;
                let file = self.opened;
                self.opened += 1;
                Ok(self.take(slot, file, answer))
            }
            Step::Close { slot } => Ok(self.close(slot)?.map_or(Answer::Nothing, Answer::Said)),
            Step::Duplicate { slot, to } => {
                let Some(from) = self.slots[slot] else { return Ok(Answer::Nothing) };
                if slot == to {
                    return Ok(Answer::Nothing);
                }
                self.close(to)?;
                let answer = self.call(Call::Duplicate(from.id))?;
                Ok(self.take(to, from.file, answer))
            }
            Step::Call { slot, ref call } => self.on(slot, call),
            Step::Park { slot, ref call } => self.park(slot, call),
            Step::Signal { slot, handler } => self.signal(slot, handler),
            Step::Race { slot, ref calls } => self.race(slot, calls),
            Step::Fill { slot } => self.fill(slot),
            Step::Refuse { slot, client, status } => {
                let event = Event::ConnectStatus { client: client.guid(), status };
                self.armed_connect(slot, client, &event)
            }
            Step::Delay { slot, client, milliseconds } => {
                let event = Event::ConnectLate { client: client.guid(), by: milliseconds };
                self.armed_connect(slot, client, &event)
            }
            Step::SilentConnect { slot } => {
                let event = Event::ConnectSilent { client: Client::Echo.guid() };
                self.armed_connect(slot, Client::Echo, &event)
            }
            Step::RefuseNotify { slot, status } => {
                let event = Event::NotifyStatus { client: Client::Echo.guid(), status };
                self.armed_notify(slot, &event)
            }
            Step::SilentNotify { slot } => {
                let event = Event::NotifySilent { client: Client::Echo.guid() };
                self.armed_notify(slot, &event)
            }
            Step::SilentClose { slot } => {
                if self.slots[slot].is_none() {
                    return Ok(Answer::Nothing);
                }
                self.arm(&Event::DisconnectSilent { client: Client::Echo.guid() })?;
                let outcome = self.close(slot)?.map_or(Answer::Nothing, Answer::Said);
                self.use_up(Client::Echo)?;
                Ok(outcome)
            }
            Step::Event(ref upset) => self.upset(upset),
            Step::Reset(breach) => self.reset(&breach.event()),
        }
    }

    fn is_asleep_on(&self, slot: usize) -> bool {
        self.slots[slot].is_some_and(|slot| self.parked.iter().any(|parked| parked.file == slot.file))
    }

    fn is_polled(&self, slot: usize) -> bool {
        let polls = |parked: &&Parked| parked.kind == "poll";
        self.slots[slot]
            .is_some_and(|slot| self.parked.iter().filter(polls).any(|parked| parked.id == slot.id))
    }

    /// The file that an open or a dup gave.
    fn take(&mut self, slot: usize, file: usize, answer: Answer) -> Answer {
        match answer {
            Answer::Said(Outcome { result: Ok(id), .. }) => {
                let id = FileId(u32::try_from(id).expect("a file id"));
                self.slots[slot] = Some(Slot { id, file });
                // Numbers of files are each device's own.
                Answer::Said(Outcome::value(0))
            }
            answer => answer,
        }
    }

    fn close(&mut self, slot: usize) -> Result<Option<Outcome>> {
        let Some(Slot { id, .. }) = self.slots[slot].take() else { return Ok(None) };
        self.settle()?;
        // What sleeps in a call holds the file; whatever it was told of the end has been told when it is over.
        let ticket = self.files.begin(Call::Close(id)).map_err(|reason| reason.0)?;
        self.over(ticket, "a close").map(Some)
    }

    /// Makes a call; one that sleeps on when nobody has anything to do gets a signal.
    fn call(&mut self, call: Call) -> Result {
        self.settle()?;
        let (about, spins) = (Stir::of(&call), may_spin(&call));
        let Ok(ticket) = self.files.begin(call) else { return Ok(Answer::Nothing) };
        let outcome = self.end(ticket, spins)?;
        self.unsettled |= about.moves(outcome.result);
        Ok(Answer::Said(outcome))
    }

    fn end(&mut self, ticket: Ticket, spins: bool) -> Result<Outcome> {
        // What the engine answers at once takes no signal; what waits for a timer takes it without an effect.
        if self.files.asleep(ticket) {
            self.settle_well()?;
            if self.files.asleep(ticket) {
                self.unsettled = true;
                return self.interrupt(ticket, spins);
            }
        }
        self.over(ticket, "a call")
    }

    /// Ends a call by a signal, or by a reset what a signal does not end: the driver's loop for room in a queue (Q11).
    fn interrupt(&mut self, ticket: Ticket, spins: bool) -> Result<Outcome> {
        self.files.signal(ticket, Restart::No);
        if spins {
            if let Some(outcome) = self.files.wait(ticket, SIGNALLED) {
                return Ok(outcome);
            }
            self.reset(&Event::DropReady)?;
        }
        self.over(ticket, "a call that got a signal")
    }

    fn over(&self, ticket: Ticket, what: &str) -> Result<Outcome> {
        self.files.wait(ticket, LIMIT).ok_or_else(|| {
            let (who, place) = (self.files.transport(), self.files.place(ticket));
            format!("{who}: {what}: not over after {LIMIT:?} {place}")
        })
    }

    fn reset(&mut self, how: &Event) -> Result {
        self.settle()?;
        let outcome = self.engine()?.reset(how);
        self.engine = None;
        match outcome {
            Ok(()) => Ok(Answer::Said(Outcome::value(0))),
            Err(Stop::NotHere(_)) => Ok(Answer::Nothing),
            Err(Stop::Failed(reason)) => Err(reason),
        }
    }

    fn on(&mut self, slot: usize, call: &Do) -> Result {
        let Some(Slot { id, file }) = self.slots[slot] else { return Ok(Answer::Nothing) };
        if self.leaves_out(file, call) {
            return Ok(Answer::Nothing);
        }
        self.call(prepared(call, id, Duration::ZERO))
    }

    /// Whether a call is not made.
    fn leaves_out(&mut self, file: usize, call: &Do) -> bool {
        match call {
            Do::Connect { client: Client::Tagged, .. } | Do::ConnectVtag { client: Client::Tagged, .. } => {
                self.untagged.contains(&file)
            }
            Do::Connect { client, .. } => {
                self.untagged.insert(file);
                if *client == Client::Fixed {
                    self.fixed.insert(file);
                }
                false
            }
            Do::NotifySet { .. } => self.fixed.contains(&file),
            _ => false,
        }
    }

    fn park(&mut self, slot: usize, call: &Do) -> Result {
        let Some(Slot { id, file }) = self.slots[slot] else { return Ok(Answer::Nothing) };
        if self.parked.len() >= MOST_PARKED {
            return Ok(Answer::Nothing);
        }
        self.settle()?;
        // A sleeping poll has a time-out beyond every other wait here.
        let prepared = prepared(call, id, LIMIT * 10);
        let spins = may_spin(&prepared);
        let Ok(ticket) = self.files.begin(prepared) else { return Ok(Answer::Nothing) };
        self.unsettled = true;
        if self.files.asleep(ticket) {
            self.settle_well()?;
        }
        if self.files.asleep(ticket) {
            self.parked.push(Parked { id, file, kind: call.kind(), spins, ticket });
            return Ok(Answer::Asleep);
        }
        self.files
            .wait(ticket, LIMIT)
            .map(Answer::Said)
            .ok_or_else(|| "a call that is over is not".to_owned())
    }

    fn signal(&mut self, slot: usize, handler: Handler) -> Result {
        let Some(Slot { file, .. }) = self.slots[slot] else { return Ok(Answer::Nothing) };
        self.settle_well()?;
        for parked in self.parked.iter().filter(|parked| parked.file == file) {
            self.files.signal(parked.ticket, handler.restart());
        }
        self.unsettled = true;
        Ok(Answer::Said(Outcome::value(0)))
    }

    fn race(&mut self, slot: usize, calls: &[Do; 2]) -> Result {
        let Some(Slot { id, file }) = self.slots[slot] else { return Ok(Answer::Nothing) };
        if self.leaves_out(file, &calls[0]) {
            return Ok(Answer::Nothing);
        }
        self.settle()?;
        let begin = |call| self.files.begin(prepared(call, id, Duration::ZERO));
        let (Ok(one), Ok(two)) = (begin(&calls[0]), begin(&calls[1])) else {
            return Err("calls that only one of two can make".to_owned());
        };
        self.unsettled = true;
        if self.files.asleep(one) || self.files.asleep(two) {
            self.settle_well()?;
        }
        let spins = may_spin(&prepared(&calls[0], id, Duration::ZERO));
        let mut outcomes = [self.end(one, spins)?, self.end(two, spins)?];
        outcomes.sort_by_key(|outcome| (outcome.result, outcome.bytes.clone()));
        Ok(Answer::Both(outcomes))
    }

    fn fill(&mut self, slot: usize) -> Result {
        if self.slots[slot].is_none() {
            return Ok(Answer::Nothing);
        }
        self.on(slot, &Do::SetNonblocking { on: true })?;
        let mut taken = 0;
        while taken < MORE_THAN_A_QUEUE {
            match self.on(slot, &Do::Write { length: 1, fill: 0x5A, at: Place::Good })? {
                Answer::Said(Outcome { result: Ok(1), .. }) => taken += 1,
                Answer::Said(Outcome { result: Err(Errno::EAGAIN), .. }) => break,
                answer => return Ok(answer),
            }
        }
        // A client at a fixed address takes whatever comes.
        Ok(Answer::Said(Outcome::value(taken)))
    }

    fn armed_connect(&mut self, slot: usize, client: Client, event: &Event) -> Result {
        if self.slots[slot].is_none() {
            return Ok(Answer::Nothing);
        }
        self.arm(event)?;
        let answer = self.on(slot, &Do::Connect { client, at: Place::Good })?;
        self.use_up(client)?;
        Ok(answer)
    }

    fn armed_notify(&mut self, slot: usize, event: &Event) -> Result {
        if self.slots[slot].is_none() {
            return Ok(Answer::Nothing);
        }
        self.arm(event)?;
        let answer = self.on(slot, &Do::NotifySet { value: 1, at: Place::Good })?;
        self.use_up(Client::Echo)?;
        Ok(answer)
    }

    /// What was armed is used up, although the call may never have reached the firmware.
    fn use_up(&mut self, client: Client) -> Result<()> {
        self.unsettled = true;
        self.settle()?;
        if let Ok(Ok(file)) = self.bench.try_open()
            && let Ok(said) = file.connect(client.guid())
            && said.outcome.result.is_ok()
        {
            // So is an answer to a NOTIFY.
            drop(file.notify_set(1));
        }
        Ok(())
    }

    fn upset(&mut self, upset: &Upset) -> Result {
        self.settle()?;
        let client = |client: &Client| client.guid().0;
        match upset {
            Upset::HoldCredit { client: held } => drop(self.held.insert(client(held))),
            Upset::Add { client: added } => drop(self.added.insert(client(added))),
            Upset::Remove { client: removed } => drop(self.removed.insert(client(removed))),
            _ => {}
        }
        match self.engine()?.arm(upset.event()) {
            Ok(()) => {
                self.unsettled = true;
                Ok(Answer::Said(Outcome::value(0)))
            }
            Err(Stop::NotHere(_)) => Ok(Answer::Nothing),
            Err(Stop::Failed(reason)) => Err(reason),
        }
    }

    fn arm(&mut self, event: &Event) -> Result<()> {
        self.settle()?;
        self.engine()?.arm(event.clone()).map_err(|stop| format!("{event:?}: {stop:?}"))
    }

    /// The connection to the test client, made again after a reset.
    fn engine(&mut self) -> Result<&TestClient<'_>> {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            if self.engine.is_some() {
                break;
            }
            wait_until_enabled(&self.bench).map_err(|stop| format!("{stop:?}"))?;
            match TestClient::connect(&self.bench) {
                Ok(engine) => self.engine = Some(engine),
                Err(stop) => {
                    last = format!("{stop:?}");
                    self.files.pass(Duration::from_millis(20));
                }
            }
        }
        self.engine.as_ref().ok_or(last)
    }

    /// Returns when the step before has had its effect.
    ///
    /// A call that was refused has none, nor has one that is over only when the engine has answered.
    fn settle(&mut self) -> Result<()> {
        if !self.unsettled {
            return Ok(());
        }
        let begun = Instant::now();
        for _ in 0..ATTEMPTS {
            let outcome = self.engine()?.arm(Event::Nothing);
            match outcome {
                Ok(()) => {
                    self.unsettled = false;
                    return Ok(());
                }
                // The link was reset, which is seen at once; or there is no answer, which is waited for.
                Err(_) => self.engine = None,
            }
            if begun.elapsed() > LIMIT {
                break;
            }
        }
        Err("the test client never answers".to_owned())
    }

    fn settle_well(&mut self) -> Result<()> {
        for _ in 0..ROUND_TRIPS {
            self.unsettled = true;
            self.settle()?;
        }
        Ok(())
    }

    /// The sleepers that sleep no more.
    fn ended(&mut self) -> Result<Vec<Ended>> {
        if self.parked.is_empty() {
            return Ok(Vec::new());
        }
        if self.unsettled {
            self.settle_well()?;
        }
        let mut ended = Vec::new();
        for parked in std::mem::take(&mut self.parked) {
            if self.files.asleep(parked.ticket) {
                self.parked.push(parked);
                continue;
            }
            let outcome = self.files.wait(parked.ticket, LIMIT).ok_or("a call that is over is not")?;
            ended.push(Ended { file: parked.file, kind: parked.kind, outcome });
        }
        ended.sort_by(|a, b| {
            let key =
                |ended: &Ended| (ended.file, ended.kind, ended.outcome.result, ended.outcome.bytes.clone());
            key(a).cmp(&key(b))
        });
        Ok(ended)
    }

    /// Leaves the device as it was found.
    fn finish(&mut self) -> Result<()> {
        for parked in std::mem::take(&mut self.parked) {
            if self.files.asleep(parked.ticket) {
                self.interrupt(parked.ticket, parked.spins)?;
                continue;
            }
            let over = self.files.wait(parked.ticket, LIMIT);
            over.ok_or_else(|| format!("a {} that is over is not", parked.kind))?;
        }
        for slot in 0..SLOTS {
            self.close(slot)?;
        }
        self.unsettled = true;
        self.settle()?;
        for held in std::mem::take(&mut self.held) {
            self.arm(&Event::ReleaseCredit { client: mei_wire::Guid(held) })?;
        }
        let changed = !self.added.is_empty() || !self.removed.is_empty();
        for added in std::mem::take(&mut self.added) {
            let client = mei_wire::Guid(added);
            if client == Client::Late.guid() {
                self.arm(&Event::Remove { client })?;
            }
        }
        for removed in std::mem::take(&mut self.removed) {
            let client = mei_wire::Guid(removed);
            if client != Client::Late.guid() {
                self.arm(&Event::Add { client })?;
            }
        }
        if changed {
            self.reset(&Event::DropReady)?;
        }
        self.engine = None;
        Ok(())
    }
}
