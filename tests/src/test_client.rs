//! The engine's test clients, as a program on the device reaches them.
//!
//! Test personas carry them beside nothing else; which of them does what is written in `personas/test/`. One of
//! them takes commands: it makes the engine misbehave towards the others, so that a test on the far side of any
//! transport can bring about what only firmware can.

use crate::files::Errno;
use crate::parity::{Bench, File, Step, Stop};
use mei_wire::Guid;
use std::time::Duration;

/// Returns each message; many connections, messages of at most [`MTU`].
pub const ECHO: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0001);
/// As [`ECHO`], but answers a CONNECT late.
pub const SLOW: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0002);
/// Takes commands.
const TEST: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0003);
/// As [`ECHO`], messages of at most 4096 bytes.
pub const BIG: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0004);
/// As [`ECHO`], one connection at a time.
pub const SINGLE: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0005);
/// As [`ECHO`], at a fixed address, messages of at most [`FIXED_MTU`].
pub const FIXED: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0007);
/// As [`ECHO`] with virtual tags, one connection at a time, messages of at most [`TAGGED_MTU`].
pub const TAGGED: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0008);
/// No engine has it.
pub const ABSENT: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8cffff);

/// ME client id of [`ECHO`] in the personas of the parity rows.
pub const ECHO_ADDRESS: u8 = 3;
/// Longest message of [`ECHO`], bytes.
pub const MTU: usize = 512;
/// Longest message of [`FIXED`], bytes.
pub const FIXED_MTU: usize = 64;
/// Longest message of [`TAGGED`], bytes.
pub const TAGGED_MTU: usize = 512;
/// Version that each of them states.
pub const PROTOCOL_VERSION: u8 = 1;
/// Connections that [`ECHO`] takes in any case.
pub const MANY: usize = 16;
/// As [`ECHO`], not there until it is added.
pub const LATE: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c000a);
/// As [`ECHO`], one receive buffer for all connections.
pub const SHARED_BUFFER: Guid = Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0009);

/// What the engine is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The next CONNECT to `client` gets this HBM status.
    ConnectStatus {
        /// Whom the CONNECT is for.
        client: Guid,
        /// HBM status.
        status: u8,
    },
    /// The next CONNECT to `client` gets no answer.
    ConnectSilent {
        /// Whom the CONNECT is for.
        client: Guid,
    },
    /// The next DISCONNECT of `client` gets no answer.
    DisconnectSilent {
        /// Whose connection it is.
        client: Guid,
    },
    /// The next NOTIFY request of `client` gets this HBM status.
    NotifyStatus {
        /// Whose connection it is.
        client: Guid,
        /// HBM status.
        status: u8,
    },
    /// The next NOTIFY request of `client` gets no answer.
    NotifySilent {
        /// Whose connection it is.
        client: Guid,
    },
    /// A message on each connection of `client`, against the credit that is there.
    Send {
        /// Who speaks.
        client: Guid,
        /// Bytes.
        length: u16,
    },
    /// The same without looking for a credit.
    SendWithoutCredit {
        /// Who speaks.
        client: Guid,
        /// Bytes.
        length: u16,
    },
    /// The firmware ends the connections of `client`.
    Disconnect {
        /// Whose connections.
        client: Guid,
    },
    /// The firmware raises a notification on the connections of `client`.
    Notify {
        /// Whose connections.
        client: Guid,
    },
    /// The firmware grants no more credit on the connections of `client`.
    HoldCredit {
        /// Whose connections.
        client: Guid,
    },
    /// And grants it again.
    ReleaseCredit {
        /// Whose connections.
        client: Guid,
    },
    /// ADD_CLIENT_REQ.
    Add {
        /// Who appears.
        client: Guid,
    },
    /// `client` is gone: its connections end, CONNECT gets status 1.
    Remove {
        /// Who goes.
        client: Guid,
    },
    /// A frame with an invalid header.
    BadHeader,
    /// These slots as they are.
    Frame(Vec<u32>),
    /// A bus message with these bytes.
    Hbm(Vec<u8>),
    /// The ready bit goes away for a moment.
    DropReady,
    /// Nothing: whoever has the answer knows that the host has seen whatever the engine had sent before.
    Nothing,
    /// The next CONNECT to `client` is answered so much later.
    ConnectLate {
        /// Whom the CONNECT is for.
        client: Guid,
        /// Milliseconds.
        by: u32,
    },
}

/// A connection to the client that takes commands.
#[derive(Debug)]
pub struct TestClient<'a> {
    bench: Bench<'a>,
    file: File<'a>,
}

impl<'a> TestClient<'a> {
    /// Connects to it.
    ///
    /// # Errors
    /// [`Stop::NotHere`] when the engine has none.
    pub fn connect(bench: &Bench<'a>) -> Step<Self> {
        let file = bench.open()?;
        match file.connect(TEST)?.outcome.result {
            Ok(_) => Ok(Self { bench: *bench, file }),
            Err(Errno::ENOTTY) => Err(Stop::NotHere("the engine takes no commands".into())),
            Err(errno) => Err(Stop::Failed(format!("connect to the test client: {errno}"))),
        }
    }

    /// Gives a command and waits for the answer: it is armed, or done and seen by the host.
    ///
    /// # Errors
    /// What went wrong.
    pub fn arm(&self, event: Event) -> Step {
        self.file.send(&request(&event))?;
        let said = self.file.read(64)?;
        match said.outcome.bytes.as_slice() {
            [0] => Ok(()),
            _ => Err(Stop::Failed(format!("the test client refuses {event:?}: {:02x?}", said.outcome))),
        }
    }

    /// Gives a command that resets the link, whose answer may be lost with it, and waits until the device is back.
    ///
    /// # Errors
    /// What went wrong.
    pub fn reset(&self, event: &Event) -> Step {
        self.fire(event)?;
        self.wait_until_back()
    }

    /// The same without waiting.
    ///
    /// # Errors
    /// What went wrong.
    pub fn fire(&self, event: &Event) -> Step {
        let message = request(event);
        match self.file.write(&message)?.outcome.result {
            Ok(_) => Ok(()),
            // The link can be gone before the driver has finished with the command that broke it.
            Err(Errno::EIO) => Ok(()),
            Err(errno) => Err(Stop::Failed(format!("the command {event:?}: {errno}"))),
        }
    }

    /// After a command that resets the link: waits until the device is back.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn wait_until_back(&self) -> Step {
        self.file.wait_error()?;
        wait_until_enabled(&self.bench)
    }
}

/// Waits until the device can be opened.
///
/// # Errors
/// When it stays away for a minute.
pub fn wait_until_enabled(bench: &Bench<'_>) -> Step {
    let moment = Duration::from_millis(20);
    for _ in 0..3000 {
        match bench.try_open()? {
            Ok(_) => return Ok(()),
            Err(Errno::ENODEV) => bench.files().pass(moment),
            Err(errno) => return Err(Stop::Failed(format!("open after a reset: {errno}"))),
        }
    }
    Err(Stop::Failed("the device does not come back".into()))
}

/// Responses of the bus, by command.
const CONNECT_RESPONSE: u8 = 0x86;
const DISCONNECT_RESPONSE: u8 = 0x87;
const NOTIFY_RESPONSE: u8 = 0x90;

/// The bytes of a command (`crates/mei-emulator/src/test_client`): command, argument, count, value, target, payload.
fn request(event: &Event) -> Vec<u8> {
    const BUS: Guid = TEST;
    let bytes = |command: u8, argument: u8, value: u32, target: &Guid, payload: &[u8]| {
        let mut bytes = vec![command, argument, 0, 0];
        bytes.extend(value.to_le_bytes());
        bytes.extend(target.0);
        bytes.extend(payload);
        bytes
    };
    match event {
        Event::ConnectStatus { client, status } => bytes(2, *status, CONNECT_RESPONSE.into(), client, &[]),
        Event::NotifyStatus { client, status } => bytes(2, *status, NOTIFY_RESPONSE.into(), client, &[]),
        Event::ConnectSilent { client } => bytes(3, CONNECT_RESPONSE, 0, client, &[]),
        Event::DisconnectSilent { client } => bytes(3, DISCONNECT_RESPONSE, 0, client, &[]),
        Event::NotifySilent { client } => bytes(3, NOTIFY_RESPONSE, 0, client, &[]),
        Event::Send { client, length } => bytes(5, 0, (*length).into(), client, &[]),
        Event::SendWithoutCredit { client, length } => bytes(6, 0, (*length).into(), client, &[]),
        Event::Disconnect { client } => bytes(7, 0, 0, client, &[]),
        Event::Notify { client } => bytes(8, 0, 0, client, &[]),
        Event::HoldCredit { client } => bytes(9, 0, 0, client, &[]),
        Event::ReleaseCredit { client } => bytes(10, 0, 0, client, &[]),
        Event::Add { client } => bytes(11, 0, 0, client, &[]),
        Event::Remove { client } => bytes(12, 0, 0, client, &[]),
        Event::BadHeader => bytes(13, 0, 0, &BUS, &[0; 4]),
        Event::Frame(slots) => {
            bytes(13, 0, 0, &BUS, &slots.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>())
        }
        Event::Hbm(message) => bytes(14, 0, 0, &BUS, message),
        Event::DropReady => bytes(15, 0, 0, &BUS, &[]),
        Event::Nothing => bytes(1, 0, 0, &BUS, &[0]),
        Event::ConnectLate { client, by } => bytes(4, CONNECT_RESPONSE, *by, client, &[]),
    }
}
