//! What there is to say about a persona, for people and for machines.

use super::{Persona, Presence};
use mei_wire::Guid;
use mei_wire::hbm::Version;

/// What there is to say about a persona.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The persona's name.
    pub name: String,
    /// PCI device id.
    pub device_id: u16,
    /// The driver's short name of the function.
    pub device: &'static str,
    /// The product that the function is part of.
    pub product: &'static str,
    /// The driver's configuration for the generation.
    pub generation: &'static str,
    /// Newest protocol version.
    pub hbm: Version,
    /// AMT's version, if the persona has AMT.
    pub amt: Option<String>,
    /// The firmware status registers that the driver shows of the generation, HFS1 first.
    pub fw_status: Vec<u32>,
    /// The clients that a host can find.
    pub clients: Vec<ClientFacts>,
}

/// What there is to say about a client of a persona.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientFacts {
    /// Its kind.
    pub kind: &'static str,
    /// ME client id.
    pub address: u8,
    /// Its GUID.
    pub guid: Guid,
    /// Connections at a time; 0 for a fixed address.
    pub max_connections: u8,
    /// Longest message, bytes.
    pub max_message_length: u32,
}

impl Persona {
    /// The facts, for `umei personas`.
    #[must_use]
    pub fn describe(&self) -> Facts {
        let amt = self.amt.as_ref().and_then(|amt| {
            amt.versions
                .iter()
                .find(|version| version.description == "AMT")
                .map(|amt| amt.version.to_string())
        });
        Facts {
            name: self.name.clone(),
            device_id: self.device.id,
            device: self.device.name,
            product: self.device.product,
            generation: self.device.configuration.name,
            hbm: self.hbm,
            amt,
            fw_status: self.status.iter().copied().take(self.device.configuration.fw_status_count).collect(),
            clients: self
                .clients
                .iter()
                .filter(|entry| entry.presence == Presence::Present)
                .map(|entry| ClientFacts {
                    kind: entry.kind.name,
                    address: entry.address,
                    guid: entry.properties.guid,
                    max_connections: entry.properties.max_connections,
                    max_message_length: entry.properties.max_message_length,
                })
                .collect(),
        }
    }
}
