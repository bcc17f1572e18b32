//! NOTIFY_SET, NOTIFY_GET and POLLPRI (`device-abi.md` §5.6, §5.7).

use super::table;
use crate::files::{Errno, POLLERR, POLLIN, POLLOUT, POLLPRI, Pointer, Restart};
use crate::parity::bench::NOTIFY_GET;
use crate::parity::{Bench, File, LIMIT, Step};
use crate::test_client::{ECHO, ECHO_ADDRESS, Event, TestClient};

table! {
    Events: notify_enable_and_disable notify_enable_twice notify_set_of_other_values notify_event
        notify_event_is_taken_once notify_events_are_no_counter notify_poll_does_not_take
        notify_poll_wakes notify_poll_without_asking_for_it notify_get_waits
        notify_get_nonblocking_is_eagain notify_get_interrupted_is_eintr notify_get_restarts
        notify_get_without_set_waits notify_event_when_disabled_is_dropped notify_after_disable
        notify_two_waiters_one_event notify_refused_is_einval notify_refused_then_accepted
        notify_set_without_an_answer notify_get_ends_with_the_connection notify_set_bad_pointer
        notify_get_bad_pointer_loses_the_event notify_is_off_after_reconnect notify_and_data
        notify_disconnected_is_enodev;
}

fn enabled<'a>(b: &Bench<'a>) -> Step<(TestClient<'a>, File<'a>)> {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    file.notify_set(1)?.returns(0)?;
    Ok((engine, file))
}

fn get(file: &File<'_>) -> crate::files::Call {
    file.ioctl_call(NOTIFY_GET, &[0; 4], Pointer::Good)
}

/// NOTIFY_GET must bring an event.
fn event(file: &File<'_>) -> Step {
    let said = file.notify_get()?;
    said.returns(0)?;
    said.brings(&1_u32.to_le_bytes())
}

/// A notification to each host id that the file may have; the engine itself would not raise one.
fn notify_unasked(engine: &TestClient<'_>) -> Step {
    (1..=16).try_for_each(|host| engine.arm(Event::Hbm(vec![0x11, ECHO_ADDRESS, host, 0])))
}

fn notify_enable_and_disable(b: &Bench<'_>) -> Step {
    let (_engine, file) = enabled(b)?;
    file.notify_set(0)?.returns(0)?;
    file.notify_set(1)?.returns(0)
}

fn notify_enable_twice(b: &Bench<'_>) -> Step {
    let (_engine, file) = enabled(b)?;
    file.notify_set(1)?.returns(0)?;
    file.notify_set(0)?.returns(0)?;
    file.notify_set(0)?.returns(0)
}

fn notify_set_of_other_values(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    for value in [2, 256, 0x8000_0000, u32::MAX] {
        file.notify_set(value)?.fails(Errno::EINVAL)?;
    }
    file.notify_set(1)?.returns(0)
}

fn notify_set_bad_pointer(b: &Bench<'_>) -> Step {
    b.connected(ECHO)?.ioctl_at(crate::parity::bench::NOTIFY_SET, Pointer::Unmapped)?.fails(Errno::EFAULT)
}

fn notify_event(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    engine.arm(Event::Notify { client: ECHO })?;
    let ready = file.poll_until(POLLPRI)?;
    b.check(ready == i64::from(POLLPRI), format!("poll: {ready:#x}"))?;
    event(&file)?;
    file.poll(POLLPRI)?.returns(0)
}

fn notify_event_is_taken_once(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    engine.arm(Event::Notify { client: ECHO })?;
    event(&file)?;
    let parked = file.park(get(&file))?;
    parked.still_sleeps()?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)
}

fn notify_events_are_no_counter(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    for _ in 0..3 {
        engine.arm(Event::Notify { client: ECHO })?;
    }
    file.poll_until(POLLPRI)?;
    event(&file)?;
    file.poll(POLLPRI)?.returns(0)
}

fn notify_poll_does_not_take(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    engine.arm(Event::Notify { client: ECHO })?;
    file.poll_until(POLLPRI)?;
    file.poll(POLLPRI | POLLOUT)?.returns(i64::from(POLLPRI | POLLOUT))?;
    file.poll(POLLPRI)?.returns(i64::from(POLLPRI))
}

fn notify_poll_wakes(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    let parked = file.park(file.poll_call(POLLPRI, LIMIT))?;
    engine.arm(Event::Notify { client: ECHO })?;
    parked.ends()?.returns(i64::from(POLLPRI))
}

fn notify_poll_without_asking_for_it(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    engine.arm(Event::Notify { client: ECHO })?;
    file.poll_until(POLLPRI)?;
    file.poll(POLLOUT)?.returns(i64::from(POLLOUT))?;
    file.poll(POLLIN)?.returns(0)
}

fn notify_get_waits(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    let parked = file.park(get(&file))?;
    parked.still_sleeps()?;
    engine.arm(Event::Notify { client: ECHO })?;
    let said = parked.ends()?;
    said.returns(0)?;
    said.brings(&1_u32.to_le_bytes())
}

/// O_NONBLOCK from the start: a later change is not told to a FUSE front end.
fn notify_get_nonblocking_is_eagain(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.notify_set(1)?.returns(0)?;
    file.notify_get()?.fails(Errno::EAGAIN)
}

fn notify_get_interrupted_is_eintr(b: &Bench<'_>) -> Step {
    let (_engine, file) = enabled(b)?;
    let parked = file.park(get(&file))?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)
}

/// The only call of this device that SA_RESTART begins again.
fn notify_get_restarts(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    let parked = file.park(get(&file))?;
    parked.signal(Restart::Yes);
    parked.still_sleeps()?;
    engine.arm(Event::Notify { client: ECHO })?;
    parked.ends()?.returns(0)
}

fn notify_get_without_set_waits(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park(get(&file))?;
    parked.still_sleeps()?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)
}

fn notify_event_when_disabled_is_dropped(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    notify_unasked(&engine)?;
    file.notify_set(1)?.returns(0)?;
    file.poll(POLLPRI)?.returns(0)
}

fn notify_after_disable(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    file.notify_set(0)?.returns(0)?;
    notify_unasked(&engine)?;
    file.poll(POLLPRI)?.returns(0)
}

fn notify_two_waiters_one_event(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    let one = file.park(get(&file))?;
    let two = file.park(get(&file))?;
    engine.arm(Event::Notify { client: ECHO })?;
    let second = std::time::Duration::from_secs(1);
    let (taken, left) = match one.ends_within(second) {
        Ok(said) => (said, two),
        Err(one) => (two.ends()?, one),
    };
    taken.returns(0)?;
    left.still_sleeps()?;
    left.signal(Restart::No);
    left.ends()?.fails(Errno::EINTR)
}

fn notify_refused_is_einval(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    engine.arm(Event::NotifyStatus { client: ECHO, status: 1 })?;
    file.notify_set(1)?.fails(Errno::EINVAL)
}

/// Quirk Q6: the driver repeats the refusal until a write completes.
fn notify_refused_then_accepted(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q6")?;
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    engine.arm(Event::NotifyStatus { client: ECHO, status: 1 })?;
    file.notify_set(1)?.fails(Errno::EINVAL)?;
    file.notify_set(1)?.returns(0)
}

/// Fifteen seconds.
fn notify_set_without_an_answer(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    engine.arm(Event::NotifySilent { client: ECHO })?;
    file.notify_set(1)?.fails(Errno::EFAULT)?;
    file.send(b"still connected")?;
    file.read(512)?.reads(b"still connected")
}

/// Quirk Q1: nothing but a signal ends the driver's sleep.
fn notify_get_ends_with_the_connection(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q1")?;
    let (engine, file) = enabled(b)?;
    let parked = file.park(get(&file))?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    parked.ends()?.fails(Errno::ENODEV)
}

fn notify_get_bad_pointer_loses_the_event(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    engine.arm(Event::Notify { client: ECHO })?;
    file.poll_until(POLLPRI)?;
    file.ioctl_at(NOTIFY_GET, Pointer::Unmapped)?.fails(Errno::EFAULT)?;
    file.poll(POLLPRI)?.returns(0)
}

/// Quirk Q7: the driver keeps the flag.
fn notify_is_off_after_reconnect(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q7")?;
    let (engine, file) = enabled(b)?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    file.wait_error()?;
    file.connect(ECHO)?.returns(0)?;
    notify_unasked(&engine)?;
    file.poll(POLLPRI)?.returns(0)
}

fn notify_and_data(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    file.send(b"data")?;
    file.wait_readable()?;
    engine.arm(Event::Notify { client: ECHO })?;
    file.poll_until(POLLPRI)?;
    file.poll(POLLIN | POLLPRI)?.returns(i64::from(POLLIN | POLLPRI))?;
    file.read(512)?.reads(b"data")?;
    event(&file)
}

fn notify_disconnected_is_enodev(b: &Bench<'_>) -> Step {
    let (engine, file) = enabled(b)?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    file.wait_error()?;
    file.notify_set(1)?.fails(Errno::ENODEV)?;
    file.notify_get()?.fails(Errno::ENODEV)?;
    file.poll(POLLPRI)?.returns(i64::from(POLLERR))
}
