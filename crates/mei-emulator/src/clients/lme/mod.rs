//! LME: AMT's network ports through the host (`apf.md`).
//!
//! Each connection of a host is a [`session::Session`]; a session has [`channel::Channels`], and behind each of
//! them is a connection of a [`Service`](super::service::Service). [`ports`] says which ports there are and who
//! answers there.

mod channel;
mod event;
mod ports;
mod session;
#[cfg(test)]
mod tests;
mod turn;

use super::amt::SharedState;
use super::{ClientKind, Context};
use crate::client::{Client, ConnectionId, CreditPolicy, Message, Outbox, Properties};
use mei_wire::apf::DATA_HEADER;
use ports::Ports;
use serde::Deserialize;
use session::Session;
use std::time::Instant;
use turn::{Facts, Turn};

/// `[lme]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    /// Ports to forward, in this order; 16992 and 623 without, 16993 and 664 where TLS is enforced.
    ports: Option<Vec<u16>>,
    /// The address that the host is told to listen on. Anything but a name of this machine makes programs think
    /// of remote connections.
    address: super::amt::Text<64>,
    /// Bytes that the host may send on a fresh channel.
    window: u32,
    /// Most bytes in one message of data. One program drops what is longer than 4095.
    chunk: u16,
    /// Events go to the host through a channel of their own.
    deliver_events: bool,
    /// The connection to the client is lost when a channel ends, as on some real machines.
    disconnect_after_channel: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ports: None,
            address: super::amt::Text::new("127.0.0.1").unwrap_or_default(),
            window: 8192,
            chunk: 4095,
            deliver_events: false,
            disconnect_after_channel: false,
        }
    }
}

impl ClientKind for Settings {
    const NAME: &'static str = "lme";
    const PROPERTIES: Properties = Properties {
        guid: mei_wire::clients::LME,
        protocol_version: 4,
        max_connections: 1,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 16384,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        Box::new(Lme {
            properties: context.properties,
            facts: Facts {
                uuid: context.persona.amt.as_ref().map_or([0; 16], |amt| amt.uuid.to_bytes()),
                longest: longest(&context.properties),
                chunk: usize::from(self.chunk)
                    .min(longest(&context.properties).saturating_sub(DATA_HEADER))
                    .max(1),
                settings: self.clone(),
            },
            ports: Ports::new(self.ports.as_deref(), context),
            state: context.state.clone(),
            sessions: Vec::new(),
        })
    }
}

/// Longest message, bytes.
fn longest(properties: &Properties) -> usize {
    usize::try_from(properties.max_message_length).unwrap_or(usize::MAX)
}

#[derive(Debug)]
struct Lme {
    properties: Properties,
    facts: Facts,
    ports: Ports,
    state: SharedState,
    sessions: Vec<Session>,
}

impl Lme {
    /// The first session that can take an event, if events are to be delivered.
    fn listener(&self) -> Option<&Session> {
        let listens = |session: &&Session| session.is_ready() && session.can_take_event();
        self.sessions.iter().filter(|_| self.facts.settings.deliver_events).find(listens)
    }

    /// Gives the events that wait to the sessions that can take them. Other clients raise them.
    fn deliver_events(&mut self, outbox: &mut Outbox, now: Instant) {
        while let Some(listener) = self.listener().map(Session::connection) {
            let Some(event) = self.state.lock().next_event() else { return };
            let Self { facts, sessions, .. } = self;
            for session in sessions.iter_mut().filter(|session| session.connection() == listener) {
                session.deliver(&event, &mut Turn::new(facts, outbox, listener, now));
            }
        }
    }
}

impl Client for Lme {
    fn properties(&self) -> Properties {
        self.properties
    }

    /// Both sides stream: credit is never held back for answers.
    fn credit_policy(&self) -> CreditPolicy {
        CreditPolicy::Prompt
    }

    fn connect(&mut self, connection: ConnectionId, outbox: &mut Outbox, now: Instant) -> Result<(), u8> {
        let mut session = Session::new(connection, now);
        session.greet(&mut Turn::new(&self.facts, outbox, connection, now));
        self.sessions.push(session);
        Ok(())
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, now: Instant) {
        let Self { facts, ports, sessions, .. } = self;
        let mine = |session: &&mut Session| session.connection() == message.connection;
        let Some(session) = sessions.iter_mut().find(mine) else { return };
        session.message(message.data, ports, &mut Turn::new(facts, outbox, message.connection, now));
    }

    fn disconnected(&mut self, connection: ConnectionId, _now: Instant) {
        self.sessions.retain(|session| session.connection() != connection);
    }

    fn reset(&mut self, _now: Instant) {
        self.sessions.clear();
    }

    fn advance(&mut self, outbox: &mut Outbox, now: Instant) {
        for session in &mut self.sessions {
            let connection = session.connection();
            session.advance(&mut Turn::new(&self.facts, outbox, connection, now));
        }
        self.deliver_events(outbox, now);
    }

    fn deadline(&self) -> Option<Instant> {
        // A time long past: at once.
        let event = self.listener().filter(|_| self.state.lock().has_event()).map(Session::since);
        self.sessions.iter().filter_map(Session::deadline).chain(event).min()
    }
}
