//! Random programs against a firmware that echoes, and against one that does anything.
//!
//! What must hold: one reply per call (the bench asserts it at each drain), data unchanged and in order, and
//! everything given back at the end.

use crate::bench::*;
use crate::stub::{Stub, header};
use mei_core::{AmthiUse, Call, CallId, DeviceState, FixUps, Handle, Options, WatchdogUse};
use std::collections::VecDeque;
use std::time::Duration;

/// xorshift: the same numbers on every run.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 24) as u8
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())]) }
    }
}

/// One file of the echo test.
struct Echo {
    handle: Handle,
    mtu: usize,
    sent: VecDeque<Vec<u8>>,
    read: Option<CallId>,
    written: Vec<CallId>,
    partly: Vec<u8>,
}

#[test]
fn what_is_written_comes_back_unchanged_and_in_order() {
    for seed in 0..25 {
        let mut random = Random::new(seed);
        let mut stub = Stub::new(clients());
        stub.echo = true;
        stub.depth = [12, 32, 128, 255][random.below(4)];
        stub.has_memory = random.below(2) == 0;
        stub.ring = crate::stub::Answer::Status(0);
        let mut bench = Bench::started_with(stub);
        let mut files: Vec<Echo> = Vec::new();
        for _ in 0..400 {
            match random.below(10) {
                0 if files.len() < 6 => {
                    let (byte, mtu) = random.pick(&[(3, 512), (4, 4096), (4, 4096)]).expect("some");
                    let handle = bench.connected(byte);
                    let (sent, partly) = (VecDeque::new(), Vec::new());
                    files.push(Echo { handle, mtu, sent, read: None, written: Vec::new(), partly });
                }
                1 if files.len() > 3 && random.below(10) == 0 => {
                    let place = random.below(files.len());
                    if files[place].read.is_none() && files[place].written.is_empty() {
                        let file = files.swap_remove(place);
                        assert_eq!(bench.release(file.handle), Got::Done, "seed {seed}");
                    }
                }
                2..5 if !files.is_empty() => {
                    let place = random.below(files.len());
                    let file = &mut files[place];
                    let length = 1 + random.below(file.mtu);
                    let data: Vec<u8> = (0..length).map(|_| random.byte()).collect();
                    let call = bench.ask(Call::Write { handle: file.handle, data: &data, blocking: Wait });
                    file.written.push(call);
                    file.sent.push_back(data);
                }
                _ if !files.is_empty() => {
                    let place = random.below(files.len());
                    let file = &mut files[place];
                    if file.read.is_none() && !file.sent.is_empty() {
                        let size = 1 + random.below(5000);
                        let read = Call::Read { handle: file.handle, size, offset: 0, blocking: Wait };
                        file.read = Some(bench.ask(read));
                    }
                }
                _ => {}
            }
            if random.below(3) == 0 {
                bench.run();
            }
            take_replies(&mut bench, &mut files, seed);
        }
        for round in 0.. {
            if files.iter().all(|file| file.sent.is_empty() && file.written.is_empty()) {
                break;
            }
            assert!(round < 10_000, "seed {seed}: what was written never comes back");
            for file in &mut files {
                if file.read.is_none() && !file.sent.is_empty() {
                    let read = Call::Read { handle: file.handle, size: 5000, offset: 0, blocking: Wait };
                    file.read = Some(bench.ask(read));
                }
            }
            bench.run();
            take_replies(&mut bench, &mut files, seed);
        }
        for file in &files {
            assert_eq!(bench.fsync(file.handle), Got::Done, "seed {seed}");
            assert_eq!(bench.release(file.handle), Got::Done, "seed {seed}");
        }
        assert_eq!(bench.unanswered(), [], "seed {seed}");
        assert_eq!(bench.host.active().lines().count(), 1, "seed {seed}");
        bench.seconds(10);
        assert_eq!(bench.host.deadline(), None, "seed {seed}");
        assert_eq!(bench.stub().resets, 1, "seed {seed}");
    }
}

fn take_replies(bench: &mut Bench, files: &mut [Echo], seed: u64) {
    for file in files {
        if let Some(got) = file.read.and_then(|call| bench.got(call)) {
            file.read = None;
            let Got::Data(bytes) = got else { panic!("seed {seed}: {got:?}") };
            file.partly.extend(bytes);
            let expected = file.sent.front().expect("nothing comes that was not sent");
            assert!(expected.starts_with(&file.partly), "seed {seed}");
            if file.partly.len() == expected.len() {
                file.sent.pop_front();
                file.partly.clear();
            }
        }
        file.written.retain(|&call| match bench.got(call) {
            None => true,
            Some(got) => {
                assert!(matches!(got, Got::Written(_)), "seed {seed}: {got:?}");
                false
            }
        });
    }
}

/// Something that a firmware might say, mostly wrong.
fn utter(bench: &mut Bench, random: &mut Random) {
    let any = random.byte();
    let me = random.pick(&[0, 3, 4, 5, 6, 7, 8, 9, any]).expect("some");
    let host = random.pick(&[0, 1, 1, 2, 2, 3, 4, any]).expect("some");
    match random.below(120) {
        0 => {
            let slots: Vec<u32> = (0..random.below(8)).map(|_| random.next() as u32).collect();
            bench.stub().push_slots(&slots);
        }
        1 => bench.stub().drop_ready(),
        2 => bench.stub().corrupt_me_pointer(),
        3 => bench.stub().h_csr ^= 1 << random.below(8),
        4 => {
            let mut add = vec![0x0F, me, 0, 0];
            add.extend((0..24).map(|_| random.byte()));
            bench.stub().bus(&add);
        }
        5 => bench.stub().bus(&[0x03, 0, 0, 0]),
        6 => {
            let command = random.byte();
            let rest: Vec<u8> = (0..random.below(44)).map(|_| random.byte()).collect();
            bench.stub().bus(&[&[command][..], &rest].concat());
        }
        7..60 => {
            let command = random.pick(&[0x86, 0x87, 0x07, 0x08, 0x90, 0x11, 0x08, 0x86]).expect("some");
            let status = random.pick(&[0, 0, 0, 1, 2, 3, any]).expect("some");
            bench.stub().bus(&[command, me, host, status, random.byte() & 1, 0, 0, 0]);
        }
        60..64 => {
            let length = random.below(40);
            let payload: Vec<u8> = (0..length).map(|_| random.byte() & 3).collect();
            let header = header(me, host, length)
                .with_extended(random.below(2) == 0)
                .with_dma_ring(random.below(3) == 0)
                .with_msg_complete(random.below(2) == 0);
            bench.stub().frame(header, &payload);
        }
        _ => {
            let length = random.below(300);
            let (me, host) =
                random.pick(&[(3, 1), (4, 2), (3, 2), (7, 0), (6, 1), (me, host)]).expect("some");
            let header = header(me, host, length).with_msg_complete(random.below(3) > 0);
            bench.stub().frame(header, &vec![random.byte(); length]);
        }
    }
}

fn call(bench: &mut Bench, random: &mut Random, handles: &[Handle]) -> Option<CallId> {
    let Some(handle) = random.pick(handles) else { return Some(bench.ask(Call::Open)) };
    let blocking = if random.below(2) == 0 { Wait } else { NonBlocking };
    let byte = 3 + random.below(6) as u8;
    Some(match random.below(14) {
        0 => bench.ask(Call::Open),
        1 => bench.ask(Call::Release { handle }),
        2..5 => bench.ask(Call::Ioctl { handle, command: CONNECT, argument: &[byte; 16], blocking }),
        5 => {
            let mut argument = [byte; 20];
            argument[16] = random.below(3) as u8;
            bench.ask(Call::Ioctl { handle, command: CONNECT_VTAG, argument: &argument, blocking })
        }
        6 => {
            let argument = (random.below(3) as u32).to_ne_bytes();
            bench.ask(Call::Ioctl { handle, command: NOTIFY_SET, argument: &argument, blocking })
        }
        7 => bench.ask(Call::Ioctl { handle, command: NOTIFY_GET, argument: &[], blocking }),
        8 | 9 => bench.ask(Call::Read { handle, size: random.below(600), offset: 0, blocking }),
        10 | 11 => bench.ask(Call::Write { handle, data: &vec![1; random.below(600)], blocking }),
        12 => bench.ask(Call::Poll { handle, events: random.next() as u32 }),
        _ => bench.ask(Call::Fsync { handle }),
    })
}

#[test]
fn no_firmware_makes_the_host_panic_hang_or_forget_a_call() {
    let mut enabled = 0;
    for seed in 0..80 {
        let mut random = Random::new(seed ^ 0xABCD);
        let mut stub = Stub::new(clients());
        stub.capabilities = random.byte();
        stub.version = (1 + random.below(3) as u8, random.below(3) as u8);
        stub.has_memory = random.below(2) == 0;
        stub.ring = crate::stub::Answer::Status(0);
        stub.checks = false;
        let mut options = Options::new(*mei_wire::pci::lookup(0xA0E0).expect("a known device"));
        options.fix_ups = if random.below(2) == 0 { FixUps::None } else { FixUps::Kernel };
        options.watchdog = if random.below(2) == 0 { WatchdogUse::On } else { WatchdogUse::Off };
        options.amthi = if random.below(2) == 0 { AmthiUse::Shared } else { AmthiUse::PerFile };
        let mut bench = Bench::with_options(stub, options);
        bench.host.start(bench.now);
        bench.some(20);
        let (mut calls, mut handles) = (Vec::new(), Vec::new());
        for _ in 0..300 {
            if bench.host.state() != DeviceState::Enabled && random.below(3) == 0 {
                (bench.stub().responds, bench.stub().consumes) = (true, true);
                bench.host.suspend(bench.now);
                bench.host.resume(bench.now);
                bench.some(40);
            }
            match random.below(12) {
                0..4 => utter(&mut bench, &mut random),
                4..9 => calls.extend(call(&mut bench, &mut random, &handles)),
                9 => {
                    if let Some(call) = random.pick(&calls) {
                        match random.below(2) {
                            0 => bench.host.cancel(call, bench.now),
                            _ => bench.host.abandon(call, bench.now),
                        }
                    }
                }
                10 => {
                    let pause = Duration::from_millis(random.below(9000) as u64);
                    bench.now += pause;
                    if bench.host.deadline().is_some_and(|deadline| deadline <= bench.now) {
                        bench.host.advance(bench.now);
                    }
                }
                _ => match random.below(30) {
                    0 => bench.host.suspend(bench.now),
                    1 => bench.host.start(bench.now),
                    2..5 => bench.host.resume(bench.now),
                    5..9 => bench.stub().responds ^= true,
                    9..12 => bench.stub().consumes ^= true,
                    12 => {
                        let _ = bench.host.watchdog_start();
                        let _ = bench.host.watchdog_ping(bench.now);
                    }
                    13 => drop(bench.host.watchdog_stop(bench.now)),
                    _ => {}
                },
            }
            bench.some(1 + random.below(6));
            enabled += usize::from(bench.host.state() == DeviceState::Enabled);
            for call in &calls {
                if let Some(Got::Opened(handle)) = bench.replies.get(call)
                    && !handles.contains(handle)
                {
                    handles.push(*handle);
                }
            }
        }
        // All that waits is in a state with an end: time alone answers what only the firmware could.
        bench.stub().responds = false;
        for _ in 0..100 {
            bench.now += Duration::from_secs(2);
            bench.host.advance(bench.now);
            bench.some(6);
        }
        bench.host.remove(bench.now);
        bench.drain();
        assert_eq!(bench.unanswered(), [], "seed {seed}");
        for handle in handles {
            bench.ask_and_drain(Call::Release { handle });
        }
        assert_eq!(bench.host.open_files(), 0, "seed {seed}");
        assert_eq!(bench.host.deadline(), None, "seed {seed}");
    }
    assert!(enabled > 80 * 300 / 4, "the device is mostly down, and little is tried: {enabled}");
}
