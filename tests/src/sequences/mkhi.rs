//! MKHI messages as bytes (`mkhi.md` §2 to §4).

use super::{ANSWER, MKHI, connect, poll_read, poll_write};
use anyhow::{Result, ensure};
use rustix::fs::OFlags;
use std::path::Path;

/// A file for one command; the data of its answer.
pub(super) fn command(device: &Path, group: u8, command: u8, data: &[u8]) -> Result<Vec<u8>> {
    let (node, properties) = connect(device, MKHI, OFlags::empty())?;
    ensure!(properties.max_message == 2048 && properties.version == 2, "MKHI {properties:?}");
    let mut request = vec![group, command, 0, 0];
    request.extend(data);
    poll_write(&node, &request)?;
    let answer = poll_read(&node, properties, ANSWER)?;
    // Both of the last bytes zero: rule 7.
    let header = [group, command | 0x80, 0, 0];
    ensure!(answer.get(..4) == Some(&header), "MKHI {group:#x} {command:#x}: {answer:02x?}");
    Ok(answer[4..].to_vec())
}

/// GetFwVersion: three blocks of four numbers.
pub(super) fn firmware_version(device: &Path) -> Result<Vec<u8>> {
    let data = command(device, 0xFF, 0x02, &[])?;
    ensure!(data.len() == 24, "a firmware version of {} bytes", data.len());
    Ok(data)
}

/// A rule's value.
pub(super) fn rule(device: &Path, id: u32) -> Result<u32> {
    let data = command(device, 0x03, 0x02, &id.to_le_bytes())?;
    ensure!(data.len() == 9 && data[..4] == id.to_le_bytes() && data[4] == 4, "rule {id:#x}: {data:02x?}");
    Ok(u32::from_le_bytes([data[5], data[6], data[7], data[8]]))
}
