//! Channels of the tunnel: a host that keeps the rules and remembers them, in any order of steps.
//!
//! It holds AMT to its side: never more data than the window, every byte in order, one end per channel, and a host that
//! listens is always listened to.

use crate::input::Input;
use crate::machine::{Machine, everything};
use mei_core::Handle;
use mei_emulator::Engine;
use mei_wire::apf::{
    Channel, ChannelOpen, GlobalRequest, Message, OpenFailure, ProtocolVersion, Reply, Trigger, channel_type,
};
use mei_wire::clients;
use std::collections::VecDeque;

/// Most bytes of data in a message.
const CHUNK: usize = 4095;

/// What a port leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Web,
    Echo,
    Discard,
    Source,
    Nobody,
}

const PORTS: [(u32, Behind); 7] = [
    (16992, Behind::Web),
    (20007, Behind::Echo),
    (20009, Behind::Discard),
    (20019, Behind::Source),
    (20020, Behind::Source),
    (623, Behind::Nobody),
    (80, Behind::Nobody),
];

/// One of the host's channels, at the place of its number.
#[derive(Debug)]
struct Ours {
    behind: Behind,
    /// AMT's number, once it has agreed.
    peer: Option<Channel>,
    /// Bytes that it may send, those that it has, and those that were given back to us.
    granted: u64,
    heard: u64,
    sent: u64,
    returned: u64,
    /// CLOSE was said.
    closing: bool,
}

struct Host {
    machine: Machine<Engine>,
    handle: Handle,
    watchdog: Handle,
    ours: [Option<Ours>; 12],
    /// Channels that AMT asks for, by its number.
    asked: VecDeque<Channel>,
    /// What the host has to say.
    owed: VecDeque<Vec<u8>>,
}

/// The byte at a place of what goes through a channel: a period that no buffer has.
fn echoed(at: u64) -> u8 {
    u8::try_from(at % 251).unwrap_or_default()
}

/// The byte at a place of what a source says.
fn counted(at: u64) -> u8 {
    (at / 8).to_be_bytes()[usize::try_from(at % 8).unwrap_or_default()]
}

fn bytes(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut |part| bytes.extend_from_slice(part));
    bytes
}

impl Host {
    fn new() -> Option<Self> {
        let mut machine = everything()?;
        let handle = machine.connected(clients::LME)?;
        let watchdog = machine.connected(clients::WATCHDOG)?;
        let mut host = Self {
            machine,
            handle,
            watchdog,
            ours: Default::default(),
            asked: VecDeque::new(),
            owed: VecDeque::new(),
        };
        let version = ProtocolVersion { major: 1, minor: 0, trigger: Trigger::LME, uuid: [0; 16] };
        host.owe(&Message::ProtocolVersion(version));
        for _ in 0..16 {
            host.listen(usize::MAX);
        }
        Some(host)
    }

    fn owe(&mut self, message: &Message<'_>) {
        self.owed.push_back(bytes(message));
    }

    /// Reads at most `count` messages.
    fn listen(&mut self, count: usize) {
        self.speak();
        for _ in 0..count {
            let Some(message) = self.machine.read(self.handle) else { break };
            self.hear(&message);
        }
        self.speak();
    }

    /// Says what is owed. Whoever listens is listened to.
    fn speak(&mut self) {
        let mut refused = 0;
        while let Some(message) = self.owed.pop_front() {
            if self.machine.try_write(self.handle, &message) {
                refused = 0;
                continue;
            }
            self.owed.push_front(message);
            refused += 1;
            assert!(refused < 100, "AMT does not listen to a host that listens");
            while let Some(message) = self.machine.read(self.handle) {
                self.hear(&message);
            }
        }
    }

    fn channel(&mut self, number: Channel) -> &mut Ours {
        let place = usize::try_from(number.0).unwrap_or(usize::MAX);
        self.ours.get_mut(place).and_then(Option::as_mut).expect("AMT speaks of channels that there are")
    }

    fn hear(&mut self, message: &[u8]) {
        match Message::parse(message).expect("AMT says what can be read") {
            Message::ProtocolVersion(_) => {}
            Message::ServiceRequest { name } => self.owe(&Message::ServiceAccept { name }),
            Message::GlobalRequest {
                request: GlobalRequest::TcpipForward { port, .. },
                reply: Reply::Wanted,
            } => {
                self.owe(&Message::RequestSuccess { port: Some(port) });
            }
            Message::ChannelOpen(open) => self.asked.push_back(open.sender),
            Message::ChannelOpenConfirmation { recipient, sender, .. } => {
                assert!(self.ours.iter().flatten().all(|ours| ours.closing || ours.peer != Some(sender)));
                let ours = self.channel(recipient);
                assert!(ours.peer.is_none() && ours.behind != Behind::Nobody);
                ours.peer = Some(sender);
            }
            Message::ChannelOpenFailure { recipient, .. } => {
                assert_eq!(self.channel(recipient).behind, Behind::Nobody);
                self.ours[recipient.0 as usize] = None;
            }
            Message::ChannelWindowAdjust { recipient, bytes } => {
                // Of a channel that AMT asked for.
                if recipient.0 < 100 {
                    let ours = self.channel(recipient);
                    ours.returned += u64::from(bytes);
                    assert!(ours.returned <= ours.sent, "more is given back than was sent");
                }
            }
            Message::ChannelData { recipient, data } => {
                assert!((1..=CHUNK).contains(&data.len()));
                if recipient.0 >= 100 {
                    return;
                }
                let ours = self.channel(recipient);
                let (at, length) = (ours.heard, data.len() as u64);
                ours.heard += length;
                assert!(ours.heard <= ours.granted, "more than the window");
                let intact = |byte: fn(u64) -> u8| (at..).zip(data).all(|(at, &is)| byte(at) == is);
                match ours.behind {
                    Behind::Echo => assert!(ours.heard <= ours.sent && intact(echoed)),
                    Behind::Source => assert!(intact(counted)),
                    Behind::Web => {}
                    Behind::Discard | Behind::Nobody => panic!("nothing is said there"),
                }
            }
            Message::ChannelClose { recipient } => {
                if recipient.0 < 100 {
                    let ours = self.channel(recipient);
                    let (answered, peer) = (ours.closing, ours.peer.expect("open"));
                    self.ours[recipient.0 as usize] = None;
                    if !answered {
                        self.owe(&Message::ChannelClose { recipient: peer });
                    }
                }
            }
            other => panic!("AMT says {other:?}"),
        }
    }

    fn open(&mut self, input: &mut Input<'_>) {
        let (port, behind) = PORTS[usize::from(input.u8()) % PORTS.len()];
        let window = u32::from(input.u16());
        let Some(place) = self.ours.iter().position(Option::is_none) else { return };
        self.ours[place] = Some(Ours {
            behind,
            peer: None,
            granted: window.into(),
            heard: 0,
            sent: 0,
            returned: 0,
            closing: false,
        });
        self.owe(&Message::ChannelOpen(ChannelOpen {
            kind: channel_type::FORWARDED_TCPIP,
            sender: Channel(place as u32),
            window,
            target: b"127.0.0.1",
            target_port: port,
            originator: b"127.0.0.1",
            originator_port: 4711,
        }));
    }

    /// A channel that is open on both sides, as far as the host knows.
    fn chosen(&mut self, input: &mut Input<'_>) -> Option<(&mut Ours, Channel)> {
        let place = usize::from(input.u8()) % self.ours.len();
        let ours = self.ours[place].as_mut().filter(|ours| !ours.closing)?;
        let peer = ours.peer?;
        Some((ours, peer))
    }

    fn data(&mut self, input: &mut Input<'_>) {
        const WINDOW: u64 = 8192;
        let Some((ours, recipient)) = self.chosen(input) else { return };
        let left = WINDOW + ours.returned - ours.sent;
        let length = u64::from(input.u16()).min(left).min(16_000);
        if length == 0 {
            return;
        }
        let web = ours.behind == Behind::Web;
        let from = ours.sent;
        ours.sent += length;
        let data: Vec<u8> = match web {
            true => {
                // What the input says, and then blanks.
                let mut text = input.take(usize::try_from(length).unwrap_or_default()).to_vec();
                text.resize(usize::try_from(length).unwrap_or_default(), b' ');
                text
            }
            false => (from..from + length).map(echoed).collect(),
        };
        self.owe(&Message::ChannelData { recipient, data: &data });
    }

    fn adjust(&mut self, input: &mut Input<'_>) {
        let Some((ours, recipient)) = self.chosen(input) else { return };
        let bytes = u32::from(input.u16());
        ours.granted += u64::from(bytes);
        self.owe(&Message::ChannelWindowAdjust { recipient, bytes });
    }

    fn close(&mut self, input: &mut Input<'_>) {
        let Some((ours, recipient)) = self.chosen(input) else { return };
        ours.closing = true;
        self.owe(&Message::ChannelClose { recipient });
    }

    /// Answers the oldest channel that AMT asked for.
    fn answer(&mut self, input: &mut Input<'_>) {
        let (kind, window) = (input.u8(), input.u16());
        let Some(recipient) = self.asked.pop_front() else { return };
        // Numbers that none of the host's own has.
        let sender = Channel(100 + u32::from(kind));
        match kind % 4 {
            0 => self.owe(&Message::ChannelOpenFailure { recipient, reason: OpenFailure::CONNECT_FAILED }),
            1 => {}
            _ => {
                let window = u32::from(window);
                self.owe(&Message::ChannelOpenConfirmation { recipient, sender, window });
                if kind % 4 == 3 {
                    self.owe(&Message::ChannelData { recipient, data: b"HTTP/1.1 200 OK\r\n\r\n" });
                }
                self.owe(&Message::ChannelClose { recipient });
            }
        }
    }

    /// Heartbeats that begin and are not kept up.
    fn heartbeat(&mut self, input: &mut Input<'_>) {
        let [a, b] = u16::from(input.u8()).to_le_bytes();
        let start = [&[4, 2, 0, 0x13][..], &[1, a, b], &[0; 17]].concat();
        self.machine.write(self.watchdog, &start);
        self.machine.read(self.watchdog);
    }

    /// Gives every echo what it needs to say all it has, and hears it to the end.
    fn finish(&mut self) {
        self.listen(usize::MAX);
        for place in 0..self.ours.len() {
            let Some(ours) = &mut self.ours[place] else { continue };
            let Some(recipient) = ours.peer.filter(|_| ours.behind == Behind::Echo && !ours.closing) else {
                continue;
            };
            ours.granted += 0x10_0000;
            self.owe(&Message::ChannelWindowAdjust { recipient, bytes: 0x10_0000 });
            self.listen(usize::MAX);
            let ours = self.ours[place].as_ref().expect("an echo does not end by itself");
            assert_eq!((ours.heard, ours.returned), (ours.sent, ours.sent), "all comes back");
        }
    }
}

/// Steps of a host on a dozen channels.
pub fn channels(data: &[u8]) {
    let Some(mut host) = Host::new() else { return };
    let mut input = Input::new(data);
    while !input.is_empty() {
        match input.u8() % 10 {
            0 | 1 => host.open(&mut input),
            2 | 3 => host.data(&mut input),
            4 => host.adjust(&mut input),
            5 => host.close(&mut input),
            6 => host.listen(input.u8().into()),
            7 => host.answer(&mut input),
            8 => host.heartbeat(&mut input),
            // A host that is late by seconds is another matter: `apf`.
            _ => {
                host.listen(usize::MAX);
                host.machine.jump();
            }
        }
        host.speak();
    }
    host.finish();
}
