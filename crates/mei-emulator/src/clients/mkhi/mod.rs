//! MKHI, the kernel host interface: versions, capability rules, boot state (`mkhi.md`).
//!
//! [`table::COMMANDS`] has a row per group and command. The client stands at two addresses on many machines, one
//! of them fixed; both are of this kind, each with a state of its own. MCHI ([`mchi`]) speaks the same header and
//! knows one of the groups.

mod boot;
mod call;
mod files;
mod mchi;
mod rules;
mod settings;
mod table;
#[cfg(test)]
mod tests;
mod versions;

pub(crate) use mchi::Settings as MchiSettings;
pub(crate) use settings::Settings;
pub(crate) use versions::Version;

use super::{ClientKind, Context};
use crate::client::{Client, Message, Outbox, Properties};
use call::{Answer, Call};
use mei_wire::mkhi::{Header, group, result};
use settings::State;
use std::time::Instant;
use zerocopy::{FromBytes, IntoBytes};

impl ClientKind for Settings {
    const NAME: &'static str = "mkhi";
    const PROPERTIES: Properties = Properties {
        guid: mei_wire::clients::MKHI,
        protocol_version: 2,
        max_connections: 1,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 2048,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        Box::new(Mkhi::new(context.properties, self.clone(), Groups::All))
    }
}

/// The groups that a client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Groups {
    All,
    Only(u8),
}

#[derive(Debug)]
struct Mkhi {
    properties: Properties,
    settings: Settings,
    groups: Groups,
    state: State,
    /// The answer being written.
    reply: Vec<u8>,
}

impl Mkhi {
    fn new(properties: Properties, settings: Settings, groups: Groups) -> Self {
        Self { properties, state: State::new(&settings), settings, groups, reply: Vec::new() }
    }
}

impl Client for Mkhi {
    fn properties(&self) -> Properties {
        self.properties
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, _now: Instant) {
        // Nothing can be answered that has no group and command.
        let Ok((&header, data)) = Header::ref_from_prefix(message.data) else { return };
        self.reply.clear();
        self.reply.extend_from_slice(header.response(result::SUCCESS).as_bytes());
        let known = self.groups == Groups::All || self.groups == Groups::Only(header.group);
        let row = table::find(header.group, header.command).filter(|_| known);
        let answer = match row {
            _ if header.group == group::BUP_COMMON => Answer::Silence,
            None => Answer::Result(self.settings.unknown_command_result),
            Some(row) if data.len() < row.least => Answer::Result(result::SIZE_ERROR),
            Some(row) => {
                let Self { settings, state, reply, .. } = self;
                let limit = self.properties.max_message_length as usize;
                (row.answer)(&mut Call { settings, state, data, reply, limit })
            }
        };
        match answer {
            Answer::Silence => return,
            Answer::Result(result::SUCCESS) => {}
            // A failure is the header alone (`mkhi.md` §2).
            Answer::Result(code) => {
                self.reply.clear();
                self.reply.extend_from_slice(header.response(code).as_bytes());
            }
        }
        // One answer per credit, and no credit before the answer was taken: there is room.
        let _ = outbox.send(message.connection, message.vtag, &self.reply);
    }
}
