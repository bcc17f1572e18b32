//! The two servers, and one measurement on each.

use crate::client::{Kind, Measured};
use anyhow::{Context, Result, ensure};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to mount.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which processors the server and the client run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Both on the first.
    Together,
    /// The server on the first, the client on the second.
    Apart,
}

impl Placement {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Together => "one processor",
            Self::Apart => "two processors",
        }
    }

    fn client(self) -> &'static str {
        match self {
            Self::Together => SERVER,
            Self::Apart => "1",
        }
    }
}

/// Processor of every server.
const SERVER: &str = "0";

/// Who uses the open files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Users {
    /// A thread for each: what the server has to do, and what switching between so many threads costs.
    Each,
    /// One thread for all, one after the other: what the server has to do.
    One,
}

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) placement: Placement,
    pub(crate) handles: usize,
    pub(crate) users: Users,
    pub(crate) size: usize,
    pub(crate) seconds: f64,
}

/// The umei to measure: `given`, or the one beside this program.
pub(crate) fn umei_program(given: Option<&Path>) -> Result<PathBuf> {
    match given {
        Some(path) => Ok(path.to_owned()),
        None => Ok(std::env::current_exe().context("the path of umei-bench")?.with_file_name("umei")),
    }
}

/// The persona with nothing but an echo.
pub(crate) fn persona() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("echo.toml")
}

/// A program that serves one file in a folder of its own, on the first processor.
#[derive(Debug)]
pub(crate) struct Server {
    folder: PathBuf,
    file: PathBuf,
    kind: Kind,
    child: Child,
}

impl Server {
    /// umei with an engine behind it.
    pub(crate) fn umei(program: &Path) -> Result<Self> {
        Self::umei_as(program, &persona())
    }

    /// The same with a persona that has the echo among others.
    pub(crate) fn umei_as(program: &Path, persona: &Path) -> Result<Self> {
        let words = |command: &mut Command, folder: &Path| {
            command.args(["serve", "--frontend", "fuse", "--persona"]).arg(persona);
            command.arg("--mount").arg(folder);
        };
        Self::start(program, words, "mei0", Kind::Mei)
    }

    /// The file system in C.
    pub(crate) fn peer(program: &Path) -> Result<Self> {
        let words = |command: &mut Command, folder: &Path| {
            command.args(["-f", "-s"]).arg(folder);
        };
        Self::start(program, words, "echo", Kind::Plain)
    }

    fn start(
        program: &Path,
        words: impl FnOnce(&mut Command, &Path),
        file: &str,
        kind: Kind,
    ) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("umei-bench-{}-{file}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER]).arg(program).stdin(Stdio::null());
        words(&mut command, &folder);
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        let mut server = Self { file: folder.join(file), folder, kind, child };
        let start = Instant::now();
        // Mounted, and the device behind it enumerated.
        while server.open().is_err() {
            ensure!(server.child.try_wait()?.is_none(), "{} ended at once", program.display());
            ensure!(start.elapsed() < PATIENCE, "{} does not mount", program.display());
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// The file that it serves.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Opens the file, ready for messages.
    pub(crate) fn open(&self) -> Result<fs::File> {
        crate::client::open(&self.file, self.kind)
    }

    /// Memory that the server has in use, KiB.
    pub(crate) fn memory(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&path).with_context(|| path.clone())?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).with_context(|| path.clone())?;
        line.trim().trim_end_matches(" kB").parse().with_context(|| path.clone())
    }

    /// One measurement, by a client of its own.
    pub(crate) fn measure(&self, load: Load) -> Result<Measured> {
        run_client(&self.file, self.kind, self.child.id(), load)
    }
}

/// One measurement of a file that `process` serves, by a client of its own.
pub(crate) fn run_client(file: &Path, kind: Kind, process: u32, load: Load) -> Result<Measured> {
    let own = std::env::current_exe().context("the path of umei-bench")?;
    let kind = match kind {
        Kind::Mei => "mei",
        Kind::Plain => "plain",
    };
    let mut command = Command::new("taskset");
    command.args(["-c", load.placement.client()]).arg(own).args(["client", "--kind", kind, "--file"]);
    command.arg(file);
    let users = match load.users {
        Users::Each => "each",
        Users::One => "one",
    };
    command.args(["--handles", &load.handles.to_string(), "--users", users]);
    command.args(["--size", &load.size.to_string()]);
    command.args(["--seconds", &load.seconds.to_string(), "--server", &process.to_string()]);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8_lossy(&output.stdout).parse().with_context(|| format!("{command:?}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both unmount when they are asked to end; the rest is for one that does not.
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = process.map(|process| kill_process(process, Signal::TERM));
        let start = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = unmount(&self.folder, UnmountFlags::DETACH);
        let _ = fs::remove_dir(&self.folder);
    }
}
