//! A process and a mount namespace for each test.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::sys::{self, Namespaces};

/// Set in the process that runs the body of a test.
const INSIDE: &str = "CUSE_TEST_INSIDE";
/// Far more than any test takes; a parked caller would wait for ever.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `body`, the body of the test called `test`, with private mounts.
pub(crate) fn isolated(test: &str, body: fn()) {
    let namespaces = if geteuid().is_root() { Namespaces::Mounts } else { Namespaces::UserAndMounts };
    run(test, body, namespaces);
}

/// The same in a user namespace even for root.
pub(crate) fn isolated_as_user(test: &str, body: fn()) {
    run(test, body, Namespaces::UserAndMounts);
}

fn run(test: &str, body: fn(), namespaces: Namespaces) {
    if env::var_os(INSIDE).is_some() {
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).expect("the namespaces allow mounting");
        return body();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = sys::unshared(&mut command, namespaces).spawn().unwrap_or_else(|error| {
        panic!(
            "this test needs private mounts: run it as root, or allow user namespaces \
             (kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns): {error}"
        )
    });
    let pid = Pid::from_child(&child);
    let (tell, finished) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let output = finished.recv_timeout(LIMIT).unwrap_or_else(|_| {
        kill_process(pid, Signal::KILL).unwrap();
        finished.recv().unwrap()
    });
    let output = output.unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&text));
}

/// An empty directory to mount on, removed afterwards.
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    root: PathBuf,
}

impl Directory {
    pub(crate) fn new() -> Self {
        let root = env::temp_dir().join(format!("cuse-kernel-{}", std::process::id()));
        let path = root.join("mount");
        fs::create_dir_all(&path).unwrap();
        Self { path, root }
    }

    /// The file served.
    pub(crate) fn device(&self) -> PathBuf {
        self.path.join("mei0")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Fails while something is mounted; the namespace, and with it the mount, ends with this process.
        let _ = fs::remove_dir(&self.path);
        let _ = fs::remove_dir(&self.root);
    }
}
