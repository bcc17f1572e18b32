//! A program that uses the device as fast as it can, and starts over when the device goes.

use crate::parked::ECHO;
use anyhow::{Context, Result, bail};
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

/// With which errno a call may end when the device is reset, goes, or the machine sleeps (`device-abi.md` §11): no
/// node, a signal (to be frozen is one), an engine that is no longer ready to be written to, a node without a device,
/// a CONNECT that was interrupted, no device.
const ENDINGS: [i32; 6] = [2, 4, 5, 6, 14, 19];
/// Between two attempts to start over.
const MOMENT: Duration = Duration::from_millis(5);

/// The program, a thread here.
#[derive(Debug)]
pub(crate) struct Load {
    /// How many rounds it is to end after.
    rounds: Arc<AtomicU64>,
    thread: JoinHandle<Result<Tally>>,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rounds: u64,
    /// How often each errno ended its work.
    endings: BTreeMap<i32, u64>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} round trips; errno and how often: {:?}", self.rounds, self.endings)
    }
}

impl Load {
    /// Starts it.
    pub(crate) fn start(device: &Path) -> Self {
        let rounds = Arc::new(AtomicU64::new(u64::MAX));
        let (device, until) = (device.to_owned(), Arc::clone(&rounds));
        Self { rounds, thread: thread::spawn(move || run(&device, &until)) }
    }

    /// Lets it end once it has made so many round trips.
    pub(crate) fn limit(&self, rounds: u64) {
        self.rounds.store(rounds, Ordering::Relaxed);
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it, once it has made a round trip, unless it had another limit.
    pub(crate) fn end(self) -> Result<Tally> {
        let _ = self.rounds.compare_exchange(u64::MAX, 1, Ordering::Relaxed, Ordering::Relaxed);
        match self.thread.join() {
            Ok(result) => result,
            Err(_) => bail!("the load panicked"),
        }
    }
}

fn run(device: &Path, until: &AtomicU64) -> Result<Tally> {
    let mut tally = Tally::default();
    while let Err(error) = work(device, until, &mut tally) {
        match error.raw_os_error() {
            Some(errno) if ENDINGS.contains(&errno) => *tally.endings.entry(errno).or_default() += 1,
            _ => return Err(error).with_context(|| format!("under load, after {tally}")),
        }
        thread::sleep(MOMENT);
    }
    Ok(tally)
}

/// Round trips until there were enough or a call fails.
fn work(device: &Path, until: &AtomicU64, tally: &mut Tally) -> io::Result<()> {
    let node = Node::open(device, OFlags::empty())?;
    node.connect(ECHO)?;
    let mut buffer = [0; 64];
    while tally.rounds < until.load(Ordering::Relaxed) {
        let message = tally.rounds.to_le_bytes();
        node.write(&message)?;
        let length = node.read(&mut buffer)?;
        if buffer[..length] != message {
            return Err(io::Error::other(format!("the echo of {message:?} is {:?}", &buffer[..length])));
        }
        tally.rounds += 1;
    }
    Ok(())
}
