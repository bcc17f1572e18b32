//! A local management service: the ports that AMT asks for, on this machine, carried to AMT in channels of LME.
//!
//! One loop over the device, the listening sockets and the connections. Data from a connection are read only when AMT
//! takes some, so that nothing piles up here.

use anyhow::{Context, bail};
use clap::Parser;
use mei_client::Node;
use mei_client::apf::{Channel, Event, Forward, Session};
use rustix::event::{PollFd, PollFlags, poll};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

/// Serve AMT's ports (16992 and others) on this machine
#[derive(Debug, Parser)]
struct Arguments {
    /// The device node
    #[arg(default_value = "/dev/mei0")]
    device: PathBuf,
    /// The address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
}

struct Service {
    session: Session,
    address: IpAddr,
    listeners: Vec<TcpListener>,
    connections: BTreeMap<Channel, TcpStream>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { device, address } = Arguments::parse();
    let session = Node::open(device).and_then(Session::connect).context("cannot reach AMT's ports")?;
    let mut service = Service { session, address, listeners: Vec::new(), connections: BTreeMap::new() };
    loop {
        service.wait()?;
        service.hear_amt()?;
        service.accept()?;
        service.hear_connections()?;
    }
}

impl Service {
    /// Waits until anything can be done.
    fn wait(&mut self) -> anyhow::Result<()> {
        let ready = self.connections.iter().filter(|(channel, _)| self.session.window(**channel) > 0);
        let sockets = ready.map(|(_, stream)| stream.as_fd());
        let sockets: Vec<_> = self.listeners.iter().map(AsFd::as_fd).chain(sockets).collect();
        let device = self.session.as_fd();
        let fds = sockets.into_iter().chain([device]);
        let mut fds: Vec<_> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno).context("cannot wait"),
        }
    }

    /// Does what AMT asks for.
    fn hear_amt(&mut self) -> anyhow::Result<()> {
        while let Some(event) = self.session.next_event(Duration::ZERO)? {
            match event {
                Event::Listen { port } => {
                    let answer = match TcpListener::bind((self.address, port)) {
                        Ok(listener) => {
                            listener.set_nonblocking(true)?;
                            self.listeners.push(listener);
                            println!("listening on {}:{port}", self.address);
                            Forward::Accept { port }
                        }
                        Err(error) => {
                            eprintln!("cannot listen on {}:{port}: {error}", self.address);
                            Forward::Refuse
                        }
                    };
                    self.session.forward(answer)?;
                }
                Event::StopListening { port } => {
                    self.listeners.retain(|socket| socket.local_addr().is_ok_and(|at| at.port() != port));
                }
                Event::Data { channel, data } => {
                    let written = self.connections.get_mut(&channel).map(|stream| stream.write_all(data));
                    // Nobody is there to take them, or does not take them in time.
                    if !matches!(written, Some(Ok(()))) {
                        self.connections.remove(&channel);
                        self.session.close(channel)?;
                    }
                }
                Event::Closed(channel) | Event::Refused { channel, .. } => {
                    self.connections.remove(&channel);
                }
                Event::Ended { reason } => {
                    bail!("AMT ended the session: {}", reason.name().unwrap_or("unknown reason"))
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Opens a channel for each new connection.
    fn accept(&mut self) -> anyhow::Result<()> {
        for listener in &self.listeners {
            let port = listener.local_addr()?.port();
            while let Ok((stream, peer)) = listener.accept() {
                // Reads must not wait; writes may, but not for ever.
                stream.set_read_timeout(Some(Duration::from_millis(1)))?;
                stream.set_write_timeout(Some(Duration::from_secs(5)))?;
                if let Some(channel) = self.session.open(port, peer.port())? {
                    self.connections.insert(channel, stream);
                }
            }
        }
        Ok(())
    }

    /// Carries to AMT what connections say, as far as it takes it.
    fn hear_connections(&mut self) -> anyhow::Result<()> {
        let mut over = Vec::new();
        for (&channel, stream) in &mut self.connections {
            let mut buffer = [0; 4096];
            let room = self.session.window(channel).min(buffer.len());
            match stream.read(&mut buffer[..room]) {
                _ if room == 0 => {}
                Ok(0) => over.push(channel),
                Ok(length) => drop(self.session.send_data(channel, &buffer[..length])?),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => over.push(channel),
            }
        }
        for channel in over {
            self.connections.remove(&channel);
            self.session.close(channel)?;
        }
        Ok(())
    }
}
