//! The firmware update client: versions, and a refusal of everything else (`watchdog-and-others.md` §2).

use super::amt::Text;
use super::mkhi::Version;
use super::{ClientKind, Context};
use crate::client::{Client, Message, Outbox, Properties};
use mei_wire::firmware_update::{Answer, Info, OldVersion, Version as VersionAnswer, request};
use serde::Deserialize;
use std::time::Instant;
use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, IntoBytes};

/// PCI vendor.
const VENDOR: u32 = 0x8086;

/// `[firmware-update]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    form: Form,
    /// Version of the code.
    code: Option<Version>,
    /// Version of AMT, in the old form of the recovery code; that of the code without.
    amt: Option<Version>,
    /// Version of MEBx.
    mebx: Option<Version>,
    bios: Text<19>,
    sku: u32,
    ich_version: u32,
    mch_version: u32,
    hardware_sku: u32,
    /// Ways to update that are open.
    enabled_interfaces: u16,
    /// Manageability mode, as GetInfo tells it.
    manageability_mode: u32,
    /// The status that refuses an update: no image is ever taken. Zero would read as success and counts as 1.
    refusal: u32,
}

/// The answer to GetVersion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    /// 52 bytes.
    #[default]
    Current,
    /// 47 bytes, of old firmware.
    Old,
}

impl ClientKind for Settings {
    const NAME: &'static str = "firmware-update";
    const PROPERTIES: Properties = Properties {
        guid: mei_wire::clients::FIRMWARE_UPDATE,
        protocol_version: 1,
        max_connections: 1,
        fixed_address: 0,
        single_receive_buffer: false,
        max_message_length: 4096,
        vtag: false,
    };

    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        Box::new(FirmwareUpdate { properties: context.properties, settings: self.clone() })
    }
}

#[derive(Debug)]
struct FirmwareUpdate {
    properties: Properties,
    settings: Settings,
}

fn words(version: Option<Version>) -> [U16; 4] {
    version.map_or([0; 4], Version::words).map(U16::new)
}

impl FirmwareUpdate {
    fn version(&self) -> VersionAnswer {
        let settings = &self.settings;
        VersionAnswer {
            id: U32::new(request::GET_VERSION + 1),
            status: U32::ZERO,
            sku: U32::new(settings.sku),
            ich_version: U32::new(settings.ich_version),
            mch_version: U32::new(settings.mch_version),
            vendor: U32::new(VENDOR),
            last_update_status: U32::ZERO,
            hardware_sku: U32::new(settings.hardware_sku),
            code: words(settings.code),
            amt: words(settings.amt.or(settings.code)),
            enabled_interfaces: U16::new(settings.enabled_interfaces),
            reserved: U16::ZERO,
        }
    }

    fn old_version(&self) -> OldVersion {
        let settings = &self.settings;
        OldVersion {
            id: 1,
            status: U32::ZERO,
            sku: U32::new(settings.sku),
            ich_version: U32::new(settings.ich_version),
            mch_version: U32::new(settings.mch_version),
            vendor: U32::new(VENDOR),
            code: words(settings.code),
            recovery: words(settings.amt.or(settings.code)),
            enabled_interfaces: U16::new(settings.enabled_interfaces),
            last_update_status: U32::ZERO,
            reserved: U32::ZERO,
        }
    }

    fn info(&self) -> Info {
        Info {
            id: U32::new(request::GET_INFO + 1),
            status: U32::ZERO,
            mebx: words(self.settings.mebx),
            flash_override_policy: U32::ZERO,
            manageability_mode: U32::new(self.settings.manageability_mode),
            bios_boot_state: U32::ZERO,
            flags: U32::ZERO,
            bios: self.settings.bios.field(),
        }
    }
}

impl Client for FirmwareUpdate {
    fn properties(&self) -> Properties {
        self.properties
    }

    fn message(&mut self, message: Message<'_>, outbox: &mut Outbox, _now: Instant) {
        // Without an id there is nothing to answer to.
        let Ok((id, _)) = U32::read_from_prefix(message.data) else { return };
        let (version, old_version, info, refusal);
        let answer = match (id.get(), self.settings.form) {
            (request::GET_VERSION, Form::Current) => {
                version = self.version();
                version.as_bytes()
            }
            (request::GET_VERSION, Form::Old) => {
                old_version = self.old_version();
                old_version.as_bytes()
            }
            (request::GET_INFO, _) => {
                info = self.info();
                info.as_bytes()
            }
            (id, _) => {
                let status = U32::new(self.settings.refusal.max(1));
                refusal = Answer { id: U32::new(id.wrapping_add(1)), status };
                refusal.as_bytes()
            }
        };
        // One answer per credit, and no credit before the answer was taken: there is room.
        let _ = outbox.send(message.connection, message.vtag, answer);
    }
}

#[cfg(test)]
mod tests {
    use crate::clients::fixture::{Fixture, hex};
    use proptest::prelude::*;

    const TABLE: &str = "[firmware-update]\ncode = '11.8.93.4323'\nmebx = '11.0.0.10'\nbios = 'EXAMPLE1'\n\
                         sku = 0x4008\nenabled-interfaces = 1\nmanageability-mode = 1\n";

    #[test]
    fn versions_and_information() {
        let mut client = Fixture::new("firmware-update", TABLE);
        let version = "01000000 00000000 08400000 00000000 00000000 86800000 00000000 00000000 \
                       0b00 0800 5d00 e310 0b00 0800 5d00 e310 0100 0000";
        assert_eq!(client.ask(&hex("00000000")), hex(version));
        assert_eq!(hex(version).len(), 52);
        let info = "09000000 00000000 0b00 0000 0000 0a00 00000000 01000000 00000000 00000000 \
                    4558414d504c4531 000000000000000000000000";
        assert_eq!(client.ask(&hex("08000000")), hex(info));
        assert_eq!(hex(info).len(), 52);
    }

    #[test]
    fn old_firmware_has_another_form() {
        let mut client = Fixture::new("firmware-update", &format!("{TABLE}form = 'old'\n"));
        let version = "01 00000000 08400000 00000000 00000000 86800000 \
                       0b00 0800 5d00 e310 0b00 0800 5d00 e310 0100 00000000 00000000";
        assert_eq!(client.ask(&hex("00000000")), hex(version));
        assert_eq!(hex(version).len(), 47);
    }

    #[test]
    fn updates_are_refused() {
        let mut client = Fixture::new("firmware-update", "");
        assert_eq!(client.ask(&hex("02000000 00000000")), hex("03000000 01000000"));
        assert_eq!(client.ask(&hex("04000000")), hex("05000000 01000000"));
        assert_eq!(client.ask(&hex("06000000")), hex("07000000 01000000"));
        assert_eq!(client.ask(&hex("ffffffff")), hex("00000000 01000000"));
    }

    proptest! {
        #[test]
        fn any_bytes_get_one_answer(data in proptest::collection::vec(any::<u8>(), 0..70)) {
            let mut client = Fixture::new("firmware-update", "");
            client.tell(&data);
            prop_assert_eq!(client.heard().is_some(), data.len() >= 4);
            prop_assert_eq!(client.heard(), None);
        }
    }
}
