//! AMTHI as the drivers before 4.11 had it (`device-abi.md` §14): one connection of the driver's, shared by all
//! files; requests are queued and sent one at a time; the reply goes to the file that asked.
//!
//! A file that connects to AMTHI is bound to the record without a message to the firmware, as to a fixed
//! address. What it writes waits in its own queue until the service takes it.

use crate::client::{Completed, Origin, Service};
use crate::me_clients::MeRef;
use crate::options::AmthiUse;
use crate::service::NO_FILE;
use crate::state::ClientState;
use crate::{DeviceState, Errno, Host};
use mei_wire::{Function, Guid};
use std::time::{Duration, Instant};

pub(crate) const AMTHI: Guid = Guid::from_u128(0x12f80028_b4b7_4b2d_aca8_46e0ff65814c);

/// A request unanswered for so long resets the link.
const STALL: Duration = Duration::from_secs(12);
/// A reply unread for so long is given as ETIME.
const REPLY_KEPT: Duration = Duration::from_secs(10);

/// Whose request the firmware works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Current {
    /// Host client, and the serial number that tells it from a later one with the id.
    id: u8,
    serial: u64,
    deadline: Instant,
}

/// The service.
#[derive(Debug, Default)]
pub(crate) struct SharedAmthi {
    id: Option<u8>,
    current: Option<Current>,
}

impl SharedAmthi {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.current.map(|current| current.deadline)
    }
}

impl<F: Function> Host<F> {
    /// Whether connects to `guid` go to the shared connection.
    pub(crate) fn is_shared(&self, guid: Guid) -> bool {
        self.options.amthi == AmthiUse::Shared && guid == AMTHI
    }

    /// Connects the service, when AMTHI is there and wanted.
    pub(crate) fn amthi_connect(&mut self, now: Instant) {
        if !self.is_shared(AMTHI) || self.services.amthi.id.is_some() || self.state != DeviceState::Enabled {
            return;
        }
        match self.open_service(Service::Amthi, AMTHI, now) {
            Ok(id) => self.services.amthi.id = Some(id),
            Err(Errno::NOTTY) => {}
            Err(errno) => log::warn!("no connection to AMTHI: {errno}"),
        }
    }

    /// Binds a file's client to the shared connection.
    ///
    /// # Errors
    /// ENODEV while the connection does not stand.
    pub(crate) fn amthi_attach(&mut self, id: u8, me: MeRef, now: Instant) -> Result<(), Errno> {
        let service = self.services.amthi.id.and_then(|service| self.client(service));
        if !service.is_some_and(|service| service.is_connected()) {
            self.amthi_connect(now);
            return Err(Errno::NODEV);
        }
        let Self { clients, me_clients, .. } = self;
        let record = me_clients.get_mut(me).ok_or(Errno::NOTTY)?;
        let client = clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut).ok_or(Errno::NODEV)?;
        record.connections += 1;
        client.me = Some(me);
        client.me_id = record.id;
        client.fixed = false;
        client.shared = true;
        client.single_recv_buf = false;
        client.mtu = record.properties.max_msg_length.get();
        client.guid = record.properties.guid;
        client.status = None;
        client.state = ClientState::Connected;
        Ok(())
    }

    /// Sends the oldest request, unless one is being worked on.
    pub(crate) fn amthi_next(&mut self, now: Instant) {
        let Some(service) = self.services.amthi.id else { return };
        if self.services.amthi.current.is_some() || !self.client(service).is_some_and(|c| c.is_connected()) {
            return;
        }
        let oldest = self
            .queued
            .iter()
            .filter_map(|id| {
                let client = self.client(id).filter(|client| client.shared)?;
                Some((client.unsent.front()?.sequence, id))
            })
            .min();
        let Some((_, id)) = oldest else { return };
        let Some(client) = self.client_mut(id) else { return };
        let serial = client.serial;
        let Some(message) = client.unsent.pop_front() else { return };
        client.unsent_bytes -= message.buffer.len();
        self.update_ready(id);
        self.touch(id);
        self.wake_client(id);
        let sent = self
            .read_start(service, NO_FILE, 0, now)
            .and_then(|()| self.write_message(service, NO_FILE, 0, Origin::Program, &message.buffer));
        self.pool.put(message.buffer);
        match sent {
            Ok(_) => self.services.amthi.current = Some(Current { id, serial, deadline: now + STALL }),
            Err(errno) => log::warn!("a request to AMTHI was lost: {errno}"),
        }
    }

    pub(crate) fn amthi_serve(&mut self, service: u8, now: Instant) {
        if self.services.amthi.id != Some(service) {
            return;
        }
        if self.has_ended(service) {
            self.services.amthi = SharedAmthi::default();
            self.unlink(service);
            for id in self.used_ids.iter() {
                if self.client(id).is_some_and(|client| client.shared) {
                    self.set_disconnected(id);
                }
            }
            return;
        }
        while let Some(message) = self.receive_for(service) {
            self.amthi_reply(message, now);
        }
        self.amthi_next(now);
    }

    /// Gives a reply to the file whose request is the current one; without one it is nobody's.
    fn amthi_reply(&mut self, message: Result<Vec<u8>, Errno>, now: Instant) {
        let current = self.services.amthi.current.take();
        let (buffer, status) = match message {
            Ok(buffer) => (buffer, None),
            Err(errno) => (self.pool.take(), Some(errno)),
        };
        let target = current.and_then(|current| {
            let client = self.client_mut(current.id)?;
            (client.serial == current.serial && client.shared && client.is_connected()).then_some(client)
        });
        let Some((client, file)) = target.and_then(|client| {
            let file = client.files.first().copied()?;
            Some((client, file))
        }) else {
            return self.pool.put(buffer);
        };
        client.completed_bytes += buffer.len();
        let expires = Some(now + REPLY_KEPT);
        client.completed.push_back(Completed { buffer, file, status, consumed: 0, expires });
        let id = client.id;
        self.touch(id);
        self.wake_file(file);
    }

    pub(crate) fn amthi_timeout(&mut self, now: Instant) {
        if self.services.amthi.current.is_some_and(|current| current.deadline <= now) {
            log::error!("AMTHI does not answer: resetting");
            self.services.amthi.current = None;
            self.reset_scheduled = true;
        }
    }
}
