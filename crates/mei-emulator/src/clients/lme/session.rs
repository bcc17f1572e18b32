//! One host's session: greeting, service, forwards, channels (`apf.md` §3).

use super::channel::{Channels, Refused, WindowExceeded};
use super::event;
use super::ports::{MAX_PORTS, Ports};
use super::turn::Turn;
use crate::client::ConnectionId;
use crate::clients::amt::Event;
use crate::clients::service::Peer;
use mei_wire::apf::{
    ChannelOpen, DisconnectReason, GlobalRequest, Message, OpenFailure, ProtocolVersion, Reply, Trigger,
    channel_type, service,
};
use std::time::Instant;

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waits for the host's greeting.
    Greeted,
    /// Asked for port forwarding.
    Asked,
    /// Asked for the port at this index.
    Forwarding(usize),
    /// All ports were asked for.
    Ready,
    /// One side ended the session. What still comes is not looked at; the host will connect anew.
    Over,
}

/// One host's session.
#[derive(Debug)]
pub(super) struct Session {
    connection: ConnectionId,
    /// When it began.
    since: Instant,
    phase: Phase,
    /// Ports that the host listens on, by index.
    forwarded: [bool; MAX_PORTS],
    channels: Channels,
}

impl Session {
    pub(super) fn new(connection: ConnectionId, channels: usize, since: Instant) -> Self {
        Self {
            connection,
            since,
            phase: Phase::Greeted,
            forwarded: [false; MAX_PORTS],
            channels: Channels::new(channels),
        }
    }

    pub(super) fn connection(&self) -> ConnectionId {
        self.connection
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Whether all ports were asked for.
    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Speaks first, and once: programs answer every greeting (`apf.md` §3 rules 1 and 2).
    pub(super) fn greet(&mut self, turn: &mut Turn<'_>) {
        let version = ProtocolVersion { major: 1, minor: 0, trigger: Trigger::LME, uuid: turn.facts.uuid };
        turn.voice.say(&Message::ProtocolVersion(version));
    }

    /// A message of the host.
    pub(super) fn message(&mut self, data: &[u8], ports: &mut Ports, turn: &mut Turn<'_>) {
        if self.phase == Phase::Over {
            return;
        }
        match Message::parse(data) {
            Ok(message) => self.heard(message, ports, turn),
            Err(error) => {
                log::debug!("LME: {error}");
                self.end(DisconnectReason::PROTOCOL_ERROR, turn);
            }
        }
    }

    fn heard(&mut self, message: Message<'_>, ports: &mut Ports, turn: &mut Turn<'_>) {
        match message {
            Message::Disconnect { reason } => {
                log::debug!("LME: the host ends the session: {}", reason.name().unwrap_or("unknown reason"));
                self.phase = Phase::Over;
                self.channels.clear();
            }
            Message::ProtocolVersion(version) => self.version(version, turn),
            Message::ServiceAccept { name } => self.service_accepted(name, ports, turn),
            Message::ServiceRequest { name } if name == service::PFWD || name == service::AUTH => {
                turn.voice.say(&Message::ServiceAccept { name });
            }
            Message::ServiceRequest { .. } => self.end(DisconnectReason::SERVICE_NOT_AVAILABLE, turn),
            // Nobody logs in to a local session.
            Message::UserauthRequest { .. } => {
                turn.voice.say(&Message::UserauthFailure { methods: b"password" })
            }
            Message::GlobalRequest { reply: Reply::Wanted, .. } => turn.voice.say(&Message::RequestFailure),
            Message::RequestSuccess { .. } => self.forward_answered(true, ports, turn),
            Message::RequestFailure => self.forward_answered(false, ports, turn),
            Message::ChannelOpen(open) => self.open(&open, ports, turn),
            Message::ChannelOpenConfirmation { recipient, sender, window } => {
                self.channels.confirmed(recipient, sender, window, turn);
            }
            Message::ChannelOpenFailure { recipient, .. } => self.channels.failed(recipient),
            Message::ChannelWindowAdjust { recipient, bytes } => {
                self.channels.adjusted(recipient, bytes, turn);
            }
            Message::ChannelData { recipient, data } => {
                if let Err(WindowExceeded) = self.channels.received(recipient, data, turn) {
                    log::warn!("LME: the host sent {} bytes, more than its window", data.len());
                    self.end(DisconnectReason::PROTOCOL_ERROR, turn);
                }
            }
            Message::ChannelClose { recipient } => self.channels.closed(recipient, turn),
            Message::KeepaliveRequest { cookie } => turn.voice.say(&Message::KeepaliveReply { cookie }),
            Message::KeepaliveOptionsRequest { interval, timeout } => {
                turn.voice.say(&Message::KeepaliveOptionsReply { interval, timeout });
            }
            // Answers to questions that are never asked, and datagrams that nobody waits for.
            _ => {}
        }
    }

    /// The host's greeting. Those after the first are echoes of what it heard.
    fn version(&mut self, version: ProtocolVersion, turn: &mut Turn<'_>) {
        if self.phase != Phase::Greeted {
            return;
        }
        if version.major < 1 {
            return self.end(DisconnectReason::VERSION_NOT_SUPPORTED, turn);
        }
        self.phase = Phase::Asked;
        turn.voice.say(&Message::ServiceRequest { name: service::PFWD });
    }

    fn service_accepted(&mut self, name: &[u8], ports: &Ports, turn: &mut Turn<'_>) {
        if self.phase != Phase::Asked {
            return;
        }
        if name != service::PFWD {
            return self.end(DisconnectReason::PROTOCOL_ERROR, turn);
        }
        self.forward(0, ports, turn);
    }

    /// Asks for the port at `index`: one at a time (`apf.md` §3 rule 5).
    fn forward(&mut self, index: usize, ports: &Ports, turn: &mut Turn<'_>) {
        match ports.number(index) {
            None => self.phase = Phase::Ready,
            Some(port) => {
                self.phase = Phase::Forwarding(index);
                let address = turn.facts.settings.address.as_bytes();
                let request = GlobalRequest::TcpipForward { address, port: port.into() };
                turn.voice.say(&Message::GlobalRequest { request, reply: Reply::Wanted });
            }
        }
    }

    fn forward_answered(&mut self, granted: bool, ports: &Ports, turn: &mut Turn<'_>) {
        let Phase::Forwarding(index) = self.phase else { return };
        if let Some(forwarded) = self.forwarded.get_mut(index) {
            *forwarded = granted;
        }
        self.forward(index + 1, ports, turn);
    }

    /// A program connected to a port of the host.
    fn open(&mut self, open: &ChannelOpen<'_>, ports: &mut Ports, turn: &mut Turn<'_>) {
        let opened = (|| {
            if open.kind != channel_type::FORWARDED_TCPIP {
                return Err(OpenFailure::UNKNOWN_CHANNEL_TYPE);
            }
            let index = ports
                .index(open.target_port)
                .filter(|&index| self.forwarded.get(index) == Some(&true))
                .ok_or(OpenFailure::ADMINISTRATIVELY_PROHIBITED)?;
            let slot = self.channels.reserve().map_err(|Refused| OpenFailure::RESOURCE_SHORTAGE)?;
            let peer = Peer { address: open.originator, port: open.originator_port };
            let connection = ports.service(index).and_then(|service| service.accept(&peer, turn.now));
            Ok((slot, connection.ok_or(OpenFailure::CONNECT_FAILED)?))
        })();
        match opened {
            Err(reason) => turn.voice.say(&Message::ChannelOpenFailure { recipient: open.sender, reason }),
            Ok((slot, connection)) => {
                self.channels.open(slot, open.sender, open.window, connection, turn);
            }
        }
    }

    /// Whether a channel is free for an event.
    pub(super) fn can_take_event(&self) -> bool {
        self.channels.has_free()
    }

    /// Tells the host of an event, on a channel that the engine opens.
    pub(super) fn deliver(&mut self, event: &Event, turn: &mut Turn<'_>) {
        match event {
            Event::Datagram(datagram) => {
                let request = GlobalRequest::UdpSendTo(datagram.to_wire(&turn.facts.settings.address));
                let message = Message::GlobalRequest { request, reply: Reply::None };
                if message.length() > turn.facts.longest {
                    log::warn!("LME: a datagram of {} bytes fits no message", datagram.data.len());
                } else {
                    turn.voice.say(&message);
                }
            }
            Event::HeartbeatsStopped { .. } => {
                if let Ok(slot) = self.channels.reserve() {
                    self.channels.open_to_host(
                        slot,
                        event::delivery(event, &turn.facts.settings.event_body),
                        turn,
                    );
                }
            }
        }
    }

    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        self.channels.advance(turn);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.channels.deadline()
    }

    /// Ends the session from this side. The connection stays: the host takes the reason and leaves.
    fn end(&mut self, reason: DisconnectReason, turn: &mut Turn<'_>) {
        self.phase = Phase::Over;
        self.channels.clear();
        turn.voice.say(&Message::Disconnect { reason });
    }
}
