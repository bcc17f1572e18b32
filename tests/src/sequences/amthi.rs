//! AMTHI messages as bytes (`amthi.md` §2), checked as the strictest of the programs checks them.

use super::{AMTHI, ANSWER, Properties, connect, poll_read, poll_write, read, write};
use crate::node::Node;
use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;
use std::path::Path;

pub(super) const CODE_VERSIONS: u32 = 0x0400_001A;
pub(super) const PROVISIONING_MODE: u32 = 0x0400_0008;
pub(super) const PROVISIONING_STATE: u32 = 0x0400_0011;
pub(super) const MAC_ADDRESSES: u32 = 0x0400_0025;
pub(super) const HASH_HANDLES: u32 = 0x0400_002C;
pub(super) const HASH_ENTRY: u32 = 0x0400_002D;
pub(super) const DNS_SUFFIX: u32 = 0x0400_0036;
pub(super) const DNS_SUFFIX_LIST: u32 = 0x0400_003E;
pub(super) const ENTERPRISE_ACCESS: u32 = 0x0400_003F;
pub(super) const REMOTE_ACCESS: u32 = 0x0400_0046;
pub(super) const LAN_SETTINGS: u32 = 0x0400_0048;
pub(super) const FEATURES_STATE: u32 = 0x0400_0049;
pub(super) const LAST_RESET: u32 = 0x0400_004A;
pub(super) const SET_HOST_FQDN: u32 = 0x0400_005B;
pub(super) const UUID: u32 = 0x0400_005C;
pub(super) const LOCAL_ACCOUNT: u32 = 0x0400_0067;
pub(super) const CONTROL_MODE: u32 = 0x0400_006B;
pub(super) const EHBC_STATE: u32 = 0x0400_0084;

/// A request.
pub(super) fn request(command: u32, data: &[u8]) -> Vec<u8> {
    let mut message = vec![1, 1, 0, 0];
    message.extend(command.to_le_bytes());
    message.extend(u32::try_from(data.len()).expect("a short message").to_le_bytes());
    message.extend(data);
    message
}

/// Status and data of the answer to `command`.
pub(super) fn parse(command: u32, answer: &[u8]) -> Result<(u32, Vec<u8>)> {
    let word = |at: usize| -> Result<u32> {
        let bytes =
            answer.get(at..at + 4).with_context(|| format!("{} bytes answer {command:#x}", answer.len()))?;
        Ok(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
    };
    ensure!(answer.get(..4) == Some(&[1, 1, 0, 0]), "{command:#x}: version {:02x?}", answer.get(..4));
    ensure!(word(4)? == command | 0x80_0000, "{command:#x}: answer to {:#x}", word(4)?);
    ensure!(word(8)? as usize == answer.len() - 12, "{command:#x}: length {} of {}", word(8)?, answer.len());
    Ok((word(12)?, answer[16..].to_vec()))
}

/// Data of a successful answer.
pub(super) fn good(command: u32, answer: &[u8]) -> Result<Vec<u8>> {
    let (status, data) = parse(command, answer)?;
    ensure!(status == 0, "{command:#x}: status {status:#x}");
    Ok(data)
}

/// A file for one command, as Intel's programs have it: open, connect, poll and write, poll and read, close.
pub(super) fn command(device: &Path, command: u32, data: &[u8]) -> Result<(u32, Vec<u8>)> {
    let (node, properties) = open(device, OFlags::empty())?;
    poll_write(&node, &request(command, data))?;
    parse(command, &poll_read(&node, properties, ANSWER)?)
}

/// A connected file, its properties as every program needs them.
pub(super) fn open(device: &Path, flags: OFlags) -> Result<(Node, Properties)> {
    let (node, properties) = connect(device, AMTHI, flags)?;
    ensure!(properties.version == 1, "AMTHI version {}", properties.version);
    ensure!(properties.max_message >= 2285, "AMTHI messages of {} bytes", properties.max_message);
    Ok((node, properties))
}

/// One exchange that blocks in `read`.
pub(super) fn blocking(node: &Node, properties: Properties, command: u32, data: &[u8]) -> Result<Vec<u8>> {
    write(node, &request(command, data))?;
    good(command, &read(node, properties)?)
}

/// The code versions, `(description, version)`.
pub(super) fn versions(data: &[u8]) -> Result<Vec<(String, String)>> {
    let count = data.get(65..69).context("no count of versions")?;
    let count = u32::from_le_bytes(count.try_into().expect("four bytes")) as usize;
    ensure!(data.len() == 69 + 44 * count, "{count} versions in {} bytes", data.len());
    let text = |field: &[u8]| -> Result<String> {
        let length = usize::from(u16::from_le_bytes([field[0], field[1]]));
        let text = field.get(2..2 + length).context("a version longer than its field")?;
        ensure!(!text.contains(&0), "a zero within {text:02x?}");
        Ok(String::from_utf8(text.to_vec())?)
    };
    data[69..].chunks(44).map(|record| Ok((text(&record[..22])?, text(&record[22..])?))).collect()
}
