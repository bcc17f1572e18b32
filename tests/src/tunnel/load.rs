//! The host's side: a session, and as many channels as it is given.

use super::channel::{HostChannel, Purpose};
use super::pattern::Random;
use super::wire::{Waits, Wire};
use anyhow::{Context, Result, bail, ensure};
use mei_wire::apf::{
    Channel, ChannelOpen, GlobalRequest, Message, OpenFailure, ProtocolVersion, Reply, Trigger, channel_type,
};
use std::collections::VecDeque;
use std::fmt;

/// What is to be carried.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Says everything about a run but when messages come.
    pub seed: u64,
    /// Bytes that go to the engine and come back before it is enough.
    pub bytes: u64,
    /// Channels at a time.
    pub channels: usize,
    /// How the host keeps to the engine's windows.
    pub manners: Manners,
}

/// How the host keeps to the engine's windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// To the byte.
    Good,
    /// The first time that a window is used up it sends one byte more.
    OneByteTooMany,
}

/// What was carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Bytes that came back from echoes, each as it was sent.
    pub echoed: u64,
    /// Bytes that sources said.
    pub counted: u64,
    /// Channels that were opened.
    pub channels: u64,
    /// Those that were closed in the middle.
    pub cut: u64,
    /// Most that were open at a time.
    pub at_once: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes echoed, {} counted, {} channels, {} at once, {} cut",
            self.echoed, self.counted, self.channels, self.at_once, self.cut
        )
    }
}

/// Carries a load.
///
/// # Errors
/// The engine does what it may not, or nothing any more.
pub fn load(wire: &mut dyn Wire, load: Load) -> Result<Report> {
    let mut host = Host {
        wire,
        random: Random::new(load.seed),
        load,
        forwarded: Vec::new(),
        channels: (0..load.channels).map(|_| None).collect(),
        owed: VecDeque::new(),
        data: Vec::new(),
        buffer: vec![0; 16_384],
        report: Report::default(),
    };
    host.greet()?;
    host.open_all()?;
    while host.report.echoed < load.bytes {
        host.step().with_context(|| format!("seed {}, after {}", load.seed, host.report))?;
    }
    host.end().with_context(|| format!("seed {}, at the end, after {}", load.seed, host.report))?;
    Ok(host.report)
}

struct Host<'w> {
    wire: &'w mut dyn Wire,
    random: Random,
    load: Load,
    /// Ports that the engine asked for.
    forwarded: Vec<u32>,
    /// The host's channels, at the places of their numbers.
    channels: Vec<Option<HostChannel>>,
    /// What the host has to say.
    owed: VecDeque<Vec<u8>>,
    data: Vec<u8>,
    buffer: Vec<u8>,
    report: Report,
}

impl Host<'_> {
    fn owe(&mut self, message: &Message<'_>) {
        let mut bytes = Vec::new();
        message.write(&mut |part| bytes.extend_from_slice(part));
        self.owed.push_back(bytes);
    }

    fn greet(&mut self) -> Result<()> {
        let version = ProtocolVersion { major: 1, minor: 0, trigger: Trigger::LME, uuid: [0; 16] };
        self.owe(&Message::ProtocolVersion(version));
        while !self.forwarded.contains(&super::SOURCE.into()) || !self.owed.is_empty() {
            self.turn().context("the greeting")?;
        }
        Ok(())
    }

    /// Begins with every channel open.
    fn open_all(&mut self) -> Result<()> {
        (0..self.channels.len()).for_each(|place| self.open(place));
        while self.report.at_once < self.channels.len() {
            self.turn().context("the first channels")?;
        }
        Ok(())
    }

    /// Does what can be done, and waits if there is nothing.
    fn turn(&mut self) -> Result<()> {
        let mut any = self.hear_all()?;
        while let Some(message) = self.owed.front() {
            if !self.wire.send(message)? {
                break;
            }
            self.owed.pop_front();
            any = true;
        }
        if !any {
            let waits = if self.owed.is_empty() { Waits::Message } else { Waits::MessageOrRoom };
            self.wire.wait(waits)?;
        }
        Ok(())
    }

    fn hear_all(&mut self) -> Result<bool> {
        let mut any = false;
        let mut buffer = std::mem::take(&mut self.buffer);
        while let Some(length) = self.wire.receive(&mut buffer)? {
            any = true;
            self.hear(&buffer[..length])?;
        }
        self.buffer = buffer;
        Ok(any)
    }

    /// Something of the host's own choice, and what the engine says to it.
    fn step(&mut self) -> Result<()> {
        if self.owed.is_empty() {
            for _ in 0..1 + self.random.below(8) {
                self.act();
            }
        }
        self.turn()
    }

    fn act(&mut self) {
        if let Some(place) = self.channels.iter().position(Option::is_none) {
            return self.open(place);
        }
        let count = self.channels.len();
        let first = usize::try_from(self.random.below(count as u64)).expect("a place");
        for place in (first..count).chain(0..first) {
            let Some(channel) = self.channels[place].as_mut().filter(|channel| !channel.closing) else {
                continue;
            };
            let Some(recipient) = channel.peer else { continue };
            if channel.is_done() {
                channel.closing = true;
                return self.owe(&Message::ChannelClose { recipient });
            }
            if channel.wants_window() && self.random.below(2) == 0 {
                let bytes = self.random.of(&[1, 4095, 4096, 16_384, 16_384]);
                channel.grant(bytes);
                return self.owe(&Message::ChannelWindowAdjust { recipient, bytes });
            }
            let room = channel.room();
            if room > 0 {
                let mut count = self.random.of(&[1, 1000, 8192, 8192, 8192, 8192]).min(room);
                let whole = count == channel.engine_window();
                if whole && self.load.manners == Manners::OneByteTooMany {
                    count += 1;
                }
                let mut data = std::mem::take(&mut self.data);
                channel.take(count, &mut data);
                self.owe(&Message::ChannelData { recipient, data: &data });
                self.data = data;
                return;
            }
        }
    }

    fn open(&mut self, place: usize) {
        let channel = HostChannel::new(&mut self.random);
        let open = ChannelOpen {
            kind: channel_type::FORWARDED_TCPIP,
            sender: Channel(u32::try_from(place).expect("a place")),
            window: channel.window(),
            target: b"127.0.0.1",
            target_port: channel.purpose.port().into(),
            originator: b"127.0.0.1",
            originator_port: 4711,
        };
        self.channels[place] = Some(channel);
        self.owe(&Message::ChannelOpen(open));
    }

    /// Closes what is open, and hears that the engine has.
    fn end(&mut self) -> Result<()> {
        while self.channels.iter().any(Option::is_some) {
            for place in 0..self.channels.len() {
                let Some(channel) = self.channels[place].as_mut().filter(|channel| !channel.closing) else {
                    continue;
                };
                if let Some(recipient) = channel.peer {
                    channel.closing = true;
                    self.owe(&Message::ChannelClose { recipient });
                }
            }
            self.turn()?;
        }
        Ok(())
    }

    fn channel(&mut self, number: Channel) -> Result<&mut HostChannel> {
        let place = usize::try_from(number.0).unwrap_or(usize::MAX);
        self.channels
            .get_mut(place)
            .and_then(Option::as_mut)
            .with_context(|| format!("no channel {}", number.0))
    }

    fn hear(&mut self, message: &[u8]) -> Result<()> {
        match Message::parse(message).context("what LME says")? {
            Message::ProtocolVersion(_) => {}
            Message::ServiceRequest { name } => self.owe(&Message::ServiceAccept { name }),
            Message::GlobalRequest {
                request: GlobalRequest::TcpipForward { port, .. },
                reply: Reply::Wanted,
            } => {
                self.forwarded.push(port);
                self.owe(&Message::RequestSuccess { port: Some(port) });
            }
            Message::ChannelOpenConfirmation { recipient, sender, window } => {
                ensure!(u64::from(window) == super::ENGINE_WINDOW, "a window of {window} bytes");
                let taken = |other: &HostChannel| !other.closing && other.peer == Some(sender);
                ensure!(!self.channels.iter().flatten().any(taken), "number {} is given twice", sender.0);
                let channel = self.channel(recipient)?;
                ensure!(channel.peer.replace(sender).is_none(), "channel {} is confirmed twice", recipient.0);
                self.report.channels += 1;
                let open = self.channels.iter().flatten();
                let open = open.filter(|channel| channel.peer.is_some() && !channel.closing).count();
                self.report.at_once = self.report.at_once.max(open);
            }
            // The end of an earlier one is still under way.
            Message::ChannelOpenFailure { recipient, reason } => {
                ensure!(reason == OpenFailure::RESOURCE_SHORTAGE, "a channel is refused: {reason:?}");
                ensure!(self.channel(recipient)?.peer.is_none(), "channel {} is refused late", recipient.0);
                self.channels[recipient.0 as usize] = None;
            }
            Message::ChannelWindowAdjust { recipient, bytes } => self.channel(recipient)?.adjusted(bytes)?,
            Message::ChannelData { recipient, data } => {
                let channel = self.channel(recipient)?;
                channel.received(data).with_context(|| format!("channel {}", recipient.0))?;
                match channel.purpose {
                    Purpose::Echo => self.report.echoed += data.len() as u64,
                    Purpose::Source | Purpose::Discard => self.report.counted += data.len() as u64,
                }
            }
            Message::ChannelClose { recipient } => {
                let channel = self.channel(recipient)?;
                ensure!(channel.closing, "the engine closes channel {} by itself", recipient.0);
                self.report.cut += u64::from(channel.is_cut());
                self.channels[recipient.0 as usize] = None;
            }
            Message::Disconnect { reason } => {
                bail!("the engine ends the session: {}", reason.name().unwrap_or("?"))
            }
            other => bail!("LME says {other:?}"),
        }
        Ok(())
    }
}
