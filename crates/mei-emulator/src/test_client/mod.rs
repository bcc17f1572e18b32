//! A client that makes the engine misbehave on command. Test personas have it, real ones do not.

use crate::client::{Client, ConnectionId, Message, Outbox, Properties};
use crate::clients::{ClientKind, Context};
use mei_wire::Guid;
use serde::Deserialize;
use std::time::Instant;

/// Most commands that wait to happen.
pub(crate) const MAX_ARMED: usize = 64;

/// What the engine is asked to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command {
    /// The connection that asked.
    pub(crate) origin: ConnectionId,
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
        Box::new(Test { properties: context.properties })
    }
}

#[derive(Debug)]
struct Test {
    properties: Properties,
}

impl Client for Test {
    fn properties(&self) -> Properties {
        self.properties
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, _now: Instant) {
        outbox.command(Command { origin: message.connection });
    }
}
