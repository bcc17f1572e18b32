//! One message that is longer than the circular buffer of any engine, to AMTHI: its question for the versions, with as
//! much behind it as fits. The engine takes what it knows of it and answers with more than one frame.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use mei_wire::Guid;
use rustix::fs::OFlags;
use std::path::PathBuf;
use std::process::ExitCode;
use umei_tests::node::Node;

/// AMTHI, its question for the versions, and what marks the answer (`amthi.md` §2).
const AMTHI: Guid = Guid::from_u128(0x12f80028_b4b7_4b2d_aca8_46e0ff65814c);
const GET_CODE_VERSIONS: u32 = 0x0400_001A;
const ANSWER: u32 = 0x0080_0000;
/// Bytes of the header: version, reserved, command, length.
const HEADER: usize = 12;

#[derive(Parser)]
#[command(about = "Sends a long message to AMTHI and takes the answer")]
struct Arguments {
    /// The device
    #[arg(long, default_value = "/dev/mei0")]
    device: PathBuf,
    /// Bytes of the message, header included
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(64..=4096))]
    length: u32,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mei-large: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let node = Node::open(&arguments.device, OFlags::empty()).context("open")?;
    node.connect(AMTHI).context("CONNECT to AMTHI")?;
    let length = usize::try_from(arguments.length)?;
    let mut message = vec![1, 1, 0, 0];
    message.extend(GET_CODE_VERSIONS.to_le_bytes());
    message.extend(u32::try_from(length - HEADER)?.to_le_bytes());
    message.resize(length, 0xA5);
    ensure!(node.write(&message).context("write")? == length, "a short write");
    let mut answer = [0; 8192];
    let length = node.read(&mut answer).context("read")?;
    let expected = (GET_CODE_VERSIONS | ANSWER).to_le_bytes();
    ensure!(
        answer.get(4..8) == Some(&expected[..]),
        "no answer to the question: {:02x?}",
        &answer[..length.min(16)]
    );
    println!("{} bytes there, {length} bytes back", message.len());
    Ok(())
}
