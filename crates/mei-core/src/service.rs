//! The driver's own connections: how they begin, who serves them, how they end.

use crate::amthi::SharedAmthi;
use crate::client::{FileIndex, Origin, Owner, Service};
use crate::fix_up::FixUp;
use crate::host::earlier;
use crate::state::ClientState;
use crate::watchdog::Watchdog;
use crate::{DeviceState, Errno, Host};
use mei_wire::Function;
use std::time::Instant;

/// What the driver does by itself.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// The clients have changed: look who has to be served.
    pub(crate) rescan: bool,
    pub(crate) fix_up: FixUp,
    pub(crate) watchdog: Watchdog,
    pub(crate) amthi: SharedAmthi,
}

impl Services {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        earlier(earlier(self.fix_up.deadline(), self.watchdog.deadline()), self.amthi.deadline())
    }
}

/// No file: what belongs to the driver.
pub(crate) const NO_FILE: FileIndex = FileIndex::MAX;

impl<F: Function> Host<F> {
    /// Clients appeared: what the driver's bus rescan does.
    #[cold]
    pub(crate) fn rescan(&mut self, now: Instant) {
        if self.state == DeviceState::Enabled {
            self.fix_up_next(now);
            self.watchdog_probe(now);
            self.amthi_connect(now);
        }
    }

    /// Something happened to a connection of the driver's.
    #[cold]
    pub(crate) fn serve(&mut self, service: Service, id: u8, now: Instant) {
        match service {
            Service::FixUp => self.fix_up_serve(id, now),
            Service::Watchdog => self.watchdog_serve(id, now),
            Service::Amthi => self.amthi_serve(id, now),
        }
    }

    /// Time passed for the driver's own waits.
    pub(crate) fn advance_services(&mut self, now: Instant) {
        self.fix_up_timeout(now);
        self.watchdog_timeout_check(now);
        self.amthi_timeout(now);
    }

    /// Connects for the driver.
    ///
    /// # Errors
    /// ENOTTY when there is no such client, EMFILE, EBUSY, the errno of sending.
    pub(crate) fn open_service(
        &mut self,
        service: Service,
        guid: mei_wire::Guid,
        now: Instant,
    ) -> Result<u8, Errno> {
        let me = self.me_clients.by_guid(guid).ok_or(Errno::NOTTY)?;
        let id = self.add_client_for(Owner::Driver(service))?;
        if let Err(errno) = self.begin_connect(id, me, now) {
            self.unlink(id);
            return Err(errno);
        }
        self.touch(id);
        Ok(id)
    }

    /// Sends a message of the driver's.
    pub(crate) fn send_for(&mut self, id: u8, origin: Origin, message: &[u8]) -> Result<(), Errno> {
        self.write_message(id, NO_FILE, 0, origin, message).map(|_| ())
    }

    /// The oldest message for the driver.
    pub(crate) fn receive_for(&mut self, id: u8) -> Option<Result<Vec<u8>, Errno>> {
        let client = self.client_mut(id)?;
        let message = client.completed.pop_front()?;
        client.completed_bytes -= message.buffer.len();
        match message.status {
            None => Some(Ok(message.buffer)),
            Some(errno) => {
                self.pool.put(message.buffer);
                Some(Err(errno))
            }
        }
    }

    /// Whether a connection of the driver's came to nothing or is over.
    pub(crate) fn has_ended(&self, id: u8) -> bool {
        self.client(id).is_none_or(|client| {
            !matches!(
                client.state,
                ClientState::Connected | ClientState::Connecting | ClientState::Disconnecting
            )
        })
    }
}
