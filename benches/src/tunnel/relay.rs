//! What is measured beside: the same service on TCP, behind socat.

use super::{Running, Way};
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

/// socat in front of a service of this process.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    _socat: Running,
}

impl Relay {
    pub(super) fn start(way: Way) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a port for the service")?;
        let behind = listener.local_addr().context("the service's port")?;
        // Ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || serve(way, stream));
            }
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, way.port() + 1000));
        let listen = format!("TCP-LISTEN:{},bind=127.0.0.1,reuseaddr,fork", address.port());
        let socat = Running::start(Command::new("socat").arg(listen).arg(format!("TCP:{behind}")))
            .context("socat is needed: `apt-get install socat`")?;
        Ok(Self { address, _socat: socat })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Until the other side has had enough.
fn serve(way: Way, mut stream: TcpStream) {
    let mut buffer = [0x55; 64 * 1024];
    loop {
        let count = match way {
            Way::Down => buffer.len(),
            Way::ThereAndBack => match stream.read(&mut buffer) {
                Ok(count) if count > 0 => count,
                Ok(_) | Err(_) => return,
            },
        };
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
