//! Requests to calls, outputs to answers: everything between a session and a host but the waiting.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use cuse::wire::{FileHandle, IoctlFlags, IoctlIovec, Unique};
use cuse::{Channel, Delivery, Errno, Ioctl, Operation, Request};
use mei_core::{Call, DeviceState, Handle, Host, IoctlCopies, Output, Reply};
use mei_wire::Device;

use crate::answer::{errno, note, refuse, send};
use crate::calls::{Calls, Kind, Pending};
use crate::files::{Files, blocking};
use crate::remote::ring;
use crate::signals::{INTERVAL, is_killed};

/// Turns of device and driver at a time: two that keep each other busy must not keep programs from their
/// answers.
const MOST_TURNS: usize = 64;

/// Whether device and driver have come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing to do before the deadline, an interrupt or a call.
    Done,
    /// There is more to do at once.
    Left,
}

/// What comes after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// [`Exchange::settle`]: the device has to work before this caller can go on.
    Settle,
    /// The next request, if there is one: who has written reads next, and the device may as well have both at once, and
    /// what others write too.
    Look,
}

/// Whether the device's interrupt is to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Its descriptor is readable, or it has none.
    Ask,
    /// Its descriptor was not seen readable: asking would be a system call in vain.
    Quiet,
}

/// The host and what is under way between it and the kernel.
#[derive(Debug)]
pub(crate) struct Exchange<D> {
    pub(crate) host: Host<D>,
    files: Files,
    calls: Calls,
    /// Whom to tell of a new `dev_state`.
    watchers: Vec<Arc<OwnedFd>>,
}

impl<D: Device> Exchange<D> {
    pub(crate) fn new(host: Host<D>) -> Self {
        Self { host, files: Files::default(), calls: Calls::default(), watchers: Vec::new() }
    }

    /// Another host takes the place of one whose function is gone. Files of the old one stay unusable.
    pub(crate) fn replace(&mut self, host: Host<D>, channel: &Channel) -> Host<D> {
        self.answer_everyone(channel);
        self.files.orphan();
        std::mem::replace(&mut self.host, host)
    }

    /// Files that programs have open.
    pub(crate) fn open_files(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn watch(&mut self, watcher: Arc<OwnedFd>) {
        // A watch that nobody else holds is over.
        self.watchers.retain(|watcher| Arc::strong_count(watcher) > 1);
        self.watchers.push(watcher);
    }

    /// Whether the driver has given the device up, by itself or because it was told to.
    pub(crate) fn is_disabled(&self) -> bool {
        self.host.state() == DeviceState::Disabled
    }

    /// When [`Exchange::settle`] must be called.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.host.deadline(), self.host.function().deadline(), self.calls.next_look()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes a request. Its answer goes out now, in the next [`Exchange::settle`] or in a later one.
    #[inline]
    pub(crate) fn take(&mut self, request: &Request<'_>, channel: &Channel, now: Instant) -> Next {
        let caller = Caller { unique: request.unique, thread: request.pid };
        match request.operation {
            Operation::Open(open) => {
                let kind = Kind::Open { fh: self.files.name(), flags: open.flags };
                self.ask(caller, kind, Call::Open, channel, now);
            }
            // What follows the first piece of a call too large for one request. It must neither sleep nor take
            // a new message; what is left of the present one stays for the next call (cuse.md §5).
            Operation::Read(read) if read.offset > 0 => {
                note(caller.unique, channel.reply_data(caller.unique, &[]));
            }
            Operation::Read(read) => {
                let file = self.files.get_with_flags(read.fh, read.flags);
                let handle = file.and_then(|file| file.handle);
                self.ask_file(caller, handle, Kind::Read { size: read.size }, channel, now, |handle| {
                    let size = usize::try_from(read.size).unwrap_or(usize::MAX);
                    Call::Read { handle, size, offset: read.offset, blocking: blocking(read.flags) }
                });
            }
            Operation::Write(write) => {
                let file = self.files.get_with_flags(write.fh, write.flags);
                let handle = file.and_then(|file| file.handle);
                if write.offset > 0 {
                    // The rest of a call too large for one request. Its first piece was a message by itself;
                    // an error makes the call return that one's length (cuse.md §5).
                    note(caller.unique, channel.reply_error(caller.unique, Errno::FBIG));
                    return Next::Settle;
                }
                let size = u32::try_from(write.data.len()).unwrap_or(u32::MAX);
                self.ask_file(caller, handle, Kind::Write { size }, channel, now, |handle| {
                    let blocking = blocking(write.flags);
                    Call::Write { handle, data: write.data, blocking }
                });
                return self.drain(channel, now);
            }
            Operation::Ioctl(ioctl) => self.take_ioctl(caller, &ioctl, channel, now),
            Operation::Poll(poll) => {
                if poll.schedule_notify() {
                    self.files.wait(poll.fh, poll.kh);
                }
                let handle = self.handle(poll.fh);
                self.ask_file(caller, handle, Kind::Poll, channel, now, |handle| Call::Poll {
                    handle,
                    events: poll.events,
                });
            }
            Operation::Fsync(fsync) => {
                let handle = self.handle(fsync.fh);
                self.ask_file(caller, handle, Kind::Fsync, channel, now, |handle| Call::Fsync { handle });
            }
            Operation::Release(release) => {
                let handle = self.handle(release.fh);
                self.files.remove(release.fh);
                self.ask_file(caller, handle, Kind::Release, channel, now, |handle| Call::Release { handle });
            }
            // One descriptor of several perhaps; the driver has no such operation.
            Operation::Flush(_) => {
                note(caller.unique, channel.reply_empty(caller.unique));
            }
            Operation::Interrupt(interrupt) => self.interrupted(interrupt.target, channel, now),
        }
        Next::Settle
    }

    /// In the kernel's order: state and command first, then the caller's memory, then the call
    /// (`device-abi.md` §5.2). Behind a FUSE file the memory comes first, which cannot be helped.
    fn take_ioctl(&mut self, caller: Caller, ioctl: &Ioctl<'_>, channel: &Channel, now: Instant) {
        let Caller { unique, .. } = caller;
        let Some((handle, blocking)) =
            self.files.get(ioctl.fh).and_then(|file| Some((file.handle?, file.blocking())))
        else {
            note(unique, refuse(channel, unique, Kind::Ioctl { room: 0 }));
            return;
        };
        let copies = match self.host.ioctl_check(handle, ioctl.cmd) {
            Ok(copies) => copies,
            Err(number) => {
                note(unique, channel.reply_error(unique, errno(number)));
                return;
            }
        };
        let room = usize::try_from(ioctl.out_size).unwrap_or(usize::MAX);
        let Some(argument) = ioctl.input.get(..copies.input).filter(|_| room >= copies.output) else {
            let nothing_copied = ioctl.input.is_empty() && ioctl.out_size == 0;
            let outcome = if nothing_copied && ioctl.flags.contains(IoctlFlags::UNRESTRICTED) {
                ask_again(channel, unique, ioctl.arg, copies)
            } else {
                // The kernel copies what the code says, and the code was compared as a whole.
                channel.reply_error(unique, Errno::INVAL)
            };
            note(unique, outcome);
            return;
        };
        let call = Call::Ioctl { handle, command: ioctl.cmd, argument, blocking };
        self.ask(caller, Kind::Ioctl { room: ioctl.out_size }, call, channel, now);
    }

    fn handle(&self, fh: FileHandle) -> Option<Handle> {
        self.files.get(fh)?.handle
    }

    /// Asks the host about an open file; one whose host is gone is refused as the driver refuses it.
    fn ask_file<'a>(
        &mut self,
        caller: Caller,
        handle: Option<Handle>,
        kind: Kind,
        channel: &Channel,
        now: Instant,
        call: impl FnOnce(Handle) -> Call<'a>,
    ) {
        match handle {
            Some(handle) => self.ask(caller, kind, call(handle), channel, now),
            None => {
                note(caller.unique, refuse(channel, caller.unique, kind));
            }
        }
    }

    #[inline(always)]
    fn ask(&mut self, caller: Caller, kind: Kind, call: Call<'_>, channel: &Channel, now: Instant) {
        let Caller { unique, thread } = caller;
        if kind.may_sleep() && self.calls.is_full() {
            log::warn!("{unique}: {} calls sleep already", Calls::MOST);
            note(unique, channel.reply_error(unique, Errno::NOMEM));
            return;
        }
        let id = self.calls.insert(Pending { unique: Some(unique), thread, kind, look_again: None });
        self.host.call(id, call, now);
    }

    /// A caller got a signal. Where the driver sleeps interruptibly the host answers; where not, only death
    /// ends the call.
    fn interrupted(&mut self, target: Unique, channel: &Channel, now: Instant) {
        let Some(id) = self.calls.find(target) else { return };
        self.host.cancel(id, now);
        self.drain(channel, now);
        if self.calls.get(id).is_some_and(|call| call.unique == Some(target)) {
            self.calls.look_again(id, now);
        }
    }

    /// Looks at the callers whose signals did not end their calls, and lets go of the dead.
    fn look_at_callers(&mut self, now: Instant) {
        while let Some(id) = self.calls.due(now) {
            self.calls.look_again(id, now + INTERVAL);
            if self.calls.get(id).is_some_and(|call| is_killed(call.thread)) {
                self.host.abandon(id, now);
            }
        }
    }

    /// Lets device and driver work until both are at rest, and answers whom they can answer.
    pub(crate) fn settle(&mut self, line: Line, channel: &Channel, now: Instant) -> Work {
        self.look_at_callers(now);
        // Who has an answer already goes on while the device works.
        self.drain(channel, now);
        for _ in 0..MOST_TURNS {
            self.host.function_mut().run(now);
            if line == Line::Ask && self.host.function_mut().take_interrupt() {
                self.take_interrupt(now);
            } else if !self.is_due(now) {
                return Work::Done;
            } else if line == Line::Quiet && self.host.function_mut().take_interrupt() {
                // What the device has answered by now is not late, however long this machine stood still.
                self.take_interrupt(now);
            } else {
                self.host.advance(now);
            }
            self.drain(channel, now);
        }
        // A device without rest stops no clock.
        if self.is_due(now) {
            self.host.advance(now);
            self.drain(channel, now);
        }
        Work::Left
    }

    fn take_interrupt(&mut self, now: Instant) {
        self.host.interrupt(now);
        self.host.function_mut().end_of_interrupt();
    }

    /// Whether the host waits for a time that has come.
    fn is_due(&self, now: Instant) -> bool {
        self.host.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Sends what the host has to say, which is nothing most of the time.
    #[inline]
    pub(crate) fn drain(&mut self, channel: &Channel, now: Instant) -> Next {
        if self.host.has_output() { self.send_outputs(channel, now) } else { Next::Settle }
    }

    fn send_outputs(&mut self, channel: &Channel, now: Instant) -> Next {
        let mut next = Next::Settle;
        while let Some(output) = self.host.next_output() {
            match output {
                Output::Reply(id, reply) => {
                    let Some(Pending { unique, kind, .. }) = self.calls.remove(id) else {
                        log::error!("the host answers {id:?}, which waits for nothing");
                        continue;
                    };
                    let opened = opened(kind, &reply);
                    if matches!(reply, Reply::Written(_)) {
                        next = Next::Look;
                    }
                    let delivery = unique.map(|unique| note(unique, send(channel, unique, kind, reply)));
                    match opened {
                        // The opener was killed meanwhile: nobody will release what nobody got.
                        Some((_, handle, _)) if delivery == Some(Delivery::Forgotten) => {
                            let kind = Kind::Release;
                            let release = Pending { unique: None, thread: 0, kind, look_again: None };
                            let id = self.calls.insert(release);
                            self.host.call(id, Call::Release { handle }, now);
                        }
                        Some((fh, handle, flags)) => self.files.insert(fh, handle, flags),
                        None => {}
                    }
                }
                Output::Wake(handle) => {
                    if let Some(poller) = self.files.wake(handle) {
                        note(Unique(0), channel.notify_poll(poller));
                    }
                }
                Output::State(state) => self.tell(state),
            }
        }
        next
    }

    fn tell(&self, state: DeviceState) {
        log::info!("the device is {state:?}");
        self.watchers.iter().for_each(|watcher| ring(watcher));
    }

    /// Answers everyone who still waits, as the driver does when the device goes, and wakes who polls.
    pub(crate) fn answer_everyone(&mut self, channel: &Channel) {
        while let Some(Pending { unique, kind, .. }) = self.calls.pop() {
            if let Some(unique) = unique {
                note(unique, refuse(channel, unique, kind));
            }
        }
        while let Some(poller) = self.files.wake_any() {
            note(Unique(0), channel.notify_poll(poller));
        }
    }
}

/// Who waits for an answer.
#[derive(Debug, Clone, Copy)]
struct Caller {
    unique: Unique,
    thread: u32,
}

/// The file that a reply opens.
fn opened(kind: Kind, reply: &Reply<'_>) -> Option<(FileHandle, Handle, cuse::wire::FileFlags)> {
    match (kind, reply) {
        (Kind::Open { fh, flags }, Reply::Opened(handle)) => Some((fh, *handle, flags)),
        _ => None,
    }
}

/// Asks for an ioctl again, with the memory that the command reads and writes.
fn ask_again(
    channel: &Channel,
    unique: Unique,
    base: u64,
    copies: IoctlCopies,
) -> Result<Delivery, cuse::ReplyError> {
    let area = |length: usize| IoctlIovec { base, len: length as u64 };
    let (input, output) = ([area(copies.input)], [area(copies.output)]);
    let used = |length: usize| usize::from(length > 0);
    channel.reply_ioctl_retry(unique, &input[..used(copies.input)], &output[..used(copies.output)])
}
