//! Virtual tags: several files on one connection (`device-abi.md` §5.5, §10).

use crate::call::CallId;
use crate::client::{FileIndex, HostClient, Parked, Wait};
use crate::host::CLIENT_TIMEOUT;
use crate::state::ClientState;
use crate::{Errno, Host};
use mei_wire::{Function, Guid};
use std::time::Instant;

impl<F: Function> Host<F> {
    /// Whether a client can be reached by tags.
    ///
    /// # Errors
    /// EOPNOTSUPP without the feature, or when the client has not got it; ENOTTY when there is no such client.
    pub(crate) fn vtag_support(&self, guid: Guid) -> Result<(), Errno> {
        if !self.hbm.features.vtag {
            return Err(Errno::OPNOTSUPP);
        }
        let record =
            self.me_clients.by_guid(guid).and_then(|me| self.me_clients.get(me)).ok_or(Errno::NOTTY)?;
        if record.properties.vt_supported() { Ok(()) } else { Err(Errno::OPNOTSUPP) }
    }

    /// Whether the messages of a connection are routed by tag.
    pub(crate) fn uses_vtags(&self, id: u8) -> bool {
        self.hbm.features.vtag
            && self
                .client(id)
                .and_then(|client| self.me_clients.get(client.me?))
                .is_some_and(|record| record.properties.vt_supported())
    }

    /// The sharer that has a tag.
    pub(crate) fn file_by_vtag(&self, client: &HostClient, vtag: u8) -> Option<FileIndex> {
        let has = |&file: &FileIndex| self.files.get(file).is_some_and(|file| file.vtag == Some(vtag));
        client.files.iter().copied().find(has)
    }

    /// A connect with a tag; 0 is a plain connect to a client that has tags.
    pub(crate) fn connect_vtag(
        &mut self,
        call: CallId,
        file: FileIndex,
        guid: Guid,
        vtag: u8,
        now: Instant,
    ) -> Result<(), Errno> {
        let record = self.files.get(file).ok_or(Errno::NODEV)?;
        let client = self.client(record.client).ok_or(Errno::NODEV)?;
        match client.state {
            ClientState::Disconnected if record.vtag.unwrap_or(0) != vtag => return Err(Errno::INVAL),
            ClientState::Disconnected => {}
            ClientState::Initializing => {
                if self.file_by_vtag(client, vtag).is_some() {
                    return Err(Errno::INVAL);
                }
                self.adopt(file, guid, vtag);
                if let Some(file) = self.files.get_mut(file) {
                    file.vtag = Some(vtag);
                }
            }
            _ => return Err(Errno::BUSY),
        }
        match self.step_share(Some(call), file, guid, now) {
            Some(result) => result,
            None => {
                let id = self.files.get(file).ok_or(Errno::NODEV)?.client;
                let wait = Wait::Share { guid, deadline: now + CLIENT_TIMEOUT };
                self.park(id, Parked { call: Some(call), file, wait });
                Ok(())
            }
        }
    }

    /// Moves a file to a host client that is bound to the same firmware client and has room for its tag.
    fn adopt(&mut self, file: FileIndex, guid: Guid, vtag: u8) {
        let Some(own) = self.files.get(file).map(|file| file.client) else { return };
        let mut others: Vec<_> = self.used_ids.iter().filter(|&id| id != own).collect();
        others.sort_by_key(|&id| self.client(id).map(|client| client.serial));
        let other = others.into_iter().find(|&id| {
            self.client(id).is_some_and(|other| {
                other.me.is_some()
                    && other.guid == guid
                    && other.owner == crate::client::Owner::Files
                    && self.file_by_vtag(other, vtag).is_none()
            })
        });
        let Some(other) = other else { return };
        if let Some(client) = self.client_mut(own) {
            client.files.clear();
        }
        self.unlink(own);
        if let Some(file) = self.files.get_mut(file) {
            file.client = other;
        }
        if let Some(client) = self.client_mut(other) {
            client.files.push(file);
        }
    }

    /// A connect that may have to wait for what another sharer does: `Some` when it waits no more.
    pub(crate) fn step_share(
        &mut self,
        call: Option<CallId>,
        file: FileIndex,
        guid: Guid,
        now: Instant,
    ) -> Option<Result<(), Errno>> {
        let id = self.files.get(file)?.client;
        let client = self.client(id)?;
        if client.state.is_transitional() {
            return None;
        }
        if !client.is_connected() {
            return Some(self.connect(call, file, guid, now));
        }
        let record = client.me.and_then(|me| self.me_clients.get(me))?;
        let properties = record.properties;
        self.wake_file(file);
        self.answer_connect(call, properties);
        Some(Ok(()))
    }

    /// Gives the firmware a new credit while some sharer has not got its message.
    pub(crate) fn rearm_for_sharers(&mut self, id: u8) {
        let Some(client) = self.client(id) else { return };
        let waiting = |&file: &FileIndex| self.files.get(file).is_some_and(|file| file.read_pending);
        if let Some(file) = client.files.iter().copied().find(waiting) {
            self.rearm.push((id, file));
        }
    }
}
