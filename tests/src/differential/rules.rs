//! Known differences. Each rule names its row of `docs/fidelity.md`, and has a test below.

use super::history::{File, History, INPUT, State, is_nothing};
use super::runner::{Answer, Ended, Trace};
use super::step::{Do, Place, Step};
use crate::files::{Errno, Outcome, POLLERR, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM, Transport};

/// What a rule says of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// Row of `docs/fidelity.md`.
    pub(super) fidelity: &'static str,
    /// What it does to the rest of the sequence.
    pub(super) then: Then,
}

/// How a sequence goes on after a known difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Both devices are in the same state.
    Same,
    /// They are not: the rest is not compared.
    Parted,
}

/// What a rule looks at: a step that the reference and the other answered differently.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) reference: Transport,
    pub(super) other: Transport,
    /// Before the step.
    pub(super) history: &'a History,
    pub(super) step: &'a Step,
    pub(super) traces: [&'a Trace; 2],
}

impl<'a> Case<'a> {
    fn driver(&self) -> bool {
        self.reference == Transport::MeiMe
    }

    fn front_end(&self) -> bool {
        matches!(self.other, Transport::Fuse | Transport::Cuse)
    }

    fn call(&self) -> Option<&'a Do> {
        match self.step {
            Step::Call { call, .. } | Step::Park { call, .. } => Some(call),
            _ => None,
        }
    }

    fn file(&self) -> Option<&'a File> {
        self.history.of(self.step.slot())
    }

    /// The results of the step's own call, where both made it to an end.
    fn results(&self) -> Option<[Result<i64, Errno>; 2]> {
        let [one, two] = self.traces;
        Some([result(&one.answer)?, result(&two.answer)?])
    }

    fn has(&self, fact: impl Fn(&File) -> bool) -> bool {
        self.file().is_some_and(fact)
    }

    /// The same of the file or of one that shares its host client.
    fn has_shared(&self, fact: impl Fn(&File) -> bool) -> bool {
        self.has(|file| self.history.any_sharer(file, &fact))
    }

    /// The same of a sleeper's.
    fn ended_with(&self, ended: &Ended, fact: impl Fn(&File) -> bool) -> bool {
        self.history.file(ended.file).is_some_and(|file| self.history.any_sharer(file, fact))
    }

    /// The sleepers that ended on one side and not on the other; of several alike, as many as there are more.
    fn only_ended(&self) -> [Vec<&'a Ended>; 2] {
        let [one, two] = self.traces;
        let missing = |from: &'a Trace, other: &'a Trace| {
            let mut others: Vec<_> = other.ended.iter().collect();
            let mut missing = Vec::new();
            for ended in &from.ended {
                match others.iter().position(|other| *other == ended) {
                    Some(index) => drop(others.swap_remove(index)),
                    None => missing.push(ended),
                }
            }
            missing
        };
        [missing(one, two), missing(two, one)]
    }
}

fn result(answer: &Answer) -> Option<Result<i64, Errno>> {
    match answer {
        Answer::Said(Outcome { result, .. }) => Some(*result),
        _ => None,
    }
}

type Rule = fn(&Case<'_>) -> Option<Known>;

/// The rule for a difference, if there is one.
pub(super) fn known(case: &Case<'_>) -> Option<Known> {
    const RULES: [Rule; 16] = [
        zero_length,
        spinning_writer,
        fsync_over_cuse,
        nonblocking_ioctl,
        pointer_order,
        vectors,
        seek_over_cuse,
        sleeper_in_notify_get,
        second_reader,
        poll_beside_a_read,
        stray_message,
        stale_refusal,
        stale_notification,
        armed_read,
        poll_that_waits_for_nothing,
        epoll_that_arms,
    ];
    let whole = RULES.iter().find_map(|rule| rule(case)).or_else(|| stale_position(case));
    whole.or_else(|| each_of_two(case)).or_else(|| each_sleeper(case))
}

/// Several sleepers that ended on one side alone: each of them has a rule.
fn each_sleeper(case: &Case<'_>) -> Option<Known> {
    let [one, two] = case.traces;
    let [driver, ours] = case.only_ended();
    if one.answer != two.answer || driver.len() + ours.len() < 2 {
        return None;
    }
    let both = one.ended.iter().filter(|ended| two.ended.contains(ended));
    let base = Trace { answer: one.answer.clone(), ended: both.cloned().collect() };
    let with = |sleeper: &Ended| {
        let mut trace = base.clone();
        trace.ended.push(sleeper.clone());
        trace
    };
    let mut last = None;
    for sleeper in driver {
        last = Some(known(&Case { traces: [&with(sleeper), &base], ..*case })?);
    }
    for sleeper in ours {
        last = Some(known(&Case { traces: [&base, &with(sleeper)], ..*case })?);
    }
    last
}

/// Two calls at once: each outcome that differs has a rule.
fn each_of_two(case: &Case<'_>) -> Option<Known> {
    let (Step::Race { slot, calls }, [one, two]) = (case.step, case.traces) else { return None };
    let (Answer::Both(ones), Answer::Both(twos)) = (&one.answer, &two.answer) else { return None };
    // The first of two polls arms the read, and the message may or may not be there before the second looks.
    let polls = matches!(calls[0], Do::Poll { .. }) && case.front_end();
    if polls && ones.iter().zip(twos).all(|(one, two)| differ_by_a_message(one.result, two.result)) {
        return same("F-EPOLL-ARMS");
    }
    // A CONNECT while another is under way is refused; one after it has an answer of its own.
    let connects = matches!(calls[0], Do::Connect { .. });
    let busy = |outcomes: &[Outcome; 2]| outcomes.iter().any(|outcome| outcome.result == Err(Errno::EBUSY));
    let shared = ones.iter().any(|outcome| twos.contains(outcome));
    if connects && shared && (busy(ones) || busy(twos)) {
        return same("F-AT-ONCE");
    }
    let mut last = None;
    for (index, call) in calls.iter().enumerate() {
        if ones[index] == twos[index] {
            continue;
        }
        let alone = |outcome: &Outcome| Trace { answer: Answer::Said(outcome.clone()), ended: Vec::new() };
        let (one, two) = (alone(&ones[index]), alone(&twos[index]));
        let step = Step::Call { slot: *slot, call: call.clone() };
        let rule = known(&Case { step: &step, traces: [&one, &two], ..*case })?;
        if last.is_none_or(|last: Known| last.then == Then::Same) {
            last = Some(rule);
        }
    }
    last
}

/// Steps after which the devices are in different states although they say the same.
pub(super) fn parts(case: &Case<'_>) -> Option<Known> {
    let bad_read =
        matches!(case.call(), Some(Do::Read { at: Place::Null | Place::Unmapped, size }) if *size > 0);
    let pieces = matches!(case.call(), Some(Do::ReadVector { .. } | Do::WriteVector { .. }));
    let reached = case.has(|file| file.state != State::Fresh);
    // Whether the poll has seen the message, and has asked for the next if not, is not told by who has ended.
    let [one, _] = case.traces;
    let beside = |ended: &Ended| {
        let both = |file: &File| file.readers > 0 && file.input_polls > 0;
        ended.kind == "read"
            && ended.outcome.result.is_ok()
            && case.history.file(ended.file).is_some_and(both)
    };
    match () {
        () if case.driver() && one.ended.iter().any(beside) => parted("F-POLL-BESIDE-READ"),
        () if case.front_end() && case.driver() && bad_read && reached => parted("F-POINTER-ORDER"),
        () if case.front_end() && case.driver() && pieces && reached => parted("F-VECTORS"),
        () => None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what a rule returns")]
fn same(fidelity: &'static str) -> Option<Known> {
    Some(Known { fidelity, then: Then::Same })
}

#[expect(clippy::unnecessary_wraps, reason = "what a rule returns")]
fn parted(fidelity: &'static str) -> Option<Known> {
    Some(Known { fidelity, then: Then::Parted })
}

/// The front end's kernel answers reads and writes of nothing by itself.
fn zero_length(case: &Case<'_>) -> Option<Known> {
    let nothing = match case.call()? {
        Do::Read { size: 0, .. } | Do::Write { length: 0, .. } | Do::WriteInChild { length: 0, .. } => true,
        Do::ReadVector { sizes: all } | Do::WriteVector { lengths: all, .. } => is_nothing(all),
        _ => false,
    };
    if nothing && case.front_end() && matches!(case.results()?, [Err(Errno::ENODEV | Errno::ENOTTY), Ok(0)]) {
        return same("F-ZERO-LENGTH");
    }
    None
}

/// The driver spins for room in a queue, or for the end of writes, and takes no signal; a reset has ended that.
fn spinning_writer(case: &Case<'_>) -> Option<Known> {
    if !case.driver() {
        return None;
    }
    let [driver, ours] = case.only_ended();
    let spins = |ended: &&Ended| {
        matches!(ended.kind, "write" | "fsync")
            && ended.outcome.result == Err(Errno::EINTR)
            && case.ended_with(ended, |file| file.written)
    };
    if driver.is_empty() && !ours.is_empty() && ours.iter().all(spins) {
        return parted("Q11");
    }
    let ended = match case.call()? {
        Do::Write { .. } | Do::WriteVector { .. } => Errno::EINTR,
        // CUSE has none.
        Do::Fsync | Do::Fdatasync if case.other == Transport::Cuse => Errno::EINVAL,
        Do::Fsync | Do::Fdatasync => Errno::EINTR,
        _ => return None,
    };
    let reset = case.has(|file| file.state == State::Connected) && case.has_shared(|file| file.written);
    if reset && case.results()? == [Err(Errno::ENODEV), Err(ended)] { parted("Q11") } else { None }
}

/// CUSE has no fsync.
fn fsync_over_cuse(case: &Case<'_>) -> Option<Known> {
    let fsync = matches!(case.call()?, Do::Fsync | Do::Fdatasync);
    if !fsync || case.other != Transport::Cuse || result(&case.traces[1].answer)? != Err(Errno::EINVAL) {
        return None;
    }
    match &case.traces[0].answer {
        Answer::Said(Outcome { result: Ok(0) | Err(Errno::ENODEV | Errno::EINTR), .. }) => {
            same("F-FSYNC-CUSE")
        }
        // One side has a sleeper more from here on.
        Answer::Asleep => parted("F-FSYNC-CUSE"),
        _ => None,
    }
}

/// An ioctl request carries no O_NONBLOCK.
fn nonblocking_ioctl(case: &Case<'_>) -> Option<Known> {
    if !matches!(case.call()?, Do::NotifyGet { .. })
        || !case.front_end()
        || !case.has(|file| file.flag_changed)
    {
        return None;
    }
    match (&case.traces[0].answer, &case.traces[1].answer) {
        (Answer::Asleep, Answer::Said(_)) | (Answer::Said(_), Answer::Asleep) => parted("F-NONBLOCK-IOCTL"),
        _ => match case.results()? {
            [Err(Errno::EAGAIN), Err(Errno::EINTR)] | [Err(Errno::EINTR), Err(Errno::EAGAIN)] => {
                same("F-NONBLOCK-IOCTL")
            }
            _ => None,
        },
    }
}

/// The front end's kernel looks at pointers first.
fn pointer_order(case: &Case<'_>) -> Option<Known> {
    let moved = match case.call()? {
        Do::Read { at: Place::Null | Place::Unmapped, .. }
        | Do::Write { at: Place::Null | Place::Unmapped, .. } => case.front_end(),
        Do::Connect { at, .. }
        | Do::ConnectVtag { at, .. }
        | Do::NotifySet { at, .. }
        | Do::NotifyGet { at }
        | Do::Ioctl { at, .. } => *at != Place::Good && case.other == Transport::Fuse,
        _ => false,
    };
    let efault = result(&case.traces[1].answer)? == Err(Errno::EFAULT);
    if moved && efault { parted("F-POINTER-ORDER") } else { None }
}

/// The driver gets one call per segment, the front end one in all.
fn vectors(case: &Case<'_>) -> Option<Known> {
    let several = matches!(case.call()?, Do::ReadVector { .. } | Do::WriteVector { .. });
    if several && case.front_end() { parted("F-VECTORS") } else { None }
}

/// A CUSE file cannot be made a stream.
fn seek_over_cuse(case: &Case<'_>) -> Option<Known> {
    let seek = matches!(case.call()?, Do::Seek) && case.other == Transport::Cuse;
    if seek && case.results()? == [Err(Errno::ESPIPE), Ok(0)] { same("F-SEEK-CUSE") } else { None }
}

/// The driver's NOTIFY_GET sleeps on when its connection ends.
fn sleeper_in_notify_get(case: &Case<'_>) -> Option<Known> {
    let [driver, ours] = case.only_ended();
    let released = |ended: &&Ended| ended.kind == "notify-get" && ended.outcome.result == Err(Errno::ENODEV);
    if case.driver() && driver.is_empty() && !ours.is_empty() && ours.iter().all(released) {
        return parted("Q1");
    }
    None
}

/// The driver gives no credit for a second reader on one file.
fn second_reader(case: &Case<'_>) -> Option<Known> {
    if !case.driver() {
        return None;
    }
    let [driver, ours] = case.only_ended();
    let shared = |ended: &&Ended| {
        ended.kind == "read" && case.history.file(ended.file).is_some_and(|file| file.crowded)
    };
    let any = !driver.is_empty() || !ours.is_empty();
    if any && ours.iter().all(shared) && driver.iter().all(shared) {
        return parted("Q2");
    }
    // The same without a parked one: two at once, or one beside a sleeper. What credit the firmware has then tells how
    // much it takes.
    let room = |[one, two]: [Result<i64, Errno>; 2]| {
        matches!((one, two), (Ok(one), Ok(two)) if one.abs_diff(two) == 1) && case.has(|file| file.raced)
    };
    let beside = match case.step {
        Step::Fill { .. } => case.results().is_some_and(room),
        Step::Race { calls, .. } => calls.iter().all(|call| matches!(call, Do::Read { .. })),
        Step::Call { call: Do::Read { .. }, .. } => case.has(|file| file.readers > 0),
        _ => false,
    };
    if beside { parted("Q2") } else { None }
}

/// A message wakes a poll and a read of one file alike, and the read may have taken it before the poll looks.
fn poll_beside_a_read(case: &Case<'_>) -> Option<Known> {
    let [driver, ours] = case.only_ended();
    let beside = |ended: &&Ended| {
        ended.kind == "poll"
            && ended.outcome.result.is_ok_and(|ready| ready & i64::from(INPUT) != 0)
            && case.history.file(ended.file).is_some_and(|file| file.readers > 0)
    };
    let any = !driver.is_empty() || !ours.is_empty();
    // The poll that has not seen it has asked for the next message, and there is room for one more.
    let room = match (case.step, case.results()) {
        (Step::Fill { .. }, Some([Ok(one), Ok(two)])) => {
            one.abs_diff(two) == 1 && case.has(|file| file.readers > 0 && file.input_polls > 0)
        }
        _ => false,
    };
    let race = (any || room) && driver.iter().all(beside) && ours.iter().all(beside);
    if race { parted("F-POLL-BESIDE-READ") } else { None }
}

/// The driver drops a message whose tag no file has, and gives no credit in place of the one that it took.
fn stray_message(case: &Case<'_>) -> Option<Known> {
    if !case.driver() {
        return None;
    }
    let [driver, ours] = case.only_ended();
    let waits = |ended: &&Ended| {
        matches!(ended.kind, "read" | "poll")
            && case.history.file(ended.file).is_some_and(|file| file.stray_message)
    };
    let any = !driver.is_empty() || !ours.is_empty();
    let sleepers = any && driver.iter().all(waits) && ours.iter().all(waits);
    let asks = matches!(case.call(), Some(Do::Read { .. } | Do::Poll { .. } | Do::Epoll { .. }))
        && case.has(|file| file.stray_message);
    if sleepers || asks { parted("Q18") } else { None }
}

/// The driver answers NOTIFY_SET with the refusal of an earlier one, or with that of this one if it comes at once: for
/// what is so already it asks the firmware and does not wait.
fn stale_refusal(case: &Case<'_>) -> Option<Known> {
    let so_already = match (case.step, case.call()) {
        (Step::RefuseNotify { .. }, _) => case.has_shared(|file| file.notified),
        (_, Some(Do::NotifySet { value, .. })) => case.has_shared(|file| *value == u32::from(file.notified)),
        _ => return None,
    };
    let refused = matches!(result(&case.traces[0].answer)?, Err(Errno::EINVAL | Errno::EFAULT));
    let known = case.driver() && refused && (case.has_shared(|file| file.notify_refused) || so_already);
    if known { parted("Q6") } else { None }
}

/// The driver's notifications stay on over the end of the connection.
fn stale_notification(case: &Case<'_>) -> Option<Known> {
    if !case.driver() {
        return None;
    }
    let about = |events: u16| events & POLLPRI != 0;
    let asks = match case.call() {
        Some(Do::NotifySet { .. } | Do::NotifyGet { .. }) => true,
        Some(Do::Poll { events } | Do::Epoll { events }) => about(*events),
        _ => matches!(case.step, Step::RefuseNotify { .. }),
    };
    if asks && case.has_shared(|file| file.notified_before) {
        return parted("Q7");
    }
    let [driver, ours] = case.only_ended();
    let stale = |ended: &&Ended| {
        matches!(ended.kind, "notify-get" | "poll") && case.ended_with(ended, |file| file.notified_before)
    };
    let any = !driver.is_empty() || !ours.is_empty();
    if any && driver.iter().all(stale) && ours.iter().all(stale) { parted("Q7") } else { None }
}

/// A read that the driver was armed for when the connection ended keeps its buffer, which may be too small for the next
/// client's messages, and later credits are not sent.
fn armed_read(case: &Case<'_>) -> Option<Known> {
    if !case.driver() {
        return None;
    }
    let reads = match case.call() {
        Some(Do::Read { .. }) => true,
        Some(Do::Poll { events } | Do::Epoll { events }) => events & (POLLIN | POLLRDNORM) != 0,
        _ => false,
    };
    let left = |file: &File| file.armed_before;
    if reads && case.has_shared(left) {
        // A message goes to the sharer whose read it was, whoever it is for.
        if case.has(|file| case.history.has_sharers(file)) {
            return parted("Q9");
        }
        // What comes without a credit finds the buffer, and nothing here.
        let nothing = match &case.traces[1].answer {
            Answer::Asleep => true,
            answer => matches!(result(answer), Some(Err(Errno::EINTR | Errno::EAGAIN))),
        };
        let taken = nothing && matches!(result(&case.traces[0].answer), Some(Ok(_)));
        if taken && case.has(|file| file.uncredited) {
            return parted("Q9");
        }
        let silent = match &case.traces[0].answer {
            Answer::Asleep => true,
            answer => match result(answer)? {
                Err(Errno::EINTR | Errno::EAGAIN | Errno::EMSGSIZE) => true,
                Ok(ready) => case.call().is_some_and(|call| !matches!(call, Do::Read { .. })) && ready >= 0,
                Err(_) => false,
            },
        };
        return if silent { parted("Q9") } else { None };
    }
    let [driver, ours] = case.only_ended();
    let hung = |ended: &&Ended| matches!(ended.kind, "read" | "poll") && case.ended_with(ended, left);
    let anothers =
        |ended: &&Ended| hung(ended) && case.ended_with(ended, |file| case.history.has_sharers(file));
    let any = !driver.is_empty() || !ours.is_empty();
    if any && driver.iter().all(anothers) && ours.iter().all(anothers) {
        return parted("Q9");
    }
    let small = |ended: &&Ended| hung(ended) && ended.outcome.result == Err(Errno::EMSGSIZE);
    let known = driver.iter().all(small) && ours.iter().all(hung) && !ours.is_empty();
    if known { parted("Q9") } else { None }
}

/// A registration arms the read, and the message may or may not be there before `epoll_wait` looks.
fn epoll_that_arms(case: &Case<'_>) -> Option<Known> {
    let [one, two] = case.results()?;
    let epoll = matches!(case.call(), Some(Do::Epoll { .. })) && case.front_end();
    if epoll && differ_by_a_message(one, two) { same("F-EPOLL-ARMS") } else { None }
}

/// Whether two results of a poll are those before and after a message has come. Who has sent it takes the next write.
fn differ_by_a_message(one: Result<i64, Errno>, two: Result<i64, Errno>) -> bool {
    let (Ok(one), Ok(two)) = (one, two) else { return one == two };
    let input = |ready: i64| ready & i64::from(INPUT) != 0;
    let room = if input(one) == input(two) { 0 } else { POLLOUT | POLLWRNORM };
    let others = !i64::from(INPUT | room);
    one & others == two & others
}

/// The end of a connection wakes no poll of the driver that asks for errors alone, or for notifications that are off;
/// nor does a notification once they are on.
fn poll_that_waits_for_nothing(case: &Case<'_>) -> Option<Known> {
    let [driver, ours] = case.only_ended();
    let woken = |ended: &&Ended| {
        let file = case.history.file(ended.file);
        let after = |ready: u16| ended.outcome.result == Ok(i64::from(ready));
        let blind = file.is_some_and(|file| file.blind_polls > 0) && after(POLLERR);
        let deaf = file.is_some_and(|file| file.deaf_polls > 0) && after(POLLPRI);
        ended.kind == "poll" && (blind || deaf)
    };
    if case.driver() && driver.is_empty() && !ours.is_empty() && ours.iter().all(woken) {
        return parted("Q16");
    }
    None
}

/// The driver applies the position in a message that failed to the next.
fn stale_position(case: &Case<'_>) -> Option<Known> {
    if !case.driver() {
        return None;
    }
    let reads = matches!(case.call(), Some(Do::Read { .. })) && case.has(|file| file.stale_position);
    let [driver, ours] = case.only_ended();
    let stale = |ended: &&Ended| {
        ended.kind == "read" && case.history.file(ended.file).is_some_and(|file| file.stale_position)
    };
    let any = !driver.is_empty() || !ours.is_empty();
    if reads || (any && driver.iter().all(stale) && ours.iter().all(stale)) { parted("Q4") } else { None }
}

#[cfg(test)]
mod tests;
