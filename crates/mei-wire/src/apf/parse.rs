//! Bytes to messages.

use super::*;

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// There are none.
    #[error("an empty message")]
    Empty,
    /// No message begins like that.
    #[error("unknown message {0}")]
    UnknownOpcode(u8),
    /// The message ends too early, or a length in it goes beyond its end.
    #[error("message {0} is cut short")]
    Truncated(u8),
}

impl<'a> Message<'a> {
    /// The message at the beginning of `bytes`.
    ///
    /// # Errors
    /// The bytes are no message, or not all of one.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (&opcode, rest) = bytes.split_first().ok_or(ParseError::Empty)?;
        let mut reader = Reader { rest };
        let message = match opcode {
            opcode::DISCONNECT
            | opcode::SERVICE_REQUEST
            | opcode::SERVICE_ACCEPT
            | opcode::USERAUTH_REQUEST
            | opcode::USERAUTH_FAILURE
            | opcode::USERAUTH_SUCCESS
            | opcode::PROTOCOLVERSION => reader.session(opcode),
            opcode::GLOBAL_REQUEST | opcode::REQUEST_SUCCESS | opcode::REQUEST_FAILURE => {
                reader.global(opcode)
            }
            opcode::CHANNEL_OPEN..=opcode::CHANNEL_DATA | opcode::CHANNEL_CLOSE => reader.channel(opcode),
            opcode::KEEPALIVE_REQUEST..=opcode::KEEPALIVE_OPTIONS_REPLY => reader.keepalive(opcode),
            _ => return Err(ParseError::UnknownOpcode(opcode)),
        };
        message.ok_or(ParseError::Truncated(opcode))
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn word(&mut self) -> Option<u32> {
        let (&word, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_be_bytes(word))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(array)
    }

    /// Bytes with their length in front.
    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.word()?).ok()?;
        let (string, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(string)
    }

    fn number(&mut self) -> Option<Channel> {
        self.word().map(Channel)
    }

    fn session(&mut self, opcode: u8) -> Option<Message<'a>> {
        Some(match opcode {
            opcode::DISCONNECT => Message::Disconnect { reason: DisconnectReason(self.word()?) },
            opcode::SERVICE_REQUEST => Message::ServiceRequest { name: self.string()? },
            opcode::SERVICE_ACCEPT => Message::ServiceAccept { name: self.string()? },
            opcode::USERAUTH_REQUEST => {
                let (user, service, method) = (self.string()?, self.string()?, self.string()?);
                let password = if method == PASSWORD {
                    self.byte()?;
                    Some(self.string()?)
                } else {
                    None
                };
                Message::UserauthRequest { user, service, method, password }
            }
            opcode::USERAUTH_FAILURE => {
                // One server leaves out the flag that follows, another makes it two bytes long.
                Message::UserauthFailure { methods: self.string()? }
            }
            opcode::USERAUTH_SUCCESS => Message::UserauthSuccess,
            opcode::PROTOCOLVERSION => {
                let (major, minor, trigger) = (self.word()?, self.word()?, Trigger(self.word()?));
                // What follows is reserved and need not be there.
                let uuid = self.array()?;
                Message::ProtocolVersion(ProtocolVersion { major, minor, trigger, uuid })
            }
            _ => return None,
        })
    }

    fn global(&mut self, opcode: u8) -> Option<Message<'a>> {
        Some(match opcode {
            opcode::GLOBAL_REQUEST => {
                let name = self.string()?;
                let reply = if self.byte()? == 0 { Reply::None } else { Reply::Wanted };
                let request = match name {
                    TCPIP_FORWARD => {
                        GlobalRequest::TcpipForward { address: self.string()?, port: self.word()? }
                    }
                    CANCEL_TCPIP_FORWARD => {
                        GlobalRequest::CancelTcpipForward { address: self.string()?, port: self.word()? }
                    }
                    UDP_SEND_TO => GlobalRequest::UdpSendTo(Datagram {
                        destination: self.string()?,
                        port: self.word()?,
                        originator: self.string()?,
                        originator_port: self.word()?,
                        data: self.string()?,
                    }),
                    name => GlobalRequest::Other { name },
                };
                Message::GlobalRequest { request, reply }
            }
            opcode::REQUEST_SUCCESS => Message::RequestSuccess { port: self.word() },
            opcode::REQUEST_FAILURE => Message::RequestFailure,
            _ => return None,
        })
    }

    fn channel(&mut self, opcode: u8) -> Option<Message<'a>> {
        Some(match opcode {
            opcode::CHANNEL_OPEN => {
                let (kind, sender, window) = (self.string()?, self.number()?, self.word()?);
                self.word()?;
                Message::ChannelOpen(ChannelOpen {
                    kind,
                    sender,
                    window,
                    target: self.string()?,
                    target_port: self.word()?,
                    originator: self.string()?,
                    originator_port: self.word()?,
                })
            }
            opcode::CHANNEL_OPEN_CONFIRMATION => {
                let (recipient, sender, window) = (self.number()?, self.number()?, self.word()?);
                self.word()?;
                Message::ChannelOpenConfirmation { recipient, sender, window }
            }
            opcode::CHANNEL_OPEN_FAILURE => {
                let (recipient, reason) = (self.number()?, OpenFailure(self.word()?));
                Message::ChannelOpenFailure { recipient, reason }
            }
            opcode::CHANNEL_WINDOW_ADJUST => {
                Message::ChannelWindowAdjust { recipient: self.number()?, bytes: self.word()? }
            }
            opcode::CHANNEL_DATA => Message::ChannelData { recipient: self.number()?, data: self.string()? },
            opcode::CHANNEL_CLOSE => Message::ChannelClose { recipient: self.number()? },
            _ => return None,
        })
    }

    fn keepalive(&mut self, opcode: u8) -> Option<Message<'a>> {
        let first = self.word()?;
        Some(match opcode {
            opcode::KEEPALIVE_REQUEST => Message::KeepaliveRequest { cookie: first },
            opcode::KEEPALIVE_REPLY => Message::KeepaliveReply { cookie: first },
            opcode::KEEPALIVE_OPTIONS_REQUEST => {
                Message::KeepaliveOptionsRequest { interval: first, timeout: self.word()? }
            }
            opcode::KEEPALIVE_OPTIONS_REPLY => {
                Message::KeepaliveOptionsReply { interval: first, timeout: self.word()? }
            }
            _ => return None,
        })
    }
}
