//! LME: AMT's network ports through the host (`apf.md`).
//!
//! Each connection of a host is a [`session::Session`]; a session has [`channel::Channels`], and behind each of
//! them is a connection of a [`Service`](super::service::Service). [`ports`] says which ports there are and who
//! answers there.

mod channel;
mod event;
mod ports;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod turn;

pub(crate) use settings::Settings;

use super::amt::SharedState;
use super::{ClientKind, Context};
use crate::client::{Client, ConnectionId, CreditPolicy, Message, Outbox, Properties};
use mei_wire::apf::DATA_HEADER;
use ports::Ports;
use session::Session;
use std::time::Instant;
use turn::{Facts, Turn};

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
            ports: Ports::new(self, context),
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
        let mut session = Session::new(connection, self.facts.settings.channels.into(), now);
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
