//! A host and a stub, with a clock that the test turns.

use crate::stub::{Stub, StubClient};
use mei_core::{Blocking, Call, CallId, DeviceState, Errno, FixUps, Handle, Host, Options, Output, Reply};
use mei_wire::Guid;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

pub(crate) const CONNECT: u32 = 0xC010_4801;
pub(crate) const NOTIFY_SET: u32 = 0x4004_4802;
pub(crate) const NOTIFY_GET: u32 = 0x8004_4803;
pub(crate) const CONNECT_VTAG: u32 = 0xC014_4804;
pub(crate) const POLLIN: u32 = 0x1;
pub(crate) const POLLPRI: u32 = 0x2;
pub(crate) const POLLOUT: u32 = 0x4;
pub(crate) const POLLERR: u32 = 0x8;

pub(crate) use Blocking::{NonBlocking, Wait};

/// A reply that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    Opened(Handle),
    Ioctl(Vec<u8>),
    Data(Vec<u8>),
    Written(usize),
    Events(u32),
    Done,
    Error(Errno),
    Restart,
}

pub(crate) struct Bench {
    pub(crate) host: Host<Stub>,
    pub(crate) now: Instant,
    next: u64,
    asked: BTreeSet<CallId>,
    pub(crate) replies: BTreeMap<CallId, Got>,
    pub(crate) wakes: Vec<Handle>,
    pub(crate) states: Vec<DeviceState>,
}

pub(crate) fn guid(byte: u8) -> Guid {
    Guid([byte; 16])
}

/// The clients of the reference results (`device-abi.md` §16).
pub(crate) fn clients() -> Vec<StubClient> {
    let plain =
        StubClient { id: 3, guid: guid(3), version: 3, max_connections: 1, fixed: 0, flags: 0, mtu: 512 };
    vec![
        plain,
        StubClient { id: 4, guid: guid(4), version: 1, mtu: 4096, ..plain },
        StubClient { id: 5, guid: guid(5), flags: 1, mtu: 512, max_connections: 4, ..plain },
        StubClient { id: 6, guid: guid(6), flags: 2, mtu: 512, max_connections: 4, ..plain },
        StubClient { id: 7, guid: guid(7), fixed: 7, max_connections: 0, mtu: 64, ..plain },
    ]
}

pub(crate) fn options() -> Options {
    let mut options = Options::new(*mei_wire::pci::lookup(0xA0E0).expect("a known device"));
    options.fix_ups = FixUps::None;
    options
}

impl Bench {
    pub(crate) fn new(stub: Stub) -> Self {
        Self::with_options(stub, options())
    }

    pub(crate) fn with_options(stub: Stub, options: Options) -> Self {
        let now = Instant::now();
        Self {
            host: Host::new(stub, options),
            now,
            next: 0,
            asked: BTreeSet::new(),
            replies: BTreeMap::new(),
            wakes: Vec::new(),
            states: Vec::new(),
        }
    }

    /// A started host with the reference clients.
    pub(crate) fn started() -> Self {
        Self::started_with(Stub::new(clients()))
    }

    pub(crate) fn started_with(stub: Stub) -> Self {
        let mut bench = Self::new(stub);
        bench.host.start(bench.now);
        bench.run();
        assert_eq!(bench.host.state(), DeviceState::Enabled);
        bench
    }

    pub(crate) fn stub(&mut self) -> &mut Stub {
        self.host.function_mut()
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.host.next_output() {
            match output {
                Output::Reply(call, reply) => {
                    let got = match reply {
                        Reply::Opened(handle) => Got::Opened(handle),
                        Reply::Ioctl(bytes) => Got::Ioctl(bytes.to_vec()),
                        Reply::Data(bytes) => Got::Data(bytes.to_vec()),
                        Reply::Written(count) => Got::Written(count),
                        Reply::Events(events) => Got::Events(events),
                        Reply::Done => Got::Done,
                        Reply::Error(errno) => Got::Error(errno),
                        Reply::Restart => Got::Restart,
                    };
                    assert!(self.asked.contains(&call), "a reply to a call that was never made: {call:?}");
                    let old = self.replies.insert(call, got);
                    assert_eq!(old, None, "two replies to {call:?}");
                }
                Output::Wake(handle) => self.wakes.push(handle),
                Output::State(state) => self.states.push(state),
            }
        }
    }

    /// Lets both sides work until neither has anything to do.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            self.drain();
            let worked = self.stub().run();
            let interrupts = self.stub().interrupts();
            if interrupts {
                self.host.interrupt(self.now);
                self.drain();
            }
            if !worked && !interrupts {
                return;
            }
        }
        panic!("the two sides never come to rest");
    }

    /// Lets both sides work for a while.
    pub(crate) fn some(&mut self, turns: usize) {
        for _ in 0..turns {
            self.drain();
            self.stub().run();
            if self.stub().interrupts() {
                self.host.interrupt(self.now);
            }
        }
        self.drain();
    }

    /// Time passes.
    pub(crate) fn advance(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.run();
        let mut last = None;
        while let Some(deadline) = self.host.deadline().filter(|&deadline| deadline <= end) {
            self.now = self.now.max(deadline);
            self.host.advance(self.now);
            self.run();
            assert!(last != Some(self.host.deadline()), "a deadline that does not go away");
            last = Some(self.host.deadline());
        }
        self.now = end;
        self.run();
    }

    pub(crate) fn seconds(&mut self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// Calls that were made and have no reply.
    pub(crate) fn unanswered(&self) -> Vec<CallId> {
        self.asked.iter().filter(|id| !self.replies.contains_key(id)).copied().collect()
    }

    /// Advances until the call is answered; how long it took.
    pub(crate) fn until_answered(&mut self, call: CallId) -> Duration {
        let begin = self.now;
        for _ in 0..1000 {
            if self.replies.contains_key(&call) {
                return self.now - begin;
            }
            self.advance(Duration::from_millis(100));
        }
        panic!("{call:?} was not answered in 100 s");
    }

    /// Makes a call.
    pub(crate) fn ask(&mut self, call: Call<'_>) -> CallId {
        self.next += 1;
        let id = CallId(self.next);
        self.asked.insert(id);
        self.host.call(id, call, self.now);
        self.drain();
        id
    }

    /// The reply to a call, `None` while it waits.
    pub(crate) fn got(&mut self, id: CallId) -> Option<Got> {
        self.replies.get(&id).cloned()
    }

    /// Makes a call and lets both sides work; its reply must be there.
    pub(crate) fn now(&mut self, call: Call<'_>) -> Got {
        let text = format!("{call:?}");
        let id = self.ask(call);
        self.run();
        self.got(id).unwrap_or_else(|| panic!("{text} waits"))
    }

    /// Makes a call without letting the stub work; its reply must be there.
    pub(crate) fn ask_and_drain(&mut self, call: Call<'_>) -> Got {
        let id = self.ask(call);
        self.got(id).expect("a reply at once")
    }

    /// Makes a call that must wait.
    pub(crate) fn waits(&mut self, call: Call<'_>) -> CallId {
        let text = format!("{call:?}");
        let id = self.ask(call);
        self.run();
        assert_eq!(self.got(id), None, "{text}");
        id
    }

    pub(crate) fn open(&mut self) -> Handle {
        match self.now(Call::Open) {
            Got::Opened(handle) => handle,
            other => panic!("open: {other:?}"),
        }
    }

    pub(crate) fn ioctl(&mut self, handle: Handle, command: u32, argument: &[u8]) -> Got {
        self.now(Call::Ioctl { handle, command, argument, blocking: Wait })
    }

    pub(crate) fn connect(&mut self, handle: Handle, byte: u8) -> Got {
        self.ioctl(handle, CONNECT, &[byte; 16])
    }

    pub(crate) fn ask_connect(&mut self, handle: Handle, byte: u8) -> CallId {
        let id = self.ask(Call::Ioctl { handle, command: CONNECT, argument: &[byte; 16], blocking: Wait });
        self.run();
        id
    }

    pub(crate) fn connect_vtag(&mut self, handle: Handle, byte: u8, vtag: u8) -> Got {
        let mut argument = [byte; 20];
        argument[16..].copy_from_slice(&[vtag, 9, 9, 9]);
        self.ioctl(handle, CONNECT_VTAG, &argument)
    }

    /// A file connected to the client with that GUID byte.
    pub(crate) fn connected(&mut self, byte: u8) -> Handle {
        let handle = self.open();
        match self.connect(handle, byte) {
            Got::Ioctl(_) => handle,
            other => panic!("connect: {other:?}"),
        }
    }

    pub(crate) fn read(&mut self, handle: Handle, size: usize) -> Got {
        self.now(Call::Read { handle, size, offset: 0, blocking: Wait })
    }

    pub(crate) fn read_nb(&mut self, handle: Handle, size: usize) -> Got {
        self.now(Call::Read { handle, size, offset: 0, blocking: NonBlocking })
    }

    pub(crate) fn read_waits(&mut self, handle: Handle) -> CallId {
        self.waits(Call::Read { handle, size: 512, offset: 0, blocking: Wait })
    }

    pub(crate) fn write(&mut self, handle: Handle, data: &[u8]) -> Got {
        self.now(Call::Write { handle, data, blocking: NonBlocking })
    }

    /// Writes until there is no room; how many messages there was room for.
    pub(crate) fn fill(&mut self, handle: Handle) -> usize {
        (0..1000)
            .find(|_| self.write(handle, b"again") != Got::Written(5))
            .expect("a queue of a thousand messages is none")
    }

    pub(crate) fn poll(&mut self, handle: Handle, events: u32) -> u32 {
        match self.now(Call::Poll { handle, events }) {
            Got::Events(events) => events,
            other => panic!("poll: {other:?}"),
        }
    }

    pub(crate) fn fsync(&mut self, handle: Handle) -> Got {
        self.now(Call::Fsync { handle })
    }

    pub(crate) fn release(&mut self, handle: Handle) -> Got {
        self.now(Call::Release { handle })
    }

    /// The firmware sends a message.
    pub(crate) fn message(&mut self, me: u8, host: u8, data: &[u8]) {
        self.stub().message(me, host, data);
        self.run();
    }

    pub(crate) fn credit(&mut self, me: u8, host: u8) {
        self.stub().credit(me, host);
        self.run();
    }

    pub(crate) fn bus(&mut self, payload: &[u8]) {
        self.stub().bus(payload);
        self.run();
    }

    /// Bus messages of one command since the last look.
    pub(crate) fn took(&mut self, command: u8) -> Vec<Vec<u8>> {
        let stub = self.stub();
        let (wanted, rest) = std::mem::take(&mut stub.hbm).into_iter().partition(|bytes| bytes[0] == command);
        stub.hbm = rest;
        wanted
    }
}

pub(crate) fn error(errno: Errno) -> Got {
    Got::Error(errno)
}
