//! Heartbeats to AMT's watchdog: when they stop without notice, AMT raises an event.

use anyhow::Context;
use clap::Parser;
use mei_client::Node;
use mei_client::watchdog::{Heartbeats, Watchdog};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::path::PathBuf;
use std::time::Duration;

/// Send heartbeats to AMT's watchdog until a line is typed, then stop it
#[derive(Debug, Parser)]
struct Arguments {
    /// The device node
    #[arg(default_value = "/dev/mei0")]
    device: PathBuf,
    /// Seconds within which AMT must hear the next heartbeat; they are sent twice as often
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u16).range(2..))]
    timeout: u16,
    /// Stop after so many heartbeats, whatever is typed
    #[arg(long, value_name = "COUNT")]
    heartbeats: Option<u64>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { device, timeout, heartbeats } = Arguments::parse();
    let timeout = Duration::from_secs(timeout.into());
    let node = Node::open(device)?;
    let mut watchdog = Watchdog::connect(node).context("the watchdog is absent or somebody else's")?;
    let mut sent = 0;
    loop {
        let answer = watchdog.heartbeat(timeout)?;
        sent += 1;
        match answer {
            Heartbeats::Wanted => println!("heartbeat {sent}"),
            Heartbeats::NotRequired => println!("heartbeat {sent}: AMT does not need any now"),
        }
        let enough = match heartbeats {
            Some(wanted) if sent >= wanted => true,
            Some(_) => {
                std::thread::sleep(timeout / 2);
                false
            }
            None => typed(timeout / 2)?,
        };
        if enough {
            break;
        }
    }
    watchdog.stop()?;
    println!("stopped");
    Ok(())
}

/// Waits for a line on the terminal; whether one came within `timeout`.
fn typed(timeout: Duration) -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let timeout = Timespec::try_from(timeout).context("the time-out is too long")?;
    match poll(&mut fds, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(errno) => Err(errno).context("cannot wait"),
    }
}
