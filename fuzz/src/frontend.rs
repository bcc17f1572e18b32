//! A front end, and a kernel that says anything.

use crate::input::Input;
use cuse::{DeviceName, FileAttributes, FuseSession};
use cuse_frontend::{Frontend, Pause};
use mei_core::{DeviceState, Host, Options};
use mei_emulator::{Engine, Persona};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// One client that echoes and nothing else, so that the device is there at once.
const PERSONA: &str = r#"
name = "echo"
device = 0x1E3A
hbm = "2.0"
[[client]]
kind = "echo"
address = 32
guid = "5d6e1b3a-0b7c-4c5e-9f2a-7a1d4e8c0001"
"#;
const ECHO: [u8; 16] = *b"\x3a\x1b\x6e\x5d\x7c\x0b\x5e\x4c\x9f\x2a\x7a\x1d\x4e\x8c\x00\x01";

const INIT: u32 = 26;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const RELEASE: u32 = 18;
const INTERRUPT: u32 = 36;
const IOCTL: u32 = 39;
const POLL: u32 = 40;

/// A kernel's end of the session.
struct Kernel {
    socket: OwnedFd,
    frontend: Frontend<FuseSession, Engine>,
    next: u64,
    latest_open: u64,
    handle: u64,
}

fn message(opcode: u32, unique: u64, node: u64, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(40 + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(40 + body.len());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(opcode.to_ne_bytes());
    bytes.extend(unique.to_ne_bytes());
    bytes.extend(node.to_ne_bytes());
    // uid, gid, pid of nobody in particular, no extensions.
    bytes.extend([0; 16]);
    bytes.extend(body);
    bytes
}

impl Kernel {
    fn new() -> Option<Self> {
        let (ours, socket) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).ok()?;
        let init: Vec<u8> =
            [7u32, 38, 0, 0].iter().flat_map(|word| word.to_ne_bytes()).chain([0; 48]).collect();
        rustix::io::write(&socket, &message(INIT, 2, 0, &init)).ok()?;
        let file = FileAttributes { mode: 0o600, uid: 0, gid: 0 };
        let session = FuseSession::begin(ours, DeviceName::new("mei0").ok()?, file).ok()?;
        let persona = Persona::parse(PERSONA, "the fuzzer").ok()?;
        let now = Instant::now();
        let mut host = Host::new(Engine::new(&persona, now), Options::new(*persona.device));
        host.start(now);
        let mut frontend = Frontend::new(session, host).ok()?;
        let limit = now + Duration::from_secs(60);
        while frontend.host_mut().state() != DeviceState::Enabled {
            assert!(Instant::now() < limit, "the device never starts");
            frontend.run(Some(Instant::now() + Duration::from_millis(1))).ok()?;
        }
        Some(Self { socket, frontend, next: 4, latest_open: 0, handle: 0 })
    }

    /// Sends a message and takes what comes. False: the session is over.
    fn send(&mut self, bytes: &[u8]) -> bool {
        if rustix::io::write(&self.socket, bytes).is_err() {
            return false;
        }
        let pause = self.frontend.run(Some(Instant::now()));
        let mut answer = vec![0; 1 << 18];
        while let Ok((_, length)) = recv(&self.socket, &mut answer, RecvFlags::DONTWAIT) {
            if length == 0 {
                return false;
            }
            assert!(length >= 16, "an answer has a header");
            let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|index| answer[at + index]));
            if word(8) == self.latest_open && length >= 32 {
                self.handle = word(16);
            }
        }
        matches!(pause, Ok(Pause::Time))
    }

    fn request(&mut self, opcode: u32, body: &[u8]) -> bool {
        let unique = self.next;
        self.next += 2;
        if opcode == OPEN {
            self.latest_open = unique;
        }
        self.send(&message(opcode, unique, 2, body))
    }
}

/// FUSE requests, well-formed or not.
pub fn requests_against_frontend(data: &[u8]) {
    let Some(mut kernel) = Kernel::new() else { return };
    let mut input = Input::new(data);
    let mut goes_on = true;
    while goes_on && !input.is_empty() {
        let handle = kernel.handle.to_ne_bytes();
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
        goes_on = match input.u8() % 16 {
            // Bytes as they are.
            0 => kernel.send(input.message()),
            // A header that tells the truth, and anything behind it.
            1 | 2 => {
                let (opcode, node) = (u32::from(input.u8()), u64::from(input.u8()));
                let unique = kernel.next;
                kernel.next += 2;
                kernel.send(&message(opcode, unique, node, input.message()))
            }
            3 | 4 => kernel.request(OPEN, &words(&[u32::from(input.u8()) << 8 | 2, 0])),
            5 => {
                let body = [&handle[..], &words(&[0, 0xC010_4801, 0, 0, 16, 16]), &ECHO].concat();
                kernel.request(IOCTL, &body)
            }
            6 => {
                let (flags, command) = (u32::from(input.u8()), input.u32());
                let (size, result) = (u32::from(input.u8()), u32::from(input.u16()));
                let body =
                    [&handle[..], &words(&[flags, command, 0, 0, size, result]), input.take(size as usize)];
                kernel.request(IOCTL, &body.concat())
            }
            7 | 8 => {
                let (offset, size, flags) =
                    (u32::from(input.u8()), u32::from(input.u16()), u32::from(input.u8()) << 8);
                kernel.request(READ, &[&handle[..], &words(&[offset, 0, size, 0, 0, 0, flags, 0])].concat())
            }
            9 | 10 => {
                let data = input.message();
                let size = u32::try_from(data.len()).unwrap_or(0);
                kernel.request(WRITE, &[&handle[..], &words(&[0, 0, size, 0, 0, 0, 2, 0]), data].concat())
            }
            11 => {
                let body = [&handle[..], &words(&[u32::from(input.u8()), 0, 1, input.u32()])].concat();
                kernel.request(POLL, &body)
            }
            12 => {
                let target = kernel.next.wrapping_sub(u64::from(input.u8()) * 2);
                kernel.send(&message(INTERRUPT, target | 1, 0, &target.to_ne_bytes()))
            }
            13 => kernel.request(RELEASE, &[&handle[..], &[0; 16]].concat()),
            14 => {
                kernel.handle = input.u8().into();
                true
            }
            _ => {
                let opcode = u32::from(input.u8() % 52);
                kernel.request(opcode, &[&handle[..], input.message()].concat())
            }
        };
    }
}
