//! A program that uses the device as fast as it can, and starts over when the device goes.

use crate::parked::ECHO;
use anyhow::{Context, Result, anyhow, bail};
use rustix::event::PollFlags;
use rustix::fs::OFlags;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use umei_tests::node::Node;

const ENOENT: i32 = 2;
const EINTR: i32 = 4;
const EIO: i32 = 5;
const ENXIO: i32 = 6;
const EAGAIN: i32 = 11;
const EFAULT: i32 = 14;
const ENODEV: i32 = 19;
const ECONNABORTED: i32 = 103;
/// Between two attempts to start over.
const MOMENT: Duration = Duration::from_millis(5);
/// Messages of a burst, fewer than the queue of a file holds.
const BURST: u64 = 16;
/// For an answer that is polled for.
const ANSWER: Duration = Duration::from_secs(60);

/// What the program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Writes a message and reads it back.
    RoundTrips,
    /// Writes many before it reads the first.
    Bursts,
    /// Sleeps in nothing but poll.
    Polls,
    /// Connects anew for each message.
    Connects,
}

impl Habit {
    pub(crate) const ALL: [Self; 4] = [Self::RoundTrips, Self::Bursts, Self::Polls, Self::Connects];
}

/// A call that may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Attempt {
    Open,
    Connect,
    Write,
    Read,
    Poll,
}

impl Attempt {
    /// With which errno it may end when the device is reset, goes, or the machine sleeps (`device-abi.md` §11). To be
    /// frozen is a signal.
    fn endings(self) -> &'static [i32] {
        match self {
            // No node, or a node without a device, or one whose end overtakes the open (`docs/fidelity.md`, F-REMOVAL).
            Self::Open => &[ENOENT, EINTR, ENXIO, ENODEV, ECONNABORTED],
            // An engine that is no longer ready takes neither a request nor a message, nor the credit of a read.
            Self::Connect => &[EINTR, EIO, EFAULT, ENODEV],
            Self::Write | Self::Read => &[EINTR, EIO, ENODEV],
            Self::Poll => &[EINTR],
        }
    }
}

/// A call that failed.
#[derive(Debug)]
struct Failure(Attempt, io::Error);

impl Attempt {
    fn failed(self) -> impl Fn(io::Error) -> Failure {
        move |error| Failure(self, error)
    }
}

/// The program, a thread here.
#[derive(Debug)]
pub(crate) struct Load {
    /// How many rounds it is to end after.
    rounds: Arc<AtomicU64>,
    thread: JoinHandle<Result<Tally>>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Tally {
    habit: Habit,
    rounds: u64,
    /// How often each errno of each call ended its work.
    endings: BTreeMap<(Attempt, i32), u64>,
}

impl Tally {
    /// Whether it ever had to start over.
    pub(crate) fn was_upset(&self) -> bool {
        !self.endings.is_empty()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { habit, rounds, endings } = self;
        write!(f, "{habit:?}: {rounds} messages; call, errno and how often: {endings:?}")
    }
}

impl Load {
    /// Starts it.
    pub(crate) fn start(device: &Path, habit: Habit) -> Self {
        let rounds = Arc::new(AtomicU64::new(u64::MAX));
        let (device, until) = (device.to_owned(), Arc::clone(&rounds));
        Self { rounds, thread: thread::spawn(move || run(&device, habit, &until)) }
    }

    /// Lets it end once it has had so many messages back.
    pub(crate) fn limit(&self, rounds: u64) {
        self.rounds.store(rounds, Ordering::Relaxed);
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it, unless it had another limit, once it has reached the device again and had a message back.
    pub(crate) fn end(self) -> Result<Tally> {
        let _ = self.rounds.compare_exchange(u64::MAX, 0, Ordering::Relaxed, Ordering::Relaxed);
        match self.thread.join() {
            Ok(result) => result,
            Err(_) => bail!("the load panicked"),
        }
    }
}

fn run(device: &Path, habit: Habit, until: &AtomicU64) -> Result<Tally> {
    let mut tally = Tally { habit, rounds: 0, endings: BTreeMap::new() };
    while let Err(Failure(attempt, error)) = work(device, habit, until, &mut tally) {
        match error.raw_os_error() {
            Some(errno) if attempt.endings().contains(&errno) => {
                *tally.endings.entry((attempt, errno)).or_default() += 1;
            }
            _ => return Err(anyhow!(error)).with_context(|| format!("{attempt:?}, after {tally}")),
        }
        thread::sleep(MOMENT);
    }
    Ok(tally)
}

/// Messages until there were enough or a call fails; at least one.
fn work(device: &Path, habit: Habit, until: &AtomicU64, tally: &mut Tally) -> Result<(), Failure> {
    let mut node = connected(device)?;
    if habit == Habit::Polls {
        node.set_flags(OFlags::NONBLOCK).map_err(Attempt::Open.failed())?;
    }
    loop {
        let burst = if habit == Habit::Bursts { BURST } else { 1 };
        for number in 0..burst {
            wait(habit, &node, PollFlags::OUT)?;
            node.write(&(tally.rounds + number).to_le_bytes()).map_err(Attempt::Write.failed())?;
        }
        for _ in 0..burst {
            read_back(habit, &node, tally.rounds)?;
            tally.rounds += 1;
        }
        if tally.rounds >= until.load(Ordering::Relaxed) {
            return Ok(());
        }
        if habit == Habit::Connects {
            drop(node);
            node = connected(device)?;
        }
    }
}

fn connected(device: &Path) -> Result<Node, Failure> {
    let node = Node::open(device, OFlags::empty()).map_err(Attempt::Open.failed())?;
    node.connect(ECHO).map_err(Attempt::Connect.failed())?;
    Ok(node)
}

/// Reads the echo of a number.
fn read_back(habit: Habit, node: &Node, number: u64) -> Result<(), Failure> {
    let mut buffer = [0; 64];
    let message = number.to_le_bytes();
    let length = loop {
        wait(habit, node, PollFlags::IN)?;
        match node.read(&mut buffer) {
            // Ready for a moment, as after a credit.
            Err(error) if habit == Habit::Polls && error.raw_os_error() == Some(EAGAIN) => {}
            result => break result.map_err(Attempt::Read.failed())?,
        }
    };
    if buffer[..length] == message {
        return Ok(());
    }
    let error = io::Error::other(format!("the echo of {message:?} is {:?}", &buffer[..length]));
    Err(Failure(Attempt::Read, error))
}

/// Sleeps until the node is ready, or broken, where that is the habit.
fn wait(habit: Habit, node: &Node, events: PollFlags) -> Result<(), Failure> {
    if habit != Habit::Polls {
        return Ok(());
    }
    let ready = node.poll(events, ANSWER).map_err(Attempt::Poll.failed())?;
    if ready.is_empty() {
        return Err(Failure(Attempt::Poll, io::Error::other(format!("{events:?} never came"))));
    }
    Ok(())
}
