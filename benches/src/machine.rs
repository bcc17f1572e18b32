//! A program, a host and a function, one after the other in one thread.

use mei_core::{Blocking, Call, CallId, DeviceState, Handle, Host, Options, Output, Reply};
use mei_wire::Device;
use std::time::{Duration, Instant};
use thiserror::Error;

/// `IOCTL_MEI_CONNECT_CLIENT`.
const CONNECT_CLIENT: u32 = 0xC010_4801;
/// The echo client of the persona, as it is on the wire.
const ECHO: [u8; 16] =
    [0x3A, 0x1B, 0x6E, 0x5D, 0x7C, 0x0B, 0x5E, 0x4C, 0x9F, 0x2A, 0x7A, 0x1D, 0x4E, 0x8C, 0, 1];
/// Bytes a read asks for.
const ROOM: usize = 512;

/// What a call came to that was to succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Failed {
    /// The host and its function do not come up.
    #[error("the device stays {0:?}")]
    Down(DeviceState),
    /// A call was answered otherwise.
    #[error("{0} was not answered as it should")]
    Call(&'static str),
}

/// A host with one file, which is connected. Time stands still.
#[derive(Debug)]
pub struct Machine<D> {
    host: Host<D>,
    now: Instant,
    next: u64,
    file: Handle,
}

/// What a reply says, without what it lends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Opened(Handle),
    Bytes(usize),
    Other,
}

impl<D: Device> Machine<D> {
    /// Brings the device up, opens a file and connects it to the echo.
    ///
    /// # Errors
    /// [`Failed`].
    pub fn start(device: D, options: Options) -> Result<Self, Failed> {
        let now = Instant::now();
        let mut machine = Self { host: Host::new(device, options), now, next: 0, file: Handle(0) };
        machine.host.start(now);
        let limit = now + Duration::from_secs(60);
        while machine.host.state() != DeviceState::Enabled {
            machine.settle(None);
            let deadlines = [machine.host.deadline(), machine.host.function().deadline()];
            match deadlines.into_iter().flatten().min() {
                Some(next) if machine.now < limit => machine.now = machine.now.max(next),
                _ if machine.host.state() == DeviceState::Enabled => {}
                _ => return Err(Failed::Down(machine.host.state())),
            }
        }
        let Some(Answer::Opened(file)) = machine.call(Call::Open) else { return Err(Failed::Call("open")) };
        machine.file = file;
        let (argument, blocking) = (&ECHO[..], Blocking::Wait);
        let connect = Call::Ioctl { handle: file, command: CONNECT_CLIENT, argument, blocking };
        machine.call(connect).ok_or(Failed::Call("connect"))?;
        Ok(machine)
    }

    /// The function.
    pub fn function_mut(&mut self) -> &mut D {
        self.host.function_mut()
    }

    /// Writes `message` and reads what comes back; its length.
    ///
    /// # Errors
    /// [`Failed::Call`].
    pub fn echo(&mut self, message: &[u8]) -> Result<usize, Failed> {
        let (handle, blocking) = (self.file, Blocking::Wait);
        match self.call(Call::Write { handle, data: message, blocking }) {
            Some(Answer::Bytes(count)) if count == message.len() => {}
            _ => return Err(Failed::Call("write")),
        }
        match self.call(Call::Read { handle, size: ROOM, offset: 0, blocking }) {
            Some(Answer::Bytes(count)) => Ok(count),
            _ => Err(Failed::Call("read")),
        }
    }

    /// Asks, and lets both sides work until they are at rest.
    fn call(&mut self, call: Call<'_>) -> Option<Answer> {
        self.next += 1;
        let id = CallId(self.next);
        self.host.call(id, call, self.now);
        self.settle(Some(id))
    }

    /// Lets both sides work until they are at rest; the answer to `wanted`.
    fn settle(&mut self, wanted: Option<CallId>) -> Option<Answer> {
        let mut found = None;
        loop {
            if self.host.deadline().is_some_and(|deadline| deadline <= self.now) {
                self.host.advance(self.now);
            }
            self.host.function_mut().run(self.now);
            let interrupted = self.host.function_mut().take_interrupt();
            if interrupted {
                self.host.interrupt(self.now);
                self.host.function_mut().end_of_interrupt();
            }
            while let Some(output) = self.host.next_output() {
                let Output::Reply(id, reply) = output else { continue };
                if Some(id) == wanted {
                    found = Some(match reply {
                        Reply::Opened(handle) => Answer::Opened(handle),
                        Reply::Data(bytes) | Reply::Ioctl(bytes) => Answer::Bytes(bytes.len()),
                        Reply::Written(count) => Answer::Bytes(count),
                        _ => Answer::Other,
                    });
                }
            }
            if !interrupted {
                return found.filter(|answer| *answer != Answer::Other);
            }
        }
    }
}
