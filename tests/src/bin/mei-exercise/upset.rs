//! A device that is upset while programs use it: every call ends with its documented errno, the device comes back with
//! all its handles, and its server holds no more than before.

use crate::footprint::{Footprint, every_handle};
use crate::load::{Habit, Load};
use crate::parked::{ECHO, Parked, ParkedCall};
use crate::scenarios::round_trip;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use mei_wire::Guid;
use rustix::fs::OFlags;
use std::io;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use umei_tests::node::Node;

/// For a call to end once the device is upset, on a slow machine.
pub(crate) const END: Duration = Duration::from_secs(30);
/// For the device to work again.
const RETURN: Duration = Duration::from_secs(90);
const MOMENT: Duration = Duration::from_millis(20);

/// The client of the test personas that takes commands, and the one that takes the ready bit away for a moment
/// (`crates/mei-emulator/src/test_client`).
const TEST: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0003);
const DROP_READY: u8 = 15;

const EIO: i32 = 5;
const EFAULT: i32 = 14;
const ENODEV: i32 = 19;

/// How a device is upset.
#[derive(Debug, clap::Args)]
pub(crate) struct Upset {
    /// Shell command that upsets it.
    #[arg(long)]
    by: String,
    /// What programs do meanwhile.
    #[arg(long, value_enum, default_value = "parked")]
    programs: Programs,
    /// Shell command that brings it back once they have ended.
    #[arg(long, default_value = "true")]
    back: String,
    /// So often.
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// Process that serves it.
    #[arg(long)]
    server: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Programs {
    /// One is parked in every call that can be.
    Parked,
    /// One of each habit sends messages all the time.
    Busy,
    /// One has a connection and makes no call.
    Idle,
}

/// Programs, and a command that upsets their device.
pub(crate) fn upset(device: &Path, upset: &Upset) -> Result<()> {
    let before = footprint(upset.server)?;
    for _ in 0..upset.times {
        match upset.programs {
            Programs::Parked => upset_parked(device, upset)?,
            Programs::Busy => {
                let loads = Habit::ALL.map(|habit| Load::start(device, habit));
                shell(&upset.by)?;
                shell(&upset.back)?;
                end(loads, Expected::Nothing)?;
            }
            Programs::Idle => {
                let node = Node::open(device, OFlags::empty())?;
                node.connect(ECHO)?;
                shell(&upset.by)?;
                shell(&upset.back)?;
                let error = node.write(&[0]).err().and_then(|error| error.raw_os_error());
                ensure!(matches!(error, None | Some(ENODEV)), "a write afterwards: errno {error:?}");
            }
        }
        wait_for("a round trip", || round_trip(device))?;
    }
    same_as(before, upset.server, device)
}

fn upset_parked(device: &Path, upset: &Upset) -> Result<()> {
    let calls = [ParkedCall::Read, ParkedCall::Write, ParkedCall::Poll, ParkedCall::Connect];
    let mut parked = Vec::new();
    for call in calls {
        parked.push((call, Parked::start(device, call)?));
    }
    shell(&upset.by)?;
    for (call, client) in &mut parked {
        client.gone_within(END)?;
        let outcome = client.outcome()?;
        ensure!(is_documented(*call, &outcome), "{call:?} {outcome}");
    }
    shell(&upset.back)
}

/// What a load must have been through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Nothing,
    /// It had to start over.
    Upset,
}

/// Ends programs, each of which must have reached the device again.
fn end<const N: usize>(loads: [Load; N], expected: Expected) -> Result<()> {
    for load in loads {
        let tally = load.end()?;
        println!("{tally}");
        ensure!(expected == Expected::Nothing || tally.was_upset(), "it noticed nothing");
    }
    Ok(())
}

/// Firmware resets under load.
pub(crate) fn resets(device: &Path, times: u32, server: Option<u32>) -> Result<()> {
    let before = footprint(server)?;
    let loads = Habit::ALL.map(|habit| Load::start(device, habit));
    for number in 1..=times {
        reset(device).with_context(|| format!("reset {number}"))?;
    }
    end(loads, Expected::Upset)?;
    wait_for("a round trip", || round_trip(device))?;
    same_as(before, server, device)
}

/// Round trips of two programs, so many each, and a third that connects now and then: what waits for an interrupt that
/// was lost, goes on with the next one, or ends when a CONNECT is not answered and the driver resets the link.
pub(crate) fn endure(device: &Path, rounds: u64) -> Result<()> {
    let loads = [Load::start(device, Habit::RoundTrips), Load::start(device, Habit::RoundTrips)];
    loads.iter().for_each(|load| load.limit(rounds));
    while !loads.iter().all(Load::has_ended) {
        let connected = Node::open(device, OFlags::empty()).and_then(|node| node.connect(ECHO));
        if let Err(error) = connected {
            println!("a CONNECT: {error}");
        }
        thread::sleep(MOMENT);
    }
    end(loads, Expected::Nothing)?;
    round_trip(device)
}

/// Makes the firmware reset, and waits until the device can be opened again.
fn reset(device: &Path) -> Result<()> {
    let node = wait_for("the client that takes commands", || {
        let node = Node::open(device, OFlags::empty())?;
        node.connect(TEST)?;
        Ok(node)
    })?;
    let mut command = vec![DROP_READY, 0, 0, 0, 0, 0, 0, 0];
    command.extend(TEST.0);
    match node.write(&command) {
        Ok(_) => {}
        // The engine may be quicker than the end of the write.
        Err(error) if error.raw_os_error() == Some(EIO) => {}
        Err(error) => return Err(error).context("the command"),
    }
    // Its answer may be lost with the link.
    let mut buffer = [0; 64];
    let error = loop {
        match node.read(&mut buffer) {
            Ok(_) => {}
            // The credit met a firmware that was not ready (`device-abi.md` §6).
            Err(error) if error.raw_os_error() == Some(EIO) => thread::sleep(MOMENT),
            Err(error) => break error,
        }
    };
    ensure!(error.raw_os_error() == Some(ENODEV), "a read during the reset: {error}");
    wait_for("an open", || Ok(Node::open(device, OFlags::empty()).map(drop)?))
}

/// Whether a call that was parked may end so (`device-abi.md` §11). A CONNECT may have been answered before.
fn is_documented(call: ParkedCall, outcome: &str) -> bool {
    let errno = |number: i32| format!("ended: {}", io::Error::from_raw_os_error(number));
    match call {
        ParkedCall::Read | ParkedCall::Write => outcome == errno(ENODEV),
        ParkedCall::Poll => outcome.starts_with("ended: poll") && outcome.contains("ERR"),
        ParkedCall::Connect => outcome == errno(EFAULT) || outcome == "ended: success",
    }
}

fn shell(command: &str) -> Result<()> {
    let status = Command::new("sh").args(["-c", command]).status().context("starting a shell")?;
    ensure!(status.success(), "{command}: {status}");
    Ok(())
}

pub(crate) fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if start.elapsed() > RETURN => {
                return Err(error).with_context(|| format!("{what}, still after {RETURN:?}"));
            }
            Err(_) => thread::sleep(MOMENT),
        }
    }
}

fn footprint(process: Option<u32>) -> Result<Option<Footprint>> {
    process.map(Footprint::of).transpose()
}

/// The server holds no more than before, and the device has all its handles. It may be about to close one.
fn same_as(before: Option<Footprint>, process: Option<u32>, device: &Path) -> Result<()> {
    // The kernel's driver, which no process serves, complains about the one handle too many.
    let (Some(before), Some(process)) = (before, process) else { return Ok(()) };
    wait_for("all handles", || every_handle(device))?;
    wait_for("what the server held before", || Footprint::of(process)?.is_as(before))?;
    println!("the server before: {before}; after: {}", Footprint::of(process)?);
    Ok(())
}
