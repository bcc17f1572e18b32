//! The front end between a kernel and an engine, both in this process: each request, its answer, byte for byte.

#![expect(clippy::unwrap_used, reason = "a panic in a test is its report")]

mod ends;
mod fragile;
mod kernel;
mod steady;
mod waiting;

use cuse::wire::{FileHandle, Opcode, OpenIn};

use kernel::{Bench, CONNECT, ECHO, NOTIFY_GET};

const ENODEV: i32 = -19;
const ENOTTY: i32 = -25;
const EFBIG: i32 = -27;

#[test]
fn a_device_that_starts_cannot_be_opened_and_one_that_works_can() {
    let mut bench = Bench::starting();
    let early = bench.send(Opcode::OPEN, &OpenIn::default(), &[]);
    assert_eq!(bench.answer(early).error, ENODEV);
    bench.until_enabled();
    let open = bench.send(Opcode::OPEN, &OpenIn::default(), &[]);
    let answer = bench.answer(open);
    assert_eq!(answer.error, 0);
    // Direct, not seekable, a stream.
    assert_eq!(answer.payload[8..], [0b1_0101, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_message_goes_out_and_comes_back() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let message: Vec<u8> = (0..=255).collect();
    let write = bench.write(fh, &message, 0);
    assert_eq!(bench.answer(write).payload, [0, 1, 0, 0, 0, 0, 0, 0]);
    let read = bench.read(fh, 100, 0, 2);
    assert_eq!(bench.answer(read).payload, message[..100], "a short read leaves the rest");
    let read = bench.read(fh, 4096, 0, 2);
    assert_eq!(bench.answer(read).payload, message[100..]);
    let release = bench.release(fh);
    assert_eq!(bench.answer(release), kernel::Answer { unique: release, error: 0, payload: vec![] });
    assert_eq!(bench.frontend.open_files(), 0);
}

#[test]
fn a_question_and_the_credit_for_its_answer_cost_one_interrupt() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let before = bench.frontend.host_mut().function().interrupts;
    let write = bench.write(fh, b"question", 0);
    let read = bench.read(fh, 100, 0, 2);
    assert_eq!(bench.answer(write).error, 0);
    assert_eq!(bench.answer(read).payload, b"question");
    assert_eq!(bench.frontend.host_mut().function().interrupts, before + 1);
}

#[test]
fn an_engine_works_although_nobody_reads() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let before = bench.frontend.host_mut().function().interrupts;
    let write = bench.write(fh, b"question", 0);
    bench.pump();
    assert_eq!(bench.answer_at_hand(write).error, 0);
    assert_eq!(bench.frontend.host_mut().function().interrupts, before + 1);
}

#[test]
fn a_file_gets_its_ioctl_in_one_step() {
    let mut bench = Bench::new();
    let fh = bench.open(2);
    let connect = bench.ioctl(fh, CONNECT, &ECHO, 16);
    let answer = bench.answer(connect);
    assert_eq!(answer.error, 0);
    // Result, flags, areas; then the length of the longest message and the version, and nothing beyond.
    assert_eq!(answer.payload[..16], [0; 16]);
    assert_eq!(answer.payload.len(), 16 + 5);
    let again = bench.ioctl(fh, CONNECT, &ECHO, 16);
    assert_eq!(bench.answer(again).error, -16, "EBUSY");
}

#[test]
fn a_character_device_is_asked_for_the_memory_after_the_command_is_known() {
    let mut bench = Bench::new();
    let fh = bench.open(2);
    let unknown = bench.unrestricted(fh, 0xC005_4800, &[], 0);
    assert_eq!(bench.answer(unknown).error, ENOTTY);
    let connect = bench.unrestricted(fh, CONNECT, &[], 0);
    let answer = bench.answer(connect);
    assert_eq!(answer.error, 0);
    // Retry, one area in, one out.
    assert_eq!(answer.payload[..16], [0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    let base = [0x34, 0x12, 0xFF, 0x7F, 0, 0, 0, 0];
    assert_eq!(answer.payload[16..32], [&base[..], &[16, 0, 0, 0, 0, 0, 0, 0]].concat());
    assert_eq!(answer.payload[32..], [&base[..], &[5, 0, 0, 0, 0, 0, 0, 0]].concat());
    let retried = bench.unrestricted(fh, CONNECT, &ECHO, 5);
    let answer = bench.answer(retried);
    assert_eq!((answer.error, answer.payload.len()), (0, 16 + 5));
    // Memory that does not fit the command is not asked for again and again.
    let short = bench.unrestricted(fh, CONNECT, &ECHO[..3], 5);
    assert_eq!(bench.answer(short).error, -22);
}

#[test]
fn an_ioctl_remembers_the_flags_that_read_and_write_showed() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let read = bench.read(fh, 16, 0, 0o4002);
    assert_eq!(bench.answer(read).error, -11);
    let get = bench.ioctl(fh, NOTIFY_GET, &[], 4);
    assert_eq!(bench.answer(get).error, -11, "EAGAIN: O_NONBLOCK was seen");
}

#[test]
fn a_call_too_large_for_one_request_neither_sleeps_nor_takes_two_messages() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    for _ in 0..2 {
        let write = bench.write(fh, b"message", 0);
        assert_eq!(bench.answer(write).error, 0);
    }
    let read = bench.read(fh, 7, 0, 2);
    assert_eq!(bench.answer(read).payload, b"message");
    let rest = bench.read(fh, 7, 7, 2);
    let answer = bench.answer(rest);
    assert_eq!((answer.error, answer.payload.len()), (0, 0), "the second message is another call's");
    let read = bench.read(fh, 7, 0, 2);
    assert_eq!(bench.answer(read).payload, b"message");
    let rest = bench.write(fh, b"message", 4096);
    assert_eq!(bench.answer(rest).error, EFBIG);
}

#[test]
fn files_that_nobody_opened_are_refused_and_released() {
    let mut bench = Bench::new();
    let fh = FileHandle(4711);
    let read = bench.read(fh, 16, 0, 2);
    assert_eq!(bench.answer(read).error, ENODEV);
    let ioctl = bench.unrestricted(fh, CONNECT, &[], 0);
    assert_eq!(bench.answer(ioctl).error, ENODEV);
    assert_eq!(bench.poll(fh, 1, 0x1F), 8);
    let release = bench.release(fh);
    assert_eq!(bench.answer(release).error, 0);
    let flush = bench.send(Opcode::FLUSH, &[fh.0, 0, 0], &[]);
    assert_eq!(bench.answer(flush).error, 0);
}

#[test]
fn fsync_of_an_idle_file_is_done() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let sync = bench.send(Opcode::FSYNC, &[fh.0, 0], &[]);
    assert_eq!(bench.answer(sync).error, 0);
    let fresh = bench.open(2);
    let sync = bench.send(Opcode::FSYNC, &[fresh.0, 0], &[]);
    assert_eq!(bench.answer(sync).error, ENODEV);
}
