//! Intel's local management service, current: its gate, AMTHI commands from several threads at once, an LME session
//! that it keeps.

use super::{ANSWER, HOTHAM, LME, Properties, amthi, apf, connect, is_errno, mkhi, poll_read, poll_write};
use crate::node::Node;
use anyhow::{Context, Result, bail, ensure};
use rustix::fs::OFlags;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The start of the service.
pub(super) fn start(device: &Path) -> Result<()> {
    gate(device)?;
    let (status, _) = amthi::command(device, amthi::PROVISIONING_STATE, &[])?;
    ensure!(status == 0, "provisioning state: status {status:#x}");
    at_once(device, &[3, 0, 1])?;
    let (node, properties, ports) = session(device, ANSWER)?;
    ensure!(ports.iter().any(|port| matches!(port, 16992 | 16993)), "no management port among {ports:?}");
    // With the session held.
    let mut name = u16::to_le_bytes(12).to_vec();
    name.extend(b"example-host");
    amthi::command(device, amthi::SET_HOST_FQDN, &name)?;
    amthi::command(device, amthi::DNS_SUFFIX_LIST, &[])?;
    let mut access = [0; 18];
    access[17] = 1;
    amthi::command(device, amthi::ENTERPRISE_ACCESS, &access)?;
    let (status, account) = amthi::command(device, amthi::LOCAL_ACCOUNT, &[0; 40])?;
    ensure!(status == 0 && account.len() == 68, "local account: status {status:#x}, {} bytes", account.len());
    let (status, _) = amthi::command(device, amthi::LAST_RESET, &[])?;
    ensure!(status == 0, "last reset: status {status:#x}");
    amthi::command(device, amthi::CODE_VERSIONS, &[])?;
    page(&node, properties)
}

/// What it asks before it loads anything (`mkhi.md` §4).
fn gate(device: &Path) -> Result<()> {
    mkhi::firmware_version(device)?;
    mkhi::rule(device, 0x20)?;
    let platform = mkhi::rule(device, 0x1D)?;
    ensure!(platform >> 8 & 0xF == 4, "image type {} forwards no ports", platform >> 8 & 0xF);
    // A connect that never sends anything.
    drop(connect(device, LME, OFlags::empty())?);
    match connect(device, HOTHAM, OFlags::empty()) {
        Err(error) if !is_errno(&error, libc::ENOTTY) => return Err(error),
        _ => {}
    }
    mkhi::rule(device, 0).map(drop)
}

/// The states of these features, each from a thread of its own, beside a thread that asks MKHI. A lock in the process
/// lets one AMTHI command run at a time (`amthi.md` §1); it does not care for other clients.
fn at_once(device: &Path, features: &[u32]) -> Result<()> {
    let amthi = Mutex::new(());
    let feature_state = |id: u32| {
        let _one_at_a_time = amthi.lock().expect("nobody panics with the lock");
        let (status, _) = amthi::command(device, amthi::FEATURES_STATE, &id.to_le_bytes())?;
        ensure!(status == 0, "status {status:#x}");
        Ok(())
    };
    std::thread::scope(|scope| {
        let mkhi = scope.spawn(|| mkhi::rule(device, 0x1D));
        let asking: Vec<_> =
            features.iter().map(|&id| (id, scope.spawn(move || feature_state(id)))).collect();
        for (id, thread) in asking {
            let outcome = thread.join().expect("the thread does not panic");
            outcome.with_context(|| format!("state of feature {id}"))?;
        }
        mkhi.join().expect("the thread does not panic").map(drop)
    })
}

/// Connects to LME and answers the firmware until the ports are there.
fn session(device: &Path, limit: Duration) -> Result<(Node, Properties, Vec<u32>)> {
    let (node, properties) = connect(device, LME, OFlags::empty())?;
    ensure!(properties.version == 4, "LME version {}", properties.version);
    let start = Instant::now();
    let mut ports = Vec::new();
    while !(ports.contains(&16992) && ports.contains(&623) || ports.contains(&16993) && ports.contains(&664))
    {
        ensure!(start.elapsed() < limit, "only {ports:?} are forwarded after {limit:?}");
        let message = poll_read(&node, properties, ANSWER)?;
        match message.first() {
            Some(&apf::PROTOCOL_VERSION) => poll_write(&node, &apf::protocol_version(254))?,
            Some(&apf::SERVICE_REQUEST) => {
                let (service, _) = apf::text(&message, 1)?;
                poll_write(&node, &apf::service_accept(&service))?;
            }
            Some(&apf::GLOBAL_REQUEST) => {
                let (port, reply) = apf::tcpip_forward(&message)?;
                ports.push(port);
                if reply {
                    poll_write(&node, &apf::forward_success(port))?;
                }
            }
            Some(&apf::DISCONNECT) => bail!("the firmware ends the session: {message:02x?}"),
            _ => bail!("LME says {message:02x?}"),
        }
    }
    Ok((node, properties, ports))
}

/// A browser behind LMS: one channel with a window of 1024, the page, the end.
fn page(node: &Node, properties: Properties) -> Result<()> {
    const OURS: u32 = 17;
    poll_write(node, &apf::channel_open(OURS, 1024, "127.0.0.1", 16992))?;
    let mut theirs = None;
    let mut page = Vec::new();
    let mut closing = false;
    loop {
        let message = poll_read(node, properties, ANSWER)?;
        match message.first() {
            Some(&apf::CHANNEL_OPEN_CONFIRMATION) => {
                ensure!(apf::number(&message, 1)? == OURS, "confirmed to {}", apf::number(&message, 1)?);
                let channel = apf::number(&message, 5)?;
                theirs = Some(channel);
                let request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:16992\r\nConnection: close\r\n\r\n";
                poll_write(node, &apf::channel_data(channel, request))?;
            }
            Some(&apf::CHANNEL_DATA) => {
                let data = &message[9..];
                ensure!(data.len() <= 1024, "{} bytes against a window of 1024", data.len());
                page.extend_from_slice(data);
                let channel = theirs.context("data before the confirmation")?;
                let length = u32::try_from(data.len()).expect("at most 1024");
                poll_write(node, &apf::window_adjust(channel, length))?;
            }
            Some(&apf::CHANNEL_WINDOW_ADJUST) => {}
            Some(&apf::CHANNEL_CLOSE) => {
                if !closing {
                    poll_write(
                        node,
                        &apf::channel_close(theirs.context("a close before the confirmation")?),
                    )?;
                }
                break;
            }
            _ => bail!("LME says {message:02x?}"),
        }
        // A server that keeps the connection: the browser ends it once the answer is there.
        if !closing && ends(&page) {
            closing = true;
            poll_write(node, &apf::channel_close(theirs.context("data before the confirmation")?))?;
        }
    }
    ensure!(page.starts_with(b"HTTP/1.1 "), "no answer: {:?}", String::from_utf8_lossy(&page));
    Ok(())
}

/// Whether an HTTP answer is there to its end, as far as its header tells.
fn ends(page: &[u8]) -> bool {
    let text = String::from_utf8_lossy(page).to_ascii_lowercase();
    let Some((header, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = header.lines().find_map(|line| line.strip_prefix("content-length:"));
    length.and_then(|length| length.trim().parse::<usize>().ok()).is_some_and(|length| body.len() >= length)
}
