//! Each rule on the difference that it is about, and on one beside it that is a bug.

use super::*;
use crate::differential::step::{Breach, Client, Handler, Upset, Way};

const GOOD: Place = Place::Good;

fn trace(answer: Answer) -> Trace {
    Trace { answer, ended: Vec::new() }
}

fn said(result: Result<i64, Errno>) -> Trace {
    trace(Answer::Said(Outcome { result, bytes: Vec::new() }))
}

fn ok() -> Trace {
    said(Ok(0))
}

fn fails(errno: Errno) -> Trace {
    said(Err(errno))
}

fn ended(kind: &'static str, result: Result<i64, Errno>) -> Trace {
    let outcome = Outcome { result, bytes: Vec::new() };
    Trace { answer: Answer::Said(Outcome::value(0)), ended: vec![Ended { file: 0, kind, outcome }] }
}

fn open(slot: usize) -> Step {
    Step::Open { slot, way: Way::ReadWrite, nonblocking: false }
}

fn tagged(slot: usize, vtag: u8) -> Step {
    Step::Call { slot, call: Do::ConnectVtag { client: Client::Tagged, vtag, at: GOOD } }
}

fn call(call: Do) -> Step {
    Step::Call { slot: 0, call }
}

fn park(call: Do) -> Step {
    Step::Park { slot: 0, call }
}

fn read(size: usize) -> Do {
    Do::Read { size, at: GOOD }
}

fn notify_set(value: u32) -> Do {
    Do::NotifySet { value, at: GOOD }
}

const CONNECT: Do = Do::Connect { client: Client::Echo, at: GOOD };
const DISCONNECT: Step = Step::Event(Upset::Disconnect { client: Client::Echo });

/// What came before.
struct Story(History);

impl Story {
    /// A file that was opened.
    fn fresh() -> Self {
        Self(History::default()).and(&open(0), &ok())
    }

    /// Two files of one connection.
    fn shared() -> Self {
        let story = Self::fresh().and(&tagged(0, 5), &ok());
        story.and(&open(1), &ok()).and(&tagged(1, 6), &ok())
    }

    fn connected() -> Self {
        Self::fresh().and(&call(CONNECT), &ok())
    }

    fn then(&mut self, step: &Step, trace: &Trace) {
        self.0.add(step, trace);
    }

    fn and(mut self, step: &Step, trace: &Trace) -> Self {
        self.then(step, trace);
        self
    }

    /// What a step that all answer like this does to the rest.
    fn parts(&self, step: &Step, answer: &Trace) -> Option<&'static str> {
        let traces = [answer, answer];
        let (reference, other) = (Transport::MeiMe, Transport::Cuse);
        let case = Case { reference, other, history: &self.0, step, traces };
        parts(&case).map(|known| known.fidelity)
    }

    /// What the rules say of a step that the driver answers this way and umei over CUSE another.
    fn on(&self, step: &Step, driver: &Trace, ours: &Trace) -> Option<(&'static str, Then)> {
        self.between(Transport::MeiMe, Transport::Cuse, step, driver, ours)
    }

    fn between(
        &self,
        reference: Transport,
        other: Transport,
        step: &Step,
        one: &Trace,
        two: &Trace,
    ) -> Option<(&'static str, Then)> {
        let case = Case { reference, other, history: &self.0, step, traces: [one, two] };
        known(&case).map(|known| (known.fidelity, known.then))
    }
}

#[test]
fn lengths_of_zero() {
    let (story, step) = (Story::fresh(), call(Do::Write { length: 0, fill: 0, at: GOOD }));
    let enodev = fails(Errno::ENODEV);
    assert_eq!(story.on(&step, &enodev, &ok()), Some(("F-ZERO-LENGTH", Then::Same)));
    assert_eq!(story.on(&step, &fails(Errno::ENOTTY), &ok()), Some(("F-ZERO-LENGTH", Then::Same)));
    assert_eq!(story.on(&step, &ok(), &enodev), None);
    assert_eq!(story.on(&call(read(1)), &enodev, &ok()), None);
    // A host has no such excuse.
    assert_eq!(story.between(Transport::MeiMe, Transport::Host, &step, &enodev, &ok()), None);
}

#[test]
fn spinning_writer() {
    let (enodev, eintr) = (fails(Errno::ENODEV), fails(Errno::EINTR));
    let write = Do::Write { length: 1, fill: 0, at: GOOD };
    let story = Story::connected();
    assert_eq!(story.on(&call(write.clone()), &enodev, &eintr), None);
    let written = story.and(&call(write.clone()), &said(Ok(1)));
    assert_eq!(written.on(&call(write.clone()), &enodev, &eintr), Some(("Q11", Then::Parted)));
    assert_eq!(written.on(&call(write.clone()), &enodev, &fails(Errno::EIO)), None);
    assert_eq!(written.on(&call(Do::Fsync), &enodev, &fails(Errno::EINVAL)), Some(("Q11", Then::Parted)));
    assert_eq!(written.on(&call(read(1)), &enodev, &eintr), None);
    // A sleeper on our side.
    let signal = Step::Signal { slot: 0, handler: Handler::Plain };
    let ours = ended("write", Err(Errno::EINTR));
    let written = written.and(&park(write), &trace(Answer::Asleep));
    assert_eq!(written.on(&signal, &ok(), &ours), Some(("Q11", Then::Parted)));
    assert_eq!(written.on(&signal, &ok(), &ended("write", Ok(1))), None);
    let ended = written.and(&DISCONNECT, &ok());
    assert_eq!(
        ended.on(&call(Do::Fsync), &enodev, &fails(Errno::EINVAL)),
        Some(("F-FSYNC-CUSE", Then::Same))
    );
}

#[test]
fn fsync_over_cuse() {
    let (story, step, einval) = (Story::connected(), call(Do::Fsync), fails(Errno::EINVAL));
    assert_eq!(story.on(&step, &ok(), &einval), Some(("F-FSYNC-CUSE", Then::Same)));
    assert_eq!(story.on(&step, &fails(Errno::EIO), &einval), None);
    assert_eq!(story.between(Transport::Host, Transport::Fuse, &step, &ok(), &einval), None);
    let asleep = trace(Answer::Asleep);
    assert_eq!(story.on(&park(Do::Fdatasync), &asleep, &einval), Some(("F-FSYNC-CUSE", Then::Parted)));
    // Two at once, each.
    let both = |errno| {
        let outcome = Outcome::error(errno);
        trace(Answer::Both([outcome.clone(), outcome]))
    };
    let race = Step::Race { slot: 0, calls: [Do::Fsync, Do::Fsync] };
    let (driver, ours) = (both(Errno::ENODEV), both(Errno::EINVAL));
    assert_eq!(story.on(&race, &driver, &ours), Some(("F-FSYNC-CUSE", Then::Same)));
    assert_eq!(story.on(&race, &driver, &both(Errno::EIO)), None);
}

#[test]
fn nonblocking_ioctl() {
    let step = call(Do::NotifyGet { at: GOOD });
    let (again, interrupted) = (fails(Errno::EAGAIN), fails(Errno::EINTR));
    assert_eq!(Story::connected().on(&step, &again, &interrupted), None);
    let changed = Story::connected().and(&call(Do::SetNonblocking { on: true }), &ok());
    assert_eq!(changed.on(&step, &again, &interrupted), Some(("F-NONBLOCK-IOCTL", Then::Same)));
    assert_eq!(changed.on(&step, &again, &fails(Errno::EIO)), None);
    // The next read tells the front end.
    let changed = changed.and(&call(read(0)), &ok());
    assert_eq!(changed.on(&step, &again, &interrupted), Some(("F-NONBLOCK-IOCTL", Then::Same)));
    let changed = changed.and(&call(read(1)), &fails(Errno::EBADF));
    assert_eq!(changed.on(&step, &again, &interrupted), Some(("F-NONBLOCK-IOCTL", Then::Same)));
    let told = changed.and(&call(read(1)), &again);
    assert_eq!(told.on(&step, &again, &interrupted), None);
}

#[test]
fn order_of_pointers() {
    let step = call(Do::Read { size: 5, at: Place::Null });
    let (story, efault) = (Story::fresh(), fails(Errno::EFAULT));
    assert_eq!(story.on(&step, &fails(Errno::EMSGSIZE), &efault), Some(("F-POINTER-ORDER", Then::Parted)));
    assert_eq!(story.on(&step, &fails(Errno::EMSGSIZE), &ok()), None);
    assert_eq!(story.on(&call(read(5)), &fails(Errno::EMSGSIZE), &efault), None);
    // Over CUSE an ioctl sees its pointer itself.
    let ioctl = call(Do::NotifyGet { at: Place::Null });
    assert_eq!(story.on(&ioctl, &fails(Errno::ENODEV), &efault), None);
}

#[test]
fn bad_reads_and_vectors_part_the_devices() {
    let story = Story::connected();
    let bad = call(Do::Read { size: 5, at: Place::Unmapped });
    assert_eq!(story.parts(&bad, &fails(Errno::EFAULT)), Some("F-POINTER-ORDER"));
    let vector = call(Do::WriteVector { lengths: vec![1, 2], fill: 0 });
    assert_eq!(story.parts(&vector, &said(Ok(3))), Some("F-VECTORS"));
    assert_eq!(story.parts(&call(read(5)), &fails(Errno::EAGAIN)), None);
}

#[test]
fn vectors() {
    let step = call(Do::WriteVector { lengths: vec![300, 300], fill: 0 });
    let (whole, efbig) = (said(Ok(600)), fails(Errno::EFBIG));
    assert_eq!(Story::connected().on(&step, &whole, &efbig), Some(("F-VECTORS", Then::Parted)));
    assert_eq!(Story::connected().between(Transport::MeiMe, Transport::Host, &step, &whole, &efbig), None);
}

#[test]
fn seek_over_cuse() {
    let (story, espipe) = (Story::fresh(), fails(Errno::ESPIPE));
    assert_eq!(story.on(&call(Do::Seek), &espipe, &ok()), Some(("F-SEEK-CUSE", Then::Same)));
    assert_eq!(story.on(&call(Do::Seek), &espipe, &fails(Errno::EINVAL)), None);
}

#[test]
fn a_sleeper_in_notify_get_is_not_released() {
    let story = Story::connected().and(&park(Do::NotifyGet { at: GOOD }), &trace(Answer::Asleep));
    let released = ended("notify-get", Err(Errno::ENODEV));
    assert_eq!(story.on(&DISCONNECT, &ok(), &released), Some(("Q1", Then::Parted)));
    assert_eq!(story.on(&DISCONNECT, &released, &ok()), None);
    assert_eq!(story.on(&DISCONNECT, &ok(), &ended("notify-get", Ok(0))), None);
}

#[test]
fn a_second_reader_has_no_credit() {
    let asleep = trace(Answer::Asleep);
    let one = Story::connected().and(&park(read(5)), &asleep);
    let got = ended("read", Ok(5));
    let step = Step::Event(Upset::Send { client: Client::Echo, length: 5 });
    assert_eq!(one.on(&step, &ok(), &got), None);
    let two = one.and(&park(read(5)), &asleep);
    assert_eq!(two.on(&step, &ok(), &got), Some(("Q2", Then::Parted)));
    assert_eq!(two.on(&step, &ok(), &ended("fsync", Ok(0))), None);
    assert_eq!(two.on(&step, &got, &ok()), Some(("Q2", Then::Parted)));
    let left = two.and(&step, &got);
    assert_eq!(left.on(&step, &ok(), &got), Some(("Q2", Then::Parted)));
    assert_eq!(left.and(&step, &got).and(&park(read(5)), &asleep).on(&step, &ok(), &got), None);
    // Two at once, and the credit that is left over.
    let both = |one, two| {
        trace(Answer::Both([one, two].map(|errno| Outcome { result: Err(errno), bytes: Vec::new() })))
    };
    let race = Step::Race { slot: 0, calls: [read(5), read(5)] };
    let raced = Story::connected().and(&race, &both(Errno::EINTR, Errno::EINTR));
    let (fill, taken) = (Step::Fill { slot: 0 }, |count| said(Ok(count)));
    assert_eq!(raced.on(&fill, &taken(51), &taken(52)), Some(("Q2", Then::Parted)));
    assert_eq!(raced.on(&fill, &taken(51), &taken(53)), None);
    assert_eq!(Story::connected().on(&fill, &taken(51), &taken(52)), None);
}

#[test]
fn a_message_may_wake_a_poll_beside_its_reader() {
    let step = Step::Event(Upset::Send { client: Client::Echo, length: 5 });
    let (woken, asleep) = (ended("poll", Ok(1)), ok());
    let reader = Story::connected().and(&park(read(5)), &trace(Answer::Asleep));
    for (one, two) in [(&woken, &asleep), (&asleep, &woken)] {
        assert_eq!(reader.on(&step, one, two), Some(("F-POLL-BESIDE-READ", Then::Parted)));
        assert_eq!(Story::connected().on(&step, one, two), None);
    }
    assert_eq!(reader.on(&step, &ended("poll", Ok(4)), &asleep), None);
    assert_eq!(reader.on(&step, &ended("notify-get", Ok(1)), &asleep), None);
    let both = reader.and(&park(Do::Poll { events: POLLIN }), &trace(Answer::Asleep));
    let fill = Step::Fill { slot: 0 };
    assert_eq!(both.on(&fill, &said(Ok(52)), &said(Ok(53))), Some(("F-POLL-BESIDE-READ", Then::Parted)));
    assert_eq!(both.on(&fill, &said(Ok(52)), &said(Ok(54))), None);
    assert_eq!(Story::connected().on(&fill, &said(Ok(52)), &said(Ok(53))), None);
    assert_eq!(both.parts(&step, &ended("read", Ok(5))), Some("F-POLL-BESIDE-READ"));
    assert_eq!(both.parts(&step, &ok()), None);
}

#[test]
fn each_of_several_sleepers_has_its_rule() {
    let asleep = trace(Answer::Asleep);
    let sleeper = |kind, result| {
        let outcome = Outcome { result, bytes: Vec::new() };
        Ended { file: 0, kind, outcome }
    };
    let poll = sleeper("poll", Ok(i64::from(POLLERR)));
    let notify_get = sleeper("notify-get", Err(Errno::ENODEV));
    let ours = Trace { ended: vec![notify_get.clone(), poll.clone()], ..ok() };
    let story = Story::connected().and(&park(Do::NotifyGet { at: GOOD }), &asleep);
    assert_eq!(story.on(&DISCONNECT, &ok(), &ours), None);
    let story = story.and(&park(Do::Poll { events: 0 }), &asleep);
    assert_eq!(story.on(&DISCONNECT, &ok(), &ours), Some(("Q16", Then::Parted)));
    let unknown = Trace { ended: vec![sleeper("fsync", Ok(0)), poll], ..ok() };
    assert_eq!(story.on(&DISCONNECT, &ok(), &unknown), None);
}

#[test]
fn a_partial_read_leaves_its_position() {
    let step = call(read(10));
    let (short, whole) = (said(Ok(5)), said(Ok(10)));
    let partial = Story::connected().and(&call(read(5)), &said(Ok(5)));
    assert_eq!(partial.on(&step, &short, &whole), None);
    let failed = partial.and(&call(read(5)), &fails(Errno::EMSGSIZE));
    assert_eq!(failed.on(&step, &short, &whole), Some(("Q4", Then::Parted)));
    let settled = failed.and(&call(read(10)), &said(Ok(5)));
    assert_eq!(settled.on(&step, &short, &whole), None);
}

#[test]
fn a_refusal_is_kept() {
    let (step, einval) = (call(notify_set(1)), fails(Errno::EINVAL));
    assert_eq!(Story::connected().on(&step, &einval, &ok()), None);
    let refused = Story::connected().and(&Step::RefuseNotify { slot: 0, status: 3 }, &einval);
    assert_eq!(refused.on(&step, &einval, &ok()), Some(("Q6", Then::Parted)));
    assert_eq!(refused.on(&step, &ok(), &einval), None);
    let refusal = Step::RefuseNotify { slot: 0, status: 3 };
    assert_eq!(Story::connected().on(&refusal, &einval, &ok()), None);
    let on = Story::connected().and(&step, &ok());
    assert_eq!(on.on(&refusal, &einval, &ok()), Some(("Q6", Then::Parted)));
    // What is so already.
    assert_eq!(on.on(&step, &einval, &ok()), Some(("Q6", Then::Parted)));
    assert_eq!(Story::connected().on(&call(notify_set(0)), &einval, &ok()), Some(("Q6", Then::Parted)));
    assert_eq!(on.on(&call(notify_set(0)), &einval, &ok()), None);
    assert_eq!(on.and(&refusal, &ok()).on(&step, &einval, &ok()), Some(("Q6", Then::Parted)));
    let silent = Story::connected().and(&Step::SilentNotify { slot: 0 }, &fails(Errno::EFAULT));
    assert_eq!(silent.on(&step, &fails(Errno::EFAULT), &ok()), Some(("Q6", Then::Parted)));
    let again = refused.and(&DISCONNECT, &ok()).and(&call(CONNECT), &ok());
    assert_eq!(again.on(&step, &einval, &ok()), None);
}

#[test]
fn notifications_outlive_a_connection() {
    let on = Story::connected().and(&call(notify_set(1)), &ok());
    let (step, pending) = (call(Do::Poll { events: POLLPRI }), said(Ok(i64::from(POLLPRI))));
    assert_eq!(on.on(&step, &pending, &ok()), None);
    let again = on.and(&DISCONNECT, &ok()).and(&call(CONNECT), &ok());
    assert_eq!(again.on(&step, &pending, &ok()), Some(("Q7", Then::Parted)));
    assert_eq!(again.on(&call(Do::Poll { events: POLLIN }), &said(Ok(1)), &ok()), None);
}

#[test]
fn an_armed_read_hangs_after_a_reconnect() {
    let reset = Step::Reset(Breach::DropReady);
    let armed = Story::connected().and(&call(read(5)), &fails(Errno::EINTR));
    let (silent, got) = (fails(Errno::EINTR), said(Ok(5)));
    assert_eq!(armed.on(&call(read(5)), &silent, &got), None);
    let again = armed.and(&reset, &ok()).and(&call(CONNECT), &ok());
    assert_eq!(again.on(&call(read(5)), &silent, &got), Some(("Q9", Then::Parted)));
    assert_eq!(again.on(&call(read(5)), &got, &silent), None);
    // The old buffer takes what came without a credit.
    let send = Step::Event(Upset::SendWithoutCredit { client: Client::Echo, length: 5 });
    let uncredited = |story: Story| story.and(&reset, &ok()).and(&call(CONNECT), &ok()).and(&send, &ok());
    let was_armed = Story::connected().and(&call(read(5)), &fails(Errno::EINTR));
    let left = uncredited(was_armed);
    assert_eq!(left.on(&call(read(5)), &got, &silent), Some(("Q9", Then::Parted)));
    assert_eq!(left.on(&park(read(5)), &got, &trace(Answer::Asleep)), Some(("Q9", Then::Parted)));
    assert_eq!(uncredited(Story::connected()).on(&call(read(5)), &got, &silent), None);
    // It is too small.
    let short = fails(Errno::EMSGSIZE);
    assert_eq!(again.on(&call(read(5)), &short, &got), Some(("Q9", Then::Parted)));
    let again = again.and(&park(read(5)), &trace(Answer::Asleep));
    let (short, got) = (ended("read", Err(Errno::EMSGSIZE)), ended("read", Ok(5)));
    assert_eq!(again.on(&call(CONNECT), &short, &got), Some(("Q9", Then::Parted)));
    assert_eq!(again.on(&call(CONNECT), &got, &short), None);
    let (silent, got) = (fails(Errno::EINTR), said(Ok(5)));
    let idle = Story::connected().and(&reset, &ok()).and(&call(CONNECT), &ok());
    assert_eq!(idle.on(&call(read(5)), &silent, &got), None);
}

#[test]
fn a_poll_for_errors_or_what_is_off_sleeps_on() {
    let story = Story::connected().and(&park(Do::Poll { events: 0 }), &trace(Answer::Asleep));
    let woken = ended("poll", Ok(i64::from(POLLERR)));
    assert_eq!(story.on(&DISCONNECT, &ok(), &woken), Some(("Q16", Then::Parted)));
    assert_eq!(story.on(&DISCONNECT, &woken, &ok()), None);
    let unheard = Story::connected().and(&park(Do::Poll { events: POLLPRI }), &trace(Answer::Asleep));
    assert_eq!(unheard.on(&DISCONNECT, &ok(), &woken), Some(("Q16", Then::Parted)));
    let heard = Story::connected().and(&call(notify_set(1)), &ok());
    let heard = heard.and(&park(Do::Poll { events: POLLPRI }), &trace(Answer::Asleep));
    assert_eq!(heard.on(&DISCONNECT, &ok(), &woken), None);
    // One that asks for more is woken.
    let more = Story::connected().and(&park(Do::Poll { events: POLLIN }), &trace(Answer::Asleep));
    assert_eq!(more.on(&DISCONNECT, &ok(), &woken), None);
    // One that hears and one that does not.
    let two = story.and(&park(Do::Poll { events: POLLIN }), &trace(Answer::Asleep));
    let mut both = woken.clone();
    both.ended.extend(woken.ended.clone());
    assert_eq!(two.on(&DISCONNECT, &woken, &both), Some(("Q16", Then::Parted)));
    assert_eq!(two.on(&DISCONNECT, &both, &woken), None);
    // A notification that was not waited for when the poll began.
    let notify = Step::Event(Upset::Notify { client: Client::Echo });
    let notified = ended("poll", Ok(i64::from(POLLPRI)));
    let deaf = Story::connected().and(&park(Do::Poll { events: POLLIN | POLLPRI }), &trace(Answer::Asleep));
    let deaf = deaf.and(&call(notify_set(1)), &ok());
    assert_eq!(deaf.on(&notify, &ok(), &notified), Some(("Q16", Then::Parted)));
    assert_eq!(heard.on(&notify, &ok(), &notified), None);
    assert_eq!(more.on(&notify, &ok(), &notified), None);
}

#[test]
fn a_poll_may_find_what_the_one_beside_it_asked_for() {
    let both = |first, second| {
        let outcomes = [first, second].map(|result| Outcome { result, bytes: Vec::new() });
        trace(Answer::Both(outcomes))
    };
    let race = |events| {
        let poll = Do::Poll { events };
        Step::Race { slot: 0, calls: [poll.clone(), poll] }
    };
    let (early, late) = (both(Ok(0), Ok(0)), both(Ok(0), Ok(POLLRDNORM.into())));
    let story = Story::connected();
    assert_eq!(story.on(&race(POLLRDNORM), &late, &early), Some(("F-EPOLL-ARMS", Then::Same)));
    assert_eq!(story.on(&race(POLLRDNORM), &both(Ok(0), Ok(2)), &early), None);
    assert_eq!(story.on(&race(POLLRDNORM), &both(Ok(0), Err(Errno::EINTR)), &early), None);
}

#[test]
fn one_of_two_connects_may_find_the_other_under_way() {
    let both = |first, second| {
        let outcomes = [first, second].map(|errno| Outcome { result: Err(errno), bytes: Vec::new() });
        trace(Answer::Both(outcomes))
    };
    let race = Step::Race { slot: 0, calls: [CONNECT, CONNECT] };
    let (busy, not) = (both(Errno::EBUSY, Errno::ENOTTY), both(Errno::ENOTTY, Errno::ENOTTY));
    assert_eq!(Story::fresh().on(&race, &busy, &not), Some(("F-AT-ONCE", Then::Same)));
    assert_eq!(Story::fresh().on(&race, &not, &both(Errno::EIO, Errno::ENOTTY)), None);
    assert_eq!(Story::fresh().on(&race, &busy, &both(Errno::EFAULT, Errno::EFAULT)), None);
}

#[test]
fn a_message_without_a_tag_takes_a_credit() {
    let story = Story::fresh().and(&tagged(0, 5), &ok());
    let (again, got) = (fails(Errno::EAGAIN), said(Ok(5)));
    assert_eq!(story.on(&call(read(5)), &again, &got), None);
    let sent = story.and(&Step::Event(Upset::Send { client: Client::Tagged, length: 64 }), &ok());
    assert_eq!(sent.on(&call(read(5)), &again, &got), Some(("Q18", Then::Parted)));
    assert_eq!(sent.on(&call(Do::Fsync), &ok(), &fails(Errno::EINTR)), None);
    let write = call(Do::Write { length: 5, fill: 1, at: GOOD });
    assert_eq!(sent.on(&write, &ok(), &ended("read", Ok(5))), Some(("Q18", Then::Parted)));
    assert_eq!(sent.on(&write, &ok(), &ended("notify-get", Ok(0))), None);
}

#[test]
fn a_sharer_spins_for_the_writes_of_another() {
    let write = Step::Call { slot: 1, call: Do::Write { length: 1, fill: 0, at: GOOD } };
    let (fsync, enodev, einval) = (call(Do::Fsync), fails(Errno::ENODEV), fails(Errno::EINVAL));
    let idle = Story::shared();
    assert_eq!(idle.on(&fsync, &enodev, &einval), Some(("F-FSYNC-CUSE", Then::Same)));
    let written = idle.and(&write, &said(Ok(1)));
    assert_eq!(written.on(&fsync, &enodev, &einval), Some(("Q11", Then::Parted)));
    let asleep = written.and(&park(Do::Fsync), &trace(Answer::Asleep));
    let signal = Step::Signal { slot: 0, handler: Handler::Plain };
    let ours = ended("fsync", Err(Errno::EINTR));
    assert_eq!(asleep.on(&signal, &ok(), &ours), Some(("Q11", Then::Parted)));
    // A connection's queue ends with it.
    let disconnect = Step::Event(Upset::Disconnect { client: Client::Tagged });
    let anew = asleep.and(&disconnect, &ok()).and(&tagged(0, 5), &ok());
    assert_eq!(anew.on(&fsync, &enodev, &einval), Some(("F-FSYNC-CUSE", Then::Same)));
    // Files without tags have a connection each.
    let connect = Step::Call { slot: 1, call: CONNECT };
    let apart = Story::connected().and(&open(1), &ok()).and(&connect, &ok()).and(&write, &said(Ok(1)));
    assert_eq!(apart.on(&fsync, &enodev, &einval), Some(("F-FSYNC-CUSE", Then::Same)));
}

#[test]
fn what_one_sharer_was_armed_for_another_is_left_with() {
    let poll = Step::Call { slot: 1, call: Do::Poll { events: POLLIN } };
    let disconnect = Step::Event(Upset::Disconnect { client: Client::Tagged });
    let big = call(Do::Connect { client: Client::Big, at: GOOD });
    let (again, got) = (fails(Errno::EAGAIN), said(Ok(5)));
    let reconnected = |story: Story| story.and(&disconnect, &ok()).and(&big, &ok());
    assert_eq!(reconnected(Story::shared()).on(&call(read(5)), &again, &got), None);
    let armed = Story::shared().and(&poll, &ok());
    let armed = reconnected(armed);
    assert_eq!(armed.on(&call(read(5)), &again, &got), Some(("Q9", Then::Parted)));
    assert_eq!(
        armed.on(&call(read(5)), &got, &again),
        Some(("Q9", Then::Parted)),
        "it was said to the other"
    );
    let asleep = trace(Answer::Asleep);
    assert_eq!(armed.on(&park(read(5)), &got, &asleep), Some(("Q9", Then::Parted)));
    let write = Step::Call { slot: 1, call: Do::Write { length: 5, fill: 1, at: GOOD } };
    let taken = ended("read", Ok(5));
    assert_eq!(armed.on(&write, &taken, &said(Ok(0))), Some(("Q9", Then::Parted)));
    assert_eq!(armed.on(&write, &ended("fsync", Ok(0)), &said(Ok(0))), None);
    // A file without a tag has what it has for itself.
    let connect = Step::Call { slot: 1, call: CONNECT };
    let apart = Story::connected().and(&open(1), &ok()).and(&connect, &ok()).and(&poll, &ok());
    let apart = apart.and(&DISCONNECT, &ok()).and(&call(CONNECT), &ok());
    assert_eq!(apart.on(&call(read(5)), &again, &got), None);
}

#[test]
fn an_answer_to_a_sharer_that_is_gone_takes_a_credit() {
    let write = Step::Call { slot: 1, call: Do::Write { length: 5, fill: 1, at: GOOD } };
    let (slept, got) = (fails(Errno::EINTR), said(Ok(5)));
    let close = Step::Close { slot: 1 };
    let shared = Story::shared;
    assert_eq!(shared().and(&close, &ok()).on(&call(read(5)), &slept, &got), None, "it wrote nothing");
    assert_eq!(shared().and(&write, &ok()).on(&call(read(5)), &slept, &got), None, "it is open");
    let gone = shared().and(&write, &ok()).and(&close, &ok());
    assert_eq!(gone.on(&call(read(5)), &slept, &got), Some(("Q18", Then::Parted)));
    // A descriptor's number that is used again closes what had it, and the end of another client's connection ends nothing.
    for reused in [open(1), Step::Duplicate { slot: 0, to: 1 }] {
        let gone = shared().and(&write, &ok()).and(&reused, &ok());
        assert_eq!(gone.on(&call(read(5)), &slept, &got), Some(("Q18", Then::Parted)), "{reused:?}");
    }
    let gone = gone.and(&DISCONNECT, &ok());
    let late = gone.and(&open(1), &ok()).and(&tagged(1, 7), &ok());
    let read_late = Step::Call { slot: 1, call: read(5) };
    assert_eq!(late.on(&read_late, &slept, &got), Some(("Q18", Then::Parted)));
    let over = late.and(&close, &ok()).and(&Step::Close { slot: 0 }, &ok());
    let anew = over.and(&open(1), &ok()).and(&tagged(1, 7), &ok());
    assert_eq!(anew.on(&read_late, &slept, &got), None, "the connection is another");
}

#[test]
fn a_step_that_is_not_made_changes_nothing() {
    let story = Story::connected().and(&Step::Close { slot: 0 }, &trace(Answer::Nothing));
    assert_eq!(story.0.state(&call(CONNECT)), State::Connected);
}

#[test]
fn an_epoll_may_be_too_early_for_what_it_asked_for() {
    let step = call(Do::Epoll { events: POLLRDNORM | POLLPRI });
    let (early, late) = (said(Ok(0)), said(Ok(POLLRDNORM.into())));
    for (one, two) in [(&early, &late), (&late, &early)] {
        assert_eq!(Story::connected().on(&step, one, two), Some(("F-EPOLL-ARMS", Then::Same)));
    }
    assert_eq!(Story::connected().on(&step, &early, &said(Ok(POLLPRI.into()))), None);
    // With the message comes room for another.
    let room = said(Ok((POLLRDNORM | POLLOUT).into()));
    assert_eq!(Story::connected().on(&step, &early, &room), Some(("F-EPOLL-ARMS", Then::Same)));
    assert_eq!(Story::connected().on(&step, &late, &room), None);
    let poll = call(Do::Poll { events: POLLRDNORM });
    assert_eq!(Story::connected().on(&poll, &late, &early), None);
}

#[test]
fn a_signal_is_no_excuse() {
    let story = Story::connected();
    let step = Step::Signal { slot: 0, handler: Handler::Plain };
    assert_eq!(story.on(&step, &ok(), &ended("read", Err(Errno::EINTR))), None);
}
