//! The command: it gets what this program gets, and this program ends as it ends.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal as Number, kill_process};

use crate::sys::{Origin, Signal, Signals, die_of};

/// Exit status of a command that cannot be found, as shells have it.
const NOT_FOUND: u8 = 127;
/// Exit status of a command that cannot be executed, as shells have it.
const NOT_EXECUTABLE: u8 = 126;

/// Why there is no command.
#[derive(Debug)]
pub(super) struct NotStarted {
    /// What to exit with.
    pub(super) status: u8,
    /// What to say.
    pub(super) error: anyhow::Error,
}

/// Starts the command, looked for and run with `path`.
pub(super) fn start(line: &[OsString], path: &OsStr, signals: &Signals) -> Result<Child, NotStarted> {
    let (program, arguments) = line.split_first().expect("the command line demands a command");
    let mut command = Command::new(program);
    command.args(arguments).env("PATH", path);
    signals.restore_in(&mut command);
    command.spawn().map_err(|error| not_started(program, error))
}

fn not_started(program: &OsStr, error: io::Error) -> NotStarted {
    let name = program.display();
    let (status, error) = match error.kind() {
        io::ErrorKind::NotFound => (
            NOT_FOUND,
            anyhow::anyhow!("{name}: command not found; is it on PATH, and its interpreter there?"),
        ),
        _ => (NOT_EXECUTABLE, anyhow::Error::new(error).context(format!("running {name}"))),
    };
    NotStarted { status, error }
}

/// PATH with the folder of this program in front. To be asked for before mounts change: afterwards the kernel
/// no longer knows this program by the same name.
pub(super) fn path() -> Result<OsString> {
    let program = env::current_exe().context("finding this program")?;
    let folder = program.parent().context("this program has no folder")?;
    let rest = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(env::split_paths(&rest));
    env::join_paths(folders).context("joining PATH")
}

/// Passes signals on until the command has ended.
pub(super) fn attend(mut child: Child, signals: &Signals) -> Result<ExitStatus> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("the command has no pid")?;
    loop {
        if let Some(status) = child.try_wait().context("waiting for the command")? {
            return Ok(status);
        }
        let signal = signals.wait().context("waiting for signals")?;
        pass_on(signal, pid);
    }
}

/// What the terminal sends, the command has got by itself.
fn pass_on(signal: Signal, to: Pid) {
    let Signal { number, origin: Origin::Process } = signal else { return };
    let Some(number) = Number::from_named_raw(number).filter(|&number| number != Number::CHILD) else {
        return;
    };
    if let Err(error) = kill_process(to, number) {
        log::warn!("passing {number:?} on: {error}");
    }
}

/// Ends as the command ended.
pub(super) fn end_like(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        die_of(signal);
        // The signal is blocked by the parent, or this is the first process of a pid namespace.
        return ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX));
    }
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}
