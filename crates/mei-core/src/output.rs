//! What waits to be drained by the front end.

use crate::call::{CallId, Handle, Output, Reply};
use crate::slots::Pool;
use crate::{DeviceState, Errno};
use std::collections::VecDeque;

/// One output, with the bytes it lends.
#[derive(Debug)]
enum Queued {
    Opened(CallId, Handle),
    Bytes(CallId, [u8; 8], usize),
    Data(CallId, Vec<u8>, usize, usize),
    Written(CallId, usize),
    Events(CallId, u32),
    Done(CallId),
    Error(CallId, Errno),
    Restart(CallId),
    Wake(Handle),
    State(DeviceState),
}

/// The queue of outputs. Its length is bounded by the calls and files there are.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    queue: VecDeque<Queued>,
    lent: Option<Vec<u8>>,
}

impl Outputs {
    pub(crate) fn opened(&mut self, call: CallId, handle: Handle) {
        self.queue.push_back(Queued::Opened(call, handle));
    }

    /// Bytes for an ioctl to copy out, at most eight.
    pub(crate) fn bytes(&mut self, call: CallId, bytes: &[u8]) {
        let mut buffer = [0; 8];
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        self.queue.push_back(Queued::Bytes(call, buffer, length));
    }

    /// The bytes of `buffer` from `start` to `end` as the data of a read.
    #[inline]
    pub(crate) fn data(&mut self, call: CallId, buffer: Vec<u8>, start: usize, end: usize) {
        self.queue.push_back(Queued::Data(call, buffer, start, end));
    }

    #[inline]
    pub(crate) fn written(&mut self, call: CallId, count: usize) {
        self.queue.push_back(Queued::Written(call, count));
    }

    pub(crate) fn events(&mut self, call: CallId, events: u32) {
        self.queue.push_back(Queued::Events(call, events));
    }

    pub(crate) fn done(&mut self, call: CallId) {
        self.queue.push_back(Queued::Done(call));
    }

    pub(crate) fn error(&mut self, call: CallId, errno: Errno) {
        self.queue.push_back(Queued::Error(call, errno));
    }

    pub(crate) fn restart(&mut self, call: CallId) {
        self.queue.push_back(Queued::Restart(call));
    }

    pub(crate) fn wake(&mut self, handle: Handle) {
        self.queue.push_back(Queued::Wake(handle));
    }

    pub(crate) fn state(&mut self, state: DeviceState) {
        self.queue.push_back(Queued::State(state));
    }

    /// Whether nothing waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The next output. The buffer that an earlier one lent goes back to the pool with it, not before.
    #[inline]
    pub(crate) fn next(&mut self, pool: &mut Pool) -> Option<Output<'_>> {
        // Asked for after each event, most of which have nothing to say.
        if self.is_empty() { None } else { self.take(pool) }
    }

    #[inline]
    fn take(&mut self, pool: &mut Pool) -> Option<Output<'_>> {
        if let Some(buffer) = self.lent.take() {
            pool.put(buffer);
        }
        Some(match self.queue.pop_front()? {
            Queued::Opened(call, handle) => Output::Reply(call, Reply::Opened(handle)),
            Queued::Bytes(call, bytes, length) => {
                let buffer = self.lent.insert(pool.take());
                buffer.extend_from_slice(&bytes[..length]);
                Output::Reply(call, Reply::Ioctl(buffer))
            }
            Queued::Data(call, buffer, start, end) => {
                let buffer = self.lent.insert(buffer);
                Output::Reply(call, Reply::Data(buffer.get(start..end).unwrap_or_default()))
            }
            Queued::Written(call, count) => Output::Reply(call, Reply::Written(count)),
            Queued::Events(call, events) => Output::Reply(call, Reply::Events(events)),
            Queued::Done(call) => Output::Reply(call, Reply::Done),
            Queued::Error(call, errno) => Output::Reply(call, Reply::Error(errno)),
            Queued::Restart(call) => Output::Reply(call, Reply::Restart),
            Queued::Wake(handle) => Output::Wake(handle),
            Queued::State(state) => Output::State(state),
        })
    }
}
