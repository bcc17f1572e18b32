//! Notifications (`device-abi.md` §5.6, §5.7).

use crate::call::{Blocking, CallId};
use crate::client::{FileIndex, Parked, Switch, Wait};
use crate::control::Control;
use crate::host::CLIENT_TIMEOUT;
use crate::{Errno, Host};
use mei_wire::Function;
use std::time::Instant;

impl<F: Function> Host<F> {
    fn has_notifications(&self, id: u8) -> Result<(), Errno> {
        if !self.hbm.features.since_2_0 {
            return Err(Errno::OPNOTSUPP);
        }
        match self.client(id) {
            Some(client) if client.is_connected() => Ok(()),
            _ => Err(Errno::NODEV),
        }
    }

    pub(crate) fn notify_set(
        &mut self,
        call: CallId,
        (file, id): (FileIndex, u8),
        switch: Switch,
        now: Instant,
    ) -> Result<(), Errno> {
        self.has_notifications(id)?;
        if let Some(client) = self.client_mut(id) {
            client.notifications.refused = false;
        }
        self.control_now(id, Control::Notify(switch), now).map_err(|_| Errno::NODEV)?;
        let deadline = now + CLIENT_TIMEOUT;
        match self.step_notify_set(id, switch, deadline, now) {
            Some(result) => {
                result?;
                self.outputs.bytes(call, &[]);
            }
            None => {
                let wait = Wait::NotifySet { switch, deadline };
                self.park(id, Parked { call: Some(call), file, wait });
            }
        }
        Ok(())
    }

    /// One step of a switch that waits: `Some` when it is over.
    pub(crate) fn step_notify_set(
        &mut self,
        id: u8,
        switch: Switch,
        deadline: Instant,
        now: Instant,
    ) -> Option<Result<(), Errno>> {
        let client = self.client_mut(id)?;
        let result = if client.notifications.enabled == switch.is_on() {
            Ok(())
        } else if client.notifications.refused {
            Err(Errno::INVAL)
        } else if !client.is_connected() || deadline <= now {
            Err(Errno::FAULT)
        } else {
            return None;
        };
        // The request is nobody's any more, whether it is queued or on the wire.
        if self.control.contains(id, Control::Notify(switch)) {
            self.control.drop_one(id, Control::Notify(switch));
        }
        Some(result)
    }

    pub(crate) fn notify_get(
        &mut self,
        call: CallId,
        (file, id): (FileIndex, u8),
        blocking: Blocking,
    ) -> Result<(), Errno> {
        self.has_notifications(id)?;
        if self.take_event(id) {
            self.outputs.bytes(call, &1u32.to_ne_bytes());
            return Ok(());
        }
        match blocking {
            Blocking::NonBlocking => Err(Errno::AGAIN),
            Blocking::Wait => {
                self.park(id, Parked { call: Some(call), file, wait: Wait::NotifyGet });
                Ok(())
            }
        }
    }

    /// Takes a pending event: it is one, however many came.
    pub(crate) fn take_event(&mut self, id: u8) -> bool {
        self.client_mut(id).is_some_and(|client| std::mem::take(&mut client.notifications.event))
    }
}
