//! The program as a person runs it: what works, what it says when something does not, what is left afterwards.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod doctor;
mod functions;
mod recording;
mod refusals;
mod run;
mod serve;
mod server;
mod sys;
mod watchdog;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Longest that anything may take, for `timeout(1)`.
const PATIENCE: &str = "120";

/// `umei ARGUMENTS`, ended if it hangs.
fn umei(arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", PATIENCE, env!("CARGO_BIN_EXE_umei")]).args(arguments);
    command.stdin(Stdio::null()).env_remove("UMEI_LOG");
    command
}

/// A shell script in a mount namespace of its own, in which `$umei` is the program and `$1` a folder for it.
fn script(text: &str, folder: &Folder) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", PATIENCE, "unshare", "--mount", "sh", "-euc", text, "sh"]).arg(&folder.0);
    command.stdin(Stdio::null()).env_remove("UMEI_LOG").env("umei", env!("CARGO_BIN_EXE_umei"));
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must succeed; what it printed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        stdout(&output),
        stderr(&output)
    );
    stdout(&output)
}

/// Whether this machine lets the test mount; says so if not.
fn can_mount(test: &str) -> bool {
    let able = rustix::process::geteuid().is_root() && fs::metadata("/dev/fuse").is_ok();
    if !able {
        eprintln!("SKIPPED {test}: it takes root and /dev/fuse");
    }
    able
}

/// A new folder, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("umei-program-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A folder in it.
    fn make(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
