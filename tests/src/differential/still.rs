//! What a run that stands still is doing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Without a call for so long a run says where its threads are: it waits for what never ends, or repeats a difference.
const STILL: Duration = Duration::from_secs(120);

/// Calls `tell` with the place of every thread whenever `calls` has not changed for a while, until the other end of
/// `over` is gone.
pub(super) fn watch(calls: impl Fn() -> u64, over: &Receiver<()>, tell: &(dyn Fn(&str) + Sync)) {
    let mut last = calls();
    while over.recv_timeout(STILL) == Err(RecvTimeoutError::Timeout) {
        let now = calls();
        if now == last {
            tell(&format!("no call for {STILL:?}; the threads:\n{}", threads()));
        }
        last = now;
    }
}

/// Number, system call and kernel stack (for root) of each thread of this process, and of whatever else runs or waits for
/// the kernel, such as the driver's own threads; a line each.
fn threads() -> String {
    let folders = |path: &str| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let text = |task: &Path, name: &str| fs::read_to_string(task.join(name)).unwrap_or_default();
    let busy = |task: &PathBuf| {
        let stat = text(task, "stat");
        stat.rsplit(')').next().is_some_and(|fields| fields.starts_with(" R") || fields.starts_with(" D"))
    };
    let line = |task: PathBuf| {
        let words = ["comm", "syscall", "stack"].map(|name| text(&task, name).replace('\n', " "));
        format!("{} {}", task.display(), words.concat())
    };
    let lines: Vec<_> = folders("/proc/self/task").chain(folders("/proc").filter(busy)).map(line).collect();
    lines.join("\n")
}
