//! MeshCmd: one non-blocking file, a queue of commands answered in order, poll before each read.

use super::amthi::{self, good, request};
use super::{ANSWER, LME, Properties, apf, connect, poll_read, write};
use crate::node::Node;
use anyhow::{Context, Result, bail, ensure};
use rustix::fs::OFlags;
use std::io::ErrorKind;
use std::path::Path;

/// Writes a command and takes its answer. Right after it a read finds nothing: rule 1.
fn exchange(node: &Node, properties: Properties, command: u32, data: &[u8]) -> Result<(u32, Vec<u8>)> {
    write(node, &request(command, data))?;
    let answer = poll_read(node, properties, ANSWER)?;
    let again = node.read(&mut [0; 16]).map_err(|error| error.kind());
    ensure!(again == Err(ErrorKind::WouldBlock), "a read after the answer: {again:?}");
    amthi::parse(command, &answer)
}

/// AmtInfo.
pub(super) fn amt_info(device: &Path) -> Result<()> {
    let (node, properties) = amthi::open(device, OFlags::NONBLOCK)?;
    let plain: &[u8] = &[];
    let queue = [
        (amthi::CODE_VERSIONS, plain),
        (amthi::PROVISIONING_STATE, plain),
        (amthi::PROVISIONING_MODE, plain),
        (amthi::EHBC_STATE, plain),
        (amthi::CONTROL_MODE, plain),
        (amthi::MAC_ADDRESSES, plain),
        (amthi::LAN_SETTINGS, &[0, 0, 0, 0]),
        (amthi::LAN_SETTINGS, &[1, 0, 0, 0]),
        (amthi::UUID, plain),
        (amthi::REMOTE_ACCESS, plain),
        (amthi::DNS_SUFFIX, plain),
    ];
    for (command, data) in queue {
        let (status, answer) = exchange(&node, properties, command, data)?;
        let needed = [amthi::CODE_VERSIONS, amthi::PROVISIONING_STATE, amthi::PROVISIONING_MODE];
        ensure!(status == 0 || !needed.contains(&command), "{command:#x}: status {status:#x}");
        if command == amthi::LAN_SETTINGS && status == 0 {
            ensure!(answer.len() == 20, "network settings of {} bytes", answer.len());
        }
    }
    Ok(())
}

/// MicroLMS: what AMT is, on a file that is closed when the queue is empty, then LME, then the local account on another
/// file, while the session waits for whoever connects to its ports.
pub(super) fn micro_lms(device: &Path) -> Result<()> {
    let (node, properties) = amthi::open(device, OFlags::NONBLOCK)?;
    for command in [
        amthi::CODE_VERSIONS,
        amthi::PROVISIONING_MODE,
        amthi::PROVISIONING_STATE,
        amthi::EHBC_STATE,
        amthi::CONTROL_MODE,
        amthi::UUID,
        amthi::DNS_SUFFIX,
    ] {
        exchange(&node, properties, command, &[])?;
    }
    drop(node);
    let lme = session(device)?;
    let (node, properties) = amthi::open(device, OFlags::NONBLOCK)?;
    let (status, account) = exchange(&node, properties, amthi::LOCAL_ACCOUNT, &[0; 40])?;
    // It refuses any other size.
    ensure!(status == 0 && account.len() == 68, "local account: status {status:#x}, {} bytes", account.len());
    drop(lme);
    Ok(())
}

/// An LME session as far as the first port: it waits for the firmware's first word and answers in kind.
fn session(device: &Path) -> Result<Node> {
    let (node, properties) = connect(device, LME, OFlags::NONBLOCK)?;
    loop {
        let message = poll_read(&node, properties, ANSWER)?;
        match message.first() {
            Some(&apf::PROTOCOL_VERSION) => write(&node, &apf::protocol_version(0))?,
            Some(&apf::SERVICE_REQUEST) => write(&node, &apf::service_accept(&apf::text(&message, 1)?.0))?,
            Some(&apf::GLOBAL_REQUEST) => {
                let (port, _) = apf::tcpip_forward(&message)?;
                write(&node, &apf::forward_success(port))?;
                if matches!(port, 16992 | 16993) {
                    return Ok(node);
                }
            }
            _ => bail!("LME says {message:02x?}"),
        }
    }
}

/// AmtHashes: the handles, then each entry.
pub(super) fn amt_hashes(device: &Path) -> Result<()> {
    let (node, properties) = amthi::open(device, OFlags::NONBLOCK)?;
    write(&node, &request(amthi::HASH_HANDLES, &[]))?;
    let handles = good(amthi::HASH_HANDLES, &poll_read(&node, properties, ANSWER)?)?;
    let count = handles.get(..4).context("no count of hashes")?;
    let count = u32::from_le_bytes(count.try_into().expect("four bytes")) as usize;
    ensure!(count >= 1 && handles.len() == 4 + 4 * count, "{count} handles in {} bytes", handles.len());
    for handle in handles[4..].chunks(4) {
        write(&node, &request(amthi::HASH_ENTRY, handle))?;
        let entry = good(amthi::HASH_ENTRY, &poll_read(&node, properties, ANSWER)?)?;
        ensure!(entry.len() > 75, "a hash entry of {} bytes", entry.len());
        let name = usize::from(u16::from_le_bytes([entry[73], entry[74]]));
        ensure!(entry.len() == 75 + name, "a name of {name} in an entry of {} bytes", entry.len());
    }
    Ok(())
}
