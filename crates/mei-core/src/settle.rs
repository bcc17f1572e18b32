//! Calls that wait: which are answered after something has happened to their client.
//!
//! Rule one of the host: each parked call names what ends it, and each thing that ends one marks the client
//! ([`Host::touch`]); the marked clients are settled before the event is over.

use crate::call::CallId;
use crate::client::{FileIndex, HostClient, Owner, Parked, Wait};
use crate::{Errno, Host};
use mei_wire::Function;
use std::time::Instant;

/// Why a call is to end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The caller has a signal to handle.
    Signal,
    /// There is no caller any more.
    Death,
}

/// What became of a parked call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Waits,
    Answered,
}

impl<F: Function> Host<F> {
    /// Looks at the waiting calls of one client.
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
                && self.step(id, parked, now) == Outcome::Answered
            {
                waiting.remove(place);
            }
        }
        // Writes in the order they came.
        let mut place = 0;
        while let Some(parked) = waiting.get_mut(place) {
            if matches!(parked.wait, Wait::Write { .. }) && self.step(id, parked, now) == Outcome::Answered {
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

    fn step(&mut self, id: u8, parked: &mut Parked, now: Instant) -> Outcome {
        let Some(client) = self.client(id) else { return Outcome::Waits };
        let connected = client.is_connected();
        let (call, file) = (parked.call, parked.file);
        let errno = match &mut parked.wait {
            Wait::Read { .. } | Wait::Write { .. } | Wait::Fsync | Wait::NotifyGet if !connected => {
                if let Wait::Write { data } = &mut parked.wait {
                    self.pool.put(std::mem::take(data));
                }
                Errno::NODEV
            }
            Wait::Read { size } => match (client.completed_for(file), call) {
                (Some(place), Some(call)) => {
                    self.take_message(call, id, place, *size, now);
                    return Outcome::Answered;
                }
                _ => return Outcome::Waits,
            },
            Wait::Write { data } => {
                if client.is_full(usize::from(self.tx_queue_limit)) {
                    return Outcome::Waits;
                }
                match self.write_now(id, file, std::mem::take(data), now) {
                    Ok(count) => {
                        if let Some(call) = call {
                            self.outputs.written(call, count);
                        }
                        return Outcome::Answered;
                    }
                    Err(errno) => errno,
                }
            }
            Wait::Fsync => {
                if client.writes_queued() > 0 {
                    return Outcome::Waits;
                }
                if let Some(call) = call {
                    self.outputs.done(call);
                }
                return Outcome::Answered;
            }
            Wait::NotifyGet => {
                if !self.take_event(id) {
                    return Outcome::Waits;
                }
                if let Some(call) = call {
                    self.outputs.bytes(call, &1u32.to_ne_bytes());
                }
                return Outcome::Answered;
            }
            Wait::NotifySet { switch, deadline } => match self.step_notify_set(id, *switch, *deadline, now) {
                None => return Outcome::Waits,
                Some(Ok(())) => {
                    if let Some(call) = call {
                        self.outputs.bytes(call, &[]);
                    }
                    return Outcome::Answered;
                }
                Some(Err(errno)) => errno,
            },
            Wait::Connect { properties, stage, deadline } => {
                match self.step_connect(id, stage, deadline, now) {
                    None => return Outcome::Waits,
                    Some(Ok(())) => {
                        self.answer_connect(call, *properties);
                        return Outcome::Answered;
                    }
                    Some(Err(errno)) => errno,
                }
            }
            Wait::Share { guid, deadline } => {
                if *deadline <= now {
                    *deadline = now + crate::host::CLIENT_TIMEOUT;
                }
                match self.step_share(call, file, *guid, now) {
                    None => return Outcome::Waits,
                    Some(Ok(())) => return Outcome::Answered,
                    Some(Err(errno)) => errno,
                }
            }
            Wait::Close => {
                if client.state.is_transitional() {
                    return Outcome::Waits;
                }
                self.close_last(call, id, file, now);
                return Outcome::Answered;
            }
            Wait::Release { deadline } => {
                use crate::state::ClientState::{DisconnectReply, Disconnected};
                if !matches!(client.state, DisconnectReply | Disconnected) && *deadline > now {
                    return Outcome::Waits;
                }
                self.finish_release(id, file);
                if let Some(call) = call {
                    self.outputs.done(call);
                }
                return Outcome::Answered;
            }
        };
        self.answer_error(call, errno);
        Outcome::Answered
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
