//! A device for the tests: what is written can be read from the same open file, a write that begins with
//! `park` waits, and so does a read of nothing.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cuse::wire::{FileFlags, FileHandle, IoctlFlags, IoctlIovec, OpenFlags, PollHandle, Unique};
use cuse::{
    Buffer, Channel, CuseSession, Delivery, DeviceName, Errno, FuseOptions, FuseSession, Operation, Received,
    Request, Session,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::isolation::Directory;

const PATIENCE: Duration = Duration::from_secs(10);
const POLLIN: u32 = 1;
const POLLOUT: u32 = 4;

/// What the server saw.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Opened { fh: u64, node: u64 },
    Wrote { pid: u32, length: usize, offset: u64 },
    Parked { fh: u64 },
    Ioctl { cmd: u32, input: usize, output: u32 },
    Polled { schedule_notify: bool },
    Synced { fh: u64 },
    Flushed { fh: u64 },
    Released { fh: u64 },
    Interrupted { known: bool },
    Ended,
}

enum Command {
    Push { fh: u64, message: Vec<u8> },
    UnparkWrites,
    IgnoreInterrupts,
    SetGone,
    Inodes(Sender<usize>),
    Stop,
}

#[derive(Default)]
struct Log {
    events: Mutex<Vec<Event>>,
    changed: Condvar,
}

/// A running server. Dropping it ends the session.
pub(crate) struct Server {
    log: Arc<Log>,
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// The file `mei0` in `directory`.
pub(crate) fn options(directory: &Directory) -> FuseOptions {
    FuseOptions::new(&directory.path, DeviceName::new("mei0").unwrap())
}

impl Server {
    pub(crate) fn mount(directory: &Directory) -> Self {
        Self::mount_with(&options(directory))
    }

    pub(crate) fn mount_with(options: &FuseOptions) -> Self {
        Self::start(FuseSession::mount(options).unwrap())
    }

    pub(crate) fn start(session: impl Served) -> Self {
        let log = Arc::<Log>::default();
        let (commands, received) = mpsc::channel();
        let device = Device { log: Arc::clone(&log), ..Device::default() };
        let thread = Some(thread::spawn(move || serve(session, device, &received)));
        Self { log, commands, thread }
    }

    /// Waits for an event and takes it out of the log.
    pub(crate) fn expect(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        let until = Instant::now() + PATIENCE;
        let mut events = self.log.events.lock().unwrap();
        loop {
            if let Some(position) = events.iter().position(&wanted) {
                return events.remove(position);
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not seen; seen were {events:?}");
            events = self.log.changed.wait_timeout(events, left).unwrap().0;
        }
    }

    /// Whether an event is in the log now.
    pub(crate) fn seen(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.log.events.lock().unwrap().iter().any(wanted)
    }

    /// A message for an open file.
    pub(crate) fn push(&self, fh: u64, message: &[u8]) {
        self.command(Command::Push { fh, message: message.to_vec() });
    }

    /// Answers all parked writes.
    pub(crate) fn unpark_writes(&self) {
        self.command(Command::UnparkWrites);
    }

    /// From now on signals do not end parked calls.
    pub(crate) fn ignore_interrupts(&self) {
        self.command(Command::IgnoreInterrupts);
        self.settle();
    }

    /// Removes the name.
    pub(crate) fn set_gone(&self) {
        self.command(Command::SetGone);
        self.settle();
    }

    /// Waits until the commands given are carried out: the next one is answered after them.
    fn settle(&self) {
        self.inodes();
    }

    /// How many inodes the kernel holds.
    pub(crate) fn inodes(&self) -> usize {
        let (tell, told) = mpsc::channel();
        self.command(Command::Inodes(tell));
        told.recv_timeout(PATIENCE).unwrap()
    }

    fn command(&self, command: Command) {
        self.commands.send(command).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Stop);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[derive(Default)]
struct Device {
    log: Arc<Log>,
    opened: u64,
    messages: HashMap<u64, Vec<Vec<u8>>>,
    pollers: HashMap<u64, PollHandle>,
    reads: HashMap<Unique, u64>,
    writes: HashMap<Unique, u32>,
    ignores_interrupts: bool,
}

/// A session that a server can run.
pub(crate) trait Served: Session + Send + 'static {
    /// Inodes that the kernel holds.
    fn inodes(&self) -> usize;
}

impl Served for FuseSession {
    fn inodes(&self) -> usize {
        FuseSession::inodes(self)
    }
}

impl Served for CuseSession {
    fn inodes(&self) -> usize {
        0
    }
}

fn serve(mut session: impl Served, mut device: Device, commands: &Receiver<Command>) {
    let mut buffer = Buffer::new();
    let tick = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
    loop {
        loop {
            match session.recv(&mut buffer).unwrap() {
                Received::Request(request) => device.answer(session.channel(), &request),
                Received::Served => {}
                Received::Nothing => break,
                Received::Ended => return device.note(Event::Ended),
            }
        }
        while let Ok(command) = commands.try_recv() {
            match command {
                Command::Push { fh, message } => device.push(session.channel(), fh, message),
                Command::UnparkWrites => {
                    for (unique, size) in device.writes.drain() {
                        session.channel().reply_write(unique, size).unwrap();
                    }
                }
                Command::IgnoreInterrupts => device.ignores_interrupts = true,
                Command::SetGone => session.set_gone(),
                Command::Inodes(tell) => tell.send(session.inodes()).unwrap(),
                Command::Stop => return,
            }
        }
        poll(&mut [PollFd::new(&session, PollFlags::IN)], Some(&tick)).unwrap();
    }
}

impl Device {
    fn note(&self, event: Event) {
        self.log.events.lock().unwrap().push(event);
        self.log.changed.notify_all();
    }

    fn push(&mut self, channel: &Channel, fh: u64, message: Vec<u8>) {
        self.messages.entry(fh).or_default().push(message);
        if let Some(kh) = self.pollers.get(&fh) {
            channel.notify_poll(*kh).unwrap();
        }
    }

    fn answer(&mut self, channel: &Channel, request: &Request<'_>) {
        let unique = request.unique;
        let delivery = match request.operation {
            Operation::Open(_) => {
                self.opened += 1;
                self.note(Event::Opened { fh: self.opened, node: request.nodeid.0 });
                channel.reply_open(unique, FileHandle(self.opened), OpenFlags::DEVICE)
            }
            Operation::Read(read) => {
                let messages = self.messages.entry(read.fh.0).or_default();
                if read.offset > 0 {
                    channel.reply_data(unique, &[])
                } else if !messages.is_empty() {
                    channel.reply_data(unique, &messages.remove(0))
                } else if read.flags.contains(FileFlags::NONBLOCK) {
                    channel.reply_error(unique, Errno::AGAIN)
                } else {
                    self.reads.insert(unique, read.fh.0);
                    return self.note(Event::Parked { fh: read.fh.0 });
                }
            }
            Operation::Write(write) => {
                let size = u32::try_from(write.data.len()).unwrap();
                if write.data.starts_with(b"park") {
                    self.writes.insert(unique, size);
                    return self.note(Event::Parked { fh: write.fh.0 });
                }
                self.note(Event::Wrote { pid: request.pid, length: write.data.len(), offset: write.offset });
                self.messages.entry(write.fh.0).or_default().push(write.data.to_vec());
                channel.reply_write(unique, size)
            }
            Operation::Ioctl(ioctl) => {
                self.note(Event::Ioctl { cmd: ioctl.cmd, input: ioctl.input.len(), output: ioctl.out_size });
                if ioctl.cmd == 0xC010_4801
                    && ioctl.flags.contains(IoctlFlags::UNRESTRICTED)
                    && ioctl.out_size == 0
                {
                    let area = IoctlIovec { base: ioctl.arg, len: 16 };
                    channel.reply_ioctl_retry(unique, &[area], &[area])
                } else if ioctl.cmd == 0xC010_4801 {
                    let reversed: Vec<u8> = ioctl.input.iter().rev().copied().collect();
                    channel.reply_ioctl(unique, 3, &reversed)
                } else {
                    channel.reply_error(unique, Errno::NOTTY)
                }
            }
            Operation::Poll(poll) => {
                if poll.schedule_notify() {
                    self.pollers.insert(poll.fh.0, poll.kh);
                }
                let readable = self.messages.get(&poll.fh.0).is_some_and(|messages| !messages.is_empty());
                let revents = POLLOUT | if readable { POLLIN } else { 0 };
                self.note(Event::Polled { schedule_notify: poll.schedule_notify() });
                channel.reply_poll(unique, revents)
            }
            Operation::Release(release) => {
                self.note(Event::Released { fh: release.fh.0 });
                channel.reply_empty(unique)
            }
            Operation::Flush(flush) => {
                self.note(Event::Flushed { fh: flush.fh.0 });
                channel.reply_empty(unique)
            }
            Operation::Fsync(fsync) => {
                self.note(Event::Synced { fh: fsync.fh.0 });
                channel.reply_empty(unique)
            }
            Operation::Interrupt(interrupt) => {
                let parked = |device: &Self| {
                    device.reads.contains_key(&interrupt.target)
                        || device.writes.contains_key(&interrupt.target)
                };
                let known = parked(self);
                if known && !self.ignores_interrupts {
                    self.reads.remove(&interrupt.target);
                    self.writes.remove(&interrupt.target);
                    channel.reply_error(interrupt.target, Errno::INTR).unwrap();
                }
                return self.note(Event::Interrupted { known });
            }
        };
        assert!(matches!(delivery, Ok(Delivery::Delivered | Delivery::Forgotten)), "{delivery:?}");
    }
}
