//! What a sequence has come to so far, as its own calls tell: for the table of hits, and for rules.

use super::generate::SLOTS;
use super::runner::{Answer, Trace};
use super::step::{Client, Do, Place, Step, Upset, Way};
use crate::files::{Errno, Outcome, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM};

/// What the program knows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    /// Not open.
    Closed,
    /// Never connected.
    Fresh,
    /// Connected, as far as the program knows.
    Connected,
    /// Was connected, and an event that has ended it, or may have, has happened.
    Ended,
}

/// A file's story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct File {
    /// Which of the driver's host clients it has, its own or, with a tag, that of the file whose connection it shares.
    host_client: usize,
    pub(super) state: State,
    pub(super) way: Way,
    pub(super) nonblocking: bool,
    pub(super) client: Option<Client>,
    /// O_NONBLOCK was changed after the last read or write.
    pub(super) flag_changed: bool,
    /// Notifications were on when a connection ended, or may have been.
    pub(super) notified_before: bool,
    /// Notifications are on.
    pub(super) notified: bool,
    /// A NOTIFY_SET was refused.
    pub(super) notify_refused: bool,
    /// A read or a poll for input has made the driver wait for a message.
    pub(super) armed: bool,
    /// The same was so when a connection ended.
    pub(super) armed_before: bool,
    /// A message was read in part, and a read failed after that.
    pub(super) stale_position: bool,
    /// A message may have been read in part.
    pub(super) partial: bool,
    /// A write was taken, on this connection.
    pub(super) written: bool,
    /// The firmware has sent a message that the file had given no credit for.
    pub(super) uncredited: bool,
    /// Connected with a tag.
    pub(super) tagged: bool,
    /// The firmware has sent a message meanwhile whose tag no file has, or may have.
    pub(super) stray_message: bool,
    /// Reads that sleep.
    pub(super) readers: usize,
    /// More than one of them did at once, and one still does.
    pub(super) crowded: bool,
    /// Two reads were made at once.
    pub(super) raced: bool,
    /// Polls for input that sleep.
    pub(super) input_polls: usize,
    /// Polls for errors alone that sleep.
    pub(super) blind_polls: usize,
    /// Polls for notifications that sleep, and began when those were off.
    pub(super) deaf_polls: usize,
}

/// What a poll waits for a message with.
pub(super) const INPUT: u16 = POLLIN | POLLRDNORM;

/// Whether a poll joins no wait queue of the driver, which has one each for reading, for writing and, with
/// notifications on, for those.
fn is_blind(events: u16, notified: bool) -> bool {
    let notifications = if notified { POLLPRI } else { 0 };
    events & (INPUT | POLLOUT | POLLWRNORM | notifications) == 0
}

impl File {
    const fn fresh(host_client: usize, way: Way, nonblocking: bool) -> Self {
        Self {
            host_client,
            state: State::Fresh,
            way,
            nonblocking,
            client: None,
            flag_changed: false,
            notified_before: false,
            notified: false,
            notify_refused: false,
            armed: false,
            armed_before: false,
            stale_position: false,
            partial: false,
            written: false,
            uncredited: false,
            tagged: false,
            stray_message: false,
            readers: 0,
            crowded: false,
            raced: false,
            input_polls: 0,
            blind_polls: 0,
            deaf_polls: 0,
        }
    }

    fn end(&mut self) {
        if self.state == State::Connected {
            self.state = State::Ended;
        }
        self.notified_before |= self.notified;
        self.notified = false;
        self.armed_before |= self.armed;
        self.armed = false;
        self.written = false;
    }
}

/// A sequence's story.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    files: Vec<File>,
    slots: [Option<usize>; SLOTS],
    /// Clients that owe an answer to a file that is closed, while others share its connection.
    orphaned: Vec<Client>,
    /// Whether the link was ever reset.
    pub(super) reset: bool,
}

impl History {
    /// The file of a slot.
    pub(super) fn of(&self, slot: Option<usize>) -> Option<&File> {
        self.files.get(self.slots[slot?]?)
    }

    /// A file by its number.
    pub(super) fn file(&self, file: usize) -> Option<&File> {
        self.files.get(file)
    }

    /// Whether something is so of a file, or of one that shares its host client or did: what that has waits for, is asked
    /// for and is left with, the driver knows once for all of them.
    pub(super) fn any_sharer(&self, file: &File, fact: impl Fn(&File) -> bool) -> bool {
        self.files.iter().any(|other| other.host_client == file.host_client && fact(other))
    }

    /// Whether a file shares its host client, or did.
    pub(super) fn has_sharers(&self, file: &File) -> bool {
        self.files.iter().filter(|other| other.host_client == file.host_client).count() > 1
    }

    /// The state of a step's file.
    pub(super) fn state(&self, step: &Step) -> State {
        self.of(step.slot()).map_or(State::Closed, |file| file.state)
    }

    /// Takes a step into account, as the reference made it.
    pub(super) fn add(&mut self, step: &Step, trace: &Trace) {
        let done = matches!(&trace.answer, Answer::Said(Outcome { result: Ok(_), .. }));
        match *step {
            // Not made.
            _ if trace.answer == Answer::Nothing => {}
            Step::Open { slot, way, nonblocking } => {
                self.close(slot);
                // Failed opens are numbered, too.
                self.files.push(File::fresh(self.files.len(), way, nonblocking));
                self.slots[slot] = done.then_some(self.files.len() - 1);
            }
            Step::Close { slot } | Step::SilentClose { slot } => self.close(slot),
            Step::Duplicate { slot, to } if slot != to && self.slots[slot].is_some() => {
                self.close(to);
                self.slots[to] = if done { self.slots[slot] } else { None };
            }
            Step::Event(Upset::Disconnect { client } | Upset::Remove { client }) if done => {
                self.end(Some(client));
            }
            Step::Event(Upset::Send { client, .. } | Upset::SendWithoutCredit { client, .. }) if done => {
                let asked = matches!(step, Step::Event(Upset::Send { .. }));
                for file in self.files.iter_mut().filter(|file| file.client == Some(client)) {
                    file.uncredited |= !asked && !file.armed;
                    file.stray_message |= file.tagged;
                }
            }
            Step::Reset(_) if done => {
                self.reset = true;
                self.end(None);
            }
            _ => {}
        }
        if let Some(index) = step.slot().and_then(|slot| self.slots[slot]) {
            let file = &mut self.files[index];
            let before = file.state;
            on_file(file, step, trace);
            if before == State::Fresh && file.tagged {
                self.share(index);
            }
        }
        for ended in &trace.ended {
            let Some(file) = self.files.get_mut(ended.file) else { continue };
            match ended.kind {
                "read" => {
                    file.readers = file.readers.saturating_sub(1);
                    file.crowded &= file.readers > 0;
                    after_read(file, 0, &ended.outcome);
                }
                "write" => file.written |= ended.outcome.result.is_ok(),
                "poll" => {
                    file.deaf_polls = file.deaf_polls.saturating_sub(1);
                    match ended.outcome.result {
                        Ok(ready) if ready & i64::from(INPUT) == 0 => {
                            file.blind_polls = 0;
                            file.input_polls = 0;
                        }
                        _ => file.input_polls = file.input_polls.saturating_sub(1),
                    }
                }
                _ => {}
            }
        }
        // An unanswered call before HBM 2.0 costs the link.
        if matches!(step, Step::SilentConnect { .. } | Step::SilentClose { .. } | Step::SilentNotify { .. }) {
            self.reset = true;
            self.end(None);
        }
    }

    /// A file has got a tag on its first connection: it shares that of another, if there is one.
    fn share(&mut self, index: usize) {
        let File { client, .. } = self.files[index];
        let is_one = |&&other: &&usize| {
            let File { tagged, state, client: theirs, .. } = self.files[other];
            other != index && tagged && state == State::Connected && theirs == client
        };
        if let Some(&other) = self.slots.iter().flatten().find(is_one) {
            self.files[index].host_client = self.files[other].host_client;
        }
        // It may get what was meant for one that is gone.
        self.files[index].stray_message |= client.is_some_and(|client| self.orphaned.contains(&client));
    }

    /// The last descriptor of a file may be gone.
    fn close(&mut self, slot: usize) {
        let Some(closed) = self.slots[slot].take().filter(|&file| !self.slots.contains(&Some(file))) else {
            return;
        };
        // The driver drops what a closed file has queued.
        let written = std::mem::take(&mut self.files[closed].written);
        let File { client: Some(client), tagged: true, .. } = self.files[closed] else { return };
        let mut shared = false;
        for &sharer in self.slots.iter().flatten() {
            let file = &mut self.files[sharer];
            if file.tagged && file.client == Some(client) {
                // What it wrote may still be answered, by its tag.
                file.stray_message |= written;
                shared = true;
            }
        }
        match shared {
            true if written => self.orphaned.push(client),
            true => {}
            false => self.orphaned.retain(|&other| other != client),
        }
    }

    /// The connections to a client end, or all.
    fn end(&mut self, client: Option<Client>) {
        self.orphaned.retain(|&other| client.is_some_and(|client| client != other));
        let ended = |file: &&mut File| client.is_none() || file.client == client;
        self.files.iter_mut().filter(ended).for_each(File::end);
    }
}

/// Whether the kernel of a front end answers for a call of these sizes by itself.
pub(super) fn is_nothing(sizes: &[usize]) -> bool {
    sizes.iter().all(|size| *size == 0)
}

fn on_file(file: &mut File, step: &Step, trace: &Trace) {
    match step {
        Step::Call { call, .. } => {
            if let Answer::Said(outcome) = &trace.answer {
                after(file, call, outcome);
            }
        }
        Step::Park { call, .. } => match &trace.answer {
            Answer::Said(outcome) => after(file, call, outcome),
            Answer::Asleep => {
                if matches!(call, Do::Read { .. }) {
                    file.readers += 1;
                    file.crowded |= file.readers > 1;
                    file.armed = true;
                }
                if let Do::Poll { events } = call {
                    let input = events & INPUT != 0;
                    file.armed |= input;
                    file.input_polls += usize::from(input);
                    file.blind_polls += usize::from(is_blind(*events, file.notified));
                    file.deaf_polls += usize::from(events & POLLPRI != 0 && !file.notified);
                }
            }
            _ => {}
        },
        Step::Race { calls, .. } => {
            if let Answer::Both(outcomes) = &trace.answer {
                file.raced |= matches!(calls[0], Do::Read { .. });
                after(file, &calls[0], &outcomes[0]);
                after(file, &calls[1], &outcomes[1]);
            }
        }
        Step::Fill { .. } => {
            file.flag_changed |= !file.nonblocking;
            file.nonblocking = true;
            file.written |= matches!(&trace.answer, Answer::Said(Outcome { result: Ok(1..), .. }));
        }
        Step::Refuse { client, .. } | Step::Delay { client, .. } => {
            if let Answer::Said(outcome) = &trace.answer {
                after(file, &Do::Connect { client: *client, at: Place::Good }, outcome);
            }
        }
        // The driver keeps the time-out's errno, too.
        Step::SilentNotify { .. } => {
            if let Answer::Said(outcome) = &trace.answer {
                after(file, &Do::NotifySet { value: 1, at: Place::Good }, outcome);
            }
        }
        Step::RefuseNotify { .. } => {
            // The driver asks the firmware and does not wait for what is so already.
            file.notify_refused |= file.notified;
            if let Answer::Said(outcome) = &trace.answer {
                after(file, &Do::NotifySet { value: 1, at: Place::Good }, outcome);
            }
        }
        _ => {}
    }
}

fn after(file: &mut File, call: &Do, outcome: &Outcome) {
    let done = outcome.result.is_ok();
    // What a file is not open for the kernel refuses by itself.
    let seen = outcome.result != Err(Errno::EBADF);
    match *call {
        Do::Connect { client, .. } | Do::ConnectVtag { client, .. } if done => {
            file.state = State::Connected;
            file.client = Some(client);
            file.notify_refused = false;
            file.tagged = matches!(call, Do::ConnectVtag { .. });
            file.stray_message = false;
        }
        Do::NotifySet { value, .. } => match outcome.result {
            Ok(_) => file.notified = value == 1,
            Err(Errno::EINVAL | Errno::EFAULT) if value < 2 => file.notify_refused = true,
            Err(_) => {}
        },
        Do::Read { size, .. } => {
            file.flag_changed &= size == 0 || !seen;
            after_read(file, size, outcome);
        }
        Do::ReadVector { ref sizes } => {
            file.flag_changed &= is_nothing(sizes) || !seen;
            file.armed = true;
            file.partial = true;
        }
        Do::Write { length, .. } | Do::WriteInChild { length, .. } => {
            file.flag_changed &= length == 0 || !seen;
            file.written |= done;
        }
        Do::WriteVector { ref lengths, .. } => {
            file.flag_changed &= is_nothing(lengths) || !seen;
            file.written |= done;
        }
        Do::Poll { events } | Do::Epoll { events } if events & INPUT != 0 => {
            let input = |ready: i64| ready & i64::from(INPUT) != 0;
            file.armed = !outcome.result.is_ok_and(input);
        }
        Do::SetNonblocking { on } | Do::Fionbio { on } => {
            file.flag_changed |= file.nonblocking != on;
            file.nonblocking = on;
        }
        _ => {}
    }
}

/// `size`: what was asked for, 0 where it is not known.
fn after_read(file: &mut File, size: usize, outcome: &Outcome) {
    file.uncredited = false;
    match outcome.result {
        Ok(count) => {
            file.armed = false;
            file.stale_position = false;
            // A read that was filled may have left something.
            file.partial = size == 0 || usize::try_from(count).is_ok_and(|count| count == size);
        }
        Err(Errno::EINTR | Errno::EAGAIN) => {
            file.stale_position |= file.partial;
            file.armed = true;
        }
        Err(_) => file.stale_position |= file.partial,
    }
}
