//! One job: a command with a time-out, and its output line by line.

use crate::Report;
use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use umei_guest::plan::Job;
use umei_guest::report::{Ending, Line};

/// Where the programs of the workspace and busybox's commands are.
const PATH: &str = "/target/debug:/bin";
/// How long the loop sleeps when nothing is printed.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// How long a killed job has to be gone.
const DEATH: Duration = Duration::from_secs(10);
/// A line that grows past this many bytes is reported in pieces.
const LONGEST_LINE: usize = 4096;

/// Runs a job to its end, or kills it; how it ended, and after what time.
pub(crate) fn run(job: &Job, report: &mut Report) -> Result<(Ending, Duration)> {
    let start = Instant::now();
    let limit = Duration::from_secs(job.seconds);
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).context("cannot make a pipe")?;
    fcntl_setfl(&ours, OFlags::NONBLOCK)?;
    let child = Command::new("/bin/sh")
        .args(["-c", &job.command])
        .env_clear()
        .envs([("PATH", PATH), ("HOME", "/root"), ("TERM", "dumb"), ("RUST_BACKTRACE", "1")])
        .envs([("JOB", job.name.as_str()), ("LC_ALL", "C.UTF-8")])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(theirs.try_clone()?)
        .stderr(theirs)
        .spawn()
        .context("cannot start a shell")?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id is a number")?;

    let mut output = Output { pipe: ours, pending: Vec::new() };
    let mut status = None;
    while status.is_none() && start.elapsed() < limit {
        output.wait()?;
        output.forward(report)?;
        status = reap(pid);
    }
    let ending = match status {
        Some(status) => ending(status),
        None => Ending::Late,
    };
    // What the job left running goes with it, and so does a job that took too long.
    let _ = kill_process_group(pid, Signal::KILL);
    let killed = Instant::now();
    while status.is_none() && killed.elapsed() < DEATH {
        status = reap(pid);
        std::thread::sleep(Duration::from_millis(5));
    }
    if status.is_none() {
        report.say(&Line::Printed("agent: SIGKILL does not end this job".into()))?;
    }
    output.forward(report)?;
    output.finish(report)?;
    Ok((ending, start.elapsed()))
}

/// Collects every child that has ended, as the first program must; the status of `pid` if it was among them.
fn reap(pid: Pid) -> Option<WaitStatus> {
    while let Ok(Some((who, status))) = wait(WaitOptions::NOHANG) {
        if who == pid {
            return Some(status);
        }
    }
    None
}

fn ending(status: WaitStatus) -> Ending {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(status), _) => Ending::Exited(status),
        (None, Some(signal)) => Ending::Killed(signal),
        (None, None) => Ending::Late,
    }
}

/// The output of a job, cut into lines.
#[derive(Debug)]
struct Output {
    pipe: OwnedFd,
    pending: Vec<u8>,
}

impl Output {
    /// Waits for more, but not for long: the end of a job is noticed by time.
    fn wait(&self) -> Result<()> {
        let mut fds = [PollFd::new(&self.pipe, PollFlags::IN)];
        match poll(&mut fds, Some(&TICK)) {
            // The job has closed its output; poll would not sleep any more.
            Ok(_) if fds[0].revents() == PollFlags::HUP => std::thread::sleep(Duration::from_millis(20)),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Reports every whole line that is there.
    fn forward(&mut self, report: &mut Report) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = rustix::io::read(&self.pipe, &mut buffer) {
            self.pending.extend_from_slice(&buffer[..length]);
            while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                Self::print(&line[..end], report)?;
            }
            if self.pending.len() > LONGEST_LINE {
                self.finish(report)?;
            }
        }
        Ok(())
    }

    /// Reports what is left without a line's end.
    fn finish(&mut self, report: &mut Report) -> Result<()> {
        if !self.pending.is_empty() {
            let line = std::mem::take(&mut self.pending);
            Self::print(&line, report)?;
        }
        Ok(())
    }

    fn print(line: &[u8], report: &mut Report) -> Result<()> {
        let text = String::from_utf8_lossy(line).replace('\r', "");
        Ok(report.say(&Line::Printed(text))?)
    }
}
