//! A kernel that is the other end of a socket: requests go in and answers come out as bytes.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use cuse::wire::{
    FileFlags, FileHandle, InHeader, InitIn, IoctlFlags, IoctlIn, NodeId, Opcode, OpenIn, PollHandle, PollIn,
    ReadIn, ReleaseIn, Unique, WriteIn,
};
use cuse::{DeviceName, FileAttributes, FuseSession};
use cuse_frontend::{Frontend, Linger, Pause};
use mei_core::{DeviceState, Host, Options};
use mei_emulator::{Engine, Persona};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::fragile::Fragile;

/// An engine with a client that echoes, one that does so but answers a CONNECT late, and one that does so very late.
const PERSONA: &str = r#"
name = "echo"
device = 0x1E3A
hbm = "2.0"
[[client]]
kind = "echo"
address = 32
guid = "5d6e1b3a-0b7c-4c5e-9f2a-7a1d4e8c0001"
[[client]]
kind = "echo"
address = 33
guid = "5d6e1b3a-0b7c-4c5e-9f2a-7a1d4e8c0002"
connect-delay-ms = 1000
[[client]]
kind = "echo"
address = 34
guid = "5d6e1b3a-0b7c-4c5e-9f2a-7a1d4e8c0003"
connect-delay-ms = 5000
"#;

/// Their GUIDs as programs pass them.
pub(crate) const ECHO: [u8; 16] = *b"\x3a\x1b\x6e\x5d\x7c\x0b\x5e\x4c\x9f\x2a\x7a\x1d\x4e\x8c\x00\x01";
pub(crate) const SLOW_ECHO: [u8; 16] = *b"\x3a\x1b\x6e\x5d\x7c\x0b\x5e\x4c\x9f\x2a\x7a\x1d\x4e\x8c\x00\x02";
pub(crate) const VERY_SLOW_ECHO: [u8; 16] =
    *b"\x3a\x1b\x6e\x5d\x7c\x0b\x5e\x4c\x9f\x2a\x7a\x1d\x4e\x8c\x00\x03";

pub(crate) const CONNECT: u32 = 0xC010_4801;
pub(crate) const NOTIFY_GET: u32 = 0x8004_4803;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the front end wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) unique: u64,
    pub(crate) error: i32,
    pub(crate) payload: Vec<u8>,
}

/// A front end over an engine, run on this thread.
pub(crate) struct Bench {
    pub(crate) kernel: OwnedFd,
    pub(crate) frontend: Frontend<FuseSession, Fragile<Engine>>,
    next: u64,
    answers: VecDeque<Answer>,
}

/// A host over a new engine, started.
pub(crate) fn host() -> Host<Fragile<Engine>> {
    let persona = Persona::parse(PERSONA, "the test").unwrap();
    let now = Instant::now();
    let mut host = Host::new(Fragile::new(Engine::new(&persona, now)), Options::new(*persona.device));
    host.start(now);
    host
}

impl Bench {
    /// One whose device is still starting.
    pub(crate) fn starting() -> Self {
        let (ours, kernel) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let init = InitIn { major: 7, minor: 38, ..InitIn::default() };
        rustix::io::write(&kernel, &message(Opcode::INIT, 2, 0, &init, &[])).unwrap();
        let name = DeviceName::new("mei0").unwrap();
        let file = FileAttributes { mode: 0o600, uid: 0, gid: 0 };
        let session = FuseSession::begin(ours, name, file).unwrap();
        assert_eq!(rustix::io::read(&kernel, &mut [0; 256]).unwrap(), 16 + 64);
        let frontend = Frontend::new(session, host()).unwrap();
        Self { kernel, frontend, next: 4, answers: VecDeque::new() }
    }

    /// One whose device works.
    pub(crate) fn new() -> Self {
        let mut bench = Self::starting();
        bench.until_enabled();
        bench
    }

    pub(crate) fn lingering(mut self, linger: Linger) -> Self {
        self.frontend = self.frontend.lingering(linger);
        self
    }

    pub(crate) fn attending(mut self, descriptor: OwnedFd) -> Self {
        self.frontend = self.frontend.attending(descriptor);
        self
    }

    /// Ends the connection from the kernel's side.
    pub(crate) fn hang_up(&mut self) {
        let (other, _) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        self.kernel = other;
    }

    pub(crate) fn until_enabled(&mut self) {
        self.until(|bench| bench.frontend.host_mut().state() == DeviceState::Enabled);
    }

    /// Runs until `done`.
    pub(crate) fn until(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        let limit = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < limit, "it takes too long");
            let pause = self.frontend.run(Some(Instant::now() + Duration::from_millis(5))).unwrap();
            assert_eq!(pause, Pause::Time);
        }
    }

    /// Runs as long as there is something to do at once.
    pub(crate) fn pump(&mut self) -> Pause {
        self.frontend.run(Some(Instant::now())).unwrap()
    }

    /// Sends a request, whose name is returned.
    pub(crate) fn send(
        &mut self,
        opcode: Opcode,
        payload: &(impl IntoBytes + Immutable + ?Sized),
        rest: &[u8],
    ) -> u64 {
        let unique = self.next;
        self.next += 2;
        rustix::io::write(&self.kernel, &message(opcode, unique, std::process::id(), payload, rest)).unwrap();
        unique
    }

    /// Takes the answer to `unique`, running until there is one.
    pub(crate) fn answer(&mut self, unique: u64) -> Answer {
        self.until(|bench| {
            bench.collect();
            bench.answers.iter().any(|answer| answer.unique == unique)
        });
        let place = self.answers.iter().position(|answer| answer.unique == unique).unwrap();
        self.answers.remove(place).unwrap()
    }

    /// Takes the answer to `unique`, which has come already.
    pub(crate) fn answer_at_hand(&mut self, unique: u64) -> Answer {
        self.collect();
        let place = self.answers.iter().position(|answer| answer.unique == unique).unwrap();
        self.answers.remove(place).unwrap()
    }

    /// Whether `unique` is answered, once everything at hand is done.
    pub(crate) fn is_answered(&mut self, unique: u64) -> bool {
        self.pump();
        self.collect();
        self.answers.iter().any(|answer| answer.unique == unique)
    }

    /// Poll handles that were told of a change since the last call.
    pub(crate) fn notified(&mut self) -> Vec<u64> {
        self.pump();
        self.collect();
        let (told, kept) = self.answers.drain(..).partition(|answer| answer.unique == 0);
        self.answers = kept;
        let told: VecDeque<Answer> = told;
        told.iter().map(|answer| u64::read_from_bytes(&answer.payload).unwrap()).collect()
    }

    fn collect(&mut self) {
        let mut bytes = [0; 8192];
        loop {
            let mut fds = [PollFd::new(&self.kernel, PollFlags::IN)];
            if poll(&mut fds, Some(&Timespec::default())).unwrap() == 0 {
                return;
            }
            let length = rustix::io::read(&self.kernel, &mut bytes).unwrap();
            if length == 0 {
                return;
            }
            self.answers.push_back(Answer {
                unique: u64::read_from_bytes(&bytes[8..16]).unwrap(),
                error: i32::read_from_bytes(&bytes[4..8]).unwrap(),
                payload: bytes[16..length].to_vec(),
            });
        }
    }

    // Whole calls.

    pub(crate) fn open(&mut self, flags: u32) -> FileHandle {
        let unique = self.send(Opcode::OPEN, &OpenIn { flags: FileFlags(flags), ..OpenIn::default() }, &[]);
        let answer = self.answer(unique);
        assert_eq!(answer.error, 0);
        FileHandle(u64::read_from_prefix(&answer.payload).unwrap().0)
    }

    /// An ioctl as of a FUSE file: what is copied is copied already.
    pub(crate) fn ioctl(&mut self, fh: FileHandle, cmd: u32, input: &[u8], out_size: u32) -> u64 {
        let in_size = u32::try_from(input.len()).unwrap();
        let ioctl = IoctlIn { fh, cmd, in_size, out_size, ..IoctlIn::default() };
        self.send(Opcode::IOCTL, &ioctl, input)
    }

    /// An ioctl as of a character device.
    pub(crate) fn unrestricted(&mut self, fh: FileHandle, cmd: u32, input: &[u8], out_size: u32) -> u64 {
        let in_size = u32::try_from(input.len()).unwrap();
        let flags = IoctlFlags::UNRESTRICTED;
        let ioctl = IoctlIn { fh, cmd, flags, arg: 0x7FFF_1234, in_size, out_size };
        self.send(Opcode::IOCTL, &ioctl, input)
    }

    pub(crate) fn connected(&mut self) -> FileHandle {
        let fh = self.open(2);
        let unique = self.ioctl(fh, CONNECT, &ECHO, 16);
        assert_eq!(self.answer(unique).error, 0);
        fh
    }

    pub(crate) fn read(&mut self, fh: FileHandle, size: u32, offset: u64, flags: u32) -> u64 {
        let read = ReadIn { fh, offset, size, flags: FileFlags(flags), ..ReadIn::default() };
        self.send(Opcode::READ, &read, &[])
    }

    pub(crate) fn write(&mut self, fh: FileHandle, data: &[u8], offset: u64) -> u64 {
        let size = u32::try_from(data.len()).unwrap();
        let write = WriteIn { fh, offset, size, flags: FileFlags(2), ..WriteIn::default() };
        self.send(Opcode::WRITE, &write, data)
    }

    pub(crate) fn poll(&mut self, fh: FileHandle, kh: u64, events: u32) -> u32 {
        let flags = cuse::wire::PollFlags::SCHEDULE_NOTIFY;
        let unique = self.send(Opcode::POLL, &PollIn { fh, kh: PollHandle(kh), flags, events }, &[]);
        let answer = self.answer(unique);
        assert_eq!(answer.error, 0, "an error of poll means POLLERR");
        u32::read_from_prefix(&answer.payload).unwrap().0
    }

    pub(crate) fn release(&mut self, fh: FileHandle) -> u64 {
        self.send(Opcode::RELEASE, &ReleaseIn { fh, ..ReleaseIn::default() }, &[])
    }

    pub(crate) fn interrupt(&mut self, target: u64) {
        let bytes = message(Opcode::INTERRUPT, target | 1, 0, &target, &[]);
        rustix::io::write(&self.kernel, &bytes).unwrap();
    }
}

fn message(
    opcode: Opcode,
    unique: u64,
    pid: u32,
    payload: &(impl IntoBytes + Immutable + ?Sized),
    rest: &[u8],
) -> Vec<u8> {
    let payload = payload.as_bytes();
    let len = u32::try_from(size_of::<InHeader>() + payload.len() + rest.len()).unwrap();
    let unique = Unique(unique);
    let header = InHeader { len, opcode, unique, nodeid: NodeId(2), pid, ..InHeader::default() };
    [header.as_bytes(), payload, rest].concat()
}
