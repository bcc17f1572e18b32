//! `read` (`device-abi.md` §6).

use super::table;
use crate::files::{Call, Errno, POLLIN, POLLOUT, POLLRDNORM, Pointer, Restart};
use crate::parity::bench::By;
use crate::parity::{Bench, Step};
use crate::test_client::{BIG, ECHO, Event, MTU};

table! {
    Any: read_returns_a_message read_in_pieces read_never_joins_messages read_waits_for_a_message
        read_of_zero_when_connected read_nonblocking_is_eagain read_nonblocking_arms
        read_interrupted_is_eintr read_interrupted_under_sa_restart_is_eintr
        read_interrupted_loses_nothing read_null_is_emsgsize read_bad_pointer_drops_the_message
        read_bad_pointer_then_next_message read_vector_fills_from_one_message
        read_takes_one_message_per_credit read_of_an_empty_message
        read_of_more_than_the_mtu_admits_more read_of_less_refuses_more_than_the_mtu
        read_without_credit_drops_the_message read_message_larger_than_a_frame read_partial_then_signal;
}

fn read_returns_a_message(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.send(b"twelve bytes")?;
    file.read(512)?.reads(b"twelve bytes")
}

fn read_in_pieces(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.send(b"twelve bytes")?;
    file.read(4)?.reads(b"twel")?;
    file.read(100)?.reads(b"ve bytes")
}

fn read_never_joins_messages(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.send(b"first")?;
    file.read(3)?.reads(b"fir")?;
    file.send(b"second")?;
    file.read(512)?.reads(b"st")?;
    file.read(512)?.reads(b"second")
}

fn read_waits_for_a_message(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park_read(512)?;
    parked.still_sleeps()?;
    file.send(b"here")?;
    parked.ends()?.reads(b"here")
}

fn read_of_zero_when_connected(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.read(0)?.returns(0)?;
    file.send(b"kept")?;
    file.wait_readable()?;
    file.read(0)?.returns(0)?;
    file.read(512)?.reads(b"kept")
}

fn read_nonblocking_is_eagain(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.read(512)?.fails(Errno::EAGAIN)?;
    file.read(512)?.fails(Errno::EAGAIN)
}

/// A refused read is a receive credit all the same.
fn read_nonblocking_arms(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.read(512)?.fails(Errno::EAGAIN)?;
    file.send(b"armed")?;
    file.poll_until(POLLIN)?;
    file.poll(POLLIN | POLLOUT)?.returns(i64::from(POLLIN | POLLOUT))?;
    file.read(512)?.reads(b"armed")?;
    file.read(512)?.fails(Errno::EAGAIN)
}

fn read_interrupted_is_eintr(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park_read(512)?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)
}

fn read_interrupted_under_sa_restart_is_eintr(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park_read(512)?;
    parked.signal(Restart::Yes);
    parked.ends()?.fails(Errno::EINTR)
}

fn read_interrupted_loses_nothing(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parked = file.park_read(512)?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)?;
    // Its credit is still out.
    file.send(b"late")?;
    file.wait_readable()?;
    file.read(512)?.reads(b"late")
}

fn read_null_is_emsgsize(b: &Bench<'_>) -> Step {
    let errno = b.by(
        "F-POINTER-ORDER",
        By { host: Errno::EMSGSIZE, fuse: Errno::EFAULT, cuse: Errno::EFAULT, mei_me: Errno::EMSGSIZE },
    );
    b.connected(ECHO)?.read_at(10, Pointer::Null)?.fails(errno)
}

/// The driver takes the message and then fails to copy it; FUSE fails before it asks.
fn read_bad_pointer_drops_the_message(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.send(b"queued")?;
    file.poll_until(POLLIN)?;
    file.read_at(512, Pointer::Unmapped)?.fails(Errno::EFAULT)?;
    let gone: Result<i64, Errno> = Err(Errno::EAGAIN);
    let next = b.by("F-POINTER-ORDER", By { host: gone, fuse: Ok(6), cuse: Ok(6), mei_me: gone });
    file.read(512)?.result_is(next)
}

/// Quirk Q4: in the driver the next message loses as many bytes as had been read of the lost one.
fn read_bad_pointer_then_next_message(b: &Bench<'_>) -> Step {
    b.not_the_kernels_quirk("Q4")?;
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.send(b"twelve bytes")?;
    file.poll_until(POLLIN)?;
    file.read(5)?.reads(b"twelv")?;
    file.read_at(512, Pointer::Unmapped)?.fails(Errno::EFAULT)?;
    file.read(512)?.reads(b"e bytes")?;
    file.send(b"another one")?;
    file.poll_until(POLLIN)?;
    file.read(512)?.reads(b"another one")
}

/// The kernel asks once per segment and stops at the first that is not filled.
fn read_vector_fills_from_one_message(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.send(b"eleven byte")?;
    file.call(|file| Call::ReadVector { file, sizes: vec![4, 4, 64] })?.reads(b"eleven byte")
}

/// What the firmware has next does not come before it is asked for (`clients.md` §1, rule 1).
fn read_takes_one_message_per_credit(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.send(b"one")?;
    file.poll_until(POLLIN)?;
    file.send(b"two")?;
    file.read(512)?.reads(b"one")?;
    file.poll_until(POLLIN | POLLRDNORM)?;
    file.read(512)?.reads(b"two")?;
    file.read(512)?.fails(Errno::EAGAIN)
}

fn read_of_an_empty_message(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    let parked = file.park_read(512)?;
    engine.arm(Event::Send { client: ECHO, length: 0 })?;
    parked.ends()?.returns(0)?;
    file.send(b"next")?;
    file.read(512)?.reads(b"next")
}

fn read_of_more_than_the_mtu_admits_more(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    let parked = file.park_read(8000)?;
    engine.arm(Event::Send { client: ECHO, length: 700 })?;
    parked.ends()?.returns(700)
}

fn read_of_less_refuses_more_than_the_mtu(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.connected(ECHO)?;
    let parked = file.park_read(100)?;
    engine.arm(Event::Send { client: ECHO, length: 700 })?;
    parked.ends()?.fails(Errno::EMSGSIZE)?;
    file.send(b"goes on")?;
    file.read(512)?.reads(b"goes on")
}

fn read_without_credit_drops_the_message(b: &Bench<'_>) -> Step {
    let engine = b.engine()?;
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    engine.arm(Event::SendWithoutCredit { client: ECHO, length: 20 })?;
    file.read(512)?.fails(Errno::EAGAIN)?;
    file.send(b"alive")?;
    file.poll_until(POLLIN)?;
    file.read(512)?.reads(b"alive")
}

fn read_message_larger_than_a_frame(b: &Bench<'_>) -> Step {
    let file = b.connected(BIG)?;
    let message: Vec<u8> = (0..4096_u32).map(|n| (n * 7 % 251) as u8).collect();
    file.send(&message)?;
    file.read(4096)?.reads(&message)
}

fn read_partial_then_signal(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let message = vec![0x5A; MTU];
    file.send(&message)?;
    file.read(100)?.reads(&message[..100])?;
    file.read(MTU)?.reads(&message[100..])?;
    let parked = file.park_read(10)?;
    parked.signal(Restart::No);
    parked.ends()?.fails(Errno::EINTR)
}
