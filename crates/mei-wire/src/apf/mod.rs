//! APF, AMT's port forwarding: TCP connections through the LME client (`apf.md`). All integers are big-endian,
//! strings have their length in front.
//!
//! One message per MEI message, either way. What follows a message in the same buffer is not looked at: the
//! programs do not either.
//!
//! ```
//! use mei_wire::apf::{Channel, Message};
//!
//! let close = Message::ChannelClose { recipient: Channel(3) };
//! let mut bytes = Vec::new();
//! close.write(&mut |part| bytes.extend_from_slice(part));
//! assert_eq!(bytes, [97, 0, 0, 0, 3]);
//! assert_eq!(Message::parse(&bytes), Ok(close));
//! ```

mod parse;
mod write;

pub use parse::ParseError;

/// First byte of a message.
pub mod opcode {
    /// The session is over.
    pub const DISCONNECT: u8 = 1;
    /// Asks for a service.
    pub const SERVICE_REQUEST: u8 = 5;
    /// Grants it.
    pub const SERVICE_ACCEPT: u8 = 6;
    /// Credentials.
    pub const USERAUTH_REQUEST: u8 = 50;
    /// They are wrong.
    pub const USERAUTH_FAILURE: u8 = 51;
    /// They are right.
    pub const USERAUTH_SUCCESS: u8 = 52;
    /// Asks for something that is no channel's.
    pub const GLOBAL_REQUEST: u8 = 80;
    /// Grants it.
    pub const REQUEST_SUCCESS: u8 = 81;
    /// Refuses it.
    pub const REQUEST_FAILURE: u8 = 82;
    /// A connection is wanted.
    pub const CHANNEL_OPEN: u8 = 90;
    /// It is there.
    pub const CHANNEL_OPEN_CONFIRMATION: u8 = 91;
    /// It is not.
    pub const CHANNEL_OPEN_FAILURE: u8 = 92;
    /// More may be sent.
    pub const CHANNEL_WINDOW_ADJUST: u8 = 93;
    /// Bytes of a connection.
    pub const CHANNEL_DATA: u8 = 94;
    /// The connection is over.
    pub const CHANNEL_CLOSE: u8 = 97;
    /// Greets.
    pub const PROTOCOLVERSION: u8 = 192;
    /// Asks whether the other side is there; between AMT and a management server only.
    pub const KEEPALIVE_REQUEST: u8 = 208;
    /// It is.
    pub const KEEPALIVE_REPLY: u8 = 209;
    /// Asks for keep-alives.
    pub const KEEPALIVE_OPTIONS_REQUEST: u8 = 210;
    /// Grants them.
    pub const KEEPALIVE_OPTIONS_REPLY: u8 = 211;
}

/// Names of services.
pub mod service {
    /// Port forwarding.
    pub const PFWD: &[u8] = b"pfwd@amt.intel.com";
    /// Authentication.
    pub const AUTH: &[u8] = b"auth@amt.intel.com";
}

/// Types of channels.
pub mod channel_type {
    /// Opened towards AMT.
    pub const FORWARDED_TCPIP: &[u8] = b"forwarded-tcpip";
    /// Opened by AMT.
    pub const DIRECT_TCPIP: &[u8] = b"direct-tcpip";
}

/// Number of a channel. A message carries the one that its recipient chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(pub u32);

/// Why a session is over (`apf.md` §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DisconnectReason(pub u32);

impl DisconnectReason {
    /// The host may not connect.
    pub const HOST_NOT_ALLOWED: Self = Self(1);
    /// A message makes no sense.
    pub const PROTOCOL_ERROR: Self = Self(2);
    /// There is no such service.
    pub const SERVICE_NOT_AVAILABLE: Self = Self(7);
    /// The other side's version is not spoken.
    pub const VERSION_NOT_SUPPORTED: Self = Self(8);
    /// The connection was lost.
    pub const CONNECTION_LOST: Self = Self(10);
    /// The other side has had enough.
    pub const BY_APPLICATION: Self = Self(11);
    /// There are too many connections.
    pub const TOO_MANY_CONNECTIONS: Self = Self(12);
    /// The credentials are wrong.
    pub const INVALID_CREDENTIALS: Self = Self(15);

    /// What it means, if that is known.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "host not allowed",
            2 => "protocol error",
            3 => "key exchange failed",
            4 => "reserved",
            5 => "MAC error",
            6 => "compression error",
            7 => "service not available",
            8 => "version not supported",
            9 => "host key not verifiable",
            10 => "connection lost",
            11 => "by application",
            12 => "too many connections",
            13 => "authentication cancelled by the user",
            14 => "no more authentication methods",
            15 => "invalid credentials",
            16 => "timed out",
            17 => "by policy",
            18 => "temporarily unavailable",
            _ => return None,
        })
    }
}

/// Why a channel was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpenFailure(pub u32);

impl OpenFailure {
    /// The port is not forwarded.
    pub const ADMINISTRATIVELY_PROHIBITED: Self = Self(1);
    /// Nobody is behind the port.
    pub const CONNECT_FAILED: Self = Self(2);
    /// There is no such type of channel.
    pub const UNKNOWN_CHANNEL_TYPE: Self = Self(3);
    /// All channels are in use.
    pub const RESOURCE_SHORTAGE: Self = Self(4);
}

/// Whether a [`Message::GlobalRequest`] wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It does.
    Wanted,
    /// It does not.
    None,
}

/// Why a session begins: the trigger of [`ProtocolVersion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Trigger(pub u32);

impl Trigger {
    /// The session is local.
    pub const LME: Self = Self(254);
}

/// The greeting of either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolVersion {
    /// 1.
    pub major: u32,
    /// 0.
    pub minor: u32,
    /// Why the session begins.
    pub trigger: Trigger,
    /// The platform's UUID.
    pub uuid: [u8; 16],
}

/// A datagram that the other side is to send, or has received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// To whom.
    pub destination: &'a [u8],
    /// To which port.
    pub port: u32,
    /// From whom.
    pub originator: &'a [u8],
    /// From which port.
    pub originator_port: u32,
    /// What.
    pub data: &'a [u8],
}

/// What is asked for that is no channel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalRequest<'a> {
    /// `tcpip-forward`: listen on a port.
    TcpipForward {
        /// Address to listen on.
        address: &'a [u8],
        /// Port to listen on.
        port: u32,
    },
    /// `cancel-tcpip-forward`: listen no more.
    CancelTcpipForward {
        /// As it was asked for.
        address: &'a [u8],
        /// As it was asked for.
        port: u32,
    },
    /// `udp-send-to@amt.intel.com`.
    UdpSendTo(Datagram<'a>),
    /// Something else; its data are not looked at and not written.
    Other {
        /// Its name.
        name: &'a [u8],
    },
}

/// A connection that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelOpen<'a> {
    /// One of [`channel_type`].
    pub kind: &'a [u8],
    /// The sender's number for it.
    pub sender: Channel,
    /// Bytes that may be sent to it before it adjusts the window.
    pub window: u32,
    /// Where it goes.
    pub target: &'a [u8],
    /// To which port.
    pub target_port: u32,
    /// Where it comes from.
    pub originator: &'a [u8],
    /// From which port.
    pub originator_port: u32,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// The session is over.
    Disconnect {
        /// Why.
        reason: DisconnectReason,
    },
    /// Asks for a service.
    ServiceRequest {
        /// One of [`service`].
        name: &'a [u8],
    },
    /// Grants it.
    ServiceAccept {
        /// As it was asked for.
        name: &'a [u8],
    },
    /// Credentials.
    UserauthRequest {
        /// Who.
        user: &'a [u8],
        /// For which service.
        service: &'a [u8],
        /// `none` or `password`.
        method: &'a [u8],
        /// With method `password`.
        password: Option<&'a [u8]>,
    },
    /// The credentials are wrong.
    UserauthFailure {
        /// What could be tried.
        methods: &'a [u8],
    },
    /// The credentials are right.
    UserauthSuccess,
    /// Asks for something that is no channel's.
    GlobalRequest {
        /// What.
        request: GlobalRequest<'a>,
        /// Whether an answer is wanted.
        reply: Reply,
    },
    /// Grants it.
    RequestSuccess {
        /// The port, where one was asked for.
        port: Option<u32>,
    },
    /// Refuses it.
    RequestFailure,
    /// A connection is wanted.
    ChannelOpen(ChannelOpen<'a>),
    /// It is there.
    ChannelOpenConfirmation {
        /// Who wanted it.
        recipient: Channel,
        /// The sender's number for it.
        sender: Channel,
        /// Bytes that may be sent to it before it adjusts the window.
        window: u32,
    },
    /// It is not.
    ChannelOpenFailure {
        /// Who wanted it.
        recipient: Channel,
        /// Why.
        reason: OpenFailure,
    },
    /// More may be sent.
    ChannelWindowAdjust {
        /// On which channel.
        recipient: Channel,
        /// How many bytes more.
        bytes: u32,
    },
    /// Bytes of a connection.
    ChannelData {
        /// On which channel.
        recipient: Channel,
        /// The bytes.
        data: &'a [u8],
    },
    /// The connection is over.
    ChannelClose {
        /// Which.
        recipient: Channel,
    },
    /// Greets.
    ProtocolVersion(ProtocolVersion),
    /// Asks whether the other side is there.
    KeepaliveRequest {
        /// Comes back.
        cookie: u32,
    },
    /// It is.
    KeepaliveReply {
        /// As it was sent.
        cookie: u32,
    },
    /// Asks for keep-alives.
    KeepaliveOptionsRequest {
        /// Seconds between them.
        interval: u32,
        /// Seconds until the other side counts as gone.
        timeout: u32,
    },
    /// Grants them.
    KeepaliveOptionsReply {
        /// As they were asked for.
        interval: u32,
        /// As they were asked for.
        timeout: u32,
    },
}

/// Bytes in front of the data of [`Message::ChannelData`].
pub const DATA_HEADER: usize = 9;

/// Stands where SSH has a greatest packet size.
const NO_PACKET_LIMIT: u32 = u32::MAX;

/// Reserved bytes at the end of [`ProtocolVersion`].
const VERSION_RESERVED: usize = 64;

const TCPIP_FORWARD: &[u8] = b"tcpip-forward";
const CANCEL_TCPIP_FORWARD: &[u8] = b"cancel-tcpip-forward";
const UDP_SEND_TO: &[u8] = b"udp-send-to@amt.intel.com";
const PASSWORD: &[u8] = b"password";

#[cfg(test)]
mod tests;
