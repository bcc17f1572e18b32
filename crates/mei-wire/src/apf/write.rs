//! Messages to bytes.

use super::*;

/// Takes bytes, part by part.
type Put<'p> = &'p mut dyn FnMut(&[u8]);

impl Message<'_> {
    /// Hands the bytes of the message to `put`, part by part.
    pub fn write(&self, put: Put<'_>) {
        let mut writer = Writer { put };
        match *self {
            Self::Disconnect { reason } => {
                writer.byte(opcode::DISCONNECT);
                writer.word(reason.0);
                writer.bytes(&[0; 2]);
            }
            Self::ServiceRequest { name } => {
                writer.byte(opcode::SERVICE_REQUEST);
                writer.string(name);
            }
            Self::ServiceAccept { name } => {
                writer.byte(opcode::SERVICE_ACCEPT);
                writer.string(name);
            }
            Self::UserauthRequest { user, service, method, password } => {
                writer.byte(opcode::USERAUTH_REQUEST);
                [user, service, method].into_iter().for_each(|string| writer.string(string));
                if let Some(password) = password {
                    writer.byte(0);
                    writer.string(password);
                }
            }
            Self::UserauthFailure { methods } => {
                writer.byte(opcode::USERAUTH_FAILURE);
                writer.string(methods);
                writer.byte(0);
            }
            Self::UserauthSuccess => writer.byte(opcode::USERAUTH_SUCCESS),
            Self::GlobalRequest { request, reply } => writer.global(request, reply),
            Self::RequestSuccess { port } => {
                writer.byte(opcode::REQUEST_SUCCESS);
                port.into_iter().for_each(|port| writer.word(port));
            }
            Self::RequestFailure => writer.byte(opcode::REQUEST_FAILURE),
            Self::ChannelOpen(open) => {
                writer.byte(opcode::CHANNEL_OPEN);
                writer.string(open.kind);
                [open.sender.0, open.window, NO_PACKET_LIMIT].into_iter().for_each(|word| writer.word(word));
                writer.string(open.target);
                writer.word(open.target_port);
                writer.string(open.originator);
                writer.word(open.originator_port);
            }
            Self::ChannelOpenConfirmation { recipient, sender, window } => {
                writer.words(
                    opcode::CHANNEL_OPEN_CONFIRMATION,
                    &[recipient.0, sender.0, window, NO_PACKET_LIMIT],
                );
            }
            Self::ChannelOpenFailure { recipient, reason } => {
                writer.words(opcode::CHANNEL_OPEN_FAILURE, &[recipient.0, reason.0, 0, 0]);
            }
            Self::ChannelWindowAdjust { recipient, bytes } => {
                writer.words(opcode::CHANNEL_WINDOW_ADJUST, &[recipient.0, bytes]);
            }
            Self::ChannelData { recipient, data } => {
                writer.words(opcode::CHANNEL_DATA, &[recipient.0]);
                writer.string(data);
            }
            Self::ChannelClose { recipient } => writer.words(opcode::CHANNEL_CLOSE, &[recipient.0]),
            Self::ProtocolVersion(version) => {
                writer.words(opcode::PROTOCOLVERSION, &[version.major, version.minor, version.trigger.0]);
                writer.bytes(&version.uuid);
                writer.bytes(&[0; VERSION_RESERVED]);
            }
            Self::KeepaliveRequest { cookie } => writer.words(opcode::KEEPALIVE_REQUEST, &[cookie]),
            Self::KeepaliveReply { cookie } => writer.words(opcode::KEEPALIVE_REPLY, &[cookie]),
            Self::KeepaliveOptionsRequest { interval, timeout } => {
                writer.words(opcode::KEEPALIVE_OPTIONS_REQUEST, &[interval, timeout]);
            }
            Self::KeepaliveOptionsReply { interval, timeout } => {
                writer.words(opcode::KEEPALIVE_OPTIONS_REPLY, &[interval, timeout]);
            }
        }
    }

    /// Bytes of the message.
    pub fn length(&self) -> usize {
        let mut length = 0;
        self.write(&mut |part| length += part.len());
        length
    }
}

struct Writer<'p> {
    put: Put<'p>,
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        (self.put)(bytes);
    }

    fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    fn word(&mut self, word: u32) {
        self.bytes(&word.to_be_bytes());
    }

    fn words(&mut self, opcode: u8, words: &[u32]) {
        self.byte(opcode);
        words.iter().for_each(|&word| self.word(word));
    }

    fn string(&mut self, string: &[u8]) {
        // Nothing in memory is longer than a u32 counts, but for what could not be sent anyway.
        let length = u32::try_from(string.len()).unwrap_or(u32::MAX);
        self.word(length);
        self.bytes(string);
    }

    fn global(&mut self, request: GlobalRequest<'_>, reply: Reply) {
        let name = match request {
            GlobalRequest::TcpipForward { .. } => TCPIP_FORWARD,
            GlobalRequest::CancelTcpipForward { .. } => CANCEL_TCPIP_FORWARD,
            GlobalRequest::UdpSendTo(_) => UDP_SEND_TO,
            GlobalRequest::Other { name } => name,
        };
        self.byte(opcode::GLOBAL_REQUEST);
        self.string(name);
        self.byte(u8::from(reply == Reply::Wanted));
        match request {
            GlobalRequest::TcpipForward { address, port }
            | GlobalRequest::CancelTcpipForward { address, port } => {
                self.string(address);
                self.word(port);
            }
            GlobalRequest::UdpSendTo(datagram) => {
                self.string(datagram.destination);
                self.word(datagram.port);
                self.string(datagram.originator);
                self.word(datagram.originator_port);
                self.string(datagram.data);
            }
            GlobalRequest::Other { .. } => {}
        }
    }
}
