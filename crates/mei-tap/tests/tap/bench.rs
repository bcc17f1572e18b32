//! A driver over any device, on a clock that jumps.

use mei_core::{Call, CallId, DeviceState, FixUps, Handle, Host, Options, Output, Reply};
use mei_emulator::{Engine, Persona};
use mei_wire::Device;
use std::time::Instant;

pub(crate) struct Bench<D> {
    pub(crate) host: Host<D>,
    pub(crate) now: Instant,
    calls: u64,
    opened: Option<Handle>,
    failed: bool,
}

pub(crate) fn persona() -> Persona {
    Persona::builtin("tiger-lake").unwrap()
}

pub(crate) fn engine(now: Instant) -> Engine {
    Engine::new(&persona(), now)
}

impl<D: Device> Bench<D> {
    pub(crate) fn new(device: D, now: Instant) -> Self {
        let mut options = Options::new(*persona().device);
        options.fix_ups = FixUps::None;
        let mut host = Host::new(device, options);
        host.function_mut().run(now);
        host.start(now);
        Self { host, now, calls: 0, opened: None, failed: false }
    }

    fn drain(&mut self) {
        while let Some(output) = self.host.next_output() {
            match output {
                Output::Reply(_, Reply::Opened(handle)) => self.opened = Some(handle),
                Output::Reply(_, Reply::Error(_)) => self.failed = true,
                _ => {}
            }
        }
    }

    /// Lets both sides work and time jump until nothing is left to do, or the state is reached.
    pub(crate) fn run_to(&mut self, state: DeviceState) {
        for _ in 0..100_000 {
            self.drain();
            self.host.function_mut().run(self.now);
            if self.host.function_mut().take_interrupt() {
                self.host.interrupt(self.now);
                self.host.function_mut().end_of_interrupt();
                continue;
            }
            if self.host.state() == state {
                return;
            }
            let deadlines = [self.host.deadline(), self.host.function().deadline()];
            match deadlines.into_iter().flatten().min() {
                Some(deadline) => self.now = self.now.max(deadline),
                None => return,
            }
            self.host.advance(self.now);
        }
        panic!("the two sides never come to rest");
    }

    /// Opens a file; None when the driver does not let us.
    pub(crate) fn open(&mut self) -> Option<Handle> {
        self.calls += 1;
        self.host.call(CallId(self.calls), Call::Open, self.now);
        self.drain();
        self.opened.take()
    }
}
