//! What the driver tells MKHI after each enumeration (`client-bus.md` §3): it asks for the firmware's version
//! and names the operating system.

use crate::client::{HostClient, Origin, Service};
use crate::options::FixUps;
use crate::service::NO_FILE;
use crate::{Errno, Host};
use mei_wire::mkhi::{FwVersion, Header, generic, group};
use mei_wire::{Function, Guid};
use std::time::{Duration, Instant};
use zerocopy::{FromBytes, IntoBytes};

const MKHI_FIXED: Guid = Guid::from_u128(0x55213584_9a29_4916_badf_0fb7ed682aeb);

/// The version's answer.
const RECEIVE_TIMEOUT: Duration = Duration::from_millis(500);
/// A message taken by the firmware. 6.1 waits without end, later kernels this long.
const SEND_TIMEOUT: Duration = Duration::from_secs(4);

/// FWCAPS, SET_OS_VERSION: Linux (`client-bus.md` §3.2).
const OS_VERSION: [u8; 17] = [0x03, 0x06, 0, 0, 0, 0, 0x10, 0, 0x08, 0, 0, 0, 0, 0x02, 0, 0, 0];

/// What the conversation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Version,
    OsVersionSent,
}

/// The conversation, while there is one.
#[derive(Debug, Default)]
pub(crate) struct FixUp(Option<(u8, Step, Instant)>);

impl FixUp {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.map(|(_, _, deadline)| deadline)
    }
}

impl<F: Function> Host<F> {
    /// Begins, when MKHI is there and has not been talked to since it was enumerated.
    pub(crate) fn fix_up_next(&mut self, now: Instant) {
        if self.options.fix_ups == FixUps::None || self.services.fix_up.0.is_some() {
            return;
        }
        let Some(me) = self.me_clients.by_guid(MKHI_FIXED) else { return };
        let Some(record) = self.me_clients.get_mut(me) else { return };
        if std::mem::replace(&mut record.fixed_up, true) {
            return;
        }
        let asks = self.options.device.configuration.fw_version_query;
        if !asks && !self.hbm.features.since_2_0 {
            return;
        }
        match self.open_service(Service::FixUp, MKHI_FIXED, now) {
            Ok(id) if asks => self.ask_version(id, now),
            Ok(id) => self.tell_os_version(id, now),
            Err(errno) => log::warn!("MKHI could not be asked: {errno}"),
        }
    }

    fn ask_version(&mut self, id: u8, now: Instant) {
        let request = Header::request(group::GEN, generic::GET_FW_VERSION);
        let sent = self
            .read_start(id, NO_FILE, 0, now)
            .and_then(|()| self.send_for(id, Origin::Program, request.as_bytes()));
        self.services.fix_up.0 = Some((id, Step::Version, now + RECEIVE_TIMEOUT));
        if let Err(errno) = sent {
            log::warn!("the firmware's version could not be asked for: {errno}");
            self.tell_os_version(id, now);
        }
    }

    fn tell_os_version(&mut self, id: u8, now: Instant) {
        if !self.hbm.features.since_2_0 || self.send_for(id, Origin::Internal, &OS_VERSION).is_err() {
            return self.fix_up_end(id);
        }
        self.services.fix_up.0 = Some((id, Step::OsVersionSent, now + SEND_TIMEOUT));
        self.touch(id);
    }

    fn fix_up_end(&mut self, id: u8) {
        self.services.fix_up.0 = None;
        self.unlink(id);
    }

    pub(crate) fn fix_up_serve(&mut self, id: u8, now: Instant) {
        let Some((_, step, _)) = self.services.fix_up.0 else { return };
        if self.has_ended(id) {
            return self.fix_up_end(id);
        }
        match step {
            Step::Version => {
                if let Some(answer) = self.receive_for(id) {
                    self.take_version(answer);
                    self.tell_os_version(id, now);
                }
            }
            Step::OsVersionSent => {
                if self.client(id).is_some_and(|client: &HostClient| client.writes_queued() == 0) {
                    self.fix_up_end(id);
                }
            }
        }
    }

    fn take_version(&mut self, answer: Result<Vec<u8>, Errno>) {
        let bytes = match answer {
            Ok(bytes) => bytes,
            Err(errno) => return log::warn!("no firmware version: {errno}"),
        };
        // The header is not looked at, incomplete blocks are not either (`client-bus.md` §3.1).
        let blocks =
            bytes.get(size_of::<Header>()..).unwrap_or_default().chunks_exact(size_of::<FwVersion>());
        if blocks.len() == 0 {
            log::warn!("no firmware version in {} bytes", bytes.len());
        }
        for (version, block) in self.fw_versions.iter_mut().zip(blocks) {
            if let Ok(block) = FwVersion::read_from_bytes(block) {
                *version = block;
            }
        }
        self.pool.put(bytes);
    }

    pub(crate) fn fix_up_timeout(&mut self, now: Instant) {
        match self.services.fix_up.0 {
            Some((id, Step::Version, deadline)) if deadline <= now => {
                log::warn!("the firmware does not tell its version");
                self.tell_os_version(id, now);
            }
            Some((id, Step::OsVersionSent, deadline)) if deadline <= now => self.fix_up_end(id),
            _ => {}
        }
    }
}
