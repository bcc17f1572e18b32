//! A server in the background, in a mount namespace of its own.

use std::fs::File;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Folder;

/// How long it may take to become ready.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    child: Child,
    notes: UnixDatagram,
}

impl Server {
    /// Runs `text` in a shell, which ends in `exec "$umei" serve …`; returns when the server says it is ready.
    pub(crate) fn start(text: &str, folder: &Folder) -> Self {
        let socket = folder.0.join("notify");
        let notes = UnixDatagram::bind(&socket).unwrap();
        notes.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = Command::new("unshare")
            .args(["--mount", "sh", "-euc", text, "sh"])
            .arg(&folder.0)
            .env("umei", env!("CARGO_BIN_EXE_umei"))
            .env("NOTIFY_SOCKET", &socket)
            .env_remove("UMEI_LOG")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, notes };
        assert_eq!(server.note(), "READY=1");
        server
    }

    /// The next word to the service manager.
    pub(crate) fn note(&self) -> String {
        let mut bytes = [0; 256];
        let length = self.notes.recv(&mut bytes).expect("a word to the service manager");
        String::from_utf8(bytes[..length].to_vec()).unwrap().trim_end().to_owned()
    }

    /// A path as the server sees it.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        let path = path.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.child.id())).join(path)
    }

    pub(crate) fn open(&self, path: &Path) -> std::io::Result<File> {
        File::options().read(true).write(true).open(self.path(path))
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// A command among the server's mounts.
    pub(crate) fn inside(&self, line: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.child.id().to_string()]).args(line);
        command
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
