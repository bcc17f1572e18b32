//! UPID: the unique platform id (`watchdog-and-others.md` §4).

use super::amt::values::field;
use super::amt::{Hex, Text};
use super::{ClientKind, Context};
use crate::client::{Client, Message, Outbox, Properties};
use mei_wire::upid::{Header, PlatformId, command, status};
use serde::Deserialize;
use std::time::Instant;
use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, IntoBytes};

/// `[upid]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    /// The feature is on when the engine starts.
    enabled: bool,
    /// The manufacturer's id as text.
    oem_text: Option<Text<32>>,
    /// The manufacturer's id as bytes, the first 32; counts when there is no text.
    oem_id: Option<Hex>,
    /// The engine's id, the first 32 bytes; none: the platform was never given one.
    csme_id: Option<Hex>,
}

impl ClientKind for Settings {
    const NAME: &'static str = "upid";
    const PROPERTIES: Properties = Properties {
        guid: mei_wire::clients::UPID,
        protocol_version: 1,
        max_connections: 1,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 1024,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        Box::new(Upid {
            properties: context.properties,
            settings: self.clone(),
            enabled: u8::from(self.enabled),
            os_control: 1,
            reply: Vec::new(),
        })
    }
}

#[derive(Debug)]
struct Upid {
    properties: Properties,
    settings: Settings,
    enabled: u8,
    /// The operating system may switch the feature.
    os_control: u8,
    /// The answer being written.
    reply: Vec<u8>,
}

impl Upid {
    /// Writes the answer's data; returns its status.
    fn answer(&mut self, request: Header, data: &[u8]) -> u32 {
        if request.feature != 0 {
            return status::NOT_SUPPORTED;
        }
        match (request.command, data.first()) {
            // The id; there is no attestation.
            (command::GET_FEATURE_SUPPORT, _) => self.reply.push(1),
            (command::GET_FEATURE_STATE, _) => self.reply.push(self.enabled),
            (command::GET_OS_CONTROL, _) => self.reply.push(self.os_control),
            (command::SET_FEATURE_STATE, Some(&state @ 0..=1)) => {
                if self.os_control == 0 {
                    return status::BAD_STATE;
                }
                self.enabled = state;
            }
            // The operating system can give its control away and does not get it back.
            (command::SET_OS_CONTROL, Some(0)) => self.os_control = 0,
            (command::SET_OS_CONTROL, Some(1)) if self.os_control == 1 => {}
            (command::SET_OS_CONTROL, Some(1)) => return status::AFTER_END_OF_POST,
            (command::SET_FEATURE_STATE | command::SET_OS_CONTROL, _) => return status::BAD_INPUT,
            (command::GET_PLATFORM_ID, _) => {
                if self.enabled == 0 {
                    return status::BAD_STATE;
                }
                // Without an id the answer is short and good: "not provisioned".
                if let Some(csme) = &self.settings.csme_id {
                    let id = self.platform_id(csme);
                    self.reply.extend_from_slice(id.as_bytes());
                }
            }
            (command::GET_REFURBISH_COUNTER | command::UPDATE_OEM_ID, _) => return status::AFTER_END_OF_POST,
            _ => return status::NOT_SUPPORTED,
        }
        status::SUCCESS
    }

    fn platform_id(&self, csme: &Hex) -> PlatformId {
        let (kind, oem) = match (&self.settings.oem_text, &self.settings.oem_id) {
            (Some(text), _) => (2, text.field()),
            (None, Some(id)) => (1, field(&id.0)),
            (None, None) => (0, [0; 32]),
        };
        PlatformId { oem_kind: U32::new(kind), oem, csme: field(&csme.0) }
    }
}

impl Client for Upid {
    fn properties(&self) -> Properties {
        self.properties
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, _now: Instant) {
        // Without a header there is nothing to answer to.
        let Ok((&request, data)) = Header::ref_from_prefix(message.data) else { return };
        const DATA: usize = size_of::<Header>() + size_of::<U32>();
        self.reply.clear();
        self.reply.resize(DATA, 0);
        let status = self.answer(request, data);
        if status != status::SUCCESS {
            self.reply.truncate(DATA);
        }
        let count = u16::try_from(self.reply.len() - size_of::<Header>()).unwrap_or(u16::MAX);
        let header = Header { byte_count: U16::new(count), ..request };
        self.reply[..size_of::<Header>()].copy_from_slice(header.as_bytes());
        self.reply[size_of::<Header>()..DATA].copy_from_slice(&status.to_le_bytes());
        // One answer per credit, and no credit before the answer was taken: there is room.
        let _ = outbox.send(message.connection, message.vtag, &self.reply);
    }
}

#[cfg(test)]
mod tests {
    use crate::clients::fixture::{Fixture, hex};
    use proptest::prelude::*;

    const TABLE: &str = "[upid]\noem-text = 'example-0001'\ncsme-id = 'a1b2c3'";

    fn expected_id() -> Vec<u8> {
        let mut id = hex("00 05 4800 00000000 02000000");
        id.extend(b"example-0001");
        id.resize(12 + 32, 0);
        id.extend([0xA1, 0xB2, 0xC3]);
        id.resize(76, 0);
        id
    }

    #[test]
    fn the_id_is_told_while_the_feature_is_on() {
        let mut upid = Fixture::new("upid", TABLE);
        assert_eq!(upid.ask(&hex("00 05 0000")), hex("00 05 0400 07000000"));
        assert_eq!(upid.ask(&hex("00 02 0100 01")), hex("00 02 0400 00000000"));
        assert_eq!(upid.ask(&hex("00 01 0000")), hex("00 01 0500 00000000 01"));
        assert_eq!(upid.ask(&hex("00 05 0000")), expected_id());
        assert_eq!(upid.ask(&hex("00 02 0100 00")), hex("00 02 0400 00000000"));
        assert_eq!(upid.ask(&hex("00 01 0000")), hex("00 01 0500 00000000 00"));
    }

    #[test]
    fn a_platform_without_an_id_says_so_by_a_short_answer() {
        let mut upid = Fixture::new("upid", "[upid]\nenabled = true");
        assert_eq!(upid.ask(&hex("00 05 0000")), hex("00 05 0400 00000000"));
        let mut binary = Fixture::new("upid", "[upid]\nenabled = true\noem-id = '0102'\ncsme-id = '03'");
        assert_eq!(binary.ask(&hex("00 05 0000"))[8..14], hex("01000000 0102"));
    }

    #[test]
    fn control_can_be_given_away_once() {
        let mut upid = Fixture::new("upid", TABLE);
        assert_eq!(upid.ask(&hex("00 00 0000")), hex("00 00 0500 00000000 01"));
        assert_eq!(upid.ask(&hex("00 03 0000")), hex("00 03 0500 00000000 01"));
        assert_eq!(upid.ask(&hex("00 04 0100 01")), hex("00 04 0400 00000000"));
        assert_eq!(upid.ask(&hex("00 04 0100 00")), hex("00 04 0400 00000000"));
        assert_eq!(upid.ask(&hex("00 04 0100 01")), hex("00 04 0400 04000000"));
        assert_eq!(upid.ask(&hex("00 02 0100 01")), hex("00 02 0400 07000000"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut upid = Fixture::new("upid", TABLE);
        assert_eq!(upid.ask(&hex("00 02 0000")), hex("00 02 0400 02000000"));
        assert_eq!(upid.ask(&hex("00 02 0100 02")), hex("00 02 0400 02000000"));
        assert_eq!(upid.ask(&hex("01 05 0000")), hex("01 05 0400 01000000"));
        assert_eq!(upid.ask(&hex("00 63 0000")), hex("00 63 0400 01000000"));
        assert_eq!(upid.ask(&hex("00 06 0000")), hex("00 06 0400 04000000"));
        assert_eq!(upid.ask(&hex("00 07 0000")), hex("00 07 0400 04000000"));
    }

    proptest! {
        #[test]
        fn any_bytes_get_one_answer(data in proptest::collection::vec(any::<u8>(), 0..20)) {
            let mut upid = Fixture::new("upid", TABLE);
            upid.tell(&data);
            prop_assert_eq!(upid.heard().is_some(), data.len() >= 4);
            prop_assert_eq!(upid.heard(), None);
        }
    }
}
