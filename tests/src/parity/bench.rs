//! What a row works with: files on one device, calls that are checked where they are made.

use crate::files::{
    Call, Errno, FileId, Files, NotHere, Outcome, POLLERR, POLLIN, POLLOUT, Pointer, Restart, Ticket,
    Transport,
};
use crate::test_client::{Event, TestClient};
use mei_wire::Guid;
use std::cell::Cell;
use std::fmt::Debug;
use std::panic::Location;
use std::time::Duration;

/// How long a call may take that must end. Far above what any driver waits (30 s), reached only by a failure.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Why a row ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The device behaved otherwise than the row says.
    Failed(String),
    /// The transport or the engine cannot express the row.
    NotHere(String),
}

impl From<NotHere> for Stop {
    fn from(reason: NotHere) -> Self {
        Self::NotHere(reason.0)
    }
}

/// What a row, or a part of it, comes to.
pub type Step<T = ()> = Result<T, Stop>;

/// The engines that rows are about, told apart by what the device itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Any that has the test clients.
    Any,
    /// HBM 2.0 or newer: notifications, fixed addresses for programs.
    Events,
    /// HBM older than 2.0.
    Old,
    /// Virtual tags negotiated.
    Vtag,
    /// HBM 2.0 or newer without virtual tags.
    NoVtag,
}

/// One device, as rows use it.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    files: &'a dyn Files,
}

impl Debug for Bench<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "bench over {}", self.transport())
    }
}

#[track_caller]
fn failed<T>(what: impl Into<String>) -> Step<T> {
    let place = Location::caller();
    let file = place.file().rsplit('/').next().unwrap_or_default();
    Err(Stop::Failed(format!("{} ({file}:{})", what.into(), place.line())))
}

impl<'a> Bench<'a> {
    /// Over this device.
    #[must_use]
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files }
    }

    /// Who answers.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.files.transport()
    }

    /// The device itself, for what has no call.
    #[must_use]
    pub fn files(&self) -> &'a dyn Files {
        self.files
    }

    /// Opens the device; it must open.
    pub fn open(&self) -> Step<File<'a>> {
        self.open_with(false)
    }

    /// Opens the device with O_NONBLOCK; it must open.
    pub fn open_nonblocking(&self) -> Step<File<'a>> {
        self.open_with(true)
    }

    #[track_caller]
    fn open_with(&self, nonblocking: bool) -> Step<File<'a>> {
        let said = self.call(Call::Open { nonblocking })?;
        match said.outcome.result {
            Ok(id) => Ok(self.file(FileId(u32::try_from(id).expect("a file id")))),
            Err(errno) => failed(format!("open: {errno}")),
        }
    }

    fn file(&self, id: FileId) -> File<'a> {
        File { bench: *self, id, open: Cell::new(true) }
    }

    /// Opens the device, whatever comes of it.
    pub fn try_open(&self) -> Step<Result<File<'a>, Errno>> {
        let said = self.call(Call::Open { nonblocking: false })?;
        Ok(said.outcome.result.map(|id| self.file(FileId(u32::try_from(id).expect("a file id")))))
    }

    /// A file connected to `guid`.
    #[track_caller]
    pub fn connected(&self, guid: Guid) -> Step<File<'a>> {
        let file = self.open()?;
        file.connect(guid)?.returns(0)?;
        Ok(file)
    }

    /// The engine's test client, through which events are armed.
    pub fn engine(&self) -> Step<TestClient<'a>> {
        TestClient::connect(self)
    }

    /// Arms one event.
    pub fn arm(&self, event: Event) -> Step {
        self.engine()?.arm(event)
    }

    /// Makes a call and waits for it.
    #[track_caller]
    pub fn call(&self, call: Call) -> Step<Said> {
        let label = label(&call);
        let ticket = self.files.begin(call)?;
        match self.files.wait(ticket, LIMIT) {
            Some(outcome) => Ok(Said { label, outcome }),
            None => failed(format!("{label}: not over after {LIMIT:?}")),
        }
    }

    /// Begins a call, whether it parks or not.
    pub fn begin(&self, call: Call) -> Step<Parked<'a>> {
        let label = label(&call);
        let ticket = self.files.begin(call)?;
        Ok(Parked { bench: *self, ticket, label })
    }

    /// Begins a call that must park.
    #[track_caller]
    pub fn park(&self, call: Call) -> Step<Parked<'a>> {
        let parked = self.begin(call)?;
        if self.files.asleep(parked.ticket) {
            return Ok(parked);
        }
        let outcome = self.files.wait(parked.ticket, LIMIT).map(|outcome| outcome.result);
        failed(format!("{} did not park: {outcome:?}", parked.label))
    }

    /// Whether the device has such an engine, asked in band.
    pub fn has(&self, engine: Engine) -> Step {
        if engine == Engine::Any {
            return Ok(());
        }
        let file = self.open()?;
        // EOPNOTSUPP or ENODEV; EOPNOTSUPP or ENOTTY (device-abi.md §5.5, §5.7).
        let events = file.notify_get()?.outcome.result != Err(Errno::EOPNOTSUPP);
        let vtag = file.connect_vtag(Guid([0xEE; 16]), 1)?.outcome.result != Err(Errno::EOPNOTSUPP);
        let has = match engine {
            Engine::Any => true,
            Engine::Events => events,
            Engine::Old => !events,
            Engine::Vtag => vtag,
            Engine::NoVtag => events && !vtag,
        };
        if has { Ok(()) } else { Err(Stop::NotHere(format!("the engine is not {engine:?}"))) }
    }

    /// One of four values, by who answers. Where they differ, `docs/fidelity.md` has the row `fidelity`.
    #[must_use]
    pub fn by<T>(&self, fidelity: &'static str, values: By<T>) -> T {
        // The name is for the reader and for the test that holds it against the file.
        let _ = fidelity;
        match self.transport() {
            Transport::Host => values.host,
            Transport::Fuse => values.fuse,
            Transport::Cuse => values.cuse,
            Transport::MeiMe => values.mei_me,
        }
    }

    /// Ends the row early where the kernel's driver has a quirk that umei does not copy.
    pub fn not_the_kernels_quirk(&self, fidelity: &'static str) -> Step {
        if self.transport() == Transport::MeiMe {
            return Err(Stop::NotHere(format!("the driver's own behaviour differs, see {fidelity}")));
        }
        Ok(())
    }

    /// Ends the row early where reads and writes of bad pointers never reach the device.
    pub fn only(&self, transports: &[Transport], reason: &str) -> Step {
        if transports.contains(&self.transport()) { Ok(()) } else { Err(Stop::NotHere(reason.to_owned())) }
    }

    /// Fails unless `condition`.
    #[track_caller]
    pub fn check(&self, condition: bool, what: impl Into<String>) -> Step {
        if condition { Ok(()) } else { failed(what) }
    }
}

/// A value for each transport.
#[derive(Debug, Clone, Copy)]
pub struct By<T> {
    /// In process.
    pub host: T,
    /// Over FUSE.
    pub fuse: T,
    /// Over CUSE.
    pub cuse: T,
    /// The kernel's driver.
    pub mei_me: T,
}

/// The call in a few words, for reports.
fn label(call: &Call) -> String {
    match call {
        Call::Ioctl { command, .. } => format!("ioctl {command:#010x}"),
        Call::Read { size, .. } => format!("read of {size}"),
        Call::Write { data, .. } => format!("write of {}", data.len()),
        Call::Poll { events, .. } => format!("poll for {events:#x}"),
        other => format!("{other:?}"),
    }
}

/// A call and what it returned.
#[derive(Debug, Clone)]
#[must_use = "an unchecked outcome shows nothing"]
pub struct Said {
    label: String,
    /// What it returned.
    pub outcome: Outcome,
}

impl Said {
    /// It must have failed with `errno`.
    #[track_caller]
    pub fn fails(&self, errno: Errno) -> Step {
        self.result_is(Err(errno))
    }

    /// It must have returned `value`.
    #[track_caller]
    pub fn returns(&self, value: i64) -> Step {
        self.result_is(Ok(value))
    }

    /// It must have come to `result`.
    #[track_caller]
    pub fn result_is(&self, result: Result<i64, Errno>) -> Step {
        if self.outcome.result == result {
            return Ok(());
        }
        failed(format!("{}: {:?} instead of {result:?}", self.label, self.outcome.result))
    }

    /// It must have brought exactly `bytes`, as many as it returned.
    #[track_caller]
    pub fn reads(&self, bytes: &[u8]) -> Step {
        self.returns(i64::try_from(bytes.len()).expect("a length"))?;
        self.brings(bytes)
    }

    /// Its bytes must be `bytes`.
    #[track_caller]
    pub fn brings(&self, bytes: &[u8]) -> Step {
        if self.outcome.bytes == bytes {
            return Ok(());
        }
        failed(format!("{}: bytes {:02x?} instead of {bytes:02x?}", self.label, self.outcome.bytes))
    }

    /// It must have succeeded; what it returned.
    #[track_caller]
    pub fn value(&self) -> Step<i64> {
        match self.outcome.result {
            Ok(value) => Ok(value),
            Err(errno) => failed(format!("{}: {errno}", self.label)),
        }
    }
}

/// A call that sleeps.
#[derive(Debug)]
#[must_use = "a parked call must be ended"]
pub struct Parked<'a> {
    bench: Bench<'a>,
    ticket: Ticket,
    label: String,
}

impl Parked<'_> {
    /// It must still sleep, now that other calls have come and gone.
    #[track_caller]
    pub fn still_sleeps(&self) -> Step {
        // A round trip behind it: whatever was on its way to the caller has been sent.
        let file = self.bench.open()?;
        file.poll(POLLIN)?.returns(i64::from(POLLERR))?;
        if self.bench.files.asleep(self.ticket) { Ok(()) } else { failed(format!("{} woke up", self.label)) }
    }

    /// Sends its caller a handled signal.
    pub fn signal(&self, restart: Restart) {
        self.bench.files.signal(self.ticket, restart);
    }

    /// It must end; how it did.
    #[track_caller]
    pub fn ends(self) -> Step<Said> {
        match self.bench.files.wait(self.ticket, LIMIT) {
            Some(outcome) => Ok(Said { label: self.label, outcome }),
            None => failed(format!("{}: not over after {LIMIT:?}", self.label)),
        }
    }

    /// How it ended, if it ends within `limit`.
    pub fn ends_within(self, limit: Duration) -> Result<Said, Self> {
        match self.bench.files.wait(self.ticket, limit) {
            Some(outcome) => Ok(Said { label: self.label, outcome }),
            None => Err(self),
        }
    }
}

/// An open file; closed when it is dropped.
#[derive(Debug)]
pub struct File<'a> {
    bench: Bench<'a>,
    id: FileId,
    open: Cell<bool>,
}

impl<'a> File<'a> {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }

    /// `CONNECT_CLIENT`.
    #[track_caller]
    pub fn connect(&self, guid: Guid) -> Step<Said> {
        self.ioctl(CONNECT, &guid.0)
    }

    /// `CONNECT_CLIENT_VTAG`.
    #[track_caller]
    pub fn connect_vtag(&self, guid: Guid, vtag: u8) -> Step<Said> {
        let mut argument = [0; 20];
        argument[..16].copy_from_slice(&guid.0);
        argument[16] = vtag;
        self.ioctl(CONNECT_VTAG, &argument)
    }

    /// `NOTIFY_SET`.
    #[track_caller]
    pub fn notify_set(&self, value: u32) -> Step<Said> {
        self.ioctl(NOTIFY_SET, &value.to_le_bytes())
    }

    /// `NOTIFY_GET`.
    #[track_caller]
    pub fn notify_get(&self) -> Step<Said> {
        self.ioctl(NOTIFY_GET, &[0; 4])
    }

    /// Any ioctl.
    #[track_caller]
    pub fn ioctl(&self, command: u32, argument: &[u8]) -> Step<Said> {
        self.bench.call(self.ioctl_call(command, argument, Pointer::Good))
    }

    /// Any ioctl, its argument where it should not be.
    #[track_caller]
    pub fn ioctl_at(&self, command: u32, pointer: Pointer) -> Step<Said> {
        let size = command >> 16 & 0x3FFF;
        self.bench.call(self.ioctl_call(command, &vec![0; size as usize], pointer))
    }

    /// The call of [`File::ioctl`], to park.
    #[must_use]
    pub fn ioctl_call(&self, command: u32, argument: &[u8], pointer: Pointer) -> Call {
        Call::Ioctl { file: self.id, command, argument: argument.to_vec(), pointer }
    }

    /// `read`.
    #[track_caller]
    pub fn read(&self, size: usize) -> Step<Said> {
        self.bench.call(self.read_call(size))
    }

    /// `read` to where nothing is.
    #[track_caller]
    pub fn read_at(&self, size: usize, pointer: Pointer) -> Step<Said> {
        self.bench.call(Call::Read { file: self.id, size, pointer })
    }

    /// The call of [`File::read`], to park.
    #[must_use]
    pub fn read_call(&self, size: usize) -> Call {
        Call::Read { file: self.id, size, pointer: Pointer::Good }
    }

    /// `write`.
    #[track_caller]
    pub fn write(&self, data: &[u8]) -> Step<Said> {
        self.bench.call(self.write_call(data))
    }

    /// The call of [`File::write`], to park.
    #[must_use]
    pub fn write_call(&self, data: &[u8]) -> Call {
        Call::Write { file: self.id, data: data.to_vec(), pointer: Pointer::Good }
    }

    /// `write`, all of it taken.
    #[track_caller]
    pub fn send(&self, data: &[u8]) -> Step {
        self.write(data)?.returns(i64::try_from(data.len()).expect("a length"))
    }

    /// `poll` that does not wait.
    #[track_caller]
    pub fn poll(&self, events: u16) -> Step<Said> {
        self.bench.call(self.poll_call(events, Duration::ZERO))
    }

    /// `poll` that waits for as long as a row may take; zero fails.
    #[track_caller]
    pub fn poll_until(&self, events: u16) -> Step<i64> {
        let ready = self.bench.call(self.poll_call(events, LIMIT))?.value()?;
        if ready == 0 { failed(format!("poll for {events:#x}: nothing within {LIMIT:?}")) } else { Ok(ready) }
    }

    /// The call of [`File::poll_until`], to park.
    #[must_use]
    pub fn poll_call(&self, events: u16, timeout: Duration) -> Call {
        Call::Poll { file: self.id, events, timeout }
    }

    /// Waits until a message is queued.
    #[track_caller]
    pub fn wait_readable(&self) -> Step {
        match self.poll_until(POLLIN)? {
            ready if ready == i64::from(POLLIN) => Ok(()),
            ready => failed(format!("poll for a message: {ready:#x}")),
        }
    }

    /// Waits until the queue has room.
    #[track_caller]
    pub fn wait_writable(&self) -> Step {
        match self.poll_until(POLLOUT)? {
            ready if ready == i64::from(POLLOUT) => Ok(()),
            ready => failed(format!("poll for room: {ready:#x}")),
        }
    }

    /// Waits until the file is not connected any more. It asks again and again: the driver wakes no poll that asks for
    /// errors alone (Q16).
    #[track_caller]
    pub fn wait_error(&self) -> Step {
        let moment = Duration::from_millis(10);
        for _ in 0..LIMIT.as_millis() / moment.as_millis() {
            match self.poll(0)?.value()? {
                0 => self.bench.files.pass(moment),
                ready if ready == i64::from(POLLERR) => return Ok(()),
                ready => return failed(format!("poll for nothing: {ready:#x}")),
            }
        }
        failed(format!("still connected after {LIMIT:?}"))
    }

    /// `fsync`.
    #[track_caller]
    pub fn fsync(&self) -> Step<Said> {
        self.bench.call(Call::Fsync(self.id))
    }

    /// O_NONBLOCK by F_SETFL.
    #[track_caller]
    pub fn set_nonblocking(&self, on: bool) -> Step {
        self.bench.call(Call::SetNonblocking(self.id, on))?.returns(0)
    }

    /// A second descriptor of the same file.
    #[track_caller]
    pub fn duplicate(&self) -> Step<File<'a>> {
        let id = self.bench.call(Call::Duplicate(self.id))?.value()?;
        Ok(self.bench.file(FileId(u32::try_from(id).expect("a file id"))))
    }

    /// `close`, checked.
    #[track_caller]
    pub fn close(self) -> Step<Said> {
        self.open.set(false);
        self.bench.call(Call::Close(self.id))
    }

    /// The call of [`File::close`], to park; the file is not closed again.
    #[must_use]
    pub fn close_call(self) -> Call {
        self.open.set(false);
        Call::Close(self.id)
    }

    /// Any call of this file.
    #[track_caller]
    pub fn call(&self, call: impl FnOnce(FileId) -> Call) -> Step<Said> {
        self.bench.call(call(self.id))
    }

    /// Begins any call of this file, which must park.
    #[track_caller]
    pub fn park(&self, call: Call) -> Step<Parked<'a>> {
        self.bench.park(call)
    }

    /// Parks a read.
    #[track_caller]
    pub fn park_read(&self, size: usize) -> Step<Parked<'a>> {
        self.bench.park(self.read_call(size))
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        if self.open.get() {
            // A close that hangs is the next row's failure: its open or connect will say so.
            if let Ok(ticket) = self.bench.files.begin(Call::Close(self.id)) {
                let _ = self.bench.files.wait(ticket, LIMIT);
            }
        }
    }
}

/// `IOCTL_MEI_CONNECT_CLIENT` and its siblings, declared again.
pub const CONNECT: u32 = 0xC010_4801;
/// `IOCTL_MEI_NOTIFY_SET`.
pub const NOTIFY_SET: u32 = 0x4004_4802;
/// `IOCTL_MEI_NOTIFY_GET`.
pub const NOTIFY_GET: u32 = 0x8004_4803;
/// `IOCTL_MEI_CONNECT_CLIENT_VTAG`.
pub const CONNECT_VTAG: u32 = 0xC014_4804;
