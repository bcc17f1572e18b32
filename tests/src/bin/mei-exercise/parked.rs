//! One process that parks in one call, and the watch over it.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use mei_wire::Guid;
use rustix::event::PollFlags;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use umei_tests::node::Node;

/// The client of the test persona that returns what it gets.
pub(crate) const ECHO: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0001);
/// The echo client that answers a CONNECT three and a half seconds late.
pub(crate) const SLOW_ECHO: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0002);

/// How long a killed process may take to be gone, unless the caller knows better.
pub(crate) const DEATH: &str = "1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ParkedCall {
    /// A read that nothing answers.
    Read,
    /// A write on a full queue.
    Write,
    /// A poll that nothing wakes.
    Poll,
    /// A CONNECT that is answered late, with a handled SIGALRM before the answer.
    Connect,
}

/// Makes the call in this process.
pub(crate) fn park(device: &Path, call: ParkedCall) -> Result<()> {
    umei_tests::set_death_signal();
    let node = Node::open(device, OFlags::empty()).context("open")?;
    let mut buffer = [0; 64];
    let outcome = match call {
        ParkedCall::Connect => {
            umei_tests::ignore_alarms();
            umei_tests::alarm_after(Duration::from_millis(200));
            say("parked")?;
            node.connect(SLOW_ECHO).map(drop)
        }
        ParkedCall::Read => {
            node.connect(ECHO).context("connect")?;
            say("parked")?;
            node.read(&mut buffer).map(drop)
        }
        ParkedCall::Poll => {
            node.connect(ECHO).context("connect")?;
            say("parked")?;
            let ready = node.poll(PollFlags::IN, Duration::from_secs(60))?;
            say(&format!("ended: poll {ready:?}"))?;
            return Ok(());
        }
        ParkedCall::Write => {
            node.connect(ECHO).context("connect")?;
            let written = fill(&node)?;
            say(&format!("queue full after {written} writes"))?;
            say("parked")?;
            // The queue may get one place after the other yet.
            loop {
                if let Err(error) = node.write(&buffer) {
                    break Err(error);
                }
            }
        }
    };
    match outcome {
        Ok(()) => say("ended: success"),
        Err(error) => say(&format!("ended: {error}")),
    }
}

/// Writes without reading until the queue is full; the writes that it took.
fn fill(node: &Node) -> Result<usize> {
    node.set_flags(OFlags::NONBLOCK)?;
    let mut written = 0;
    loop {
        match node.write(&[0xA5; 64]) {
            Ok(_) => written += 1,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) => bail!("write {written} of a full queue: {error}"),
        }
        if written > 300 {
            bail!("the queue is not full after {written} writes");
        }
    }
    node.set_flags(OFlags::empty())?;
    Ok(written)
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// A process that sits in a call.
#[derive(Debug)]
pub(crate) struct Parked {
    call: ParkedCall,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Parked {
    /// Starts a process and waits until it is in the call.
    pub(crate) fn start(device: &Path, call: ParkedCall) -> Result<Self> {
        let name = call.to_possible_value().expect("no value is skipped");
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--device")
            .arg(device)
            .args(["park", name.get_name()])
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a client")?;
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut parked = Self { call, child, output };
        loop {
            let line = parked.line()?;
            println!("{call:?} {}: {line}", parked.child.id());
            match line.as_str() {
                "parked" => break,
                "" => bail!("{call:?}: the client ended before it parked"),
                _ => {}
            }
        }
        // The line precedes the call by a few instructions.
        std::thread::sleep(Duration::from_millis(100));
        Ok(parked)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Sends SIGKILL and does not wait.
    pub(crate) fn kill(&self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a pid");
        Ok(kill_process(pid, Signal::KILL)?)
    }

    /// Waits until the process is gone, at most `limit`.
    pub(crate) fn gone_within(&mut self, limit: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let waited = start.elapsed().as_millis();
                println!("{:?} {}: gone after {waited} ms, {status}", self.call, self.child.id());
                return Ok(status);
            }
            if start.elapsed() > limit {
                let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
                bail!(
                    "{:?} {} is not gone after {limit:?}: {}",
                    self.call,
                    self.child.id(),
                    stat.unwrap_or_default().trim_end()
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What the process said of the call's end.
    pub(crate) fn outcome(&mut self) -> Result<String> {
        let line = self.line()?;
        println!("{:?} {}: {line}", self.call, self.child.id());
        Ok(line)
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        // Already gone in every good run; a failed one must not leave processes behind.
        let _ = self.child.kill();
        let _ = self.child.try_wait();
    }
}
