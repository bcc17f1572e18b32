//! Children: each has a group of its own, a time-out, a log file, and no standard input.
//!
//! Output goes to files, never to pipes: a grandchild that outlives its parent cannot hold us up.

use crate::sys;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How many lines of a log a failure shows.
const TAIL: usize = 200;
/// How often a child is looked at.
const TICK: Duration = Duration::from_millis(20);

/// Groups that are alive: they die with this program.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Ends this program and every child of it on SIGINT, SIGTERM and SIGHUP. To be called first in `main`.
pub(crate) fn die_with_children() {
    sys::hold_termination();
    std::thread::spawn(|| {
        let signal = sys::wait_for_termination();
        for group in GROUPS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
            kill_group(*group);
        }
        eprintln!("xtask: ended by signal {signal}");
        std::process::exit(128 + signal);
    });
}

/// How a child ended.
#[derive(Debug)]
pub(crate) enum End {
    Exited(ExitStatus),
    TimedOut(Duration),
}

impl End {
    pub(crate) fn is_success(&self) -> bool {
        matches!(self, Self::Exited(status) if status.success())
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "{status}"),
            Self::TimedOut(limit) => write!(f, "killed after {} s", limit.as_secs()),
        }
    }
}

/// A child that has ended, and what it printed.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: End,
    pub(crate) log: PathBuf,
}

impl Finished {
    pub(crate) fn succeeded(&self) -> bool {
        self.end.is_success()
    }

    /// Everything it printed.
    pub(crate) fn output(&self) -> String {
        read_log(&self.log)
    }

    /// The end of what it printed.
    pub(crate) fn tail(&self) -> String {
        tail(&self.output())
    }
}

/// A log as text, whatever bytes are in it; empty if there is none.
pub(crate) fn read_log(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// The last lines of a text, with a word on what was left out.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let left_out = lines.len().saturating_sub(TAIL);
    let mut shown = String::new();
    if left_out > 0 {
        shown = format!("[{left_out} lines before these]\n");
    }
    for line in &lines[left_out..] {
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

/// A child that runs. Dropping it kills its group.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    group: i32,
    log: PathBuf,
}

impl Running {
    /// Starts `command` with its output in `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = create(log)?;
        let copy = file.try_clone()?;
        Self::start_into(command, file, copy, log)
    }

    fn start_into(command: &mut Command, stdout: File, stderr: File, log: &Path) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        // What `cargo run` told this program about itself is not about its children.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || name == "LD_LIBRARY_PATH"
            {
                command.env_remove(&*name);
            }
        }
        sys::isolate(command);
        let child = command.spawn().with_context(|| {
            let program = command.get_program().to_string_lossy().into_owned();
            format!("cannot start {program}: is it installed?")
        })?;
        let group = i32::try_from(child.id()).context("a process id fits i32")?;
        GROUPS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(group);
        Ok(Self { child, group, log: log.to_owned() })
    }

    /// Whether the child has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        let Some(pid) = Pid::from_raw(self.group) else { return true };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), options), Ok(None) | Err(rustix::io::Errno::INTR))
    }

    /// Sends the child a signal, unless it has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        // It is not collected before it is dropped: the number is its own.
        let _ = Pid::from_raw(self.group).map(|pid| kill_process(pid, signal));
    }

    /// Waits until the child has ended or `limit` is over, kills its group either way.
    pub(crate) fn finish(mut self, limit: Duration) -> Result<Finished> {
        let deadline = Instant::now() + limit;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(TICK);
        }
        let in_time = self.has_ended();
        let status = self.reap()?;
        let end = if in_time { End::Exited(status) } else { End::TimedOut(limit) };
        Ok(Finished { end, log: self.log.clone() })
    }

    /// Kills the group while its leader still holds the number, then collects the leader.
    fn reap(&mut self) -> io::Result<ExitStatus> {
        kill_group(self.group);
        let status = self.child.wait();
        GROUPS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&self.group);
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After `finish` the child is collected, and std remembers: the number may be somebody else's by now.
        if GROUPS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(&self.group) {
            let _ = self.reap();
        }
    }
}

fn kill_group(group: i32) {
    if let Some(pid) = Pid::from_raw(group) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Runs `command` to its end, or kills it after `limit`.
pub(crate) fn run(command: &mut Command, log: &Path, limit: Duration) -> Result<Finished> {
    Running::start(command, log)?.finish(limit)
}

/// The same, with standard output in a file of its own; the log is what it says on standard error.
pub(crate) fn run_split(
    command: &mut Command,
    stdout: &Path,
    log: &Path,
    limit: Duration,
) -> Result<Finished> {
    Running::start_into(command, create(stdout)?, create(log)?, log)?.finish(limit)
}

/// Creates a file to append to, and its folder. Appending keeps two writers from overwriting each other.
fn create(path: &Path) -> Result<File> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let _ = fs::remove_file(path);
    let file = File::options().create(true).append(true).open(path);
    file.with_context(|| format!("cannot create {}", path.display()))
}

/// Runs `command`, which must succeed; what it printed.
pub(crate) fn run_ok(command: &mut Command, log: &Path, limit: Duration) -> Result<String> {
    let finished = run(command, log, limit)?;
    if !finished.succeeded() {
        bail!("{}: {}\n{}", show(command), finished.end, finished.tail());
    }
    Ok(finished.output())
}

/// A command as one would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_get_the_signals_that_this_program_holds_back() {
        sys::hold_termination();
        let log = std::env::temp_dir().join(format!("xtask-signals-{}", std::process::id()));
        let script = "kill -TERM $$; echo lived on";
        let finished = run(Command::new("sh").args(["-c", script]), &log, Duration::from_secs(60)).unwrap();
        assert!(!finished.succeeded());
        assert_eq!(finished.output(), "");
        fs::remove_file(log).unwrap();
    }
}
