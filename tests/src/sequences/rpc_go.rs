//! rpc-go: a static Go program. Its runtime registers each fresh file with epoll, then uses it blocking. Version 2 has
//! a file per AMTHI command and blocking reads; version 3 polls for three seconds and tries a busy client again.

use super::amthi::{self, parse, request};
use super::{AMTHI, LME, Properties, UPID, WATCHDOG, apf, connect, is_errno, poll_read, read, write};
use crate::node::Node;
use anyhow::{Context, Result, bail, ensure};
use mei_wire::Guid;
use rustix::event::epoll;
use rustix::fs::OFlags;
use std::path::Path;
use std::time::Duration;

/// What Go asks of a fresh descriptor: in, out, error, hang-up of the peer, edges.
const GO_MASK: u32 = 0x8000_201D;

/// Opens as Go's runtime does, and connects.
fn go_open(device: &Path, guid: Guid) -> Result<(Node, Properties)> {
    let node = Node::open(device, OFlags::empty()).context("open")?;
    let runtime = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mask = epoll::EventFlags::from_bits_retain(GO_MASK);
    epoll::add(&runtime, &node, epoll::EventData::new_u64(1), mask).context("epoll of a fresh file")?;
    let answer = node.connect(guid).with_context(|| format!("CONNECT {guid}"))?;
    let max_message = u32::from_le_bytes([answer[0], answer[1], answer[2], answer[3]]) as usize;
    // The registration goes with the runtime's descriptor, which a program keeps; a test lets it go.
    Ok((node, Properties { max_message, version: answer[4] }))
}

/// How a version waits for an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Blocking,
    Poll,
}

fn answer(node: &Node, properties: Properties, wait: Wait) -> Result<Vec<u8>> {
    match wait {
        Wait::Blocking => read(node, properties),
        Wait::Poll => poll_read(node, properties, Duration::from_secs(3)),
    }
}

fn command(device: &Path, wait: Wait, code: u32, data: &[u8]) -> Result<(u32, Vec<u8>)> {
    let (node, properties) = match wait {
        Wait::Blocking => go_open(device, AMTHI)?,
        Wait::Poll => go_open_patiently(device, AMTHI)?,
    };
    ensure!(properties.max_message >= 2285, "AMTHI messages of {} bytes", properties.max_message);
    write(&node, &request(code, data))?;
    parse(code, &answer(&node, properties, wait)?)
}

/// `amtinfo` of version 2.
pub(super) fn amt_info_2(device: &Path) -> Result<()> {
    amt_info(device, Wait::Blocking)
}

/// `amtinfo` of version 3.
pub(super) fn amt_info_3(device: &Path) -> Result<()> {
    amt_info(device, Wait::Poll)
}

fn amt_info(device: &Path, wait: Wait) -> Result<()> {
    let (status, mode) = command(device, wait, amthi::CONTROL_MODE, &[])?;
    ensure!(status == 0 && mode.len() == 4, "control mode: status {status:#x}, {mode:02x?}");
    change_enabled(device, wait)?;
    for _ in 0..3 {
        let (_, versions) = command(device, wait, amthi::CODE_VERSIONS, &[])?;
        let versions = amthi::versions(&versions)?;
        ensure!(versions.iter().any(|(description, _)| description == "AMT"), "no AMT in {versions:?}");
    }
    let (status, uuid) = command(device, wait, amthi::UUID, &[])?;
    ensure!(status == 0 && uuid.len() == 16, "UUID: status {status:#x}, {} bytes", uuid.len());
    // A client that is not there hides a line.
    match connect(device, UPID, OFlags::empty()) {
        Err(error) if !is_errno(&error, libc::ENOTTY) => return Err(error),
        _ => {}
    }
    let zero = 0_u32.to_le_bytes();
    let one = 1_u32.to_le_bytes();
    let rest: [(u32, &[u8]); 7] = [
        (amthi::CONTROL_MODE, &[]),
        (amthi::PROVISIONING_STATE, &[]),
        (amthi::DNS_SUFFIX, &[]),
        (amthi::REMOTE_ACCESS, &[]),
        (amthi::LAN_SETTINGS, &zero),
        (amthi::LAN_SETTINGS, &one),
        (amthi::HASH_HANDLES, &[]),
    ];
    for (code, data) in rest {
        command(device, wait, code, data)?;
    }
    Ok(())
}

/// IsChangeToAMTEnabled of the watchdog: one byte, no header. A client that refuses is accepted.
fn change_enabled(device: &Path, wait: Wait) -> Result<()> {
    let (node, properties) = match go_open(device, WATCHDOG) {
        Ok(connected) => connected,
        Err(error) if is_errno(&error, libc::ENOTTY) || is_errno(&error, libc::EBUSY) => return Ok(()),
        Err(error) => return Err(error),
    };
    write(&node, &[0x05, 0x02, 0x51, 0x10])?;
    let state = answer(&node, properties, wait)?;
    ensure!(state.len() == 1, "IsChangeToAMTEnabled: {state:02x?}");
    Ok(())
}

/// Opens and connects as version 3, which tries a busy client eight times.
fn go_open_patiently(device: &Path, guid: Guid) -> Result<(Node, Properties)> {
    for _ in 0..8 {
        match go_open(device, guid) {
            Err(error) if is_errno(&error, libc::EBUSY) => std::thread::sleep(Duration::from_millis(100)),
            outcome => return outcome,
        }
    }
    bail!("{guid} stays busy")
}

/// Its own management session without LMS: speaks its version first and echoes each one it gets.
pub(super) fn local_management(device: &Path) -> Result<()> {
    let (node, properties) = go_open_patiently(device, LME)?;
    write(&node, &apf::protocol_version(9))?;
    let (mut ports, mut versions) = (Vec::new(), 0);
    while !(ports.contains(&16992) && ports.contains(&623) || ports.contains(&16993) && ports.contains(&664))
    {
        let message = poll_read(&node, properties, Duration::from_secs(3))?;
        match message.first() {
            Some(&apf::PROTOCOL_VERSION) => {
                versions += 1;
                ensure!(versions == 1, "the firmware answers a version with a version");
                write(&node, &message)?;
            }
            Some(&apf::SERVICE_REQUEST) => write(&node, &apf::service_accept(&apf::text(&message, 1)?.0))?,
            Some(&apf::GLOBAL_REQUEST) => {
                let (port, reply) = apf::tcpip_forward(&message)?;
                ports.push(port);
                if reply {
                    write(&node, &apf::forward_success(port))?;
                }
            }
            _ => bail!("LME says {message:02x?}"),
        }
    }
    exchange(&node, properties)
}

/// One request in one message; the answer is complete when the firmware closes.
fn exchange(node: &Node, properties: Properties) -> Result<()> {
    write(node, &apf::channel_open(2, 4096, "::1", 16992))?;
    let mut page = Vec::new();
    loop {
        let message = poll_read(node, properties, Duration::from_secs(18))?;
        match message.first() {
            Some(&apf::CHANNEL_OPEN_CONFIRMATION) => {
                let request = b"POST /wsman HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                write(node, &apf::channel_data(apf::number(&message, 5)?, request))?;
            }
            Some(&apf::CHANNEL_DATA) => page.extend_from_slice(&message[9..]),
            Some(&apf::CHANNEL_WINDOW_ADJUST) => {}
            Some(&apf::CHANNEL_CLOSE) => break,
            _ => bail!("LME says {message:02x?}"),
        }
    }
    // Without credentials: refused, but by AMT itself.
    ensure!(page.starts_with(b"HTTP/1.1 "), "no answer: {:?}", String::from_utf8_lossy(&page));
    Ok(())
}
