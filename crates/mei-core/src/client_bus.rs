//! The client bus: which firmware clients have a device of their own (`client-bus.md` §2).

use crate::Host;
use crate::me_clients::MeClient;
use mei_wire::{Function, Guid};

const NFC_INFO: Guid = Guid::from_u128(0xd2de1625_382d_417d_48a4_efabba8a1206);
const NFC_HCI: Guid = Guid::from_u128(0x0bb17a78_2a8e_4c50_94d4_50266723775c);
const WATCHDOG: Guid = Guid::from_u128(0x05b79a6f_4628_4d7f_899d_a91514cb32ab);
const HDCP: Guid = Guid::from_u128(0xb638ab7e_94e2_4ea2_a552_d1c54b627f04);
const PXP: Guid = Guid::from_u128(0xfbf6fcf1_96cf_4e2e_a6a6_1bab8cbe36b1);

/// Functions whose watchdog client says 1 and speaks version 2.
const WATCHDOG_VERSION_2: [u16; 3] = [0x9CBA, 0x9D3A, 0xA13A];

/// One device of the client bus, as sysfs shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusDevice {
    /// The client.
    pub guid: Guid,
    /// Version of its protocol.
    pub version: u8,
    /// Connections at a time.
    pub max_connections: u8,
    /// Fixed address, 0 for a dynamic client.
    pub fixed_address: u8,
    /// Whether it takes virtual tags.
    pub vtag: bool,
    /// Longest message, bytes.
    pub max_message_length: u32,
}

impl BusDevice {
    /// sysfs `modalias`; the name in it is empty, as it is for everything but NFC radios.
    pub fn modalias(&self) -> String {
        format!("mei::{}:{:02X}:", self.guid, self.version)
    }

    /// sysfs `uevent`.
    pub fn uevent(&self) -> String {
        format!(
            "MEI_CL_VERSION={}\nMEI_CL_UUID={}\nMEI_CL_NAME=\nMODALIAS={}\n",
            self.version,
            self.guid,
            self.modalias()
        )
    }
}

impl<F: Function> Host<F> {
    /// The devices of the client bus, in the order in which the driver adds them. Empty unless ENABLED.
    pub fn bus_devices(&self) -> Vec<BusDevice> {
        let enabled = self.state == crate::DeviceState::Enabled;
        let records = self.me_clients.iter().filter(|(_, record)| enabled && self.on_bus(record));
        records
            .map(|(_, record)| {
                let p = &record.properties;
                BusDevice {
                    guid: p.guid,
                    version: self.protocol_version(record),
                    max_connections: p.max_number_of_connections,
                    fixed_address: p.fixed_address,
                    vtag: p.vt_supported(),
                    max_message_length: p.max_msg_length.get(),
                }
            })
            .collect()
    }

    /// Whether a client has a device on the bus. NFC radios would have to be asked what they are, and are not.
    pub(crate) fn on_bus(&self, record: &MeClient) -> bool {
        let p = &record.properties;
        match p.guid {
            NFC_INFO | NFC_HCI => p.vt_supported(),
            WATCHDOG | HDCP | PXP => true,
            _ => p.max_number_of_connections <= 1 || p.vt_supported(),
        }
    }

    /// The version of a client's protocol, which the driver corrects for some watchdogs.
    pub(crate) fn protocol_version(&self, record: &MeClient) -> u8 {
        if record.properties.guid == WATCHDOG && WATCHDOG_VERSION_2.contains(&self.options.device.id) {
            2
        } else {
            record.properties.protocol_version
        }
    }
}
