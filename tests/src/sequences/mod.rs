//! What known programs do with a MEI device, call by call (`clients.md` §2, §3): their order, their way of blocking,
//! their threads, their time-outs. Each was written from what the program was seen to do, with system calls and byte
//! strings of its own; nothing here knows `mei-client`.

mod amthi;
mod apf;
mod fwupd;
mod lms;
mod lms8;
mod meshcmd;
mod metee;
mod mkhi;
mod rpc_go;

use crate::node::Node;
use anyhow::{Context, Result, bail, ensure};
use mei_wire::Guid;
use rustix::event::PollFlags;
use rustix::fs::OFlags;
use std::path::Path;
use std::time::Duration;

/// A program's calls on the device at a path; an error says what went otherwise than the program needs.
pub type Sequence = fn(&Path) -> Result<()>;

/// All of them, by name. The guests' jobs name them again, so that none can get lost.
pub const SEQUENCES: &[(&str, Sequence)] = &[
    ("meshcmd-amtinfo", meshcmd::amt_info),
    ("meshcmd-amthashes", meshcmd::amt_hashes),
    ("meshcmd-microlms", meshcmd::micro_lms),
    ("fwupd-amt", fwupd::amt),
    ("fwupd-mchi", fwupd::mchi),
    ("metee", metee::versions),
    ("rpc-go-2-amtinfo", rpc_go::amt_info_2),
    ("rpc-go-3-amtinfo", rpc_go::amt_info_3),
    ("rpc-go-lme", rpc_go::local_management),
    ("lms", lms::start),
    ("lms-8", lms8::start),
];

/// Firmware clients by their GUIDs, declared again.
const AMTHI: Guid = Guid::from_u128(0x12f80028_b4b7_4b2d_aca8_46e0ff65814c);
const MKHI: Guid = Guid::from_u128(0x8e6a6715_9abc_4043_88ef_9e39c6f63e0f);
const LME: Guid = Guid::from_u128(0x6733a4db_0476_4e7b_b3af_bcfc29bee7a7);
const WATCHDOG: Guid = Guid::from_u128(0x05b79a6f_4628_4d7f_899d_a91514cb32ab);
const MCHI: Guid = Guid::from_u128(0xdd17041c_09ea_4b17_a271_5b989867ec65);
const HOTHAM: Guid = Guid::from_u128(0x082ee5a7_7c25_470a_9643_0c06f0466ea1);
const UPID: Guid = Guid::from_u128(0x92136c79_5fea_4cfd_980e_23be07fa5e9f);

/// What the programs themselves allow for an answer.
const ANSWER: Duration = Duration::from_secs(15);

/// The properties that a connect brings.
#[derive(Debug, Clone, Copy)]
struct Properties {
    max_message: usize,
    version: u8,
}

/// Opens and connects; the errno of the connect in the error's chain.
fn connect(device: &Path, guid: Guid, flags: OFlags) -> Result<(Node, Properties)> {
    let node = Node::open(device, flags).context("open")?;
    let answer = node.connect(guid).with_context(|| format!("CONNECT {guid}"))?;
    let max_message = u32::from_le_bytes([answer[0], answer[1], answer[2], answer[3]]) as usize;
    Ok((node, Properties { max_message, version: answer[4] }))
}

/// Whether an error is the errno `number` of a call.
fn is_errno(error: &anyhow::Error, number: i32) -> bool {
    error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error) == Some(number)
}

/// `poll` for input as programs do, then one `read` of the client's longest message.
fn poll_read(node: &Node, properties: Properties, limit: Duration) -> Result<Vec<u8>> {
    let ready = node.poll(PollFlags::IN, limit).context("poll")?;
    ensure!(!ready.is_empty(), "no answer within {limit:?}");
    ensure!(ready == PollFlags::IN, "poll for input: {ready:?}");
    read(node, properties)
}

/// One `read` of the client's longest message.
fn read(node: &Node, properties: Properties) -> Result<Vec<u8>> {
    let mut buffer = vec![0; properties.max_message];
    let length = node.read(&mut buffer).context("read")?;
    buffer.truncate(length);
    Ok(buffer)
}

/// One `write` of a whole message.
fn write(node: &Node, message: &[u8]) -> Result<()> {
    let written = node.write(message).context("write")?;
    ensure!(written == message.len(), "write: {written} of {} bytes", message.len());
    Ok(())
}

/// `poll` for room, then one `write`.
fn poll_write(node: &Node, message: &[u8]) -> Result<()> {
    let ready = node.poll(PollFlags::OUT, Duration::from_secs(5)).context("poll")?;
    if ready != PollFlags::OUT {
        bail!("poll for room: {ready:?}");
    }
    write(node, message)
}
