//! The two servers, and one measurement on each.

use crate::client::Kind;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which processor the server and the client run on.
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
            Self::Together => "0",
            Self::Apart => "1",
        }
    }
}

/// Processor of every server.
const SERVER: &str = "0";

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) placement: Placement,
    pub(crate) handles: usize,
    pub(crate) rounds: u32,
}

impl Load {
    /// The client as a command line, on its processor.
    fn client(self, file: &Path, kind: Kind) -> Result<Vec<String>> {
        let own = std::env::current_exe().context("the path of umei-bench")?;
        let kind = match kind {
            Kind::Mei => "mei",
            Kind::Plain => "plain",
        };
        let words = ["taskset", "-c", self.placement.client()].map(str::to_owned);
        let mut words = words.to_vec();
        words.push(own.display().to_string());
        words.extend(["client", "--kind", kind, "--file"].map(str::to_owned));
        words.push(file.display().to_string());
        words.extend([
            "--handles".to_owned(),
            self.handles.to_string(),
            "--rounds".to_owned(),
            self.rounds.to_string(),
        ]);
        Ok(words)
    }
}

/// Nanoseconds that a client printed.
fn nanoseconds(command: &mut Command) -> Result<u64> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim().parse().with_context(|| format!("{command:?} printed {text:?}"))
}

/// umei with an engine behind it.
pub(crate) fn umei(program: &Path, persona: &Path, load: Load) -> Result<u64> {
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER]).arg(program).args(["run", "--persona"]).arg(persona).arg("--");
    nanoseconds(command.args(load.client(Path::new("/dev/mei0"), Kind::Mei)?))
}

/// The file system in C.
#[derive(Debug)]
pub(crate) struct Peer {
    mount: PathBuf,
    child: Child,
}

impl Peer {
    /// Mounts it at a folder of its own.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let mount = std::env::temp_dir().join(format!("umei-bench-{}", std::process::id()));
        std::fs::create_dir_all(&mount).with_context(|| mount.display().to_string())?;
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER]).arg(program).args(["-f", "-s"]).arg(&mount);
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        let mut peer = Self { mount, child };
        let start = Instant::now();
        while !peer.file().exists() {
            ensure!(peer.child.try_wait()?.is_none(), "{} ended at once", program.display());
            ensure!(start.elapsed() < Duration::from_secs(10), "{} does not mount", program.display());
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(peer)
    }

    fn file(&self) -> PathBuf {
        self.mount.join("echo")
    }

    /// One measurement.
    pub(crate) fn measure(&self, load: Load) -> Result<u64> {
        let words = load.client(&self.file(), Kind::Plain)?;
        nanoseconds(Command::new(&words[0]).args(&words[1..]))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The unmount ends the program; the kill is for one that does not mind it.
        let _ = rustix::mount::unmount(&self.mount, rustix::mount::UnmountFlags::DETACH);
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir(&self.mount);
    }
}
