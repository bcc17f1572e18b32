//! Calls that wait: which are answered after something has happened to their client.
//!
//! Rule one of the host: each parked call names what ends it, and each thing that ends one marks the client
//! ([`Host::touch`]); the marked clients are settled before the event is over.

use crate::call::CallId;
use crate::client::{FileIndex, HostClient, Owner, Parked, Wait};
use crate::host::CLIENT_TIMEOUT;
use crate::state::ClientState;
use crate::{Errno, Host};
use mei_wire::Function;
use mei_wire::hbm::ClientProperties;
use std::time::Instant;

/// Why a call is to end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The caller has a signal to handle.
    Signal,
    /// There is no caller any more.
    Death,
}

/// What a call that waited is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The answer is given already, or will be by another wait.
    Given,
    Written(usize),
    Event,
    Switched,
    Connected(ClientProperties),
    Done,
}

impl<F: Function> Host<F> {
    /// Looks at the waiting calls of one client.
    #[inline]
    pub(crate) fn settle(&mut self, id: u8, now: Instant) {
        let Some(client) = self.client_mut(id) else { return };
        client.dirty = false;
        if let Owner::Driver(service) = client.owner {
            return self.serve(service, id, now);
        }
        if client.parked.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut client.parked);
        // Newest first, which is the order in which the kernel's waiters wake (`clients.md` §1.3).
        for place in (0..waiting.len()).rev() {
            if let Some(parked) = waiting.get_mut(place)
                && !matches!(parked.wait, Wait::Write { .. })
                && self.step(id, parked, now)
            {
                if place + 1 == waiting.len() {
                    waiting.truncate(place);
                } else {
                    waiting.remove(place);
                }
            }
        }
        if waiting.is_empty()
            && let Some(client) = self.client_mut(id).filter(|client| client.parked.is_empty())
        {
            // Nobody waits any more, as is usual.
            client.parked = waiting;
            self.timed.remove(id);
            return;
        }
        // Writes in the order they came.
        let mut place = 0;
        while let Some(parked) = waiting.get_mut(place) {
            if matches!(parked.wait, Wait::Write { .. }) && self.step(id, parked, now) {
                waiting.remove(place);
            } else {
                place += 1;
            }
        }
        self.rearm_readers(id, &mut waiting, now);
        let Some(client) = self.client_mut(id) else {
            for parked in waiting {
                self.answer_error(parked.call, Errno::NODEV);
            }
            return;
        };
        waiting.append(&mut client.parked);
        let timed = waiting.iter().any(|parked| parked.wait.deadline().is_some());
        client.parked = waiting;
        self.timed.set(id, timed);
    }

    /// Looks at one call; true when it waits no more.
    #[inline]
    fn step(&mut self, id: u8, parked: &mut Parked, now: Instant) -> bool {
        let Some(result) = self.outcome(id, parked, now) else { return false };
        let Some(call) = parked.call else { return true };
        match result {
            Ok(Answer::Given) => {}
            Ok(Answer::Written(count)) => self.outputs.written(call, count),
            Ok(Answer::Event) => self.outputs.bytes(call, &1u32.to_ne_bytes()),
            Ok(Answer::Switched) => self.outputs.bytes(call, &[]),
            Ok(Answer::Connected(properties)) => self.answer_connect(Some(call), properties),
            Ok(Answer::Done) => self.outputs.done(call),
            Err(errno) => self.outputs.error(call, errno),
        }
        true
    }

    /// How the wait of a call ends, when it does.
    #[inline]
    fn outcome(&mut self, id: u8, parked: &mut Parked, now: Instant) -> Option<Result<Answer, Errno>> {
        let client = self.client(id)?;
        let connected = client.is_connected();
        let (call, file) = (parked.call, parked.file);
        match &mut parked.wait {
            Wait::Read { .. } | Wait::Fsync | Wait::NotifyGet if !connected => Some(Err(Errno::NODEV)),
            Wait::Write { data } if !connected => {
                self.pool.put(std::mem::take(data));
                Some(Err(Errno::NODEV))
            }
            Wait::Read { size } => {
                let place = client.completed_for(file)?;
                self.take_message(call?, id, place, *size, now);
                Some(Ok(Answer::Given))
            }
            Wait::Write { data } => {
                if client.is_full(usize::from(self.tx_queue_limit)) {
                    return None;
                }
                let data = std::mem::take(data);
                let written = self.write_now(id, file, &data, now);
                self.pool.put(data);
                Some(written.map(Answer::Written))
            }
            Wait::Fsync => (client.writes_queued() == 0).then_some(Ok(Answer::Done)),
            Wait::NotifyGet => self.take_event(id).then_some(Ok(Answer::Event)),
            Wait::NotifySet { switch, deadline } => {
                Some(self.step_notify_set(id, *switch, *deadline, now)?.map(|()| Answer::Switched))
            }
            Wait::Connect { properties, stage, deadline } => {
                let result = self.step_connect(id, stage, deadline, now)?;
                Some(result.map(|()| Answer::Connected(*properties)))
            }
            Wait::Share { guid, deadline } => {
                // The driver sleeps on for as long as it takes, fifteen seconds at a time.
                if *deadline <= now {
                    *deadline = now + CLIENT_TIMEOUT;
                }
                Some(self.step_share(call, file, *guid, now)?.map(|()| Answer::Given))
            }
            Wait::Close => {
                if client.state.is_transitional() {
                    return None;
                }
                self.close_last(call, id, file, now);
                Some(Ok(Answer::Given))
            }
            Wait::Release { deadline } => {
                let over = matches!(client.state, ClientState::DisconnectReply | ClientState::Disconnected);
                if !over && *deadline > now {
                    return None;
                }
                self.finish_release(id, file);
                Some(Ok(Answer::Done))
            }
        }
    }

    /// Readers that wait while the firmware may not send get it its credit. The kernel leaves a second reader
    /// without one (`device-abi.md` §15, Q2).
    fn rearm_readers(&mut self, id: u8, waiting: &mut Vec<Parked>, now: Instant) {
        while let Some(place) = waiting.iter().rposition(|parked| matches!(parked.wait, Wait::Read { .. })) {
            let ready = self
                .client(id)
                .is_some_and(|client| !client.armed && !client.is_local() && client.is_connected());
            let Some(&Parked { call, file, wait: Wait::Read { size } }) = waiting.get(place) else { return };
            if !ready {
                return;
            }
            match self.read_start(id, file, size, now) {
                Ok(()) => return,
                Err(errno) => {
                    waiting.remove(place);
                    self.answer_error(call, errno);
                }
            }
        }
    }

    fn answer_error(&mut self, call: Option<CallId>, errno: Errno) {
        if let Some(call) = call {
            self.outputs.error(call, errno);
        }
    }

    /// Answers what a file that closes has waiting. A connect goes on without its caller.
    pub(crate) fn answer_file(&mut self, id: u8, file: FileIndex, errno: Errno) {
        let Self { clients, outputs, .. } = self;
        let Some(client) = clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut) else { return };
        client.parked.retain_mut(|parked| {
            if parked.file != file {
                return true;
            }
            if let Some(call) = parked.call.take() {
                outputs.error(call, errno);
            }
            matches!(parked.wait, Wait::Connect { .. })
        });
    }

    /// Ends the wait of a call as far as its caller can be told.
    pub(crate) fn interrupt_call(&mut self, call: CallId, why: Interruption) {
        let Self { clients, outputs, pool, .. } = self;
        let is_it = |parked: &Parked| parked.call == Some(call);
        let found = clients.iter_mut().flatten().find_map(|client: &mut Box<HostClient>| {
            let place = client.parked.iter().position(is_it)?;
            Some((client, place))
        });
        let Some((client, place)) = found else { return };
        match (&client.parked[place].wait, why) {
            (Wait::NotifyGet, Interruption::Signal) => {
                client.parked.remove(place);
                outputs.restart(call);
            }
            (Wait::Read { .. } | Wait::Write { .. } | Wait::Fsync | Wait::NotifyGet, _) => {
                if let Wait::Write { data } = client.parked.remove(place).wait {
                    pool.put(data);
                }
                outputs.error(call, Errno::INTR);
            }
            // Uninterruptible: a live caller sleeps on.
            (_, Interruption::Signal) => {}
            (_, Interruption::Death) => {
                client.parked[place].call = None;
                outputs.error(call, Errno::INTR);
            }
        }
    }
}
