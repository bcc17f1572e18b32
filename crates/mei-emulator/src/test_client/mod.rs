//! A client that makes the engine misbehave on command. Test personas have it, real ones do not.
//!
//! A program on the far side of any transport connects to it by GUID
//! `5d6e1b3a-0b7c-4c5e-9f2a-7a1d4e8c0003` and writes a request; little-endian, a header of 24 bytes and a
//! payload:
//!
//! | offset | size | field |
//! |--:|--:|---|
//! | 0 | 1 | command, below |
//! | 1 | 1 | argument |
//! | 2 | 2 | count: how often; 0 is once |
//! | 4 | 4 | value: milliseconds or bytes |
//! | 8 | 16 | target: GUID of a client, as it is on the wire; all zero is the connection that asks |
//! | 24 | | payload |
//!
//! | command | does | argument | value |
//! |--:|---|---|---|
//! | 1 | answers with the payload instead of a status | | delay |
//! | 2 | gives the next responses of a kind another status; a connect with one is refused | status | HBM command of the response |
//! | 3 | swallows the next responses of a kind | HBM command of the response, 0 for messages of the client | |
//! | 4 | delays the next responses of a kind | the same | delay |
//! | 5 | sends a message on each of the target's connections, once the host has credit for it | | bytes |
//! | 6 | sends a message on each of the target's connections, credit or not | | bytes |
//! | 7 | ends the target's connections (DISCONNECT_REQ) | | delay |
//! | 8 | raises a notification on the target's connections, where the host wants them | | delay |
//! | 9 | grants no more credit on the target's connections | | |
//! | 10 | grants credit again | | |
//! | 11 | adds the target, absent or not (ADD_CLIENT_REQ) | | delay |
//! | 12 | removes the target: its connections end, connects are refused with status 1 | | delay |
//! | 13 | puts the payload into the ME window, slot by slot, whatever it is | | delay |
//! | 14 | sends the payload as an HBM message, at most 40 bytes | | delay |
//! | 15 | resets the link: ME_RDY falls until the host resets it too | | delay |
//!
//! Byte n of a message that command 5 or 6 sends is n modulo 256.
//!
//! **Order.** What a command without delay sends goes out before its answer, so who has read the answer knows
//! that the host has seen it. A command with a delay is answered when it is armed. What commands 2 to 4 ask
//! for outlives link resets. The answer is one byte, an [`Answer`]; commands that break the link (13, 15) may
//! not be answered.

mod request;

pub(crate) use request::{Action, Command, Response, Target};

use crate::client::{Client, ConnectionId, Message, Outbox, Properties};
use crate::clients::{ClientKind, Context};
use mei_wire::Guid;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// Most commands and rules that wait at a time; more are answered with [`Answer::Full`].
pub(crate) const MAX_ARMED: usize = 64;

/// First byte of the answer to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Answer {
    /// Done, or armed where there is a delay.
    Done = 0,
    /// The request makes no sense.
    Malformed = 1,
    /// No client has the target's GUID.
    NoTarget = 2,
    /// Too much is waiting already.
    Full = 3,
}

/// `[test]`: nothing to set.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {}

impl ClientKind for Settings {
    const NAME: &'static str = "test";
    const PROPERTIES: Properties = Properties {
        guid: Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0003),
        protocol_version: 1,
        max_connections: 16,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 4096,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        Box::new(Test { properties: context.properties, echoes: Vec::new() })
    }
}

/// Takes requests apart and hands them to the engine, which alone can do what they ask.
#[derive(Debug)]
struct Test {
    properties: Properties,
    /// Echoes that wait for their time.
    echoes: Vec<Echo>,
}

#[derive(Debug)]
struct Echo {
    due: Instant,
    connection: ConnectionId,
    vtag: u8,
    data: Vec<u8>,
}

impl Client for Test {
    fn properties(&self) -> Properties {
        self.properties
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, now: Instant) {
        let connection = message.connection;
        let answer = match Command::parse(connection, message.data) {
            Some(Command { action: Action::Echo, delay, payload, .. }) => {
                if delay.is_zero() {
                    // One answer per credit: there is room.
                    let _ = outbox.send(connection, message.vtag, &payload);
                    return;
                }
                self.wait(connection, message.vtag, payload, now + delay)
            }
            Some(command) => match outbox.command(command) {
                true => return,
                false => Some(Answer::Full),
            },
            None => Some(Answer::Malformed),
        };
        if let Some(answer) = answer {
            let _ = outbox.send(connection, message.vtag, &[answer as u8]);
        }
    }

    fn disconnected(&mut self, connection: ConnectionId, _now: Instant) {
        self.echoes.retain(|echo| echo.connection != connection);
    }

    fn advance(&mut self, outbox: &mut Outbox, now: Instant) {
        self.echoes.retain(|echo| {
            let due = echo.due <= now;
            if due {
                let _ = outbox.send(echo.connection, echo.vtag, &echo.data);
            }
            !due
        });
    }

    fn deadline(&self) -> Option<Instant> {
        self.echoes.iter().map(|echo| echo.due).min()
    }
}

impl Test {
    fn wait(&mut self, connection: ConnectionId, vtag: u8, data: Vec<u8>, due: Instant) -> Option<Answer> {
        if self.echoes.len() >= MAX_ARMED {
            return Some(Answer::Full);
        }
        self.echoes.push(Echo { due, connection, vtag, data });
        None
    }
}

/// A delay of so many milliseconds.
fn milliseconds(value: u32) -> Duration {
    Duration::from_millis(value.into())
}
