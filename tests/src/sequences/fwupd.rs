//! fwupd's plug-ins: a file for each command.

use super::amthi::{self, good, request};
use super::{MCHI, connect, is_errno, poll_read, write};
use anyhow::{Context, Result, ensure};
use rustix::event::PollFlags;
use rustix::fs::OFlags;
use std::path::Path;
use std::time::Duration;

/// The AMT plug-in: versions, then the provisioning state, two opens.
pub(super) fn amt(device: &Path) -> Result<()> {
    let (node, properties) = amthi::open(device, OFlags::empty())?;
    write(&node, &request(amthi::CODE_VERSIONS, &[]))?;
    let answer = poll_read(&node, properties, Duration::from_secs(2))?;
    let versions = amthi::versions(&good(amthi::CODE_VERSIONS, &answer)?)?;
    for wanted in ["AMT", "Build Number"] {
        let found = versions.iter().find(|(description, _)| description == wanted);
        found.with_context(|| format!("no version called {wanted:?} in {versions:?}"))?;
    }
    drop(node);
    let (node, properties) = amthi::open(device, OFlags::empty())?;
    write(&node, &request(amthi::PROVISIONING_STATE, &[]))?;
    let state = good(amthi::PROVISIONING_STATE, &poll_read(&node, properties, Duration::from_secs(2))?)?;
    ensure!(state.len() == 4 && state[0] <= 2, "provisioning state {state:02x?}");
    Ok(())
}

/// The MCHI plug-in: reads of files by number, 200 ms each; the client may be absent, an answer may stay out.
pub(super) fn mchi(device: &Path) -> Result<()> {
    let (node, properties) = match connect(device, MCHI, OFlags::empty()) {
        Ok(connected) => connected,
        Err(error) if is_errno(&error, libc::ENOTTY) => return Ok(()),
        Err(error) => return Err(error),
    };
    for file in [0x0000_000A_u32, 0x4000_0003, 0x4000_0043] {
        let mut message = vec![0x0A, 0x0A, 0, 0];
        message.extend(file.to_le_bytes());
        message.extend([0; 4]);
        message.extend(128_u32.to_le_bytes());
        message.push(0);
        ensure!(message.len() == 17, "a request of {} bytes", message.len());
        write(&node, &message)?;
        if node.poll(PollFlags::IN, Duration::from_millis(200))?.is_empty() {
            continue;
        }
        let answer = super::read(&node, properties)?;
        ensure!(answer.len() >= 4 && answer[..2] == [0x0A, 0x8A], "file {file:#x}: {answer:02x?}");
    }
    Ok(())
}
