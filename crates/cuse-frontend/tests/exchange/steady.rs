//! The steady path: calls, answers and messages without a single allocation, engine included.

use cuse::wire::{FileFlags, FileHandle, Opcode, PollHandle, PollIn, ReadIn, WriteIn};
use zerocopy::{Immutable, IntoBytes};

use crate::kernel::{Answer, Bench};

const ROUNDS: usize = 300;
const WARM: usize = 100;

/// A request and its answer, and how often the front end allocated for them.
fn ask(
    bench: &mut Bench,
    opcode: Opcode,
    payload: &(impl IntoBytes + Immutable),
    rest: &[u8],
) -> (Answer, u64) {
    let unique = bench.send(opcode, payload, rest);
    let allocated = allocation_counter::measure(|| {
        bench.pump();
    });
    (bench.answer(unique), allocated.count_total)
}

/// One message there and back, polled for; what was allocated for it.
fn round(bench: &mut Bench, fh: FileHandle) -> u64 {
    let message = [0x5A; 512];
    let flags = FileFlags(2);
    let poll = PollIn { fh, kh: PollHandle(7), flags: cuse::wire::PollFlags::SCHEDULE_NOTIFY, events: 0x41 };
    let (idle, first) = ask(bench, Opcode::POLL, &poll, &[]);
    assert_eq!(idle.payload[0], 0);
    let write = WriteIn { fh, size: 512, flags, ..WriteIn::default() };
    let (written, second) = ask(bench, Opcode::WRITE, &write, &message);
    assert_eq!(written.error, 0);
    let (ready, third) = ask(bench, Opcode::POLL, &poll, &[]);
    assert_eq!(ready.payload[0], 0x41);
    let read = ReadIn { fh, size: 4096, flags, ..ReadIn::default() };
    let (data, fourth) = ask(bench, Opcode::READ, &read, &[]);
    assert_eq!(data.payload, message);
    bench.notified();
    first + second + third + fourth
}

#[test]
fn nothing_is_allocated_once_warm() {
    let mut bench = Bench::new();
    let fh = bench.connected();
    let counted: Vec<u64> = (0..ROUNDS).map(|_| round(&mut bench, fh)).collect();
    let late: Vec<_> = counted.iter().enumerate().skip(WARM).filter(|(_, count)| **count > 0).collect();
    assert!(late.is_empty(), "rounds that allocated, and how often: {late:?}");
}
