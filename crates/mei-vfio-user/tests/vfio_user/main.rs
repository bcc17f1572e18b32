//! The server against monitors: one that is not ours (the client of the `vfio_user` crate), one that speaks
//! by hand, and ones that speak nonsense.
#![expect(clippy::unwrap_used, reason = "a panic of a test is its report, in what it calls too")]

mod engine;
mod hostile;
mod oracle;
mod raw;
mod socket;

use engine::{Observed, Recorder};
use mei_vfio_user::{Control, Options, Server};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

/// A server in a thread of its own, on a path of its own.
struct Served {
    path: PathBuf,
    control: Control,
    observed: Arc<Observed>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Served {
    fn new() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        let path = fresh_path();
        let (engine, observed) = Recorder::new();
        let mut server = Server::bind(&path, engine, options).unwrap();
        let control = server.control();
        let thread = Some(std::thread::spawn(move || server.serve()));
        Self { path, control, observed, thread }
    }

    fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the server; it must have served well until now.
    fn stop(mut self) {
        self.control.stop();
        self.thread.take().unwrap().join().expect("the server does not panic").unwrap();
        assert!(!self.path.exists(), "the path is cleaned up");
    }
}

fn fresh_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("mei-vfio-user-{}-{}.sock", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    std::env::temp_dir().join(name)
}

fn event() -> OwnedFd {
    eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap()
}

/// Waits until an eventfd is signalled; its count.
fn wait(event: &OwnedFd) -> u64 {
    let minute = Timespec { tv_sec: 60, tv_nsec: 0 };
    assert_eq!(poll(&mut [PollFd::new(event, PollFlags::IN)], Some(&minute)), Ok(1), "no event came");
    let mut bytes = [0; 8];
    rustix::io::read(event, &mut bytes).unwrap();
    u64::from_ne_bytes(bytes)
}

fn is_quiet(event: &OwnedFd) -> bool {
    rustix::io::read(event, &mut [0; 8]) == Err(rustix::io::Errno::AGAIN)
}
