//! The thread that serves a tree.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use cuse::{Buffer, DeviceName, FuseOptions, Received, TreeSession, Visibility};
use cuse_frontend::StateWatch;
use mei_wire::pci;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::{retry_on_intr, write};

use super::model::{Model, Placement};
use super::source::Source;
use crate::facilities;

/// Before a device that could not say which clients it has is asked again.
const AGAIN: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// Requests between two looks at everything else: readers without a pause keep nobody from an end.
const BATCH: usize = 64;

/// A tree that is served. Dropping it unmounts.
#[derive(Debug)]
pub(crate) struct Serving {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

/// Mounts and starts.
pub(super) fn start(
    mountpoint: &Path,
    source: impl Source + Send + 'static,
    watch: StateWatch,
    function: pci::Device,
    placement: &Placement,
) -> Result<Serving> {
    let model = Model::new(source, function, placement);
    let options = FuseOptions {
        source: "umei-sysfs".to_owned(),
        visibility: Visibility::Everyone,
        ..FuseOptions::new(mountpoint, DeviceName::new("sysfs")?)
    };
    let session = TreeSession::mount(&options, model).map_err(facilities::explain_mount)?;
    let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let stopped = Arc::clone(&stop);
    let thread = thread::Builder::new()
        .name("sysfs".to_owned())
        .spawn(move || {
            if let Err(error) = serve(session, &watch, &stopped) {
                log::error!("the sysfs tree has failed: {error:#}");
            }
        })
        .context("starting a thread")?;
    Ok(Serving { stop, thread: Some(thread) })
}

fn serve<S: Source>(mut session: TreeSession<Model<S>>, watch: &StateWatch, stop: &OwnedFd) -> Result<()> {
    let mut buffer = Buffer::new();
    // Here and not before: the device's loop may not run yet, and this waits for it.
    let mut known = session.tree_mut().scan();
    loop {
        for _ in 0..BATCH {
            match session.serve(&mut buffer)? {
                Received::Served | Received::Request(_) => {}
                Received::Nothing => break,
                Received::Ended => return Ok(()),
            }
        }
        let mut fds = [
            PollFd::new(&session, PollFlags::IN),
            PollFd::new(watch, PollFlags::IN),
            PollFd::new(stop, PollFlags::IN),
        ];
        let timeout = (!known).then_some(&AGAIN);
        retry_on_intr(|| poll(&mut fds, timeout))?;
        let [_, changed, stopped] = fds.map(|fd| !fd.revents().is_empty());
        if stopped {
            return Ok(());
        }
        if changed || !known {
            watch.take();
            known = session.tree_mut().scan();
            let dev_state = session.tree_mut().dev_state();
            session.notify(dev_state);
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = write(&self.stop, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by itself.
            let _ = thread.join();
        }
    }
}
