//! A driver over any function, on a clock that jumps.

use mei_core::{Blocking, Call, CallId, DeviceState, Handle, Host, Options, Output, Reply};
use mei_emulator::{Engine, Persona};
use mei_wire::{Device, Guid};
use std::sync::OnceLock;
use std::time::Instant;

const CONNECT: u32 = 0xC010_4801;
/// Rounds without a step of time in which both sides must have come to rest.
const ROUNDS: u32 = 20_000;
/// Time-outs that a storm of interrupts may last: three resets, and what was under way before.
const STORMS: usize = 16;

/// A driver, its function, and the time.
pub(crate) struct Machine<D> {
    pub(crate) host: Host<D>,
    pub(crate) now: Instant,
    calls: u64,
    pub(crate) opened: Option<Handle>,
    /// What the last read gave.
    pub(crate) data: Option<Vec<u8>>,
    /// Whether the last call failed.
    failed: bool,
}

/// The built-in personas, and the one with everything; read once.
pub(crate) fn personas() -> &'static [Persona] {
    static PERSONAS: OnceLock<Vec<Persona>> = OnceLock::new();
    PERSONAS.get_or_init(|| {
        let built_in = Persona::builtin_names().into_iter().filter_map(Persona::builtin);
        let everything = Persona::parse(include_str!("../everything.toml"), "everything.toml");
        built_in.chain([everything.expect("the persona with everything is one")]).collect()
    })
}

/// A machine of one of the newest engines, with everything on.
pub(crate) fn engine() -> Option<Machine<Engine>> {
    personas().iter().find(|persona| persona.name == "tiger-lake").map(engine_of)
}

/// A machine of the persona with everything.
pub(crate) fn everything() -> Option<Machine<Engine>> {
    personas().last().map(engine_of)
}

/// A machine of a persona, which works.
pub(crate) fn engine_of(persona: &Persona) -> Machine<Engine> {
    let now = Instant::now();
    let mut machine = Machine::new(Engine::new(persona, now), Options::new(*persona.device), now);
    machine.start();
    assert_eq!(machine.host.state(), DeviceState::Enabled, "an engine that nobody has lied to works");
    machine
}

impl<D: Device> Machine<D> {
    pub(crate) fn new(device: D, options: Options, now: Instant) -> Self {
        Self { host: Host::new(device, options), now, calls: 0, opened: None, data: None, failed: false }
    }

    /// Starts the driver and gives it the time that it wants.
    pub(crate) fn start(&mut self) {
        self.host.start(self.now);
        self.settle();
        for _ in 0..200 {
            if self.host.state() == DeviceState::Enabled || !self.jump() {
                return;
            }
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.host.next_output() {
            match output {
                Output::Reply(_, Reply::Opened(handle)) => self.opened = Some(handle),
                Output::Reply(_, Reply::Data(data)) => self.data = Some(data.to_vec()),
                Output::Reply(_, Reply::Error(_)) => self.failed = true,
                _ => {}
            }
        }
    }

    /// Lets both sides work until they rest. A storm of interrupts, which a device with a stuck bit may raise, lasts no
    /// longer than the driver's own time-outs.
    pub(crate) fn settle(&mut self) {
        for _ in 0..STORMS {
            if self.rests() {
                return;
            }
            let Some(deadline) = self.host.deadline() else { break };
            self.now = self.now.max(deadline);
            self.host.advance(self.now);
        }
        panic!("the two sides never come to rest");
    }

    /// Lets both sides work at this moment; whether they have come to rest.
    fn rests(&mut self) -> bool {
        for _ in 0..ROUNDS {
            self.drain();
            self.host.function_mut().run(self.now);
            if !self.host.function_mut().take_interrupt() {
                return true;
            }
            self.host.interrupt(self.now);
            self.host.function_mut().end_of_interrupt();
        }
        false
    }

    /// Goes to the next moment at which something is to happen, if there is one.
    pub(crate) fn jump(&mut self) -> bool {
        let deadlines = [self.host.deadline(), self.host.function().deadline()];
        let Some(deadline) = deadlines.into_iter().flatten().min() else { return false };
        self.now = self.now.max(deadline);
        self.host.advance(self.now);
        self.settle();
        true
    }

    pub(crate) fn call(&mut self, call: Call<'_>) {
        self.calls += 1;
        self.host.call(CallId(self.calls), call, self.now);
        self.settle();
    }

    /// The latest call's id.
    pub(crate) fn latest(&self) -> CallId {
        CallId(self.calls)
    }

    /// A file that is connected to a client.
    pub(crate) fn connected(&mut self, guid: Guid) -> Option<Handle> {
        self.call(Call::Open);
        let handle = self.opened?;
        self.call(Call::Ioctl {
            handle,
            command: CONNECT,
            argument: &guid.0,
            blocking: Blocking::NonBlocking,
        });
        for _ in 0..8 {
            self.jump();
        }
        Some(handle)
    }

    pub(crate) fn write(&mut self, handle: Handle, data: &[u8]) {
        self.call(Call::Write { handle, data, blocking: Blocking::NonBlocking });
    }

    /// Writes; whether it was taken.
    pub(crate) fn try_write(&mut self, handle: Handle, data: &[u8]) -> bool {
        self.failed = false;
        self.write(handle, data);
        !self.failed
    }

    pub(crate) fn close(&mut self, handle: Handle) {
        self.call(Call::Release { handle });
    }

    /// The next message, if there is one. The first read may only ask for it.
    pub(crate) fn read(&mut self, handle: Handle) -> Option<Vec<u8>> {
        for _ in 0..2 {
            self.data = None;
            self.call(Call::Read { handle, size: 65_536, offset: 0, blocking: Blocking::NonBlocking });
            if self.data.is_some() {
                break;
            }
        }
        self.data.take().filter(|data| !data.is_empty())
    }
}
