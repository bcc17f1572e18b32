//! Calls that sleep: what wakes them, and what signals do.

use crate::kernel::{Bench, CONNECT, NOTIFY_GET, SLOW_ECHO, VERY_SLOW_ECHO};

const EINTR: i32 = -4;
const POLLIN: u32 = 0x41;
const POLLOUT: u32 = 0x104;

#[test]
fn a_read_sleeps_until_its_message_comes() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let read = bench.read(fh, 16, 0, 2);
    assert!(!bench.is_answered(read));
    let write = bench.write(fh, b"wake", 0);
    assert_eq!(bench.answer(write).error, 0);
    assert_eq!(bench.answer(read).payload, b"wake");
}

#[test]
fn a_signal_ends_a_read_and_no_other() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let (first, second) = (bench.read(fh, 16, 0, 2), bench.read(fh, 16, 0, 2));
    assert!(!bench.is_answered(first) && !bench.is_answered(second));
    bench.interrupt(first);
    assert_eq!(bench.answer(first).error, EINTR);
    assert!(!bench.is_answered(second));
    // Late, twice, or about nothing: ignored.
    bench.interrupt(first);
    bench.interrupt(4242);
    assert!(!bench.is_answered(second));
}

#[test]
fn a_signal_restarts_the_wait_for_an_event() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let get = bench.ioctl(fh, NOTIFY_GET, &[], 4);
    assert!(!bench.is_answered(get));
    bench.interrupt(get);
    let answer = bench.answer(get);
    // The result is ERESTARTSYS; the header says nothing of it.
    assert_eq!((answer.error, &answer.payload[..4]), (0, &(-512i32).to_ne_bytes()[..]));
}

#[test]
fn a_signal_that_does_not_kill_leaves_a_connect_alone() {
    let mut bench = Bench::new();
    let fh = bench.open(2);
    let connect = bench.ioctl(fh, CONNECT, &SLOW_ECHO, 16);
    bench.pump();
    // This process is the caller, and it lives.
    bench.interrupt(connect);
    bench.pump();
    assert_eq!(bench.answer(connect).error, 0);
}

#[test]
fn a_killed_program_does_not_wait_for_the_firmware_to_close_its_files() {
    let mut bench = Bench::new();
    let fh = bench.open(2);
    // Only a caller that was killed lets go of a file in the middle of a call.
    let connect = bench.ioctl(fh, CONNECT, &VERY_SLOW_ECHO, 16);
    let release = bench.release(fh);
    assert_eq!(bench.answer(connect).error, EINTR);
    bench.answer(release);
    assert_eq!(bench.frontend.host_mut().open_files(), 1, "what it began has ended already");
    bench.until(|bench| bench.frontend.host_mut().open_files() == 0);
}

#[test]
fn who_polls_is_told_once_and_asks_again() {
    let mut bench = Bench::new();
    let fh = bench.open(2);
    assert_eq!(bench.poll(fh, 7, 0x1F), 8, "POLLERR before connect");
    let connect = bench.ioctl(fh, CONNECT, &crate::ECHO, 16);
    assert_eq!(bench.answer(connect).error, 0);
    bench.notified();
    assert_eq!(bench.poll(fh, 7, POLLIN | POLLOUT), POLLOUT);
    assert_eq!(bench.notified(), [0; 0]);
    for _ in 0..2 {
        let write = bench.write(fh, b"wake", 0);
        assert_eq!(bench.answer(write).error, 0);
    }
    assert_eq!(bench.notified(), [7]);
    assert_eq!(bench.poll(fh, 7, POLLIN | POLLOUT), POLLIN | POLLOUT);
}

#[test]
fn sleepers_without_number_are_refused() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let first = bench.read(fh, 16, 0, 2);
    for _ in 1..4096 {
        bench.read(fh, 16, 0, 2);
        bench.pump();
    }
    let one_too_many = bench.read(fh, 16, 0, 2);
    assert_eq!(bench.answer(one_too_many).error, -12);
    assert!(!bench.is_answered(first));
    // What does not sleep is answered all the same.
    assert_eq!(bench.poll(fh, 1, POLLOUT), POLLOUT);
}
