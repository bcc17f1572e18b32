//! `poll` (`device-abi.md` §8).

use super::table;
use crate::files::{Errno, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM, Restart};
use crate::parity::{Bench, Step};
use crate::test_client::{ECHO, Event};

table! {
    Any: poll_when_idle poll_of_all_bits poll_gives_only_what_is_asked poll_of_nothing_when_idle
        poll_arms_a_read poll_for_other_than_input_arms_nothing poll_with_a_message
        poll_wakes_for_a_message poll_wakes_for_the_end poll_two_pollers_wake poll_interrupted_is_eintr
        poll_of_errors_alone_wakes_for_the_end poll_does_not_consume poll_before_connect_then_wakes
        poll_select_masks;
}

const ALL: u16 = POLLIN | POLLPRI | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;

fn poll_when_idle(b: &Bench<'_>) -> Step {
    b.connected(ECHO)?.poll(POLLIN | POLLOUT | POLLPRI)?.returns(i64::from(POLLOUT))
}

fn poll_of_all_bits(b: &Bench<'_>) -> Step {
    b.connected(ECHO)?.poll(ALL)?.returns(i64::from(POLLOUT | POLLWRNORM))
}

fn poll_gives_only_what_is_asked(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.poll(POLLWRNORM)?.returns(i64::from(POLLWRNORM))?;
    file.send(b"x")?;
    file.wait_readable()?;
    file.poll(POLLRDNORM)?.returns(i64::from(POLLRDNORM))?;
    file.poll(POLLPRI)?.returns(0)?;
    file.poll(POLLOUT)?.returns(i64::from(POLLOUT))
}

fn poll_of_nothing_when_idle(b: &Bench<'_>) -> Step {
    b.connected(ECHO)?.poll(0)?.returns(0)
}

/// Asking for input is a receive credit.
fn poll_arms_a_read(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.poll(POLLIN)?.returns(0)?;
    file.send(b"armed")?;
    let ready = file.poll_until(POLLRDNORM)?;
    b.check(ready == i64::from(POLLRDNORM), format!("poll: {ready:#x}"))?;
    file.read(512)?.reads(b"armed")
}

/// Without a credit the firmware's answer stays where it is.
fn poll_for_other_than_input_arms_nothing(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.send(b"not yet")?;
    for _ in 0..5 {
        file.poll(POLLOUT | POLLPRI)?.returns(i64::from(POLLOUT))?;
    }
    // The first to ask is told no; its asking brings the message.
    file.read(512)?.fails(Errno::EAGAIN)?;
    file.wait_readable()?;
    file.read(512)?.reads(b"not yet")
}

fn poll_with_a_message(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.send(b"message")?;
    file.wait_readable()?;
    file.poll(ALL)?.returns(i64::from(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM))?;
    file.read(3)?.reads(b"mes")?;
    file.poll(POLLIN)?.returns(i64::from(POLLIN))?;
    file.read(512)?.reads(b"sage")?;
    file.poll(POLLIN)?.returns(0)
}

fn poll_wakes_for_a_message(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park(file.poll_call(POLLIN, crate::parity::LIMIT))?;
    parked.still_sleeps()?;
    file.send(b"message")?;
    parked.ends()?.returns(i64::from(POLLIN))
}

fn poll_wakes_for_the_end(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    let parked = file.park(file.poll_call(POLLIN, crate::parity::LIMIT))?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    parked.ends()?.returns(i64::from(POLLERR))
}

/// Quirk Q16: the driver's poll then joins no wait queue.
fn poll_of_errors_alone_wakes_for_the_end(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q16")?;
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    let parked = file.park(file.poll_call(0, crate::parity::LIMIT))?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    parked.ends()?.returns(i64::from(POLLERR))
}

fn poll_two_pollers_wake(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let one = file.park(file.poll_call(POLLIN, crate::parity::LIMIT))?;
    let two = file.park(file.poll_call(POLLIN | POLLPRI, crate::parity::LIMIT))?;
    file.send(b"message")?;
    one.ends()?.returns(i64::from(POLLIN))?;
    two.ends()?.returns(i64::from(POLLIN))
}

fn poll_interrupted_is_eintr(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park(file.poll_call(POLLIN, crate::parity::LIMIT))?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)?;
    file.send(b"message")?;
    file.wait_readable()
}

fn poll_does_not_consume(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.send(b"message")?;
    for _ in 0..5 {
        file.wait_readable()?;
    }
    file.read(512)?.reads(b"message")
}

/// The poll itself, not an epoll registration (quirk Q5).
fn poll_before_connect_then_wakes(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.poll(POLLIN)?.returns(i64::from(POLLERR))?;
    file.connect(ECHO)?.returns(0)?;
    let parked = file.park(file.poll_call(POLLIN, crate::parity::LIMIT))?;
    file.send(b"message")?;
    parked.ends()?.returns(i64::from(POLLIN))
}

/// What `select` asks for: read, write and exceptional sets.
fn poll_select_masks(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.poll(POLLPRI)?.returns(0)?;
    file.poll(POLLWRNORM | POLLOUT | POLLERR)?.returns(i64::from(POLLOUT | POLLWRNORM))?;
    file.poll(POLLRDNORM | POLLIN | POLLHUP | POLLERR)?.returns(0)
}
