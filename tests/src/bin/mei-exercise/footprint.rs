//! What a server holds: it must not be more after an upset than before.

use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;
use std::fmt;
use std::fs;
use std::path::Path;
use umei_tests::node::Node;

/// How much more memory may be resident afterwards. The first messages touch buffers and stacks that nothing touched
/// before; what a hundred resets lost, each some kilobytes, is more.
const GROWTH: u64 = 8 << 10;
/// Files that a device has for programs.
const HANDLES: usize = 255;
const EMFILE: i32 = 24;

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footprint {
    descriptors: usize,
    threads: u64,
    /// KiB of memory that is resident.
    resident: u64,
}

impl Footprint {
    /// Of this process, now.
    pub(crate) fn of(process: u32) -> Result<Self> {
        let descriptors = fs::read_dir(format!("/proc/{process}/fd"))?.count();
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("/proc/{process}/status has no {name}"))
        };
        Ok(Self { descriptors, threads: number("Threads:")?, resident: number("VmRSS:")? })
    }

    /// Whether it is no more than `before`.
    pub(crate) fn is_as(self, before: Self) -> Result<()> {
        let counted = |footprint: Self| (footprint.descriptors, footprint.threads);
        ensure!(counted(self) == counted(before), "{self} instead of {before}");
        ensure!(self.resident <= before.resident + GROWTH, "{self}, and it was {before}");
        Ok(())
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { descriptors, threads, resident } = self;
        write!(f, "{descriptors} descriptors, {threads} threads, {resident} KiB")
    }
}

/// Whether the device has all its handles to give: none is lost with a file of the past.
pub(crate) fn every_handle(device: &Path) -> Result<()> {
    let mut files = Vec::new();
    let error = loop {
        match Node::open(device, OFlags::empty()) {
            Ok(file) if files.len() < HANDLES => files.push(file),
            Ok(_) => anyhow::bail!("the device has more than {HANDLES} handles"),
            Err(error) => break error,
        }
    };
    ensure!(
        (files.len(), error.raw_os_error()) == (HANDLES, Some(EMFILE)),
        "after {} of {HANDLES} handles: {error}",
        files.len()
    );
    Ok(())
}
