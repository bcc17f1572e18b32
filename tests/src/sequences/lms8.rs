//! LMS 8: blocking reads in one thread, blocking writes in another, no poll.

use super::{LME, amthi, apf, connect, read, write};
use anyhow::{Context, Result, bail, ensure};
use rustix::fs::OFlags;
use std::path::Path;
use std::sync::mpsc::channel;

/// The start of the service: one AMTHI exchange that copies 2269 bytes, then the LME session.
pub(super) fn start(device: &Path) -> Result<()> {
    let (node, properties) = amthi::open(device, OFlags::empty())?;
    let versions = amthi::blocking(&node, properties, amthi::CODE_VERSIONS, &[])?;
    ensure!(!amthi::versions(&versions)?.is_empty(), "no versions");
    drop(node);

    let (node, properties) = connect(device, LME, OFlags::empty())?;
    // Compared for equality.
    ensure!(properties.version == 4, "LME version {}", properties.version);
    let (say, said) = channel::<Vec<u8>>();
    std::thread::scope(|scope| {
        let node = &node;
        let writer = scope.spawn(move || said.iter().try_for_each(|message| write(node, &message)));
        let outcome = (|| {
            loop {
                let message = read(node, properties)?;
                let answer = match message.first() {
                    Some(&apf::PROTOCOL_VERSION) => apf::protocol_version(254),
                    Some(&apf::SERVICE_REQUEST) => apf::service_accept(&apf::text(&message, 1)?.0),
                    Some(&apf::GLOBAL_REQUEST) => {
                        let (port, _) = apf::tcpip_forward(&message)?;
                        say.send(apf::forward_success(port)).context("the writer ended")?;
                        if matches!(port, 623 | 664) {
                            return Ok(());
                        }
                        continue;
                    }
                    _ => bail!("LME says {message:02x?}"),
                };
                say.send(answer).context("the writer ended")?;
            }
        })();
        drop(say);
        outcome.and(writer.join().expect("the writer does not panic"))
    })
}
