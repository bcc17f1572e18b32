//! LME: AMT's network ports on this machine (`apf.md`).
//!
//! AMT asks for ports; whoever connects to one of them is carried to AMT in a channel. [`Session`] does the host's part
//! of the protocol and tells what is left to a program in [`Event`]s.

mod channels;

pub use channels::Channel;
pub use mei_wire::apf::{DisconnectReason, OpenFailure};

use crate::connection::Connection;
use crate::error::Error;
use crate::node::Node;
use channels::Channels;
use mei_wire::apf::{
    Channel as Number, ChannelOpen, DATA_HEADER, GlobalRequest, Message, ParseError, ProtocolVersion, Reply,
    channel_type, service,
};
use mei_wire::clients;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// How this machine is called in channels.
const LOOPBACK: &[u8] = b"127.0.0.1";

/// What AMT wants or says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Listen on a port of this machine: answer with [`Session::forward`].
    Listen {
        /// The port.
        port: u16,
    },
    /// Stop listening. It is answered already.
    StopListening {
        /// The port.
        port: u16,
    },
    /// A channel is open.
    Opened(Channel),
    /// A channel is refused.
    Refused {
        /// The channel; its number may be given out again.
        channel: Channel,
        /// Why.
        reason: OpenFailure,
    },
    /// Data of a channel. The next call counts them as consumed; AMT is told once that is half of the window.
    Data {
        /// The channel.
        channel: Channel,
        /// The bytes.
        data: &'a [u8],
    },
    /// AMT takes more data of a channel.
    Writable(Channel),
    /// A channel is over.
    Closed(Channel),
    /// The session is over.
    Ended {
        /// Why.
        reason: DisconnectReason,
    },
}

/// What to answer to [`Event::Listen`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// It is listened on.
    Accept {
        /// The port.
        port: u16,
    },
    /// It is not.
    Refuse,
}

/// A session with LME.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    buffer: Vec<u8>,
    channels: Channels,
    version_sent: bool,
    /// Channel and bytes of the last [`Event::Data`], which the program has now seen.
    consumed: Option<(Channel, u32)>,
}

impl AsFd for Session {
    /// For an own poll: readable means that [`Session::next_event`] has work.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

/// What a message comes to, without borrowing from it.
enum Action {
    Nothing,
    Answer(Answer),
    Tell(Told),
    /// Both.
    AnswerAndTell(Answer, Told),
}

enum Answer {
    Version(ProtocolVersion),
    Accept(&'static [u8]),
    Granted,
    Failure,
    Refuse { recipient: Number },
    Close { recipient: Number },
    Disconnect { reason: DisconnectReason },
}

enum Told {
    Listen(u16),
    StopListening(u16),
    Opened(Channel),
    Refused(Channel, OpenFailure),
    Data(Channel, usize),
    Writable(Channel),
    Closed(Channel),
    Ended(DisconnectReason),
}

impl Session {
    /// Connects. AMT speaks first, and asks for ports within a few seconds.
    ///
    /// # Errors
    /// [`Error::Connect`]: EBUSY when another program serves AMT's ports.
    pub fn connect(node: Node) -> Result<Self, Error> {
        node.connect(clients::LME).map(Self::over)
    }

    /// Speaks over a connection that was made elsewhere.
    pub fn over(connection: Connection) -> Self {
        Self {
            connection,
            buffer: Vec::new(),
            channels: Channels::default(),
            version_sent: false,
            consumed: None,
        }
    }

    /// The connection, for its time-outs and properties.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Waits for the next event; none when `timeout` passes without one.
    ///
    /// # Errors
    /// [`Error::Malformed`] and those of the connection.
    pub fn next_event(&mut self, timeout: Duration) -> Result<Option<Event<'_>>, Error> {
        if let Some((channel, bytes)) = self.consumed.take()
            && let Some((recipient, bytes)) = self.channels.consumed(channel, bytes)
        {
            self.send(&Message::ChannelWindowAdjust { recipient, bytes })?;
        }
        let deadline = Instant::now() + timeout;
        loop {
            let length = match self.connection.receive_length(deadline, timeout) {
                Ok(length) => length,
                Err(Error::TimedOut { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            let told = match self.understand(length)? {
                Action::Nothing => continue,
                Action::Answer(answer) => {
                    self.answer(answer)?;
                    continue;
                }
                Action::Tell(told) => told,
                Action::AnswerAndTell(answer, told) => {
                    self.answer(answer)?;
                    told
                }
            };
            return Ok(Some(self.event(told)));
        }
    }

    /// Answers [`Event::Listen`].
    ///
    /// # Errors
    /// Those of the connection.
    pub fn forward(&mut self, answer: Forward) -> Result<(), Error> {
        match answer {
            Forward::Accept { port } => self.send(&Message::RequestSuccess { port: Some(u32::from(port)) }),
            Forward::Refuse => self.send(&Message::RequestFailure),
        }
    }

    /// Asks AMT for a channel to its `port`, for a peer that came from `originator`. [`Event::Opened`] or
    /// [`Event::Refused`] follows. None: there are too many channels.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn open(&mut self, port: u16, originator: u16) -> Result<Option<Channel>, Error> {
        let Some((channel, window)) = self.channels.open() else { return Ok(None) };
        self.send(&Message::ChannelOpen(ChannelOpen {
            kind: channel_type::FORWARDED_TCPIP,
            sender: channel.number(),
            window,
            target: LOOPBACK,
            target_port: u32::from(port),
            originator: LOOPBACK,
            originator_port: u32::from(originator),
        }))?;
        Ok(Some(channel))
    }

    /// Bytes that AMT takes of a channel now.
    pub fn window(&self, channel: Channel) -> usize {
        let bytes = |count| usize::try_from(count).unwrap_or(usize::MAX);
        let longest = bytes(self.connection.max_message_length()).saturating_sub(DATA_HEADER);
        bytes(self.channels.window(channel)).min(longest)
    }

    /// Sends the front of `data`, as much as AMT takes; how many bytes that was.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn send_data(&mut self, channel: Channel, data: &[u8]) -> Result<usize, Error> {
        let Some(recipient) = self.channels.peer(channel) else { return Ok(0) };
        let data = &data[..data.len().min(self.window(channel))];
        if data.is_empty() {
            return Ok(0);
        }
        self.send(&Message::ChannelData { recipient, data })?;
        self.channels.sent(channel, data.len());
        Ok(data.len())
    }

    /// Ends a channel. [`Event::Closed`] follows once AMT agrees.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn close(&mut self, channel: Channel) -> Result<(), Error> {
        match self.channels.close(channel) {
            Some(recipient) => self.send(&Message::ChannelClose { recipient }),
            None => Ok(()),
        }
    }

    /// Tells AMT that the program ends.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn end(mut self) -> Result<(), Error> {
        self.send(&Message::Disconnect { reason: DisconnectReason::BY_APPLICATION })
    }

    fn send(&mut self, message: &Message<'_>) -> Result<(), Error> {
        let buffer = &mut self.buffer;
        buffer.clear();
        message.write(&mut |part| buffer.extend_from_slice(part));
        self.connection.send(buffer)
    }

    /// Reads the message of `length` bytes that was received.
    fn understand(&mut self, length: usize) -> Result<Action, Error> {
        let Self { connection, channels, version_sent, .. } = self;
        let message = match Message::parse(connection.received(length)) {
            Ok(message) => message,
            // From later firmware.
            Err(ParseError::UnknownOpcode(_) | ParseError::Empty) => return Ok(Action::Nothing),
            Err(_) => return Err(malformed("it is cut short")),
        };
        Ok(match message {
            // Answered once: an answer to an answer would go on for ever.
            Message::ProtocolVersion(version) if !std::mem::replace(version_sent, true) => {
                Action::Answer(Answer::Version(version))
            }
            Message::ServiceRequest { name: service::PFWD } => Action::Answer(Answer::Accept(service::PFWD)),
            Message::ServiceRequest { name: service::AUTH } => Action::Answer(Answer::Accept(service::AUTH)),
            Message::ServiceRequest { .. } => {
                Action::Answer(Answer::Disconnect { reason: DisconnectReason::SERVICE_NOT_AVAILABLE })
            }
            Message::GlobalRequest { request, reply } => global_request(request, reply),
            Message::ChannelOpen(open) => Action::Answer(Answer::Refuse { recipient: open.sender }),
            Message::ChannelOpenConfirmation { recipient, sender, window } => {
                tell(channels.opened(recipient, sender, window).map(Told::Opened))
            }
            Message::ChannelOpenFailure { recipient, reason } => {
                tell(channels.refused(recipient).map(|channel| Told::Refused(channel, reason)))
            }
            Message::ChannelWindowAdjust { recipient, bytes } => {
                tell(channels.adjusted(recipient, bytes).map(Told::Writable))
            }
            Message::ChannelData { recipient, data } => {
                let known = channels.known(recipient).filter(|_| !data.is_empty());
                tell(known.map(|channel| Told::Data(channel, data.len())))
            }
            Message::ChannelClose { recipient } => match channels.closed(recipient) {
                Some((channel, Some(peer))) => {
                    Action::AnswerAndTell(Answer::Close { recipient: peer }, Told::Closed(channel))
                }
                Some((channel, None)) => Action::Tell(Told::Closed(channel)),
                None => Action::Nothing,
            },
            Message::Disconnect { reason } => Action::Tell(Told::Ended(reason)),
            _ => Action::Nothing,
        })
    }

    fn answer(&mut self, answer: Answer) -> Result<(), Error> {
        self.send(&match answer {
            Answer::Version(version) => {
                Message::ProtocolVersion(ProtocolVersion { major: 1, minor: 0, uuid: [0; 16], ..version })
            }
            Answer::Accept(name) => Message::ServiceAccept { name },
            Answer::Granted => Message::RequestSuccess { port: None },
            Answer::Failure => Message::RequestFailure,
            Answer::Refuse { recipient } => {
                Message::ChannelOpenFailure { recipient, reason: OpenFailure::ADMINISTRATIVELY_PROHIBITED }
            }
            Answer::Close { recipient } => Message::ChannelClose { recipient },
            Answer::Disconnect { reason } => Message::Disconnect { reason },
        })
    }

    fn event(&mut self, told: Told) -> Event<'_> {
        match told {
            Told::Listen(port) => Event::Listen { port },
            Told::StopListening(port) => Event::StopListening { port },
            Told::Opened(channel) => Event::Opened(channel),
            Told::Refused(channel, reason) => Event::Refused { channel, reason },
            Told::Writable(channel) => Event::Writable(channel),
            Told::Closed(channel) => Event::Closed(channel),
            Told::Ended(reason) => Event::Ended { reason },
            Told::Data(channel, bytes) => {
                self.consumed = Some((channel, u32::try_from(bytes).unwrap_or(u32::MAX)));
                let end = DATA_HEADER + bytes;
                Event::Data { channel, data: &self.connection.received(end)[DATA_HEADER..] }
            }
        }
    }
}

fn tell(told: Option<Told>) -> Action {
    told.map_or(Action::Nothing, Action::Tell)
}

fn global_request(request: GlobalRequest<'_>, reply: Reply) -> Action {
    let (port, listen) = match request {
        GlobalRequest::TcpipForward { port, .. } => (port, true),
        GlobalRequest::CancelTcpipForward { port, .. } => (port, false),
        // Datagrams are sent by larger services than this one.
        GlobalRequest::UdpSendTo(_) | GlobalRequest::Other { .. } => {
            return match reply {
                Reply::Wanted => Action::Answer(Answer::Failure),
                Reply::None => Action::Nothing,
            };
        }
    };
    match (u16::try_from(port), listen) {
        (Ok(port), true) => Action::Tell(Told::Listen(port)),
        (Ok(port), false) => Action::AnswerAndTell(Answer::Granted, Told::StopListening(port)),
        (Err(_), _) => Action::Answer(Answer::Failure),
    }
}

fn malformed(problem: &'static str) -> Error {
    Error::Malformed { client: clients::LME, problem }
}

#[cfg(test)]
mod tests;
