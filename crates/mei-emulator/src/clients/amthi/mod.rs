//! AMTHI, the AMT host interface: one request, one answer (`amthi.md`).
//!
//! [`table::COMMANDS`] has a row per command; the modules beside it hold the answers by subject. Every request
//! gets exactly one answer, also one that makes no sense.

mod call;
mod identity;
mod names;
mod network;
mod provisioning;
mod remote_access;
mod security;
mod settings;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use settings::Settings;

use super::amt::{Amt, Availability, SharedState};
use super::{ClientKind, Context};
use crate::client::{Client, Message, Outbox, Properties};
use call::{Call, Reply};
use mei_wire::amthi::{Command, Header, Status};
use std::time::Instant;
use zerocopy::FromBytes;

impl ClientKind for Settings {
    const NAME: &'static str = "amthi";
    const PROPERTIES: Properties = Properties {
        guid: mei_wire::clients::AMTHI,
        protocol_version: 1,
        max_connections: 1,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 5120,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        let amt = context.persona.amt.clone().filter(|amt| amt.availability == Availability::Enabled);
        Box::new(Amthi {
            properties: context.properties,
            amt,
            state: context.state.clone(),
            settings: self.clone(),
            reply: Reply::default(),
        })
    }
}

#[derive(Debug)]
struct Amthi {
    properties: Properties,
    /// None when AMT is off.
    amt: Option<Amt>,
    state: SharedState,
    settings: Settings,
    reply: Reply,
}

impl Client for Amthi {
    fn properties(&self) -> Properties {
        self.properties
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, _now: Instant) {
        let answer = match &self.amt {
            Some(amt) => {
                let Request { command, announced, data } = split(message.data);
                let Self { settings, reply, .. } = self;
                reply.begin();
                let status = if settings.unsupported.contains(&command.0) {
                    Status(settings.unknown_command_status)
                } else if message.data.len() < size_of::<Header>() {
                    Status::INVALID_MESSAGE_LENGTH
                } else {
                    match table::find(command) {
                        None => Status(settings.unknown_command_status),
                        Some(row) if data.len() < row.least => Status::INVALID_MESSAGE_LENGTH,
                        Some(row) => {
                            let state = &mut *self.state.lock();
                            (row.answer)(&mut Call { settings, amt, state, announced, data, reply })
                        }
                    }
                };
                if status != Status::SUCCESS {
                    log::debug!(
                        "AMTHI {}: {}",
                        command.name().unwrap_or("unknown command"),
                        status.name().unwrap_or("unknown status")
                    );
                }
                reply.end(command, status)
            }
            // What programs take for "AMT is disabled" (`amthi.md` §2).
            None => &[],
        };
        // One answer per credit, and no credit before the answer was taken: there is room.
        let _ = outbox.send(message.connection, message.vtag, answer);
    }
}

/// A request, taken apart.
struct Request<'a> {
    command: Command,
    /// Bytes of data that its header announces. Programs announce wrong ones (`clients.md` §1.6).
    announced: u32,
    /// What follows the header.
    data: &'a [u8],
}

/// Of a message without a whole header the command is what is there of it.
fn split(message: &[u8]) -> Request<'_> {
    match Header::ref_from_prefix(message) {
        Ok((header, data)) => {
            Request { command: Command(header.command.get()), announced: header.length.get(), data }
        }
        Err(_) => {
            let mut code = [0; 4];
            for (byte, &sent) in code.iter_mut().zip(message.get(4..).unwrap_or_default()) {
                *byte = sent;
            }
            Request { command: Command(u32::from_le_bytes(code)), announced: 0, data: &[] }
        }
    }
}
