//! The firmware ends a connection (`device-abi.md` §11).

use super::table;
use crate::files::{Call, Errno, POLLERR, POLLIN, POLLOUT, Transport};
use crate::parity::bench::By;
use crate::parity::{Bench, File, Step};
use crate::test_client::{BIG, ECHO, Event};

table! {
    Any: disconnect_ends_a_read disconnect_then_read disconnect_then_write disconnect_then_write_of_zero
        disconnect_then_poll disconnect_then_fsync disconnect_then_async disconnect_then_connect
        disconnect_then_connect_elsewhere disconnect_leaves_others disconnect_keeps_a_queued_message
        disconnect_with_a_message_polls_error disconnect_keeps_a_partial_message
        disconnect_reconnect_keeps_the_old_message disconnect_reconnect_elsewhere_keeps_the_old_message
        disconnect_drops_queued_writes disconnect_twice disconnect_ends_every_reader
        disconnect_of_an_unknown_connection;
}

/// A file whose connection the firmware has ended.
fn ended<'a>(b: &Bench<'a>) -> Step<File<'a>> {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    file.wait_error()?;
    Ok(file)
}

fn disconnect_ends_a_read(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    let parked = file.park_read(512)?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    parked.ends()?.fails(Errno::ENODEV)
}

fn disconnect_ends_every_reader(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    let (one, two, three) = (file.park_read(512)?, file.park_read(512)?, file.park_read(512)?);
    engine.arm(Event::Disconnect { client: ECHO })?;
    one.ends()?.fails(Errno::ENODEV)?;
    two.ends()?.fails(Errno::ENODEV)?;
    three.ends()?.fails(Errno::ENODEV)
}

fn disconnect_then_read(b: &Bench<'_>) -> Step {
    let file = ended(b)?;
    file.read(512)?.fails(Errno::ENODEV)?;
    file.read(0)?.returns(0)?;
    // Never end of file.
    file.read(512)?.fails(Errno::ENODEV)
}

fn disconnect_then_write(b: &Bench<'_>) -> Step {
    let file = ended(b)?;
    file.write(&[0; 10])?.fails(Errno::ENODEV)?;
    file.write(&[0; 8192])?.fails(Errno::ENODEV)
}

fn disconnect_then_write_of_zero(b: &Bench<'_>) -> Step {
    let real = Err(Errno::ENODEV);
    let result = b.by("F-ZERO-LENGTH", By { host: real, fuse: Ok(0), cuse: Ok(0), mei_me: real });
    ended(b)?.write(&[])?.result_is(result)
}

fn disconnect_then_poll(b: &Bench<'_>) -> Step {
    let file = ended(b)?;
    file.poll(POLLIN | POLLOUT)?.returns(i64::from(POLLERR))?;
    file.poll(0)?.returns(i64::from(POLLERR))
}

fn disconnect_then_fsync(b: &Bench<'_>) -> Step {
    let real = Errno::ENODEV;
    let errno = b.by("F-FSYNC-CUSE", By { host: real, fuse: real, cuse: Errno::EINVAL, mei_me: real });
    ended(b)?.fsync()?.fails(errno)
}

fn disconnect_then_async(b: &Bench<'_>) -> Step {
    b.only(&[Transport::Host, Transport::MeiMe], "answered by the kernel, see F-ASYNC")?;
    let file = ended(b)?;
    file.call(|file| Call::SetAsync(file, true))?.fails(Errno::ENODEV)
}

fn disconnect_then_connect(b: &Bench<'_>) -> Step {
    let file = ended(b)?;
    file.connect(ECHO)?.returns(0)?;
    file.send(b"again")?;
    file.read(512)?.reads(b"again")
}

fn disconnect_then_connect_elsewhere(b: &Bench<'_>) -> Step {
    let file = ended(b)?;
    file.connect(BIG)?.returns(0)?;
    file.send(&[1; 4096])?;
    file.read(4096)?.reads(&[1; 4096])
}

fn disconnect_leaves_others(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let other = b.connected(BIG)?;
    let file = b.connected(ECHO)?;
    let parked = other.park_read(4096)?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    file.wait_error()?;
    parked.still_sleeps()?;
    other.send(b"untouched")?;
    parked.ends()?.reads(b"untouched")
}

/// A file with an unread message, whose connection the firmware has ended.
fn ended_with_a_message<'a>(b: &Bench<'a>) -> Step<File<'a>> {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    file.send(b"old message")?;
    file.wait_readable()?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    file.wait_error()?;
    Ok(file)
}

fn disconnect_keeps_a_queued_message(b: &Bench<'_>) -> Step {
    let file = ended_with_a_message(b)?;
    file.read(512)?.reads(b"old message")?;
    file.read(512)?.fails(Errno::ENODEV)
}

fn disconnect_with_a_message_polls_error(b: &Bench<'_>) -> Step {
    let file = ended_with_a_message(b)?;
    file.poll(POLLIN | POLLOUT)?.returns(i64::from(POLLERR))
}

fn disconnect_keeps_a_partial_message(b: &Bench<'_>) -> Step {
    let file = ended_with_a_message(b)?;
    file.read(4)?.reads(b"old ")?;
    file.read(512)?.reads(b"message")?;
    file.read(512)?.fails(Errno::ENODEV)
}

/// Quirk Q8.
fn disconnect_reconnect_keeps_the_old_message(b: &Bench<'_>) -> Step {
    let file = ended_with_a_message(b)?;
    file.connect(ECHO)?.returns(0)?;
    file.read(512)?.reads(b"old message")?;
    file.send(b"new message")?;
    file.read(512)?.reads(b"new message")
}

/// Quirk Q8: whoever it is connected to now.
fn disconnect_reconnect_elsewhere_keeps_the_old_message(b: &Bench<'_>) -> Step {
    let file = ended_with_a_message(b)?;
    file.connect(BIG)?.returns(0)?;
    file.read(512)?.reads(b"old message")?;
    file.send(b"new message")?;
    file.read(512)?.reads(b"new message")
}

fn disconnect_drops_queued_writes(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let (file, _) = super::queue::full(b)?;
    engine.arm(Event::Disconnect { client: ECHO })?;
    file.wait_error()?;
    // At most one message had come in before.
    let queued = file.read(512)?.outcome.result;
    b.check(matches!(queued, Ok(4) | Err(Errno::ENODEV)), format!("read: {queued:?}"))?;
    file.read(512)?.fails(Errno::ENODEV)?;
    file.connect(ECHO)?.returns(0)?;
    file.poll(POLLOUT)?.returns(i64::from(POLLOUT))?;
    file.send(b"new")?;
    file.wait_readable()?;
    file.read(512)?.reads(b"new")
}

fn disconnect_twice(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.open()?;
    for _ in 0..3 {
        file.connect(ECHO)?.returns(0)?;
        engine.arm(Event::Disconnect { client: ECHO })?;
        file.wait_error()?;
    }
    Ok(())
}

/// Ignored, without an answer and without a reset.
fn disconnect_of_an_unknown_connection(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    engine.arm(Event::Hbm(vec![0x07, 0xC8, 0xC8, 0]))?;
    file.send(b"still there")?;
    file.read(512)?.reads(b"still there")
}
