//! The host: its state and its entrances.

use crate::DeviceState;
use crate::bits::IdSet;
use crate::call::{CallId, Output};
use crate::client::{FileIndex, HostClient};
use crate::control::ControlQueue;
use crate::dma_ring::DmaRing;
use crate::files::Files;
use crate::hbm::Hbm;
use crate::link::HostBuffer;
use crate::me_clients::MeClients;
use crate::options::Options;
use crate::output::Outputs;
use crate::receive::Arrived;
use crate::reset::Phase;
use crate::service::Services;
use crate::slots::{Inbox, Pool};
use mei_wire::Function;
use mei_wire::mkhi::FwVersion;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The driver of one function: everything that the kernel's driver does between `/dev/meiN` and the registers.
///
/// It is told what happens (a call, an interrupt, that time passed) and asked what to do
/// ([`Host::next_output`]). It never waits, never reads a clock, and answers each call exactly once.
#[derive(Debug)]
pub struct Host<F> {
    pub(crate) function: F,
    pub(crate) options: Options,
    pub(crate) state: DeviceState,
    pub(crate) phase: Phase,
    /// Consecutive resets without reaching ENABLED.
    pub(crate) reset_count: u8,
    /// A reset has to begin once the present event is dealt with.
    pub(crate) reset_scheduled: bool,
    /// The function did not answer.
    pub(crate) gone: bool,
    /// When the first handshake after [`Host::start`] must have been answered.
    pub(crate) start_deadline: Option<Instant>,
    /// Next tick of the stall timer.
    pub(crate) tick: Option<Instant>,
    pub(crate) d0i3_supported: bool,
    pub(crate) buffer: HostBuffer,
    /// The firmware has to be told that something was written or read.
    pub(crate) bell: bool,
    pub(crate) frame: [u32; 130],
    pub(crate) inbox: Inbox,
    pub(crate) arrived: VecDeque<Arrived>,
    pub(crate) hbm: Hbm,
    pub(crate) me_clients: MeClients,
    pub(crate) clients: Vec<Option<Box<HostClient>>>,
    pub(crate) used_ids: IdSet,
    /// Host client that is connected to a fixed-address client, by ME client id; 0 none.
    pub(crate) fixed: [u8; 256],
    pub(crate) files: Files,
    pub(crate) control: ControlQueue,
    /// Clients that have something to send and may.
    pub(crate) ready: IdSet,
    /// Clients with unsent messages.
    pub(crate) queued: IdSet,
    /// Clients with messages in the hardware buffer.
    pub(crate) draining: IdSet,
    /// Clients with calls whose wait ends by itself.
    pub(crate) timed: IdSet,
    /// Clients whose connect or disconnect is being timed.
    pub(crate) stalling: IdSet,
    /// Sharers that are to get a new credit.
    pub(crate) rearm: Vec<(u8, FileIndex)>,
    /// Clients to settle.
    pub(crate) dirty: Vec<u8>,
    pub(crate) sequence: u64,
    /// Host clients made so far.
    pub(crate) serial: u64,
    pub(crate) ring: Option<DmaRing>,
    pub(crate) services: Services,
    pub(crate) fw_versions: [FwVersion; 3],
    pub(crate) tx_queue_limit: u8,
    /// `allow_fixed_address` of debugfs, once it was written.
    pub(crate) allow_fixed_address: Option<bool>,
    pub(crate) outputs: Outputs,
    pub(crate) pool: Pool,
}

/// How long a caller waits for the firmware's answer to a connect, a disconnect or a notification switch
/// (`hbm.md` §4.1).
pub(crate) const CLIENT_TIMEOUT: Duration = Duration::from_secs(15);

/// The earlier of two instants that may not be.
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (one, None) => one,
        (None, other) => other,
        (Some(one), Some(other)) => Some(one.min(other)),
    }
}

impl<F: Function> Host<F> {
    /// A host that owns `function` and has not touched it yet.
    pub fn new(function: F, options: Options) -> Self {
        Self {
            function,
            options,
            state: DeviceState::Initializing,
            phase: Phase::Off,
            reset_count: 0,
            reset_scheduled: false,
            gone: false,
            start_deadline: None,
            tick: None,
            d0i3_supported: false,
            buffer: HostBuffer::default(),
            bell: false,
            frame: [0; 130],
            inbox: Inbox::new(),
            arrived: VecDeque::new(),
            hbm: Hbm::default(),
            me_clients: MeClients::default(),
            clients: std::iter::repeat_with(|| None).take(256).collect(),
            used_ids: IdSet::default(),
            fixed: [0; 256],
            files: Files::default(),
            control: ControlQueue::default(),
            ready: IdSet::default(),
            queued: IdSet::default(),
            draining: IdSet::default(),
            timed: IdSet::default(),
            stalling: IdSet::default(),
            rearm: Vec::new(),
            dirty: Vec::new(),
            sequence: 0,
            serial: 0,
            ring: None,
            services: Services::default(),
            fw_versions: [FwVersion::default(); 3],
            tx_queue_limit: Self::DEFAULT_TX_QUEUE_LIMIT,
            allow_fixed_address: None,
            outputs: Outputs::default(),
            pool: Pool::default(),
        }
    }

    /// Writes that one client may have waiting, before sysfs says otherwise.
    const DEFAULT_TX_QUEUE_LIMIT: u8 = 50;

    /// The function, for its owner to let it work.
    pub fn function(&self) -> &F {
        &self.function
    }

    /// The function, for its owner to let it work.
    pub fn function_mut(&mut self) -> &mut F {
        &mut self.function
    }

    /// The function interrupted (or may have).
    pub fn interrupt(&mut self, now: Instant) {
        if self.phase != Phase::Off {
            // A function that is gone is dealt with when the event is finished.
            let _ = self.service_interrupt(now);
        }
        self.finish(now);
    }

    /// Time passed; at [`Host::deadline`] at the latest.
    pub fn advance(&mut self, now: Instant) {
        self.phase_timeout(now);
        if self.tick.is_some_and(|tick| tick <= now) {
            self.stall_tick(now);
        }
        self.advance_services(now);
        for id in self.timed.iter() {
            self.touch(id);
        }
        self.finish(now);
    }

    /// When [`Host::advance`] must be called.
    #[inline]
    pub fn deadline(&self) -> Option<Instant> {
        // Asked for with each message, when there is none most of the time.
        let quiet = self.phase == Phase::Up
            && self.tick.is_none()
            && self.start_deadline.is_none()
            && self.timed.is_empty();
        if quiet { self.services.deadline() } else { self.earliest_deadline() }
    }

    fn earliest_deadline(&self) -> Option<Instant> {
        let mut deadline = earlier(self.phase.deadline(), self.tick);
        if self.phase == Phase::Up {
            // The handshake is being waited for only once there is a link to shake hands over.
            deadline = earlier(deadline, self.start_deadline);
        }
        deadline = earlier(deadline, self.services.deadline());
        if self.timed.is_empty() {
            return deadline;
        }
        let waits = self.timed.iter().filter_map(|id| {
            let client = self.client(id)?;
            client.parked.iter().filter_map(|parked| parked.wait.deadline()).min()
        });
        earlier(deadline, waits.min())
    }

    /// The next thing to do; drain after every other call.
    pub fn next_output(&mut self) -> Option<Output<'_>> {
        self.outputs.next(&mut self.pool)
    }

    /// Whether [`Host::next_output`] has something to do.
    #[inline]
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// A signal reached the sleeping caller: EINTR where the kernel's driver sleeps interruptibly, nothing where
    /// not.
    pub fn cancel(&mut self, id: CallId, now: Instant) {
        self.interrupt_call(id, crate::settle::Interruption::Signal);
        self.finish(now);
    }

    /// The caller is dead (killed): answers as soon as possible whatever the kernel would do, since nobody sees
    /// it. What the call began goes on.
    pub fn abandon(&mut self, id: CallId, now: Instant) {
        self.interrupt_call(id, crate::settle::Interruption::Death);
        self.finish(now);
    }

    /// `dev_state`.
    pub fn state(&self) -> DeviceState {
        self.state
    }

    /// Open files, those included whose release waits for the firmware.
    pub fn open_files(&self) -> usize {
        self.files.len()
    }

    /// Ends the handling of one event: resets that it caused, callers that it woke, the bell.
    #[inline]
    pub(crate) fn finish(&mut self, now: Instant) {
        let more = self.gone | self.reset_scheduled | self.services.rescan
            || !self.dirty.is_empty()
            || !self.rearm.is_empty();
        if more {
            self.finish_more(now);
        }
        if self.bell {
            let _ = self.ring();
            if self.gone && self.state != DeviceState::Disabled {
                self.finish_more(now);
            }
        }
    }

    /// Does what is left to do, until nothing is.
    fn finish_more(&mut self, now: Instant) {
        loop {
            if self.gone && self.state != DeviceState::Disabled {
                self.lose();
            }
            if std::mem::take(&mut self.reset_scheduled) {
                self.reset(now);
                continue;
            }
            if std::mem::take(&mut self.services.rescan) {
                self.rescan(now);
                continue;
            }
            if let Some((id, file)) = self.rearm.pop() {
                // Its file is told nothing: it asks again by its next read or poll.
                let _ = self.read_start(id, file, 0, now);
                continue;
            }
            match self.dirty.pop() {
                Some(id) => self.settle(id, now),
                None => break,
            }
        }
    }

    pub(crate) fn set_state(&mut self, state: DeviceState) {
        if self.state != state {
            log::debug!("device state {} -> {state}", self.state);
            self.state = state;
            self.outputs.state(state);
        }
    }

    pub(crate) fn client(&self, id: u8) -> Option<&HostClient> {
        self.clients.get(usize::from(id))?.as_deref()
    }

    pub(crate) fn client_mut(&mut self, id: u8) -> Option<&mut HostClient> {
        self.clients.get_mut(usize::from(id))?.as_deref_mut()
    }

    /// Marks a client whose waiting calls have to be looked at.
    pub(crate) fn touch(&mut self, id: u8) {
        if let Some(client) = self.clients.get_mut(usize::from(id)).and_then(Option::as_deref_mut)
            && !std::mem::replace(&mut client.dirty, true)
        {
            self.dirty.push(id);
        }
    }

    /// Wakes the pollers of one file, if there can be any.
    pub(crate) fn wake_file(&mut self, index: FileIndex) {
        if let Some(file) = self.files.get_mut(index)
            && std::mem::take(&mut file.polled)
        {
            let handle = file.handle;
            self.outputs.wake(handle);
        }
    }

    /// Wakes the pollers of all files of a client.
    pub(crate) fn wake_client(&mut self, id: u8) {
        let mut place = 0;
        while let Some(&file) = self.client(id).and_then(|client| client.files.get(place)) {
            self.wake_file(file);
            place += 1;
        }
    }
}
