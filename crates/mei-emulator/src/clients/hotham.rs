//! HOTHAM: the flash log (`watchdog-and-others.md` §3).

use super::amt::Hex;
use super::{ClientKind, Context};
use crate::client::{Client, Message, Outbox, Properties};
use mei_wire::hotham::{FLASH_LOG_LENGTH, Header, NOT_SUPPORTED, code, response};
use serde::Deserialize;
use std::time::Instant;

/// `[hotham]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    /// The log; what does not fit the message is cut.
    flash_log: Hex,
}

impl ClientKind for Settings {
    const NAME: &'static str = "hotham";
    const PROPERTIES: Properties = Properties {
        guid: mei_wire::clients::HOTHAM,
        protocol_version: 1,
        max_connections: 1,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 8196,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        let mut log = self.flash_log.0.clone();
        log.truncate(FLASH_LOG_LENGTH);
        Box::new(Hotham { properties: context.properties, log, reply: Vec::new() })
    }
}

#[derive(Debug)]
struct Hotham {
    properties: Properties,
    log: Vec<u8>,
    /// The answer being written.
    reply: Vec<u8>,
}

impl Client for Hotham {
    fn properties(&self) -> Properties {
        self.properties
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, _now: Instant) {
        let Some(&word) = message.data.first_chunk() else { return };
        let request = Header::from(u32::from_le_bytes(word));
        let header = Header::new().with_sequence(request.sequence()).with_code(response::SUCCESS);
        self.reply.clear();
        self.reply.extend_from_slice(&header.into_bits().to_le_bytes());
        match request.code() {
            code::GET_FLASH_LOG_SIZE => {
                let size = u32::try_from(self.log.len()).unwrap_or(0);
                self.reply.extend_from_slice(&size.to_le_bytes());
            }
            code::GET_FLASH_LOG => {
                self.reply.extend_from_slice(&self.log);
                self.reply.resize(word.len() + FLASH_LOG_LENGTH, 0);
            }
            // A header whose last byte says so (`watchdog-and-others.md` §3).
            _ => {
                self.reply.clear();
                self.reply.extend_from_slice(&[word[0], word[1], 0, NOT_SUPPORTED]);
            }
        }
        // One answer per credit, and no credit before the answer was taken: there is room.
        let _ = outbox.send(message.connection, message.vtag, &self.reply);
    }
}

#[cfg(test)]
mod tests {
    use crate::clients::fixture::{Fixture, hex};
    use proptest::prelude::*;

    #[test]
    fn the_log_has_a_size_and_fills_a_message() {
        let mut hotham = Fixture::new("hotham", "[hotham]\nflash-log = 'c0ffee'");
        assert_eq!(hotham.ask(&hex("06800000")), hex("00100000 03000000"));
        let log = hotham.ask(&hex("06810000"));
        assert_eq!((log.len(), &log[..8]), (8196, &hex("00100000 c0ffee 00")[..]));
        // The sequence number comes back.
        assert_eq!(hotham.ask(&hex("a6800000"))[..4], hex("a0100000"));
        assert_eq!(hotham.ask(&hex("06900000")), hex("06900089"));
    }

    #[test]
    fn without_a_log_the_size_is_zero() {
        assert_eq!(Fixture::new("hotham", "").ask(&hex("06800000")), hex("00100000 00000000"));
    }

    proptest! {
        #[test]
        fn any_bytes_get_one_answer(data in proptest::collection::vec(any::<u8>(), 0..20)) {
            let mut hotham = Fixture::new("hotham", "");
            hotham.tell(&data);
            prop_assert_eq!(hotham.heard().is_some(), data.len() >= 4);
            prop_assert_eq!(hotham.heard(), None);
        }
    }
}
