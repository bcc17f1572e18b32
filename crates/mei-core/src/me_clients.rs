//! The firmware's clients, as it enumerated them.

use mei_wire::Guid;
use mei_wire::hbm::ClientProperties;

/// A record that a host client refers to; stays valid while referred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MeRef(usize);

/// One firmware client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeClient {
    /// ME client id.
    pub(crate) id: u8,
    /// What it said of itself.
    pub(crate) properties: ClientProperties,
    /// Transmit credits shared by its connections (single_recv_buf).
    pub(crate) tx_credits: u8,
    /// Host clients that are connected or about to be.
    pub(crate) connections: u16,
    /// Whether it is still in the list: a removed one that is in use is inactive (`hbm.md` §5.5).
    pub(crate) listed: bool,
    /// The driver has said to it what it says after an enumeration.
    pub(crate) fixed_up: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct MeClients {
    slots: Vec<Option<MeClient>>,
    /// Listed ones, oldest first; searches run from the newest, as the driver's do.
    order: Vec<MeRef>,
}

/// The list is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl MeClients {
    /// Most records listed. The kernel has no bound; one byte of ids needs no more.
    pub(crate) const MAX: usize = 256;

    pub(crate) fn get(&self, client: MeRef) -> Option<&MeClient> {
        self.slots.get(client.0)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, client: MeRef) -> Option<&mut MeClient> {
        self.slots.get_mut(client.0)?.as_mut()
    }

    /// Listed records, newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (MeRef, &MeClient)> {
        self.order.iter().rev().filter_map(|&client| Some((client, self.get(client)?)))
    }

    pub(crate) fn by_guid(&self, guid: Guid) -> Option<MeRef> {
        self.iter().find(|(_, record)| record.properties.guid == guid).map(|(client, _)| client)
    }

    pub(crate) fn by_id(&self, id: u8) -> Option<MeRef> {
        self.iter().find(|(_, record)| record.id == id).map(|(client, _)| client)
    }

    /// Adds a record in place of one with the same GUID.
    pub(crate) fn add(&mut self, id: u8, properties: ClientProperties) -> Result<(), Full> {
        while let Some(old) = self.by_guid(properties.guid) {
            self.remove(old);
        }
        if self.order.len() >= Self::MAX {
            return Err(Full);
        }
        let record =
            Some(MeClient { id, properties, tx_credits: 0, connections: 0, listed: true, fixed_up: false });
        let index = match self.slots.iter().position(Option::is_none) {
            Some(index) => {
                self.slots[index] = record;
                index
            }
            None => {
                self.slots.push(record);
                self.slots.len() - 1
            }
        };
        self.order.push(MeRef(index));
        Ok(())
    }

    /// Takes a record off the list; it lives on while a host client refers to it.
    pub(crate) fn remove(&mut self, client: MeRef) {
        self.order.retain(|&listed| listed != client);
        if let Some(record) = self.get_mut(client) {
            record.listed = false;
        }
        self.drop_unused(client);
    }

    /// Takes all off the list.
    pub(crate) fn clear(&mut self) {
        for client in core::mem::take(&mut self.order) {
            self.remove(client);
        }
    }

    /// A host client no longer refers to the record.
    pub(crate) fn disconnect(&mut self, client: MeRef) {
        if let Some(record) = self.get_mut(client) {
            record.connections = record.connections.saturating_sub(1);
            if record.connections == 0 {
                record.tx_credits = 0;
            }
        }
        self.drop_unused(client);
    }

    fn drop_unused(&mut self, client: MeRef) {
        if let Some(slot) = self.slots.get_mut(client.0)
            && slot.is_some_and(|record| !record.listed && record.connections == 0)
        {
            *slot = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(guid: u128) -> ClientProperties {
        ClientProperties { guid: Guid::from_u128(guid), ..ClientProperties::EMPTY }
    }

    #[test]
    fn a_record_in_use_outlives_its_place_in_the_list() {
        let mut clients = MeClients::default();
        clients.add(3, properties(1)).unwrap();
        let old = clients.by_id(3).unwrap();
        clients.get_mut(old).unwrap().connections = 1;
        clients.add(4, properties(1)).unwrap();
        assert_eq!(clients.by_id(3), None);
        assert!(!clients.get(old).unwrap().listed);
        assert_ne!(clients.by_guid(Guid::from_u128(1)), Some(old));
        clients.disconnect(old);
        assert!(clients.get(old).is_none());
    }

    #[test]
    fn the_list_is_bounded() {
        let mut clients = MeClients::default();
        for guid in 0..256 {
            clients.add(1, properties(guid)).unwrap();
        }
        assert_eq!(clients.add(1, properties(999)), Err(Full));
        assert_eq!(clients.add(1, properties(7)), Ok(()), "in place of an old one");
        clients.clear();
        assert_eq!(clients.iter().count(), 0);
    }
}
