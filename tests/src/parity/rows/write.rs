//! `write` (`device-abi.md` §7).

use super::table;
use crate::files::{Call, Errno, POLLIN, Pointer};
use crate::parity::bench::By;
use crate::parity::{Bench, Step};
use crate::test_client::{BIG, ECHO, MTU};

table! {
    Any: write_of_the_mtu write_over_the_mtu_is_efbig write_far_over_the_mtu_is_efbig
        write_over_the_mtu_breaks_nothing write_of_zero_when_connected write_bad_pointer_is_efault
        write_bad_pointer_over_the_mtu write_vector write_vector_over_the_mtu
        write_does_not_wait_for_the_answer write_keeps_order write_while_a_read_sleeps
        write_limit_is_the_clients_own write_over_the_mtu_nonblocking write_of_a_fragmented_message;
}

fn write_of_the_mtu(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let message = [0xC3; MTU];
    file.send(&message)?;
    file.read(MTU)?.reads(&message)
}

fn write_over_the_mtu_is_efbig(b: &Bench<'_>) -> Step {
    b.connected(ECHO)?.write(&[0; MTU + 1])?.fails(Errno::EFBIG)
}

/// Longer than what a FUSE front end gets in one request.
fn write_far_over_the_mtu_is_efbig(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    for length in [8192, 126_977, 131_073, 400_000] {
        file.write(&vec![0; length])?.fails(Errno::EFBIG)?;
    }
    file.send(b"fine")?;
    file.read(512)?.reads(b"fine")
}

fn write_over_the_mtu_breaks_nothing(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.send(b"before")?;
    file.write(&[0; MTU + 1])?.fails(Errno::EFBIG)?;
    file.send(b"after")?;
    file.read(512)?.reads(b"before")?;
    file.read(512)?.reads(b"after")
}

fn write_over_the_mtu_nonblocking(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.write(&[0; MTU + 1])?.fails(Errno::EFBIG)
}

fn write_of_zero_when_connected(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.write(&[])?.returns(0)?;
    // Nothing was sent: the next answer is to the next message.
    file.send(b"first")?;
    file.poll_until(POLLIN)?;
    file.read(512)?.reads(b"first")?;
    file.read(512)?.fails(Errno::EAGAIN)
}

fn write_bad_pointer_is_efault(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    file.call(|file| Call::Write { file, data: vec![0; 10], pointer: Pointer::Unmapped })?
        .fails(Errno::EFAULT)?;
    file.send(b"good")?;
    file.read(512)?.reads(b"good")
}

/// The driver looks at the length first.
fn write_bad_pointer_over_the_mtu(b: &Bench<'_>) -> Step {
    let errno = b.by(
        "F-POINTER-ORDER",
        By { host: Errno::EFBIG, fuse: Errno::EFAULT, cuse: Errno::EFAULT, mei_me: Errno::EFBIG },
    );
    let file = b.connected(ECHO)?;
    file.call(|file| Call::Write { file, data: vec![0; MTU + 1], pointer: Pointer::Unmapped })?.fails(errno)
}

/// The kernel calls the driver once per segment, FUSE asks once for all.
fn write_vector(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let parts = vec![b"first".to_vec(), b"other".to_vec()];
    file.call(|file| Call::WriteVector { file, parts })?.returns(10)?;
    let segments: &[&[u8]] = &[b"first", b"other"];
    let joined: &[&[u8]] = &[b"firstother"];
    let messages = b.by("F-VECTORS", By { host: segments, fuse: joined, cuse: joined, mei_me: segments });
    for message in messages {
        file.read(512)?.reads(message)?;
    }
    Ok(())
}

/// Two halves that each fit: two messages for the driver, one that is too long for FUSE.
fn write_vector_over_the_mtu(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let total = i64::try_from(MTU + 100).expect("a length");
    let real = Ok(total);
    let refused = Err(Errno::EFBIG);
    let result = b.by("F-VECTORS", By { host: real, fuse: refused, cuse: refused, mei_me: real });
    let parts = vec![vec![1; MTU], vec![2; 100]];
    file.call(|file| Call::WriteVector { file, parts })?.result_is(result)
}

fn write_does_not_wait_for_the_answer(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    for n in 0..20 {
        file.send(&[n; 8])?;
    }
    for n in 0..20 {
        file.read(512)?.reads(&[n; 8])?;
    }
    Ok(())
}

fn write_keeps_order(b: &Bench<'_>) -> Step {
    let file = b.connected(BIG)?;
    let lengths = [1_usize, 600, 2, 4096, 3, 508, 509];
    for (n, &length) in (0_u8..).zip(&lengths) {
        file.send(&vec![n; length])?;
    }
    for (n, &length) in (0_u8..).zip(&lengths) {
        file.read(4096)?.reads(&vec![n; length])?;
    }
    Ok(())
}

fn write_while_a_read_sleeps(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    for n in 0..10 {
        let parked = file.park_read(512)?;
        file.send(&[n; 5])?;
        parked.ends()?.reads(&[n; 5])?;
    }
    Ok(())
}

fn write_limit_is_the_clients_own(b: &Bench<'_>) -> Step {
    let (small, big) = (b.connected(ECHO)?, b.connected(BIG)?);
    big.send(&[0; MTU + 1])?;
    small.write(&[0; MTU + 1])?.fails(Errno::EFBIG)?;
    big.write(&[0; 4097])?.fails(Errno::EFBIG)
}

fn write_of_a_fragmented_message(b: &Bench<'_>) -> Step {
    let file = b.connected(BIG)?;
    for _ in 0..3 {
        file.send(&[0x77; 4096])?;
    }
    for _ in 0..3 {
        file.read(4096)?.reads(&[0x77; 4096])?;
    }
    Ok(())
}
