//! Real system calls on a device node.

use super::sys::{self, Descriptor};
use super::{Call, Errno, FileId, Files, NotHere, Outcome, Power, Restart, Ticket, Transport};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// A device node, whoever serves it. Each call runs in a thread that has no other meanwhile: the test decides how long
/// it waits for it, and a call that never ends fails one row instead of hanging all.
#[derive(Debug)]
pub struct System {
    path: PathBuf,
    transport: Transport,
    files: Arc<Mutex<Table>>,
    calls: Mutex<HashMap<Ticket, Running>>,
    /// Callers without a call.
    idle: Mutex<Vec<Caller>>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<FileId, Descriptor>,
    next: u32,
}

impl Table {
    fn add(&mut self, fd: Descriptor) -> Outcome {
        let file = FileId(self.next);
        self.next += 1;
        self.open.insert(file, fd);
        Outcome::value(file.0.into())
    }
}

#[derive(Debug)]
struct Running {
    caller: Caller,
    outcome: Option<Outcome>,
}

type Task = Box<dyn FnOnce() -> Outcome + Send>;

/// A thread that makes one call after the other, until it is dropped.
#[derive(Debug)]
struct Caller {
    /// As the kernel numbers it.
    thread: i32,
    calls: Sender<Task>,
    done: Receiver<Outcome>,
}

impl Caller {
    fn start() -> Self {
        let (said, hears) = channel();
        let (calls, tasks) = channel::<Task>();
        let (ends, done) = channel();
        thread::spawn(move || {
            // The test may have given up on this caller: nobody is left to tell.
            let _ = said.send(sys::thread());
            for task in tasks {
                let _ = ends.send(task());
            }
        });
        Self { thread: hears.recv().expect("a thread says its number first"), calls, done }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics with the table")
}

impl System {
    /// The device at `path`.
    #[must_use]
    pub fn new(path: PathBuf, transport: Transport) -> Self {
        sys::handle_signals();
        Self { path, transport, files: Arc::default(), calls: Mutex::default(), idle: Mutex::default() }
    }

    fn descriptor(&self, file: FileId) -> Descriptor {
        *lock(&self.files).open.get(&file).expect("the file is open")
    }

    /// The call, ready to run in any thread.
    fn prepare(&self, call: Call) -> Task {
        let plain = |action: fn(Descriptor) -> Result<i64, Errno>, fd: Descriptor| {
            Box::new(move || Outcome { result: action(fd), bytes: Vec::new() }) as Task
        };
        match call {
            Call::Open { nonblocking } => {
                let (path, files) = (self.path.clone(), Arc::clone(&self.files));
                let flags = if nonblocking { libc::O_NONBLOCK } else { 0 };
                Box::new(move || match sys::open(&path, flags) {
                    Ok(fd) => lock(&files).add(fd),
                    Err(errno) => Outcome::error(errno),
                })
            }
            Call::OpenAs { mode, nonblocking } => {
                let (path, files) = (self.path.clone(), Arc::clone(&self.files));
                let flags = if nonblocking { libc::O_NONBLOCK } else { 0 };
                Box::new(move || match sys::open_as(&path, mode, flags) {
                    Ok(fd) => lock(&files).add(fd),
                    Err(errno) => Outcome::error(errno),
                })
            }
            Call::Close(file) => {
                let fd = lock(&self.files).open.remove(&file).expect("the file is open");
                plain(sys::close, fd)
            }
            Call::Duplicate(file) => {
                let (fd, files) = (self.descriptor(file), Arc::clone(&self.files));
                Box::new(move || match sys::duplicate(fd) {
                    Ok(fd) => lock(&files).add(fd),
                    Err(errno) => Outcome::error(errno),
                })
            }
            Call::Ioctl { file, command, mut argument, pointer } => {
                let fd = self.descriptor(file);
                Box::new(move || {
                    let result = sys::ioctl(fd, command, &mut argument, pointer);
                    Outcome { result, bytes: argument }
                })
            }
            Call::Read { file, size, pointer } => {
                let fd = self.descriptor(file);
                Box::new(move || {
                    let mut bytes = vec![0; size];
                    let result = sys::read(fd, &mut bytes, pointer);
                    bytes.truncate(usize::try_from(result.unwrap_or(0)).expect("a length"));
                    Outcome { result, bytes }
                })
            }
            Call::ReadVector { file, sizes } => {
                let fd = self.descriptor(file);
                Box::new(move || {
                    let mut buffers: Vec<_> = sizes.iter().map(|&size| vec![0; size]).collect();
                    let result = sys::read_vector(fd, &mut buffers);
                    let mut bytes = buffers.concat();
                    bytes.truncate(usize::try_from(result.unwrap_or(0)).expect("a length"));
                    Outcome { result, bytes }
                })
            }
            Call::Write { file, data, pointer } => {
                let fd = self.descriptor(file);
                Box::new(move || Outcome { result: sys::write(fd, &data, pointer), bytes: Vec::new() })
            }
            Call::WriteVector { file, parts } => {
                let fd = self.descriptor(file);
                Box::new(move || Outcome { result: sys::write_vector(fd, &parts), bytes: Vec::new() })
            }
            Call::Poll { file, events, timeout } => {
                let fd = self.descriptor(file);
                let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
                Box::new(move || Outcome { result: sys::poll(fd, events, timeout), bytes: Vec::new() })
            }
            Call::Epoll { file, events } => {
                let fd = self.descriptor(file);
                Box::new(move || Outcome { result: sys::epoll(fd, events), bytes: Vec::new() })
            }
            Call::WriteInChild { file, data } => {
                let fd = self.descriptor(file);
                Box::new(move || Outcome { result: sys::write_in_child(fd, &data), bytes: Vec::new() })
            }
            Call::SetNonblocking(file, on) => {
                let fd = self.descriptor(file);
                Box::new(move || Outcome {
                    result: sys::set_flag(fd, libc::O_NONBLOCK, on),
                    bytes: Vec::new(),
                })
            }
            Call::SetAsync(file, on) => {
                let fd = self.descriptor(file);
                Box::new(move || Outcome { result: sys::set_flag(fd, libc::O_ASYNC, on), bytes: Vec::new() })
            }
            Call::Fionbio(file, on) => {
                let fd = self.descriptor(file);
                Box::new(move || Outcome { result: sys::fionbio(fd, on), bytes: Vec::new() })
            }
            Call::Map(file, sharing) => {
                let fd = self.descriptor(file);
                Box::new(move || Outcome { result: sys::map(fd, sharing), bytes: Vec::new() })
            }
            Call::Fsync(file) => plain(sys::fsync, self.descriptor(file)),
            Call::Fdatasync(file) => plain(sys::fdatasync, self.descriptor(file)),
            Call::Seek(file) => plain(sys::seek, self.descriptor(file)),
            Call::ReadAt(file) => plain(sys::read_at, self.descriptor(file)),
            Call::WriteAt(file) => plain(sys::write_at, self.descriptor(file)),
            Call::FileType(file) => plain(sys::file_type, self.descriptor(file)),
        }
    }

    fn attribute_path(&self, name: &str) -> Result<PathBuf, NotHere> {
        // The node may be a symlink into a file system of its own; the class directory has the node's name.
        let device = self.path.file_name().ok_or_else(|| NotHere::because("the device has no name"))?;
        let path = PathBuf::from("/sys/class/mei").join(device).join(name);
        if path.exists() {
            Ok(path)
        } else {
            Err(NotHere::because(format!("there is no {}", path.display())))
        }
    }
}

impl Files for System {
    fn transport(&self) -> Transport {
        self.transport
    }

    fn begin(&self, call: Call) -> Result<Ticket, NotHere> {
        let task = self.prepare(call);
        let caller = lock(&self.idle).pop().unwrap_or_else(Caller::start);
        caller.calls.send(task).expect("a caller lives as long as it is not dropped");
        let mut calls = lock(&self.calls);
        let ticket = Ticket(calls.keys().map(|ticket| ticket.0 + 1).max().unwrap_or(0));
        calls.insert(ticket, Running { caller, outcome: None });
        Ok(ticket)
    }

    fn wait(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        let Running { caller, outcome } = lock(&self.calls).remove(&ticket).expect("the call was begun");
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => match caller.done.recv_timeout(limit) {
                Ok(outcome) => outcome,
                Err(RecvTimeoutError::Timeout) => {
                    lock(&self.calls).insert(ticket, Running { caller, outcome: None });
                    return None;
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the thread of a call panicked"),
            },
        };
        lock(&self.idle).push(caller);
        Some(outcome)
    }

    fn asleep(&self, ticket: Ticket) -> bool {
        // An ioctl over CUSE asks the server twice, and is not there yet while it sleeps for the first answer: seen asleep
        // at two looks in turn it is.
        let mut seen = false;
        let mut begun = None;
        loop {
            let thread = {
                let mut calls = lock(&self.calls);
                let running = calls.get_mut(&ticket).expect("the call was begun");
                if running.outcome.is_none() {
                    running.outcome = running.caller.done.recv_timeout(LOOK).ok();
                }
                if running.outcome.is_some() {
                    return false;
                }
                running.caller.thread
            };
            // "NUMBER ARGUMENTS…" once the thread sleeps in a system call, "running" before.
            let text =
                std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).unwrap_or_default();
            let number = text.split_whitespace().next().and_then(|number| number.parse::<i64>().ok());
            let sleeps = number.is_some_and(|number| MAY_SLEEP.contains(&number));
            if sleeps && seen {
                return true;
            }
            seen = sleeps;
            if !sleeps {
                let ticks = ticks_of(thread);
                if ticks.saturating_sub(*begun.get_or_insert(ticks)) >= SPIN {
                    return true;
                }
            }
        }
    }

    fn place(&self, ticket: Ticket) -> String {
        let thread = lock(&self.calls).get(&ticket).expect("the call was begun").caller.thread;
        let file = |name| std::fs::read_to_string(format!("/proc/self/task/{thread}/{name}"));
        ["syscall", "stack"].map(|name| file(name).unwrap_or_default().replace('\n', " ")).concat()
    }

    fn signal(&self, ticket: Ticket, restart: Restart) {
        let thread = lock(&self.calls).get(&ticket).expect("the call was begun").caller.thread;
        sys::signal(thread, restart);
    }

    fn power(&self, _event: Power) -> Result<(), NotHere> {
        Err(NotHere::because("the device belongs to another process"))
    }

    fn attribute(&self, name: &str) -> Result<String, NotHere> {
        let path = self.attribute_path(name)?;
        std::fs::read_to_string(&path)
            .map_err(|error| NotHere::because(format!("{}: {error}", path.display())))
    }

    fn set_attribute(&self, name: &str, text: &str) -> Result<Result<(), Errno>, NotHere> {
        let path = self.attribute_path(name)?;
        Ok(std::fs::write(path, text).map_err(Errno::from))
    }

    fn pass(&self, time: Duration) {
        thread::sleep(time);
    }
}

/// How long a call may take before its thread is looked at, which costs more than most calls.
const LOOK: Duration = Duration::from_millis(1);

/// Processor time, in ticks of 10 ms, within which a call of the driver ends or sleeps; one that takes more spins (Q11).
const SPIN: u64 = 5;

/// Processor time that a thread of ours has taken, user and system, in ticks of 10 ms.
fn ticks_of(thread: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    // The second field is a name in parentheses, which may have blanks.
    let fields = text.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// The system calls in which a device's caller may sleep.
const MAY_SLEEP: [i64; 11] = [
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_ioctl,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_poll,
    libc::SYS_restart_syscall,
];
