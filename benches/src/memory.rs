//! `umei-bench memory`: what open handles weigh in the server.

use crate::servers::{Server, umei_program};
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::path::PathBuf;

/// Handles that a device has at most.
const MOST: u64 = 254;
/// Bytes of a message.
const MESSAGE: usize = 512;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// umei, built for release; beside this program by default.
    #[arg(long)]
    umei: Option<PathBuf>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let server = Server::umei(&umei_program(arguments.umei.as_deref())?)?;
    // One has come and gone: what is allocated once is there.
    echo(&mut server.open()?)?;
    let none = server.memory()?;
    let mut files = Vec::new();
    for _ in 0..MOST {
        let mut file = server.open()?;
        echo(&mut file)?;
        files.push(file);
    }
    let all = server.memory()?;
    let each = all.saturating_sub(none) * 1024 / MOST;
    println!("no handle {none} KiB, {MOST} connected handles {all} KiB: {each} bytes each");
    Ok(())
}

/// A message there and back.
fn echo(file: &mut std::fs::File) -> Result<()> {
    ensure!(file.write(&[7; MESSAGE]).context("write")? == MESSAGE, "a short write");
    ensure!(file.read(&mut [0; MESSAGE]).context("read")? == MESSAGE, "a short read");
    Ok(())
}
