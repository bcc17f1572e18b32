//! The smallest server: `cargo run -p mei-vfio-user --example serve -- SOCKET PERSONA [intx]`.

use mei_emulator::{Firmware, Persona};
use mei_vfio_user::{InterruptMode, Options, Server};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let socket = arguments.next().ok_or("which socket?")?;
    let name = arguments.next().ok_or("which persona?")?;
    let interrupts = match arguments.next().as_deref() {
        None => InterruptMode::Msi,
        Some("intx") => InterruptMode::Intx,
        Some(other) => return Err(format!("{other}: give intx, or nothing").into()),
    };
    let persona = Persona::builtin(&name).ok_or("no such persona")?;
    let engine = Firmware::new(&persona, Instant::now());
    Server::bind(socket.as_ref(), engine, Options { interrupts, ..Options::default() })?.serve()?;
    Ok(())
}
