//! Each call as far as it gets without sleeping (`device-abi.md` §3–§9).

use crate::call::{Blocking, Call, CallId, Handle, IoctlCopies};
use crate::client::{FileIndex, HostClient, Owner, Parked, Switch, Wait};
use crate::control::Control;
use crate::host::CLIENT_TIMEOUT;
use crate::state::ClientState;
use crate::{DeviceState, Errno, Host};
use mei_wire::ioctl::{
    CONNECT_CLIENT, CONNECT_CLIENT_SIZE, CONNECT_CLIENT_VTAG, CONNECT_CLIENT_VTAG_SIZE, ConnectVtag,
    ConnectedClient, NOTIFY_GET, NOTIFY_SET, NOTIFY_SIZE,
};
use mei_wire::{Function, Guid};
use std::time::Instant;
use zerocopy::FromBytes;

/// POLL* bits, as `poll(2)` has them.
mod poll {
    pub(super) const IN: u32 = 0x001;
    pub(super) const PRI: u32 = 0x002;
    pub(super) const OUT: u32 = 0x004;
    pub(super) const ERR: u32 = 0x008;
    pub(super) const RDNORM: u32 = 0x040;
    pub(super) const WRNORM: u32 = 0x100;
}

impl<F: Function> Host<F> {
    /// Takes a call; its one reply comes out of [`Host::next_output`], now or later.
    pub fn call(&mut self, id: CallId, call: Call<'_>, now: Instant) {
        match call {
            Call::Open => match self.open() {
                Ok(handle) => self.outputs.opened(id, handle),
                Err(errno) => self.outputs.error(id, errno),
            },
            Call::Ioctl { handle, command, argument, blocking } => {
                self.with_file(id, handle, |host, file, client| {
                    host.ioctl(id, (file, client), command, argument, blocking, now)
                });
            }
            Call::Read { handle, size, offset: _, blocking } => {
                self.with_file(id, handle, |host, file, client| {
                    host.read_call(id, (file, client), size, blocking, now)
                });
            }
            Call::Write { handle, data, blocking } => {
                self.with_file(id, handle, |host, file, client| {
                    host.write_call(id, (file, client), data, blocking, now)
                });
            }
            Call::Poll { handle, events } => {
                self.with_file(id, handle, |host, file, client| {
                    let ready = host.poll((file, client), events, now);
                    host.outputs.events(id, ready);
                    Ok(())
                });
            }
            Call::Fsync { handle } => {
                self.with_file(id, handle, |host, file, client| host.fsync(id, (file, client)));
            }
            Call::Fasync { handle } => {
                self.with_file(id, handle, |host, _, client| {
                    host.connected(client)?;
                    host.outputs.done(id);
                    Ok(())
                });
            }
            Call::Release { handle } => match self.files.find(handle) {
                Some((file, _)) => self.release(id, file, now),
                None => self.outputs.done(id),
            },
        }
        self.finish(now);
    }

    /// Runs a call on a file; what it fails with is its answer.
    fn with_file(
        &mut self,
        call: CallId,
        handle: Handle,
        run: impl FnOnce(&mut Self, FileIndex, u8) -> Result<(), Errno>,
    ) {
        let found = self.files.find(handle).map(|(index, file)| (index, file.client));
        let result = match found {
            Some((file, client)) => run(self, file, client),
            None => Err(Errno::NODEV),
        };
        if let Err(errno) = result {
            self.outputs.error(call, errno);
        }
    }

    fn enabled(&self) -> Result<(), Errno> {
        if self.state == DeviceState::Enabled { Ok(()) } else { Err(Errno::NODEV) }
    }

    /// The client, if it is connected.
    fn connected(&self, id: u8) -> Result<&HostClient, Errno> {
        self.client(id).filter(|client| client.is_connected()).ok_or(Errno::NODEV)
    }

    #[inline]
    pub(crate) fn park(&mut self, id: u8, parked: Parked) {
        if parked.wait.deadline().is_some() {
            self.timed.insert(id);
        }
        if let Some(client) = self.client_mut(id) {
            client.parked.push(parked);
        }
    }

    /// A host client for `owner`, with the lowest free id.
    pub(crate) fn add_client_for(&mut self, owner: Owner) -> Result<u8, Errno> {
        let id = self.used_ids.lowest_free().ok_or(Errno::MFILE)?;
        self.serial += 1;
        *self.clients.get_mut(usize::from(id)).ok_or(Errno::MFILE)? =
            Some(Box::new(HostClient::new(id, owner, self.serial)));
        self.used_ids.insert(id);
        Ok(id)
    }

    fn open(&mut self) -> Result<Handle, Errno> {
        self.enabled()?;
        let id = self.add_client_for(Owner::Files)?;
        let Some(index) = self.files.insert(id) else {
            self.unlink(id);
            return Err(Errno::MFILE);
        };
        if let Some(client) = self.client_mut(id) {
            client.files.push(index);
        }
        self.files.get(index).map(|file| file.handle).ok_or(Errno::MFILE)
    }

    /// What the kernel checks of an ioctl before it copies from the caller (`device-abi.md` §5.2).
    ///
    /// # Errors
    /// ENODEV when the device does not work, ENOTTY for a command that it does not know.
    pub fn ioctl_check(&self, handle: Handle, command: u32) -> Result<IoctlCopies, Errno> {
        self.enabled()?;
        self.files.find(handle).ok_or(Errno::NODEV)?;
        let (input, output) = match command {
            CONNECT_CLIENT => (CONNECT_CLIENT_SIZE, size_of::<ConnectedClient>()),
            CONNECT_CLIENT_VTAG => (CONNECT_CLIENT_VTAG_SIZE, size_of::<ConnectedClient>()),
            NOTIFY_SET => (NOTIFY_SIZE, 0),
            NOTIFY_GET => (0, NOTIFY_SIZE),
            _ => return Err(Errno::NOTTY),
        };
        Ok(IoctlCopies { input, output })
    }

    fn ioctl(
        &mut self,
        call: CallId,
        (file, client): (FileIndex, u8),
        command: u32,
        argument: &[u8],
        blocking: Blocking,
        now: Instant,
    ) -> Result<(), Errno> {
        self.enabled()?;
        match command {
            CONNECT_CLIENT => {
                let (guid, _) = Guid::read_from_prefix(argument).map_err(|_| Errno::FAULT)?;
                match self.vtag_support(guid) {
                    Err(Errno::NOTTY) => Err(Errno::NOTTY),
                    Ok(()) => self.connect_vtag(call, file, guid, 0, now),
                    Err(_) => self.connect(Some(call), file, guid, now),
                }
            }
            CONNECT_CLIENT_VTAG => {
                let (request, _) = ConnectVtag::read_from_prefix(argument).map_err(|_| Errno::FAULT)?;
                self.vtag_support(request.guid)?;
                if request.vtag == 0 {
                    return Err(Errno::INVAL);
                }
                self.connect_vtag(call, file, request.guid, request.vtag, now)
            }
            NOTIFY_SET => {
                let bytes = argument.first_chunk().ok_or(Errno::FAULT)?;
                let switch = match u32::from_ne_bytes(*bytes) {
                    0 => Switch::Off,
                    1 => Switch::On,
                    _ => return Err(Errno::INVAL),
                };
                self.notify_set(call, (file, client), switch, now)
            }
            NOTIFY_GET => self.notify_get(call, (file, client), blocking),
            _ => Err(Errno::NOTTY),
        }
    }

    #[inline]
    fn read_call(
        &mut self,
        call: CallId,
        (file, id): (FileIndex, u8),
        size: usize,
        blocking: Blocking,
        now: Instant,
    ) -> Result<(), Errno> {
        self.enabled()?;
        if size == 0 {
            let buffer = self.pool.take();
            self.outputs.data(call, buffer, 0, 0);
            return Ok(());
        }
        if let Some(place) = self.client(id).and_then(|client| client.completed_for(file)) {
            self.take_message(call, id, place, size, now);
            return Ok(());
        }
        self.read_start(id, file, size, now)?;
        match blocking {
            Blocking::NonBlocking => return Err(Errno::AGAIN),
            Blocking::Wait => self.park(id, Parked { call: Some(call), file, wait: Wait::Read { size } }),
        }
        Ok(())
    }

    #[inline]
    fn write_call(
        &mut self,
        call: CallId,
        (file, id): (FileIndex, u8),
        data: &[u8],
        blocking: Blocking,
        now: Instant,
    ) -> Result<(), Errno> {
        self.enabled()?;
        let limit = usize::from(self.tx_queue_limit);
        let client = self.connected(id)?;
        if !self.is_active(client) {
            return Err(Errno::NOTTY);
        }
        if u32::try_from(data.len()).map_or(true, |length| length > client.mtu) {
            return Err(Errno::FBIG);
        }
        if data.is_empty() {
            self.outputs.written(call, 0);
            return Ok(());
        }
        if client.is_full(limit) {
            if blocking == Blocking::NonBlocking {
                return Err(Errno::AGAIN);
            }
            let mut copy = self.pool.take();
            copy.extend_from_slice(data);
            self.park(id, Parked { call: Some(call), file, wait: Wait::Write { data: copy } });
            return Ok(());
        }
        let count = self.write_now(id, file, data, now)?;
        self.outputs.written(call, count);
        Ok(())
    }

    fn poll(&mut self, (file, id): (FileIndex, u8), events: u32, now: Instant) -> u32 {
        if let Some(file) = self.files.get_mut(file) {
            file.polled = true;
        }
        let limit = usize::from(self.tx_queue_limit);
        let enabled = self.state == DeviceState::Enabled;
        let Some(client) = self.client(id).filter(|client| enabled && client.is_connected()) else {
            return poll::ERR;
        };
        let mut ready = 0;
        if client.notifications.enabled && client.notifications.event {
            ready |= poll::PRI;
        }
        if !client.is_full(limit) {
            ready |= poll::OUT | poll::WRNORM;
        }
        if events & (poll::IN | poll::RDNORM) != 0 {
            if client.completed_for(file).is_some() {
                ready |= poll::IN | poll::RDNORM;
            } else {
                // The driver does not mind either when this fails.
                let _ = self.read_start(id, file, 0, now);
            }
        }
        ready & events
    }

    fn fsync(&mut self, call: CallId, (file, id): (FileIndex, u8)) -> Result<(), Errno> {
        self.enabled()?;
        if self.connected(id)?.writes_queued() == 0 {
            self.outputs.done(call);
        } else {
            self.park(id, Parked { call: Some(call), file, wait: Wait::Fsync });
        }
        Ok(())
    }

    /// The last reference to a file is gone (`device-abi.md` §4).
    fn release(&mut self, call: CallId, file: FileIndex, now: Instant) {
        let Some(record) = self.files.get_mut(file) else { return self.outputs.done(call) };
        record.closing = true;
        record.vtag = None;
        let id = record.client;
        self.answer_file(id, file, Errno::INTR);
        let Some(client) = self.client_mut(id) else { return self.outputs.done(call) };
        client.files.retain(|&sharer| sharer != file);
        if !client.files.is_empty() {
            self.flush_file(id, file);
            self.files.remove(file);
            return self.outputs.done(call);
        }
        if client.parked.iter().any(|parked| parked.file == file) {
            // Its caller died in a connect: a living one keeps the file open until it returns. The connect has to
            // come to an end first, but over CUSE a dead process waits for this answer, and it need not.
            self.outputs.done(call);
            return self.park(id, Parked { call: None, file, wait: Wait::Close });
        }
        self.close_last(Some(call), id, file, now);
    }

    /// Releases a file that shares its client with no other.
    pub(crate) fn close_last(&mut self, call: Option<CallId>, id: u8, file: FileIndex, now: Instant) {
        let going_down = self.state.is_going_down();
        let asks = |client: &HostClient| client.is_connected() && !client.is_local() && !going_down;
        if self.client(id).is_some_and(asks) && self.begin_disconnect(id, now).is_ok() {
            let wait = Wait::Release { deadline: now + CLIENT_TIMEOUT };
            return self.park(id, Parked { call, file, wait });
        }
        self.finish_release(id, file);
        if let Some(call) = call {
            self.outputs.done(call);
        }
    }

    /// The client of a released file is disconnected, one way or another.
    pub(crate) fn finish_release(&mut self, id: u8, file: FileIndex) {
        self.set_disconnected(id);
        self.files.remove(file);
        match self.client(id) {
            // A sharer came while the release waited.
            Some(client) if !client.files.is_empty() => self.flush_file(id, file),
            _ => self.unlink(id),
        }
    }

    /// Drops what one of several sharers has queued and not read. A message of which a part went out goes on,
    /// for the sake of the others.
    fn flush_file(&mut self, id: u8, file: FileIndex) {
        let Self { clients, pool, .. } = self;
        let Some(client) = clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut) else { return };
        for _ in 0..client.unsent.len() {
            let Some(message) = client.unsent.pop_front() else { break };
            if message.file == file && !message.started {
                client.unsent_bytes -= message.buffer.len();
                pool.put(message.buffer);
            } else {
                client.unsent.push_back(message);
            }
        }
        for _ in 0..client.completed.len() {
            let Some(message) = client.completed.pop_front() else { break };
            if message.file == file {
                client.completed_bytes -= message.buffer.len();
                pool.put(message.buffer);
            } else {
                client.completed.push_back(message);
            }
        }
        self.update_ready(id);
        self.touch(id);
    }

    /// Frees a host client and its id.
    pub(crate) fn unlink(&mut self, id: u8) {
        self.set_disconnected(id);
        self.timed.remove(id);
        self.used_ids.remove(id);
        let client = self.clients.get_mut(usize::from(id)).and_then(Option::take);
        let Some(client) = client else { return };
        for message in client.completed {
            self.pool.put(message.buffer);
        }
        for parked in client.parked {
            if let Some(call) = parked.call {
                self.outputs.error(call, Errno::NODEV);
            }
        }
    }

    /// Starts a disconnect of a connected client.
    ///
    /// # Errors
    /// The errno of sending.
    pub(crate) fn begin_disconnect(&mut self, id: u8, now: Instant) -> Result<(), Errno> {
        if let Some(client) = self.client_mut(id) {
            client.state = ClientState::Disconnecting;
        }
        self.control_now(id, Control::Disconnect, now)
    }
}
