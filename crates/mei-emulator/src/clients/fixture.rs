//! What tests of clients share: a client of a persona, spoken to without an engine.

use crate::Persona;
use crate::client::{Client, ConnectionId, Message, Outbox};
use crate::clients::amt::SharedState;
use std::time::{Duration, Instant};

/// The connection that [`Fixture::ask`] uses.
pub(crate) const CONNECTION: ConnectionId = ConnectionId(1);

/// A client, its outbox and a clock that stands still unless told.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) client: Box<dyn Client>,
    pub(crate) outbox: Outbox,
    pub(crate) state: SharedState,
    pub(crate) now: Instant,
}

impl Fixture {
    /// The client of kind `kind` of a persona that has `tables` and that client only.
    pub(crate) fn new(kind: &str, tables: &str) -> Self {
        let text = format!(
            "name = 'fixture'\ndevice = 0xA13A\nhbm = '2.0'\n{tables}\n[[client]]\nkind = '{kind}'\naddress = 1\n"
        );
        let persona = Persona::parse(&text, "fixture").unwrap_or_else(|error| panic!("{error}"));
        let state = SharedState::new(persona.amt.as_ref());
        let entry = &persona.clients[0];
        let context = super::Context { properties: entry.properties, persona: &persona, state: &state };
        let client = entry.recipe.build(&context);
        Self { client, outbox: Outbox::default(), state, now: Instant::now() }
    }

    /// Connects.
    pub(crate) fn connect(&mut self, connection: ConnectionId) {
        self.client.connect(connection, &mut self.outbox, self.now).unwrap();
    }

    /// Sends a message.
    pub(crate) fn tell(&mut self, data: &[u8]) {
        let message = Message { connection: CONNECTION, vtag: 0, data };
        self.client.message(message, &mut self.outbox, self.now);
    }

    /// The next thing the client says.
    pub(crate) fn heard(&mut self) -> Option<Vec<u8>> {
        self.outbox.take(CONNECTION).map(|(_, bytes)| bytes)
    }

    /// Sends a message and takes the one answer.
    pub(crate) fn ask(&mut self, data: &[u8]) -> Vec<u8> {
        self.tell(data);
        let answer = self.heard().unwrap_or_else(|| panic!("no answer to {data:02x?}"));
        assert_eq!(self.heard(), None, "a second answer to {data:02x?}");
        answer
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.client.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.client.advance(&mut self.outbox, self.now);
        }
    }
}

/// The bytes that hexadecimal digits spell; blanks are ignored.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        digits.chars().filter_map(|c| c.to_digit(16)).map(|digit| u8::try_from(digit).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
