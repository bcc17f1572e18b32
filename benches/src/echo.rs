//! `umei-bench echo`: pairs of measurements, and the quotients of each pair.

use crate::servers::{Load, Placement, Server, Users, umei_program};
use crate::statistics::beside;
use anyhow::{Result, ensure};
use std::path::PathBuf;

/// What it takes in turn, unless told.
const HANDLES: [(usize, Users); 4] =
    [(1, Users::Each), (16, Users::Each), (254, Users::Each), (254, Users::One)];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// umei, built for release; beside this program by default.
    #[arg(long)]
    umei: Option<PathBuf>,
    /// `fuse-echo`, built from `peers/fuse-echo.c`.
    #[arg(long)]
    peer: PathBuf,
    /// Pairs of measurements.
    #[arg(long, default_value_t = 9)]
    pairs: usize,
    /// Length of one measurement.
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Bytes of a message.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u16).range(4..=512))]
    size: u16,
    /// Open files at a time: 1 to 254; 1, 16 and 254 in turn by default.
    #[arg(long)]
    handles: Vec<usize>,
    /// Who uses them; by default a thread for each, and 254 by one thread too.
    #[arg(long, value_enum, requires = "handles", default_value = "each")]
    users: Users,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let handles = match arguments.handles[..] {
        [] => HANDLES.to_vec(),
        _ => arguments.handles.iter().map(|&handles| (handles, arguments.users)).collect(),
    };
    ensure!(handles.iter().all(|(handles, _)| (1..=254).contains(handles)), "1 to 254 handles are possible");
    let umei = Server::umei(&umei_program(arguments.umei.as_deref())?)?;
    let peer = Server::peer(&arguments.peer)?;
    println!(
        "{} bytes there and back; medians of {} pairs (lowest–highest); quotients: fuse-echo's time by umei's,",
        arguments.size, arguments.pairs
    );
    println!("1 and more: umei is as fast. Work: processor time of client and server.");
    println!();
    println!(
        "| processors | handles | umei, µs | fuse-echo, µs | quotient | quotient of work | busiest handle by idlest, umei | fuse-echo |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    for placement in [Placement::Together, Placement::Apart] {
        for &(handles, users) in &handles {
            let size = arguments.size.into();
            let load = Load { placement, handles, users, size, seconds: arguments.seconds };
            let mut pairs = Vec::new();
            for _ in 0..arguments.pairs {
                pairs.push((umei.measure(load)?, peer.measure(load)?));
            }
            let users = match users {
                Users::Each => "",
                Users::One => ", one thread",
            };
            println!("| {} | {handles}{users} | {} |", placement.name(), beside(&pairs)?);
        }
    }
    Ok(())
}
