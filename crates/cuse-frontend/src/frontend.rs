//! The loop.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use cuse::{Buffer, Errno, Received, Session, SessionError};
use mei_core::Host;
use mei_wire::Device;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::exchange::{Exchange, Line, Next, Work};
use crate::patience::Patience;
use crate::remote::{Inbox, Order, Remote, pair};

/// Requests taken between two looks at everything else.
const BATCH: usize = 64;
/// The same where the device's interrupt has a descriptor, which is looked at only then.
const BATCH_BEFORE_INTERRUPT: usize = 8;
/// How long the stop handshake with the firmware may take, several of its own time-outs.
const STOPPING: Duration = Duration::from_secs(5);

/// One session, one host, and the loop between them.
#[derive(Debug)]
pub struct Frontend<S, D> {
    session: S,
    exchange: Exchange<D>,
    buffer: Buffer,
    inbox: Inbox<D>,
    remote: Remote<D>,
    linger: Linger,
    /// What its owner waits for beside it.
    attention: Option<OwnedFd>,
    phase: Phase,
    patience: Patience,
}

/// What a front end does between the last answer of a live device and its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linger {
    /// It ends at once: programs that have the device open get ENOTCONN from then on.
    No,
    /// It answers ENODEV, as the driver does after removal, until no program has the device open; that long
    /// at most.
    AtMost(Duration),
}

/// Why [`Frontend::run`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// It was told to stop. Everyone was answered; drop it.
    Stopped,
    /// The session has ended: unmounted or aborted. There is nobody left to answer.
    Ended,
    /// The function is gone, and everyone was answered ENODEV. Running on answers ENODEV until
    /// [`Frontend::replace`] brings another.
    Gone,
    /// The time is up.
    Time,
    /// The descriptor of [`Frontend::attending`] is readable.
    Attention,
}

/// The loop cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The session does not work.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Waiting failed.
    #[error("waiting for the device: {0}")]
    Wait(Errno),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// The function is gone; the device is answered for without it.
    Gone,
    /// The driver takes leave of the firmware, until then at most.
    Stopping(Instant),
    /// Everyone was answered; programs may close.
    Lingering(Instant),
    Stopped,
}

/// What is readable.
#[derive(Debug, Clone, Copy)]
struct Ready {
    line: Line,
    orders: bool,
    attention: bool,
}

impl<S: Session, D: Device> Frontend<S, D> {
    /// Puts `host`, which has been started, behind `session`.
    ///
    /// # Errors
    /// [`Error::Wait`] when there is no descriptor left for the remotes.
    pub fn new(session: S, host: Host<D>) -> Result<Self, Error> {
        let (remote, inbox) = pair().map_err(Error::Wait)?;
        Ok(Self {
            session,
            exchange: Exchange::new(host),
            buffer: Buffer::new(),
            inbox,
            remote,
            linger: Linger::No,
            attention: None,
            phase: Phase::Serving,
            patience: Patience::new(),
        })
    }

    /// Chooses what happens after [`Remote::stop`] or [`Frontend::stop`]; [`Linger::No`] if this is not called.
    #[must_use]
    pub fn lingering(mut self, linger: Linger) -> Self {
        self.linger = linger;
        self
    }

    /// Lets [`Frontend::run`] return whenever `descriptor` is readable: a server with nothing but this device to look
    /// after waits for its signals here, and needs no second thread.
    #[must_use]
    pub fn attending(mut self, descriptor: OwnedFd) -> Self {
        self.attention = Some(descriptor);
        self
    }

    /// The descriptor of [`Frontend::attending`].
    #[must_use]
    pub fn attention(&self) -> Option<BorrowedFd<'_>> {
        self.attention.as_ref().map(OwnedFd::as_fd)
    }

    /// Does what [`Remote::stop`] asks for, from the thread of the loop.
    pub fn stop(&mut self) {
        self.stop_now(Instant::now());
    }

    /// A way in from other threads.
    #[must_use]
    pub fn remote(&self) -> Remote<D> {
        self.remote.clone()
    }

    /// Files that programs have open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.exchange.open_files()
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &S {
        &self.session
    }

    /// The host, for its owner between two runs.
    pub fn host_mut(&mut self) -> &mut Host<D> {
        &mut self.exchange.host
    }

    /// The session, for its owner between two runs.
    pub fn session_mut(&mut self) -> &mut S {
        &mut self.session
    }

    /// Puts `host`, which has been started, in the place of one whose function is gone, and the name back.
    /// What programs had open stays unusable, as after a removal.
    pub fn replace(&mut self, host: Host<D>) -> Host<D> {
        let old = self.exchange.replace(host, self.session.channel());
        self.session.set_back();
        if self.phase == Phase::Gone {
            self.phase = Phase::Serving;
        }
        old
    }

    /// Serves until something happens that is for the caller to deal with, or until `until`.
    ///
    /// # Errors
    /// [`Error`]; nobody can be answered any more then.
    pub fn run(&mut self, until: Option<Instant>) -> Result<Pause, Error> {
        let mut ready = Ready { line: Line::Ask, orders: true, attention: false };
        loop {
            let now = Instant::now();
            if ready.orders {
                self.take_orders(now);
            }
            let work = self.settle(ready.line, now);
            if let Some(pause) = self.change(now) {
                return Ok(pause);
            }
            if ready.attention {
                return Ok(Pause::Attention);
            }
            let Some((work, waits)) = self.take_requests(work, now)? else { return Ok(Pause::Ended) };
            let now = Instant::now();
            if let Some(pause) = self.change(now) {
                return Ok(pause);
            }
            let over = until.is_some_and(|until| until <= now);
            let rest = (work, waits) == (Work::Done, Work::Done) && !over;
            ready = self.wait(if rest { self.deadline(until) } else { Some(now) }, now)?;
            if over {
                return Ok(if ready.attention { Pause::Attention } else { Pause::Time });
            }
        }
    }

    /// Takes the requests that wait, a batch of them at most: whether there is more to do for the device, and whether
    /// more may wait. None: the session has ended.
    ///
    /// Looks before it sleeps: who was just answered may have asked again. The clock is asked for each request if the
    /// function waits for a time of its own, and else when nothing waits: a batch without a gap is shorter than anything
    /// that the driver times.
    fn take_requests(&mut self, mut work: Work, mut now: Instant) -> Result<Option<(Work, Work)>, Error> {
        let polled = self.exchange.host.function().interrupt_fd().is_none();
        let batch = if polled { BATCH } else { BATCH_BEFORE_INTERRUPT };
        let mut taken = 0;
        while taken < batch {
            match &self.session.recv(&mut self.buffer)? {
                Received::Request(request) => {
                    taken += 1;
                    self.patience.found();
                    if self.exchange.host.function().deadline().is_some() {
                        now = Instant::now();
                    }
                    let channel = self.session.channel();
                    work = match self.exchange.take(request, channel, now) {
                        Next::Look => Work::Left,
                        Next::Settle => self.exchange.settle(self.line_without_fd(), channel, now),
                    };
                }
                Received::Served => taken += 1,
                Received::Nothing => {
                    now = Instant::now();
                    if work == Work::Left {
                        work = self.settle(self.line_without_fd(), now);
                    }
                    let looks = work == Work::Done && polled && taken > 0;
                    if !looks || !self.patience.lasts(now, self.open_files() > 1) {
                        return Ok(Some((work, Work::Done)));
                    }
                    std::hint::spin_loop();
                }
                Received::Ended => return Ok(None),
            }
        }
        Ok(Some((work, Work::Left)))
    }

    fn settle(&mut self, line: Line, now: Instant) -> Work {
        self.exchange.settle(line, self.session.channel(), now)
    }

    /// Between two requests the interrupt of a device with a descriptor is not asked for: it comes by `wait`.
    fn line_without_fd(&self) -> Line {
        if self.exchange.host.function().interrupt_fd().is_some() { Line::Quiet } else { Line::Ask }
    }

    fn take_orders(&mut self, now: Instant) {
        self.inbox.silence();
        while let Some(order) = self.inbox.next() {
            match order {
                Order::Visit(visit) => visit(&mut self.exchange.host, now),
                Order::Watch(watcher) => self.exchange.watch(watcher),
                Order::Stop => self.stop_now(now),
            }
        }
    }

    fn stop_now(&mut self, now: Instant) {
        self.phase = match self.phase {
            Phase::Serving => {
                self.exchange.host.stop(now);
                Phase::Stopping(now + STOPPING)
            }
            Phase::Gone => self.let_go(now),
            Phase::Stopping(_) | Phase::Lingering(_) | Phase::Stopped => {
                let channel = self.session.channel();
                self.exchange.drain(channel, now);
                self.exchange.answer_everyone(channel);
                Phase::Stopped
            }
        };
    }

    /// Goes from one phase to the next; the pause to return, if any.
    fn change(&mut self, now: Instant) -> Option<Pause> {
        match self.phase {
            Phase::Serving if self.exchange.host.is_gone() => {
                self.exchange.host.remove(now);
                let channel = self.session.channel();
                self.exchange.drain(channel, now);
                self.exchange.answer_everyone(channel);
                self.session.set_gone();
                self.phase = Phase::Gone;
                return Some(Pause::Gone);
            }
            Phase::Stopping(until) if self.exchange.is_disabled() || until <= now => {
                self.phase = self.let_go(now);
            }
            Phase::Lingering(until) if self.open_files() == 0 || until <= now => self.phase = Phase::Stopped,
            Phase::Serving | Phase::Gone | Phase::Stopping(_) | Phase::Lingering(_) | Phase::Stopped => {}
        }
        (self.phase == Phase::Stopped).then_some(Pause::Stopped)
    }

    /// Answers everyone and takes the name away.
    fn let_go(&mut self, now: Instant) -> Phase {
        self.exchange.answer_everyone(self.session.channel());
        self.session.set_gone();
        match self.linger {
            Linger::No => Phase::Stopped,
            Linger::AtMost(_) if self.open_files() == 0 => Phase::Stopped,
            Linger::AtMost(limit) => Phase::Lingering(now + limit),
        }
    }

    fn deadline(&self, until: Option<Instant>) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Stopping(until) | Phase::Lingering(until) => Some(until),
            Phase::Serving | Phase::Gone | Phase::Stopped => None,
        };
        [self.exchange.deadline(), phase, until].into_iter().flatten().min()
    }

    /// Sleeps until something is readable, `deadline` at the latest; says what is.
    fn wait(&self, deadline: Option<Instant>, now: Instant) -> Result<Ready, Error> {
        let timeout = deadline.map(|deadline| timeout(deadline.saturating_duration_since(now)));
        let function = self.exchange.host.function().interrupt_fd();
        // What there is not leaves its place to the session's descriptor, and the place is not looked at.
        let session = self.session.as_fd();
        let attention = self.attention();
        let mut fds =
            [session, self.inbox.as_fd(), attention.unwrap_or(session), function.unwrap_or(session)]
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        let used = match (attention, function) {
            (_, Some(_)) => 4,
            (Some(_), None) => 3,
            (None, None) => 2,
        };
        match poll(&mut fds[..used], timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Ready { line: Line::Ask, orders: true, attention: false }),
            Err(errno) => return Err(Error::Wait(errno)),
        }
        let [_, orders, asked, line] = fds.map(|fd| !fd.revents().is_empty());
        let line = if line || function.is_none() { Line::Ask } else { Line::Quiet };
        Ok(Ready { line, orders, attention: asked && attention.is_some() })
    }
}

/// A time-out for `poll(2)`; one that no clock can reach waits as long as it can.
fn timeout(duration: Duration) -> Timespec {
    let longest = Duration::from_secs(86_400);
    Timespec::try_from(duration.min(longest)).unwrap_or_default()
}
