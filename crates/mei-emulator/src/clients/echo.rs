//! The client that returns what it gets.

use super::{ClientKind, Context};
use crate::client::{Client, Message, Outbox, Properties};
use mei_wire::Guid;
use serde::Deserialize;
use std::time::Instant;

/// `[echo]`: nothing to set.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {}

impl ClientKind for Settings {
    const NAME: &'static str = "echo";
    const PROPERTIES: Properties = Properties {
        guid: Guid::from_u128(0x5d6e1b3a_0b7c_4c5e_9f2a_7a1d4e8c0001),
        protocol_version: 1,
        max_connections: 16,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 4096,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        Box::new(Echo { properties: context.properties })
    }
}

#[derive(Debug)]
struct Echo {
    properties: Properties,
}

impl Client for Echo {
    fn properties(&self) -> Properties {
        self.properties
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, _now: Instant) {
        // One answer per credit, and no credit before the answer was taken: there is room.
        let _ = outbox.send(message.connection, message.vtag, message.data);
    }
}
