//! A local management service: the ports that AMT asks for, on this machine, carried to AMT in channels of LME.
//!
//! One loop over the device, the listening sockets and the connections. Data from a connection are read only when AMT
//! takes some, so that nothing piles up here.

use anyhow::{Context, bail};
use clap::Parser;
use mei_client::Node;
use mei_client::apf::{Channel, Event, Forward, Session};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
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
        let (amt, listeners, connections) = service.wait()?;
        if amt {
            service.hear_amt()?;
        }
        service.accept(&listeners)?;
        service.hear_connections(&connections)?;
    }
}

impl Service {
    /// Waits until anything can be done; whether AMT, and which listeners and connections have something to say.
    fn wait(&self) -> anyhow::Result<(bool, Vec<usize>, Vec<Channel>)> {
        // A connection is heard only while AMT takes more from it.
        let heard = self.connections.iter().filter(|(channel, _)| self.session.window(**channel) > 0);
        let (channels, streams): (Vec<_>, Vec<_>) = heard.map(|(channel, stream)| (*channel, stream)).unzip();
        let sockets = self.listeners.iter().map(AsFd::as_fd).chain(streams.iter().map(AsFd::as_fd));
        let fds = std::iter::once(self.session.as_fd()).chain(sockets);
        let mut fds: Vec<_> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        // Interrupted, nobody is ready.
        poll(&mut fds, None).or_else(|errno| if errno == Errno::INTR { Ok(0) } else { Err(errno) })?;
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let amt = ready.next() == Some(true);
        let listeners = (0..self.listeners.len()).filter(|_| ready.next() == Some(true)).collect();
        let connections = channels.into_iter().filter(|_| ready.next() == Some(true)).collect();
        Ok((amt, listeners, connections))
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
    fn accept(&mut self, ready: &[usize]) -> anyhow::Result<()> {
        for listener in ready.iter().filter_map(|&place| self.listeners.get(place)) {
            let port = listener.local_addr()?.port();
            while let Ok((stream, peer)) = listener.accept() {
                // Nobody may hold the others for ever.
                stream.set_write_timeout(Some(Duration::from_secs(5)))?;
                if let Some(channel) = self.session.open(port, peer.port())? {
                    self.connections.insert(channel, stream);
                }
            }
        }
        Ok(())
    }

    /// Carries to AMT what connections say, as far as it takes it.
    fn hear_connections(&mut self, ready: &[Channel]) -> anyhow::Result<()> {
        let mut buffer = [0; 16 * 1024];
        for &channel in ready {
            let room = self.session.window(channel).min(buffer.len());
            // What AMT said in the meantime may have ended it.
            let Some(stream) = self.connections.get_mut(&channel).filter(|_| room > 0) else { continue };
            match stream.read(&mut buffer[..room]) {
                Ok(length) if length > 0 => drop(self.session.send_data(channel, &buffer[..length])?),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.connections.remove(&channel);
                    self.session.close(channel)?;
                }
            }
        }
        Ok(())
    }
}
