//! `Host` over an emulated engine in this process, on virtual time.

use super::{Call, Errno, FileId, Files, NotHere, Outcome, Pointer, Power, Restart, Ticket, Transport};
use mei_core::{Blocking, CallId, DeviceState, Handle, Host, Options, Output, Reply};
use mei_emulator::{Engine, Persona};
use mei_wire::Device;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A device in this process. Time stands still but for what [`Files::wait`] and [`Files::pass`] let pass, so a
/// wait of half a minute takes none.
#[derive(Debug)]
pub struct InProcess(RefCell<Machine>);

#[derive(Debug)]
struct Machine {
    host: Host<Engine>,
    now: Instant,
    next: u64,
    files: HashMap<FileId, File>,
    /// Calls whose outcome was not taken.
    calls: HashMap<Ticket, Running>,
    /// Which ticket a call of the host belongs to; a restarted call has a new id.
    ids: HashMap<CallId, Ticket>,
}

#[derive(Debug, Clone, Copy)]
struct File {
    handle: Handle,
    nonblocking: bool,
}

#[derive(Debug)]
struct Running {
    call: Call,
    id: Option<CallId>,
    /// A signal with a handler of this kind has reached the caller.
    signal: Option<Restart>,
    /// When a poll gives up.
    until: Option<Instant>,
    outcome: Option<Outcome>,
}

impl InProcess {
    /// A device with an engine of this persona, started and enumerated.
    ///
    /// # Errors
    /// What kept it from becoming ENABLED.
    pub fn start(persona: &Persona) -> Result<Self, String> {
        let now = Instant::now();
        let engine = Engine::new(persona, now);
        let mut machine = Machine {
            host: Host::new(engine, Options::new(*persona.device)),
            now,
            next: 0,
            files: HashMap::new(),
            calls: HashMap::new(),
            ids: HashMap::new(),
        };
        machine.host.start(now);
        let limit = now + Duration::from_secs(60);
        while machine.host.state() != DeviceState::Enabled {
            if !machine.step(limit) {
                return Err(format!("the device is {:?} after a minute", machine.host.state()));
            }
        }
        Ok(Self(RefCell::new(machine)))
    }

    /// Handles, connections and whatever else the test wants of the host itself.
    pub fn host<T>(&self, look: impl FnOnce(&Host<Engine>) -> T) -> T {
        look(&self.0.borrow().host)
    }
}

impl Machine {
    /// Lets both sides work until neither has anything to do at this instant.
    fn settle(&mut self) {
        loop {
            self.host.function_mut().run(self.now);
            let interrupted = self.host.function_mut().take_interrupt();
            if interrupted {
                self.host.interrupt(self.now);
                self.host.function_mut().end_of_interrupt();
            }
            if !self.drain() && !interrupted {
                return;
            }
        }
    }

    /// Takes what the host has to say. False: nothing.
    fn drain(&mut self) -> bool {
        let mut any = false;
        let mut restarts = Vec::new();
        let mut woken = Vec::new();
        let mut opened = Vec::new();
        while let Some(output) = self.host.next_output() {
            any = true;
            match output {
                Output::Reply(id, reply) => {
                    let ticket = self.ids.remove(&id).expect("one reply per call");
                    let running = self.calls.get_mut(&ticket).expect("the ticket was not taken");
                    running.id = None;
                    match outcome(&running.call, reply) {
                        Answer::Outcome(outcome) => running.outcome = Some(outcome),
                        Answer::Opened(handle) => opened.push((ticket, handle)),
                        Answer::Nothing => {}
                        Answer::Restart if running.signal == Some(Restart::Yes) => {
                            running.signal = None;
                            restarts.push(ticket);
                        }
                        Answer::Restart => {
                            let bytes = match &running.call {
                                Call::Ioctl { argument, .. } => argument.clone(),
                                _ => Vec::new(),
                            };
                            running.outcome = Some(Outcome { result: Err(Errno::EINTR), bytes });
                        }
                    }
                }
                Output::Wake(handle) => woken.push(handle),
                Output::State(_) => {}
            }
        }
        for (ticket, handle) in opened {
            let running = self.calls.get_mut(&ticket).expect("the ticket was not taken");
            let Call::Open { nonblocking } = running.call else { panic!("only open opens") };
            let file = FileId(u32::try_from(self.next).expect("few files"));
            self.next += 1;
            running.outcome = Some(Outcome::value(file.0.into()));
            self.files.insert(file, File { handle, nonblocking });
        }
        for handle in woken {
            restarts.extend(self.polls_of(handle));
        }
        for ticket in restarts {
            self.issue(ticket);
        }
        any
    }

    fn polls_of(&self, handle: Handle) -> Vec<Ticket> {
        let waits = |running: &Running| match running.call {
            Call::Poll { file, .. } => {
                running.outcome.is_none() && running.id.is_none() && self.files[&file].handle == handle
            }
            _ => false,
        };
        self.calls.iter().filter(|(_, running)| waits(running)).map(|(&ticket, _)| ticket).collect()
    }

    /// Hands a begun call to the host.
    fn issue(&mut self, ticket: Ticket) {
        let id = CallId(self.next);
        self.next += 1;
        let running = self.calls.get_mut(&ticket).expect("the call was begun");
        running.id = Some(id);
        self.ids.insert(id, ticket);
        let file = |file: &FileId| self.files[file];
        let blocking = |file: &File| if file.nonblocking { Blocking::NonBlocking } else { Blocking::Wait };
        let call = match &running.call {
            Call::Open { .. } => mei_core::Call::Open,
            Call::Close(id) => mei_core::Call::Release { handle: file(id).handle },
            Call::Ioctl { file: id, command, argument, .. } => {
                let file = file(id);
                let copies = match self.host.ioctl_check(file.handle, *command) {
                    Ok(copies) => copies,
                    Err(errno) => {
                        running.id = None;
                        running.outcome =
                            Some(Outcome { result: Err(from_core(errno)), bytes: argument.clone() });
                        return;
                    }
                };
                mei_core::Call::Ioctl {
                    handle: file.handle,
                    command: *command,
                    argument: &argument[..copies.input],
                    blocking: blocking(&file),
                }
            }
            Call::Read { file: id, size, .. } => {
                let file = file(id);
                // As every FUSE stream: the position within a message is the host's affair.
                mei_core::Call::Read {
                    handle: file.handle,
                    size: *size,
                    offset: 0,
                    blocking: blocking(&file),
                }
            }
            Call::Write { file: id, data, .. } => {
                let file = file(id);
                mei_core::Call::Write { handle: file.handle, data, blocking: blocking(&file) }
            }
            Call::Poll { file: id, events, .. } => {
                // As the kernel asks: errors are always of interest.
                let events = u32::from(*events) | u32::from(super::POLLERR | super::POLLHUP);
                mei_core::Call::Poll { handle: file(id).handle, events }
            }
            Call::Fsync(id) | Call::Fdatasync(id) => mei_core::Call::Fsync { handle: file(id).handle },
            Call::SetAsync(id, _) => mei_core::Call::Fasync { handle: file(id).handle },
            other => panic!("{other:?} never reaches a host"),
        };
        self.host.call(id, call, self.now);
    }

    /// The next instant at which something happens by itself, if it is not after `limit`. False: there is none,
    /// and it is `limit` now.
    fn step(&mut self, limit: Instant) -> bool {
        self.settle();
        let own = self
            .calls
            .values()
            .filter(|running| running.outcome.is_none())
            .filter_map(|running| running.until);
        let next = self.host.deadline().into_iter().chain(self.host.function().deadline()).chain(own).min();
        match next {
            Some(next) if next <= limit => {
                self.now = self.now.max(next);
                self.host.advance(self.now);
                self.settle();
                self.expire_polls();
                true
            }
            _ => {
                self.now = self.now.max(limit);
                false
            }
        }
    }

    fn expire_polls(&mut self) {
        for running in self.calls.values_mut() {
            if running.outcome.is_none() && running.until.is_some_and(|until| until <= self.now) {
                running.outcome = Some(Outcome::value(0));
            }
        }
    }

    /// Calls that no host sees.
    fn without_host(&mut self, call: &Call) -> Option<Result<Outcome, NotHere>> {
        let not = |reason: &str| Some(Err(NotHere::because(reason)));
        match *call {
            Call::SetNonblocking(file, on) | Call::Fionbio(file, on) => {
                let handle = self.files[&file].handle;
                let all = self.files.values_mut().filter(|file| file.handle == handle);
                all.for_each(|file| file.nonblocking = on);
                Some(Ok(Outcome::value(0)))
            }
            Call::Duplicate(file) => {
                let new = FileId(u32::try_from(self.next).expect("few files"));
                self.next += 1;
                self.files.insert(new, self.files[&file]);
                Some(Ok(Outcome::value(new.0.into())))
            }
            Call::Close(file) => {
                let handle = self.files[&file].handle;
                let sharers = self.files.values().filter(|file| file.handle == handle).count();
                if sharers == 1 {
                    return None;
                }
                self.files.remove(&file);
                Some(Ok(Outcome::value(0)))
            }
            Call::Ioctl { pointer: Pointer::Null | Pointer::Unmapped, .. }
            | Call::Read { pointer: Pointer::Null | Pointer::Unmapped, .. }
            | Call::Write { pointer: Pointer::Null | Pointer::Unmapped, .. } => {
                not("a host sees bytes, no pointers")
            }
            Call::ReadVector { .. } | Call::WriteVector { .. } => not("a host sees one call at a time"),
            Call::OpenAs { .. } | Call::Epoll { .. } | Call::WriteInChild { .. } => {
                not("a host knows neither modes nor processes")
            }
            Call::Seek(_) | Call::ReadAt(_) | Call::WriteAt(_) | Call::Map(..) | Call::FileType(_) => {
                not("answered before a host is asked")
            }
            _ => None,
        }
    }
}

enum Answer {
    Outcome(Outcome),
    Opened(Handle),
    /// A poll that goes on.
    Nothing,
    Restart,
}

fn outcome(call: &Call, reply: Reply<'_>) -> Answer {
    Answer::Outcome(match (call, reply) {
        (Call::Open { .. }, Reply::Opened(handle)) => return Answer::Opened(handle),
        (_, Reply::Restart) => return Answer::Restart,
        (Call::Ioctl { argument, .. }, Reply::Ioctl(out)) => {
            let mut bytes = argument.clone();
            bytes[..out.len()].copy_from_slice(out);
            Outcome { result: Ok(0), bytes }
        }
        (Call::Ioctl { argument, .. }, Reply::Error(errno)) => {
            Outcome { result: Err(from_core(errno)), bytes: argument.clone() }
        }
        (Call::Read { .. }, Reply::Data(data)) => {
            Outcome { result: Ok(data.len().try_into().expect("a length")), bytes: data.to_vec() }
        }
        (Call::Write { .. }, Reply::Written(count)) => Outcome::value(count.try_into().expect("a length")),
        (Call::Poll { timeout, .. }, Reply::Events(0)) if !timeout.is_zero() => return Answer::Nothing,
        (Call::Poll { .. }, Reply::Events(events)) => Outcome::value(events.into()),
        (Call::Fsync(_) | Call::Fdatasync(_) | Call::SetAsync(..) | Call::Close(_), Reply::Done) => {
            Outcome::value(0)
        }
        (_, Reply::Error(errno)) => Outcome::error(from_core(errno)),
        (call, reply) => panic!("{reply:?} is no reply to {call:?}"),
    })
}

fn from_core(errno: mei_core::Errno) -> Errno {
    Errno(errno.0.into())
}

impl Files for InProcess {
    fn transport(&self) -> Transport {
        Transport::Host
    }

    fn begin(&self, call: Call) -> Result<Ticket, NotHere> {
        let mut machine = self.0.borrow_mut();
        let machine = &mut *machine;
        let outcome = machine.without_host(&call).transpose()?;
        let until = match call {
            Call::Poll { timeout, .. } => machine.now.checked_add(timeout),
            _ => None,
        };
        let ticket = Ticket(machine.next);
        machine.next += 1;
        let at_once = outcome.is_some();
        machine.calls.insert(ticket, Running { call, id: None, signal: None, until, outcome });
        if !at_once {
            machine.issue(ticket);
            machine.settle();
        }
        Ok(ticket)
    }

    fn wait(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        let mut machine = self.0.borrow_mut();
        let machine = &mut *machine;
        let until = machine.now + limit;
        machine.settle();
        while machine.calls[&ticket].outcome.is_none() {
            if !machine.step(until) {
                return None;
            }
        }
        let running = machine.calls.remove(&ticket).expect("looked at above");
        if let Call::Close(file) = running.call {
            machine.files.remove(&file);
        }
        running.outcome
    }

    fn asleep(&self, ticket: Ticket) -> bool {
        let mut machine = self.0.borrow_mut();
        machine.settle();
        machine.calls[&ticket].outcome.is_none()
    }

    fn signal(&self, ticket: Ticket, restart: Restart) {
        let mut machine = self.0.borrow_mut();
        let machine = &mut *machine;
        let now = machine.now;
        let running = machine.calls.get_mut(&ticket).expect("the call was begun");
        match (running.id, &running.call) {
            (Some(id), _) => {
                running.signal = Some(restart);
                machine.host.cancel(id, now);
            }
            // A sleeping poll is the kernel's own: it ends without asking the host.
            (None, Call::Poll { .. }) if running.outcome.is_none() => {
                running.outcome = Some(Outcome::error(Errno::EINTR));
            }
            (None, _) => {}
        }
        machine.settle();
    }

    fn power(&self, event: Power) -> Result<(), NotHere> {
        let mut machine = self.0.borrow_mut();
        let now = machine.now;
        match event {
            Power::Suspend => machine.host.suspend(now),
            Power::Resume => machine.host.resume(now),
            Power::Stop => machine.host.stop(now),
            Power::Remove => machine.host.remove(now),
        }
        machine.settle();
        Ok(())
    }

    fn attribute(&self, name: &str) -> Result<String, NotHere> {
        let host = &mut self.0.borrow_mut().host;
        let text = match name {
            "dev_state" => Ok(host.dev_state().to_owned()),
            "fw_status" => host.fw_status(),
            "fw_ver" => Ok(host.fw_ver()),
            "hbm_ver" => Ok(host.hbm_ver()),
            "hbm_ver_drv" => Ok(host.hbm_ver_drv()),
            "kind" => Ok(host.kind()),
            "trc" => host.trc(),
            "tx_queue_limit" => Ok(host.tx_queue_limit()),
            _ => return Err(NotHere::because(format!("a host has no {name}"))),
        };
        text.map_err(|errno| NotHere::because(format!("{name}: {errno}")))
    }

    fn set_attribute(&self, name: &str, text: &str) -> Result<Result<(), Errno>, NotHere> {
        match name {
            "tx_queue_limit" => Ok(self.0.borrow_mut().host.set_tx_queue_limit(text).map_err(from_core)),
            _ => Err(NotHere::because(format!("{name} is not for writing"))),
        }
    }

    fn pass(&self, time: Duration) {
        let mut machine = self.0.borrow_mut();
        let until = machine.now + time;
        while machine.step(until) {}
        machine.settle();
    }
}
