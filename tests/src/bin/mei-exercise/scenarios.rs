//! What must hold, whoever serves the device.

use crate::Order;
use crate::parked::{ECHO, Parked, ParkedCall, SLOW_ECHO};
use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, getppid, kill_process};
use std::path::Path;
use std::time::{Duration, Instant};
use umei_tests::node::Node;

/// Three programs parked on a full queue, a fourth still writes, each dies within a second of SIGKILL.
pub(crate) fn full_queue(device: &Path, within: Duration) -> Result<()> {
    let mut parked = Vec::new();
    for _ in 0..3 {
        parked.push(Parked::start(device, ParkedCall::Write)?);
    }
    let start = Instant::now();
    round_trip(device).context("a fourth program")?;
    println!("a fourth program wrote and read after {} ms", start.elapsed().as_millis());
    for client in &mut parked {
        client.kill()?;
        let status = client.gone_within(within)?;
        ensure!(!status.success(), "a killed client ended by itself");
    }
    round_trip(device).context("a program after them")
}

/// A handled SIGALRM during a slow CONNECT: the connect succeeds.
pub(crate) fn alarm_during_connect(device: &Path) -> Result<()> {
    umei_tests::ignore_alarms();
    let node = Node::open(device, OFlags::empty())?;
    umei_tests::alarm_after(Duration::from_millis(300));
    let start = Instant::now();
    let reply = node.connect(SLOW_ECHO).context("CONNECT with a SIGALRM inside")?;
    let took = start.elapsed();
    println!("connected after {} ms: {reply:02x?}", took.as_millis());
    ensure!(took > Duration::from_millis(1000), "the CONNECT was not slow, the alarm proves nothing");
    Ok(())
}

/// A handled SIGALRM during a slow CONNECT, then SIGKILL: gone within a second.
pub(crate) fn kill_during_connect(device: &Path, within: Duration) -> Result<()> {
    let mut client = Parked::start(device, ParkedCall::Connect)?;
    // The alarm came at 200 ms; the kernel sends no second INTERRUPT for what follows it.
    std::thread::sleep(Duration::from_millis(300));
    client.kill()?;
    let status = client.gone_within(within)?;
    ensure!(!status.success(), "the client was not killed inside its CONNECT");
    round_trip(device).context("a program after it")
}

/// Parked programs, and the sudden death of the server, of them, or of both.
pub(crate) fn deaths(device: &Path, server: Option<i32>, order: Order, within: Duration) -> Result<()> {
    let server = server.and_then(Pid::from_raw).or_else(getppid).context("no server process")?;
    let mut parked = Vec::new();
    for call in [ParkedCall::Read, ParkedCall::Write, ParkedCall::Poll, ParkedCall::Connect] {
        parked.push(Parked::start(device, call)?);
    }
    let kill_server = || kill_process(server, Signal::KILL).context("killing the server");
    let kill_clients = || parked.iter().try_for_each(Parked::kill);
    match order {
        Order::Server => kill_server()?,
        Order::Clients => kill_clients()?,
        Order::ServerThenClients => kill_server().and_then(|()| kill_clients())?,
        Order::ClientsThenServer => kill_clients().and_then(|()| kill_server())?,
    }
    for client in &mut parked {
        if order == Order::Server {
            let outcome = client.outcome()?;
            ensure!(outcome.starts_with("ended: "), "a client of a dead server said {outcome:?}");
            ensure!(!outcome.contains("success"), "a client of a dead server succeeded");
        }
        client.gone_within(within)?;
    }
    if order == Order::Clients {
        round_trip(device).context("a program after them")?;
    }
    Ok(())
}

/// Writes a message and reads it back.
pub(crate) fn round_trip(device: &Path) -> Result<()> {
    let node = Node::open(device, OFlags::empty()).context("open")?;
    node.connect(ECHO).context("connect")?;
    let message: Vec<u8> = (0..=255).collect();
    ensure!(node.write(&message).context("write")? == message.len(), "short write");
    let mut buffer = [0; 1024];
    let length = node.read(&mut buffer).context("read")?;
    ensure!(buffer[..length] == message[..], "the echo differs");
    Ok(())
}
